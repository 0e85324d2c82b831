/**
 * The update of the step that is shown, with its numbers filled in, so that the arithmetic can be followed by hand.
 *
 *     new w = w - rate * gradient
 *
 * and for the others their own rule: a velocity that remembers, or averages of gradients and their squares. Weights and gradients
 * are those of the columns as trained, where the rule acts. Of a run that the page trained, what an optimiser remembers is computed
 * from the gradients of all steps until now; of a recorded one, on batches of rows or of another loss, all of it was recorded.
 */

import { formatNumber, MINUS, shorten } from "./numbers.js";
import { make } from "./dom.js";

const B1 = 0.9, B2 = 0.999, TINY = 1e-8;
const MOST = 6; // weights whose arithmetic is written out

/**
 * One update of one weight: the weight before and after it, the gradient, the rate, which update it is (from 1 on), and what the
 * optimiser remembered before it: nothing, the velocity, mean and mean square, or squares.
 * @typedef {{w: number, g: number, lr: number, t: number, memory: number[], after: number | undefined}} Moment
 * @typedef {{optimizer: string, momentum?: number, b1?: number, b2?: number, eps?: number, alpha?: number, decay?: number}} Rule
 * @typedef {{walk: {weights: ArrayLike<number>[], gradients: ArrayLike<number>[]}, knobs: {optimizer: string, lr: number, momentum: number}}} Trained
 */

/** What an optimiser remembers before step k of a run that the page trained, for one weight. */
function remembered({ optimizer, momentum }, gradients, k, j) {
  let velocity = 0, first = 0, second = 0;
  for (let i = 0; i < k; i++) {
    const g = gradients[i][j];
    velocity = momentum * velocity + g;
    first = B1 * first + (1 - B1) * g;
    second = B2 * second + (1 - B2) * g * g;
  }
  return optimizer === "adam" ? [first, second] : optimizer === "sgd" ? [] : [velocity];
}

/**
 * The rule of a run that the page trained, and one weight at its step k.
 * @type {(run: Trained, k: number, j: number) => [Rule, Moment]}
 */
export function trainedMoment({ walk: { weights, gradients }, knobs }, k, j) {
  const { optimizer, lr, momentum } = knobs, w = weights[k][j], g = gradients[k][j];
  return [{ optimizer, momentum, b1: B1, b2: B2, eps: TINY }, { w, g, lr, t: k + 1, memory: remembered(knobs, gradients, k, j), after: weights[k + 1]?.[j] }];
}

/**
 * The rule of a recorded run, and one weight at the i-th of its updates.
 * @type {(run: any, i: number, j: number) => [Rule, Moment]}
 */
export function recordedMoment({ rule, rate, step, places, weights, gradient, memory }, i, j) {
  const [w, after] = [step[i], step[i] + 1].map((k) => weights[j][places.indexOf(k)]);
  return [rule, { w, g: gradient[j][i], lr: rate[i], t: step[i] + 1, memory: memory.map((part) => part[j][i]), after }];
}

/**
 * What an optimiser remembers after an update, and the weight then, by its rule.
 * @type {(rule: Rule, moment: Moment) => {kept: number[], ahead: number, next: number}}
 */
export function applied({ optimizer, momentum, b1, b2, eps, alpha, decay = 0 }, { w, g, lr, t, memory }) {
  const [one, two] = memory, step = (kept, ahead, from = w) => ({ kept, ahead, next: from - lr * ahead });
  if (optimizer === "sgd") return step([], g);
  if (optimizer === "momentum" || optimizer === "nesterov") {
    const velocity = momentum * one + g;
    return step([velocity], optimizer === "nesterov" ? g + momentum * velocity : velocity);
  }
  if (optimizer === "adam" || optimizer === "adamw") {
    const mean = (b1 * one + (1 - b1) * g) / (1 - b1 ** t), square = (b2 * two + (1 - b2) * g * g) / (1 - b2 ** t);
    return step([mean, square], mean / (Math.sqrt(square) + eps), w * (1 - lr * decay));
  }
  const square = optimizer === "adagrad" ? one + g * g : alpha * one + (1 - alpha) * g * g;
  return step([square], g / (Math.sqrt(square) + eps));
}

