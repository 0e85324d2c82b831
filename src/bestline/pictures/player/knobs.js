/**
 * The knobs of a run that the page itself trains: each a form element with a label, and what it is worth beside it.
 *
 * They say what was turned and show what is; nothing is trained here.
 */

import { clamp, formatNumber, updates, whole } from "./numbers.js";
import { attributes, make } from "./dom.js";
import { OPTIMIZERS } from "./descent.js";

const FEW = 3; // weights whose start stands among the other knobs
const BELOW = 3.5, ABOVE = 0.5; // decades of the slider below and above the largest stable rate

/** A label around a control, which it names in these words. */
const labelled = (text, control, ...beside) => make("div", { class: "bl-knob", "data-knob": text }, make("label", {}, make("span", { text }), attributes(control, { "aria-label": text })), ...beside);

/** A number to type: what is typed is taken when it is one. */
function typed(knobs, label, take, values = {}) {
  const input = make("input", { type: "number", step: "any", inputmode: "decimal", autocomplete: "off", ...values });
  input.addEventListener("change", () => input.value.trim() && Number.isFinite(input.valueAsNumber) ? take(input.valueAsNumber) : knobs.show(), { signal: knobs.signal });
  return label ? [input, labelled(label, input)] : [input];
}

/** Which powers of ten the slider of the rate goes over: about the largest stable one, and the present one among them. */
export function rateSpan(trainer, { limit }) {
  const at = Math.log10(trainer.settings.lr), middle = Math.log10(limit ?? trainer.usual);
  return [Math.min(middle - BELOW, at), Math.max(middle + ABOVE, at)];
}

export class Knobs {
  trainer; signal; turn; ahead; number; steps; sweep;

  /** @param {import("./alive.js").Alive} alive */
  constructor(alive) {
    const { trainer, signal, turn, buttons, sweep } = alive;
    Object.assign(this, { trainer, signal, turn, sweep });
    const { told } = trainer, on = (element, type, handle) => element.addEventListener(type, handle, { signal });
    this.optimizer = make("select", {}, ...OPTIMIZERS.map((name) => make("option", { value: name, text: name })));
    on(this.optimizer, "change", () => turn({ optimizer: this.optimizer.value }));
    this.rate = make("input", { type: "range", step: "any" });
    this.marks = make("span", { class: "bl-marks", "aria-hidden": "true" });
    // While it is turned the picture follows; when it is let go all is drawn anew, as sharp as can be.
    on(this.rate, "input", () => turn({ lr: Number((10 ** this.rate.valueAsNumber).toPrecision(3)) }, { moving: true }));
    on(this.rate, "change", () => turn({}));
    [this.number] = typed(this, "", (lr) => turn({ lr }), { "aria-label": "rate as a number", min: 0, class: "bl-number" });
    this.momentum = make("input", { type: "range", min: 0, max: 0.99, step: 0.01 });
    on(this.momentum, "input", () => turn({ momentum: this.momentum.valueAsNumber }, { moving: true }));
    on(this.momentum, "change", () => turn({}));
    this.beta = make("output");
    const [steps, stepsLabel] = typed(this, "steps", (value) => turn({ steps: value }), { min: 0, max: told.most, step: 1, inputmode: "numeric" });
    this.steps = steps;
    this.standardize = make("input", { type: "checkbox" });
    on(this.standardize, "change", () => turn({ standardize: this.standardize.checked }));
    const starts = told.names.map((name) => typed(this, `start of ${name}`, (value) => turn({ start: { [name]: value } })));
    this.starts = starts.map(([input]) => input);
    const from = starts.map(([, label]) => label);
    // A line over one feature can be moved by hand: by its ends in the picture of the rows, or by these numbers.
    const byHand = alive.canHand ? ["slope", "intercept"].map((name) => typed(this, name, (value) => alive.moveHand({ [name]: value }))) : [];
    this.hand = byHand.map(([input]) => input);
    this.handSaid = make("output", { class: "bl-hand", "aria-live": "polite" });
    const hand = alive.canHand ? [make("div", { class: "bl-byhand" }, ...byHand.map(([, label]) => label), alive.handButton, this.handSaid)] : [];
    this.foresight = make("p", { class: "bl-foresight", role: "note" });
    this.element = make("form", { class: "bl-live", "aria-label": "The run that this page trains" },
      labelled("optimizer", this.optimizer),
      labelled("learning rate", this.rate, this.number, this.marks),
      labelled("momentum", this.momentum, this.beta), stepsLabel, labelled("standardize", this.standardize),
      ...(sweep ? [sweep.element] : []),
      ...(from.length > FEW ? [make("details", {}, make("summary", { text: "start" }), make("div", { class: "bl-starts" }, ...from))] : from),
      make("div", { class: "bl-take" }, ...buttons), ...hand, ...(alive.points ? [alive.points.element] : []), alive.pins.element);
    on(this.element, "submit", (event) => event.preventDefault());
  }

