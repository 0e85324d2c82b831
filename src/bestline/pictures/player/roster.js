/**
 * The runs that are seen side by side: which there are, a switch for each, whom the read-out follows, and their table.
 *
 * Runs come and go where the page trains and pins them. Each keeps its slot, and so its colour, dash and marker, for as long as it
 * is there.
 */

import { shorten } from "./numbers.js";
import { runStyle } from "./theme.js";
import { make, swatch } from "./dom.js";
import { runsTable } from "./tables.js";
import { button, select } from "./controls.js";

export class Roster {
  player; key; buttons;
  /** @type {number[]} */ slots;

  constructor(player) {
    Object.assign(this, { player, slots: [], buttons: [] });
    this.element = make("div", { class: "bl-runs", role: "group", "aria-label": "Runs shown" });
    this.follow = select(player, "Run in the read-out", [], (i) => this.followed(i));
    this.table = make("div", { class: "bl-table", tabindex: 0, role: "region", "aria-label": "Table of runs" });
    this.renew();
  }

  /** Take the runs of the session; those that were there stay as seen as they were. */
  renew() {
    const { player, player: { view, session: { runs } } } = this, slots = runs.map((run, i) => run.slot ?? i), key = JSON.stringify([slots, runs.map((run) => run.label)]);
    if (key === this.key) return;
    const seen = new Map(this.slots.map((slot, i) => [slot, view.visible[i]])), { [view.follow]: followed = 0 } = this.slots, many = runs.length > 1;
    Object.assign(view, { many, visible: slots.map((slot) => !many || (seen.get(slot) ?? true)), follow: Math.max(slots.indexOf(followed), 0) });
    Object.assign(this, { key, slots });
    this.buttons = runs.map((run, i) => button(player, `run${i}`, `Show ${run.label}`, () => this.turn(i), make("span", { text: shorten(run.label, 26) }), "true"));
    this.element.replaceChildren(...this.buttons);
    this.follow.replaceChildren(...runs.map((run, i) => make("option", { value: i, text: shorten(run.label, 40) })));
    for (const part of [this.element, this.follow, this.table]) part.hidden = !many;
    if (view.theme) this.paint();
  }

  /** How the runs look, in the colours that are on. */
  paint() {
    const { view, session } = this.player;
    view.styles = session.runs.map((run, i) => runStyle(view.theme, this.slots[i], view.many));
    this.buttons.forEach((one, i) => {
      one.setAttribute("aria-pressed", view.visible[i]);
      one.replaceChildren(swatch("both", view.styles[i]), one.lastChild);
    });
    Object.assign(this.follow, { value: view.follow });
    if (view.many) this.table.replaceChildren(runsTable(session, view.styles));
  }

  /** Show or hide a run. */
  turn(i) {
    const { view } = this.player;
    view.visible[i] = !view.visible[i];
    if (!view.visible[view.follow] && view.visible.includes(true)) view.follow = view.visible.indexOf(true);
    this.player.redraw();
  }

  followed(i) {
    Object.assign(this.player.view, { follow: i });
    this.player.view.visible[i] = true;
    this.player.redraw();
  }
}