const sign = (...texts) => texts.map((text) => [text, ""]);
const exactly = (value) => String(value).replace("-", MINUS).replace("e-", `e${MINUS}`);
/** A number in few digits, and to whoever points at it with all of them and with what it is. */
const numeral = (value, title) => [formatNumber(value), `${exactly(value)}: ${title}`];
/** The same in brackets where it is negative, as a factor has it. */
const factor = (value, title) => (value < 0 ? [`(${formatNumber(value)})`, numeral(value, title)[1]] : numeral(value, title));

/**
 * The update from step k to the next: lines of pieces, each a text and what it is; "" where it is a sign.
 * @type {(rule: Rule, moment: Moment, name: string, k: number, whose?: string) => [string, string][][]}
 */
export function linesOf(rule, moment, name, k, whose = "the loss") {
  const { optimizer, momentum, b1, b2, eps, alpha, decay } = rule, { w, g, lr, t, memory: [one, two], after } = moment, { kept } = applied(rule, moment);
  const gradient = factor(g, `gradient: how fast ${whose} rises with ${name}, at step ${k}`), tiny = numeral(eps, "so that nothing is divided by 0");
  const shrunk = decay ? [numeral(1 - lr * decay, `what weight decay leaves: 1 − rate × ${formatNumber(decay)}`), ...sign("×")] : [];
  const ends = after === undefined ? [] : [...sign("="), numeral(after, `${name} at step ${k + 1}`)];
  const next = (...ahead) => [[`new ${name}`, `${name} at step ${k + 1}`], ...sign("="), ...shrunk, (decay ? factor : numeral)(w, `${name} at step ${k}`), ...sign("−"), numeral(lr, "learning rate"), ...sign("×"), ...ahead, ...ends];
  const gathered = (word, what, value, ...pieces) => [[word, what], ...sign("="), ...pieces, ...sign("="), numeral(value, `${word} now`)];
  if (optimizer === "sgd") return [next(gradient)];
  if (optimizer === "momentum" || optimizer === "nesterov") {
    const memory = numeral(momentum, "momentum: how much of the velocity is kept"), velocity = factor(kept[0], "velocity now");
    const first = gathered("velocity", "the gradients until now, the older the less", kept[0], memory, ...sign("×"), factor(one, "velocity before"), ...sign("+"), gradient);
    return [first, optimizer === "nesterov" ? next(...sign("("), gradient, ...sign("+"), memory, ...sign("×"), velocity, ...sign(")")) : next(velocity)];
  }
  const squared = [gradient, ...sign("²")], under = (value) => [...sign("/", "(", "√"), numeral(value, "its square root is taken"), ...sign("+"), tiny, ...sign(")")];
  // An average that began at 0: the older with its share, the newest with the rest, and divided by what the shares add up to.
  const average = (word, what, share, before, newest, value, t) => gathered(word, what, value, ...sign("("), numeral(share, "share of the average until now"), ...sign("×"), factor(before, `${word} before, not yet divided`), ...sign("+"), numeral(1 - share, "share of the newest"), ...sign("×"), ...newest, ...sign(")", "/"), numeral(1 - share ** t, `1 − ${formatNumber(share)} to the power of ${t}, for the average began at 0`));
  if (optimizer === "adam" || optimizer === "adamw") {
    const mean = average("mean gradient", "average of the gradients until now, the older the less", b1, one, [gradient], kept[0], t);
    return [mean, average("mean square", "average of their squares", b2, two, squared, kept[1], t), next(factor(kept[0], "mean gradient"), ...under(kept[1]))];
  }
  const sum = gathered("sum of squares", "squares of all gradients until now", kept[0], numeral(one, "sum of squares before"), ...sign("+"), ...squared);
  const mean = gathered("mean square", "average of the squares of the gradients, the older the less", kept[0], numeral(alpha, "share of the average until now"), ...sign("×"), numeral(one, "mean square before"), ...sign("+"), numeral(1 - alpha, "share of the newest"), ...sign("×"), ...squared);
  return [optimizer === "adagrad" ? sum : mean, next(gradient, ...under(kept[0]))];
}

