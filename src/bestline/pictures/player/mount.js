/** The door: a session shown inside an element of a page, or as a widget of a notebook. */

import { answerTo, openedBy } from "./asked.js";
import { ordered } from "./dom.js";
import { Player } from "./player.js";

// For hosts that write names of their own.
export { ordered };

/**
 * Show a session inside an element.
 * @param {HTMLElement} root any element, in a shadow tree too; what it holds is replaced
 * @param {{session: object, theme?: "light" | "dark" | null, autoplay?: boolean, keys?: Document | null, address?: Location | null}} options
 *   `keys` is where keys are heard that no element of the page
 *   has: a page whose own it is gives its document, a notebook nothing. `address` likewise: what stands behind its `#`
 *   says what is seen.
 * @returns {{set(changes: number | object): string | null, trace(run?: number): object, toScreen(panel: string, place: {x: number, y: number}): object,
 *   link(): string, open(address: string): string | null, sweep(): {lr: number, loss: number, diverged: boolean}[] | null, code(kind: string): string | null, play(): void, pause(): void, destroy(): void, readonly k: number, state(): object}}
 *   `set` takes a step, or {lr, momentum, optimizer, steps, standardize, start, step, hidden} where the page itself trains; also
 *   {pin: name}, {unpin: name}, and {points: {moved: [[row, x, y]], removed: [row], added: [[x, y]]}}, null for all as they were.
 *   What it cannot do it says in a sentence; null where all was done.
 */
export function mount(root, { session, theme = null, autoplay = true, keys = null, address = null }) {
  const player = new Player(root, { session, theme, autoplay, keys, address });
  return {
    set: (changes) => answerTo(player, changes),
    trace: (run = 0) => player.trace(run),
    toScreen: (panel, place) => player.toScreen(panel, place),
    play: () => player.play(),
    pause: () => player.pause(),
    destroy: () => player.destroy(),
    get k() {
      return player.k;
    },
    state: () => player.state(),
    link: () => player.link(),
    open: (address) => openedBy(player, address),
    sweep: () => player.alive?.sweep?.make() ?? null,
    code: (kind) => player.alive?.texts[kind]?.() ?? null,
  };
}

/** The same as a widget of a notebook (anywidget). */
export default {
  render({ model, el }) {
    let shown = null;
    const show = () => {
      shown?.destroy();
      const session = model.get("session");
      shown = session?.runs?.length ? mount(el, { session }) : null;
    };
    show();
    model.on("change:session", show);
    return () => {
      model.off("change:session", show);
      shown?.destroy();
    };
  },
};
