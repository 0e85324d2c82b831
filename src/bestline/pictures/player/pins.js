/**
 * Pinned runs: what the page has trained, kept to be compared with what it trains next.
 *
 * A pin is its settings and its name; its run is made from them. Runs are compared on the same rows alone, and with a ridge penalty
 * on the same scaling alone, for else they do not minimise the same. Those of other rows are left out, and come back with their rows.
 */

import { shorten } from "./numbers.js";
import { make, swatch } from "./dom.js";

const MOST_PINS = 6, MOST_KEPT = 24, LONGEST_NAME = 60; // runs beside the present one; with those that are left out; letters
const OTHER_POINTS = "it was made on other points", OTHER_SCALING = "with a ridge penalty another scaling is another objective";

/** @typedef {{name: string, settings: import("./trainer.js").Settings, rows: string, slot: number, run: any}} Pin */

export class Pins {
  alive; named;
  /** @type {any[]} */ recorded;
  /** @type {Pin[]} */ list;

  /** @param {import("./alive.js").Alive} alive */
  constructor(alive) {
    const { trainer, player } = alive, places = (run) => trainer.told.names.map((name) => run.weights[run.names.indexOf(name)]);
    const rows = (run) => run.step.map((_, t) => (places(run).every(Boolean) ? places(run).map((column) => column[t]) : null));
    const recorded = player.session.runs.slice(1).map((run, i) => ({ ...run, slot: i + 1, trained: run.trained ?? trainer.trainedWay(rows(run)) }));
    Object.assign(this, { alive, recorded, list: [] });
    this.button = make("button", { type: "button", "data-act": "pin", text: "pin this run" });
    this.button.addEventListener("click", () => alive.player.change({ pin: true, step: alive.player.k }), { signal: alive.signal });
    this.rows = make("span", { class: "bl-pins" });
    this.said = make("output", { class: "bl-pinned", "aria-live": "polite" });
    this.element = make("div", { class: "bl-byhand", role: "group", "aria-label": "Pinned runs", "data-knob": "pin" }, this.button, this.rows, this.said);
  }

  /** The rows that the page has now, as a word. */
  get now() {
    return JSON.stringify(this.alive.points?.changes ?? null);
  }

  /** Why a pin cannot be compared with the present run; empty where it can. */
  apart({ rows, settings }, now = this.now) {
    const { trainer } = this.alive;
    if (rows !== now) return OTHER_POINTS;
    return trainer.bowl.ridge && settings.standardize !== trainer.settings.standardize ? OTHER_SCALING : "";
  }

  get shown() {
    const { now } = this;
    return this.list.filter((pin) => !this.apart(pin, now));
  }

  /** The runs beside the present one: those that were recorded with it, on their rows, and those pinned. */
  others() {
    const recorded = this.now === "null" ? this.recorded : [];
    return [...recorded, ...this.shown.map(({ run, slot, name }) => ({ ...run, slot, label: name }))];
  }

  /** Pin a run: the present one, or one of other settings; why it could not be, or nothing. */
  add(name, settings = null) {
    const { trainer } = this.alive, { now } = this;
    if (this.shown.length >= MOST_PINS) return `No more than ${MOST_PINS} runs are pinned at a time: unpin one first.`;
    const other = trainer.beside(settings ?? trainer.settings), why = this.apart({ rows: now, settings: other.settings }, now);
    if (why) return `Not pinned, because ${why}.`;
    const shown = other.train(), used = [...this.recorded.map((_, i) => i + 1), ...this.list.map((pin) => pin.slot)];
    let slot = this.recorded.length + 1;
    while (used.includes(slot)) slot++;
    const run = { ...shown, line: shown.line && { slope: shown.weights[0], intercept: shown.weights[1] ?? shown.step.map(() => 0) }, trained: shown.trained ?? trainer.trainedWay(other.data.slice(0, shown.step.length)), live: false, trace: other.trace() };
    this.list = [...this.list, { name: this.free(name ?? shown.label), settings: other.settings, rows: now, slot, run }];
    // Of runs that are left out the oldest are forgotten.
    const out = this.list.filter((pin) => this.apart(pin, now));
    this.list = this.list.filter((pin) => !out.slice(0, -MOST_KEPT).includes(pin));
    return "";
  }

  /** A name that no other run has. */
  free(name, own = null) {
    const wanted = String(name).replace(/\s+/g, " ").trim().slice(0, LONGEST_NAME) || "run", taken = [...this.recorded.map((run) => run.label), ...this.list.filter((pin) => pin !== own).map((pin) => pin.name)];
    let found = wanted;
    for (let n = 2; taken.includes(found); n++) found = `${wanted} (${n})`;
    return found;
  }

  /** What a script, an address or a control asks; the sentence to say. */
  take({ pin, unpin, pins }) {
    let said = "";
    if (Array.isArray(pins)) {
      this.list = this.list.filter((one) => this.apart(one));
      for (const { name, ...settings } of pins.filter((one) => one && typeof one === "object").slice(0, MOST_PINS)) said = this.add(typeof name === "string" ? name : null, settings) || said;
    }
    if (pin === true || typeof pin === "string") said = this.add(typeof pin === "string" ? pin : null);
    if (unpin !== undefined) this.list = this.list.filter((one) => unpin !== true && one.name !== unpin);
    return said;
  }

  /** What an address holds of them. */
  get told() {
    return this.shown.map(({ name, settings }) => ({ name, ...settings }));
  }

  /** The settings of a run of the session that is pinned, as `state` has them; null for others. */
  state(run) {
    const pin = this.list.find((one) => one.slot === run.slot), { told } = this.alive.trainer;
    if (!pin) return null;
    const { optimizer, lr, momentum, steps, standardize, start } = pin.settings;
    return { optimizer, lr, momentum, steps, standardize, start: Object.fromEntries(told.names.map((name, j) => [name, start[j]])), diverged: run.stop === "diverged", steps_to_99: run.last.near, pinned: true };
  }

  /** The pinned runs, each with its name to change and a button to take it away; and why others are left out. */
  show(text = "") {
    const { alive, alive: { player, signal } } = this, { view } = player;
    const rows = this.shown.map((pin, i) => {
      const name = make("input", { type: "text", value: pin.name, maxlength: LONGEST_NAME, autocomplete: "off", "aria-label": `name of pinned run ${i + 1}`, title: pin.run.label });
      name.addEventListener("change", () => {
        pin.name = this.free(name.value, pin);
        alive.turn({}, { step: player.k });
      }, { signal });
      const gone = make("button", { type: "button", "data-act": `unpin${i}`, "aria-label": `unpin ${pin.name}`, title: `unpin ${pin.name}`, text: "unpin" });
      gone.addEventListener("click", () => player.change({ unpin: pin.name, step: player.k }), { signal });
      const at = player.session.runs.findIndex((run) => run.slot === pin.slot), style = view.styles?.[at];
      return make("span", { class: "bl-pin" }, ...(style ? [swatch("both", style)] : []), name, gone);
    });
    this.rows.replaceChildren(...rows);
    const out = [...(this.now === "null" ? [] : this.recorded.map((run) => [run.label, OTHER_POINTS])), ...this.list.map((pin) => [pin.name, this.apart(pin)])].filter(([, why]) => why);
    const left = [...new Set(out.map(([, why]) => why))].map((why) => `Left out, because ${why}: ${out.filter(([, own]) => own === why).map(([name]) => `“${shorten(name, 30)}”`).join(", ")}.`);
    this.said.textContent = [text, ...left].filter(Boolean).join(" ");
  }
}