const rowsOf = (rows) => (rows === null ? "the loss" : rows === 1 ? "the loss of the one row of this update" : `the loss of the ${formatNumber(rows, 9)} rows of this update`);

/** Which update of a run is shown at its step k: its place, the step that it leaves, and whether it is made. */
function placed(run, k) {
  if (run.walk) {
    const at = Math.min(k, run.walk.gradients.length - 1);
    return { at, from: at, made: at < run.walk.weights.length - 1 };
  }
  // At the end of a recorded run it is the update that led there: what the next would be, nobody has computed.
  const found = run.step.indexOf(k), at = found < 0 ? run.step.length - 1 : found;
  return { at, from: run.step[at], made: true };
}

/** The update as a part of the page, which opens when somebody wants to see it. */
export class UpdateRule {
  key; run;

  /** @param {AbortSignal} signal @param {() => void} asked is called when it has been opened */
  constructor(signal, asked) {
    this.title = make("summary", { text: "The next update, in numbers" });
    this.body = make("div", { class: "bl-rule" });
    this.element = make("details", { class: "bl-update" }, this.title, this.body);
    this.element.addEventListener("toggle", () => asked(), { signal });
  }

  /** Show the update of step k of a run; `label` where there are several runs. */
  show(run, k, label = "") {
    const of = label && `${shorten(label, 40)}: `;
    if (run.why) return this.write(run, "", `${of}updates in numbers`, () => [], run.why);
    const { at, from, made } = placed(run, k);
    const title = made ? `${of}the update from step ${from} to ${from + 1}, in numbers` : `${of}the update after step ${from}, which is not made`;
    if (!this.element.open) return this.write(run, null, title);
    const few = run.names.slice(0, MOST), more = run.names.length - few.length + (run.more ?? 0), moment = run.walk ? trainedMoment : recordedMoment;
    const lines = () => few.flatMap((name, j) => {
      const [rule, numbers] = moment(run, at, j);
      return linesOf(rule, numbers, name === "Intercept" ? "intercept" : `weight of ${shorten(name, 30)}`, from, rowsOf(run.rows ?? null));
    });
    const batch = run.rows ? ` The gradient is that of ${run.rows === 1 ? "one row" : `${formatNumber(run.rows, 9)} rows`}, others in every update; the loss that is shown is that of all.` : "";
    const units = run.standardized ? " Weights are those of the standardised columns." : "";
    this.write(run, `${at} ${made}`, title, lines, `${more > 0 ? `And ${more} more weight${more === 1 ? "" : "s"}, each in the same way.` : ""}${batch}${units}`.trim());
  }

  /**
   * The title, and below it what was not there already; `key` null: nothing, for it is closed.
   * @type {(run: any, key: string | null, title: string, lines?: () => [string, string][][], note?: string) => void}
   */
  write(run, key, title, lines = () => [], note = "") {
    const text = title[0].toUpperCase() + title.slice(1);
    if (this.title.textContent !== text) this.title.textContent = text;
    if (key === null || (this.key === key && this.run === run)) return;
    Object.assign(this, { key, run });
    const piece = ([text, title]) => (title ? make("span", { title, tabindex: 0, text }) : make("i", { text }));
    const line = (pieces) => make("p", {}, ...pieces.flatMap((one, i) => (i ? [" ", piece(one)] : [piece(one)])));
    this.body.replaceChildren(...lines().map(line), ...(note ? [make("p", { class: "bl-note", text: note })] : []));
  }
}
