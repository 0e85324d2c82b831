/**
 * The update of the step that is shown, with its numbers filled in, so that the arithmetic can be followed by hand.
 *
 *     new w = w - rate * gradient
 *
 * and for the others their own rule: a velocity that remembers, or Adam's two averages. What an optimiser remembers is computed
 * from the gradients of all steps until now. Weights and gradients are those of the columns as trained, where the rule acts.
 */

import { formatNumber, shorten } from "./numbers.js";
import { make } from "./dom.js";

const B1 = 0.9, B2 = 0.999, TINY = 1e-8;
const MOST = 6; // weights whose arithmetic is written out

/** What a velocity, or Adam's averages, are after the gradients 0..k, for one weight. */
function remembered({ optimizer, momentum }, gradients, k, j) {
  let velocity = 0, before = 0, first = 0, second = 0;
  for (let i = 0; i <= k; i++) {
    const g = gradients[i][j];
    before = velocity;
    velocity = momentum * velocity + g;
    first = B1 * first + (1 - B1) * g;
    second = B2 * second + (1 - B2) * g * g;
  }
  return optimizer === "adam" ? { first, second } : { velocity, before };
}

/**
 * The update from step k to the next, weight by weight: lines of pieces, each a text and what it is; "" where it is a sign.
 * @type {(knobs: {optimizer: string, lr: number, momentum: number}, walk: {weights: ArrayLike<number>[], gradients: ArrayLike<number>[]}, k: number, name: string, j: number) => [string, string][][]}
 */
export function updateOf(knobs, { weights, gradients }, k, name, j) {
  const { optimizer, lr, momentum } = knobs, w = weights[k][j], g = gradients[k][j], after = weights[k + 1]?.[j];
  const number = (value, title) => [value < 0 ? `(${formatNumber(value)})` : formatNumber(value), title], plain = (value, title) => [formatNumber(value), title];
  const gradient = number(g, `gradient: how fast the loss rises with ${name}, at step ${k}`), rate = plain(lr, "learning rate");
  const now = plain(w, `${name} at step ${k}`), next = (value) => [[`new ${name}`, `${name} at step ${k + 1}`], ["=", ""], now, ["−", ""], rate, ["×", ""], ...value, ...(after === undefined ? [] : [["=", ""], plain(after, `${name} at step ${k + 1}`)])];
  if (optimizer === "adam") {
    const { first, second } = remembered(knobs, gradients, k, j), t = k + 1, mean = first / (1 - B1 ** t), square = second / (1 - B2 ** t);
    return [
      [["mean gradient", `average of the gradients until now, the newest with weight ${formatNumber(1 - B1)}, and divided by 1 − 0.9^${t} for having begun at 0`], ["=", ""], plain(mean, "mean gradient")],
      [["mean square", `average of their squares, the newest with weight ${formatNumber(1 - B2)}, and divided by 1 − 0.999^${t}`], ["=", ""], plain(square, "mean squared gradient")],
      next([number(mean, "mean gradient"), ["/", ""], ["√", ""], plain(square, `mean squared gradient; ${TINY} is added to its root, so that nothing is divided by 0`)]),
    ];
  }
  if (optimizer === "sgd") return [next([gradient])];
  const { velocity, before } = remembered(knobs, gradients, k, j), memory = plain(momentum, "momentum: how much of the velocity is kept");
  const gathered = [["velocity", "the gradients until now, the older the less"], ["=", ""], memory, ["×", ""], number(before, "velocity before"), ["+", ""], gradient, ["=", ""], plain(velocity, "velocity now")];
  const ahead = optimizer === "nesterov" ? [["(", ""], gradient, ["+", ""], memory, ["×", ""], number(velocity, "velocity now"), [")", ""]] : [number(velocity, "velocity now")];
  return [gathered, next(ahead)];
}

/** The update as a part of the page, which opens when somebody wants to see it. */
export class UpdateRule {
  key; walk;

  /** @param {AbortSignal} signal @param {() => void} asked is called when it has been opened */
  constructor(signal, asked) {
    this.title = make("summary", { text: "The next update, in numbers" });
    this.body = make("div", { class: "bl-rule" });
    this.element = make("details", { class: "bl-update" }, this.title, this.body);
    this.element.addEventListener("toggle", () => asked(), { signal });
  }

  /** Show the update that follows step k of a run. */
  show(knobs, walk, k, names, standardized) {
    const at = Math.min(k, walk.gradients.length - 1), over = at >= walk.weights.length - 1, key = [at, knobs.optimizer, knobs.lr, knobs.momentum, walk.weights.length].join();
    this.title.textContent = over ? `The update after step ${at}, which is not made` : `The update from step ${at} to ${at + 1}, in numbers`;
    if (!this.element.open || (this.key === key && this.walk === walk)) return;
    Object.assign(this, { key, walk });
    const piece = ([text, title]) => (title ? make("span", { title, tabindex: 0, text }) : make("i", { text }));
    const line = (pieces) => make("p", {}, ...pieces.flatMap((one, i) => (i ? [" ", piece(one)] : [piece(one)])));
    const few = names.slice(0, MOST), more = names.length - few.length, units = standardized ? " Weights are those of the standardised columns." : "";
    const note = `${more > 0 ? `And ${more} more weights, each in the same way.` : ""}${units}`.trim();
    this.body.replaceChildren(...few.flatMap((name, j) => updateOf(knobs, walk, at, name === "Intercept" ? "intercept" : `weight of ${shorten(name, 30)}`, j).map(line)), ...(note ? [make("p", { class: "bl-note", text: note })] : []));
  }
}