  /** Show the settings, the rates that are marked, and what was foreseen beside what happened. */
  show(ahead = this.ahead) {
    const { settings, walk } = this.trainer, write = (input, value) => (input.value = value);
    this.ahead = ahead;
    this.optimizer.value = settings.optimizer;
    const [low, high] = rateSpan(this.trainer, ahead), at = Math.log10(settings.lr);
    attributes(this.rate, { min: low, max: high, "aria-valuetext": formatNumber(settings.lr) });
    this.rate.value = at;
    write(this.number, Number(settings.lr.toPrecision(6)));
    const swings = settings.optimizer !== "adam";
    this.momentum.disabled = !swings;
    this.momentum.value = settings.momentum;
    this.beta.textContent = swings ? formatNumber(settings.momentum, 3) : "betas 0.9, 0.999";
    write(this.steps, settings.steps);
    this.standardize.checked = settings.standardize;
    this.starts.forEach((input, j) => write(input, Number(settings.start[j].toPrecision(6))));
    const marks = [["limit", ahead.limit, `largest stable rate ${formatNumber(ahead.limit)}`], ["fastest", ahead.fastest, `rate of fewest steps ${formatNumber(ahead.fastest)}`]].filter(([, rate]) => rate);
    this.marks.replaceChildren(...marks.map(([name, rate, title]) => {
      const mark = make("span", { class: `bl-mark bl-${name}`, title, text: `${name} ${formatNumber(rate, 3)}` });
      mark.style.setProperty("--at", clamp((Math.log10(rate) - low) / (high - low), 0, 1));
      return mark;
    }));
    this.foresight.textContent = said(ahead, walk);
    this.foresight.classList.toggle("bl-over", walk.stop === "diverged");
  }

  /** The line moved by hand, and how it compares; null where there is none. */
  showHand(line, said) {
    this.hand.forEach((input, i) => (input.value = line ? Number([line.slope, line.intercept][i].toPrecision(6)) : ""));
    this.handSaid.textContent = said;
  }

  /** The control of a name, with its label: what a teacher hides. */
  hide(hidden) {
    for (const label of this.element.querySelectorAll("[data-knob]")) label.hidden = hidden.includes(label.dataset.knob);
    // In the sweep too the rate is turned, and how low the loss can come stands in it.
    if (this.sweep) this.sweep.element.hidden ||= ["learning rate", "optimum", "exact loss"].some((name) => hidden.includes(name));
    this.foresight.hidden = hidden.includes("foresight");
  }
}

/** What was foreseen, and what happened. */
function said({ limit, foreseen, happened }, { stop, at, loss }) {
  const made = updates(loss.length - 1), [f99, f999] = foreseen, [h99, h999] = happened, after = (steps) => (steps === null ? "never" : `after ${updates(steps)}`);
  if (stop === "diverged") return limit === null ? `Diverged at step ${whole(at)}.` : `Foreseen: above the largest stable rate, ${formatNumber(limit)}, it never settles. What happened: diverged at step ${whole(at)}.`;
  const what = h999 !== null ? `after ${whole(h99)} and ${updates(h999)}` : h99 !== null ? `99% after ${updates(h99)}, and not yet 99.9% after ${made}` : `not yet 99% after ${made}`;
  return `Foreseen: 99% of the reducible loss gone ${after(f99)}, 99.9% ${after(f999)}. What happened: ${what}.`;
}
