/**
 * What is alive on a page: the run that it trains itself, whatever is turned, dragged or typed, and the state that says so.
 *
 * A change of the settings makes the whole run anew and puts it in the place of the first run of the session; the player then
 * draws it as any other. While something is dragged only what moves is drawn anew.
 */

import { formatNumber, updates } from "./numbers.js";
import { evaluate, toTrained } from "./bowl.js";
import { handOver, make } from "./dom.js";
import { Trainer } from "./trainer.js";
import { commandOf, pythonOf, scriptOf, whyNoCommand } from "./takehome.js";
import { Knobs } from "./knobs.js";
import { movable, Points } from "./points.js";
import { Pins } from "./pins.js";
import { RateSweep } from "./sweep.js";

const REST = 150; // ms without a change, after which all is drawn and foreseen anew

export class Alive {
  player; ahead; later; recorded; knobs; texts;
  /** @type {AbortSignal} */ signal;
  /** @type {Trainer} */ trainer;
  /** @type {string[]} */ hidden;
  /** @type {boolean} */ touched;
  /** @type {boolean} */ canHand;
  /** @type {HTMLElement[]} */ buttons;
  /** @type {Points | null} */ points;
  /** @type {RateSweep | null} */ sweep;

  constructor(player) {
    Object.assign(this, { player, signal: player.signal, trainer: new Trainer(player.session), hidden: [], touched: false });
    const act = (name, text, handle) => {
      const button = make("button", { type: "button", "data-act": name, text });
      button.addEventListener("click", handle, { signal: this.signal });
      return button;
    };
    this.asItWas = act("reset", "as it was", () => this.reset());
    this.turn = this.turn.bind(this);
    // The line over one feature, with its intercept, can be moved by hand.
    this.canHand = player.session.data?.kind === "line" && this.trainer.told.names.length === 2 && this.trainer.told.intercept;
    this.handButton = act("hand", "move the line by hand", () => this.moveHand(player.view.hand ? null : {}));
    this.copied = make("div", { class: "bl-copied" });
    const texts = /** @type {[string, string, (trainer: Trainer) => string | null][]} */ ([["python", "copy as Python", pythonOf], ["command", "copy as command", commandOf], ["script", "copy as script", scriptOf], ["link", "copy link", () => (player.note(), globalThis.location?.href)]]);
    this.texts = Object.fromEntries(texts.map(([name, , text]) => [name, () => text(this.trainer)]));
    const copies = texts.map(([name, label]) => act(`copy-${name}`, label, (event) => this.copy(name, event.currentTarget)));
    this.buttons = [this.asItWas, ...copies, this.copied];
    this.points = movable(player.session, this.trainer.told) ? new Points(this) : null;
    this.pins = new Pins(this);
    this.sweep = this.trainer.told.sweeps ? new RateSweep(this) : null;
    this.knobs = new Knobs(this);
    // Of a long run, or of many weights, only a few steps were sent; with held-out losses that the page cannot know, all that are shown.
    this.shows(this.trainer.train(), !this.trainer.held && player.session.runs[0].held_out);
    this.recorded = { runs: player.session.runs, ground: player.session.ground, trained: player.session.trained };
    this.ahead = this.trainer.foresee();
    this.knobs.show(this.ahead);
  }

  /** Take other settings, make the run anew, and show it; `moving` while more is to come, `step` which step is shown. What pins have to say. */
  turn(changes, { moving = false, step = null } = {}) {
    const { trainer, player } = this, before = trainer.settings.standardize;
    if (changes.points !== undefined) this.points?.read(changes.points);
    trainer.turn(changes);
    const said = this.pins.take(changes);
    this.touched = true;
    this.shows(trainer.train());
    const { standardize } = trainer.settings;
    if (changes.standardize !== undefined && standardize !== before) player.view.trained = standardize;
    this.redraw(moving, step);
    this.pins.show(said);
    return said;
  }

  /** Put a run in the place of the first. */
  shows(run, sent = null) {
    const { session } = this.player;
    const [slope, intercept = run.step.map(() => 0)] = run.weights;
    const others = this.pins.others(), label = others.some((other) => other.label === run.label) ? `${run.label} (now)` : run.label;
    if (!sent) session.runs = [{ ...run, label, line: run.line && { slope, intercept } }, ...others];
    if (!this.touched) return;
    const fresh = this.trainer.grounds();
    for (const side of ["ground", "trained"]) {
      const old = session[side], now = fresh[side];
      // A ground that is the same, and high enough for where the run begins, is not drawn again.
      const same = old?.land && now && old.version === this.trainer.version && old.span === now.span && run.loss[0] <= old.land.cap;
      session[side] = same ? old : now && Object.assign(now, { version: this.trainer.version });
    }
    session.loss = { ...session.loss, floor: this.trainer.bowl.floor };
  }

  /** Draw what has changed: while something moves no more than that, and the rest when it has come to rest. */
  redraw(moving, step = null) {
    const { player, trainer } = this, { session } = player;
    clearTimeout(this.later);
    if (this.signal.aborted) return;
    if (moving) this.later = setTimeout(() => this.redraw(false), REST);
    // Heights and their labels that were left as they were while something moved; what a finger rests on stays under it.
    else if (!player.panels.some((frame) => frame.held)) for (const side of ["ground", "trained"]) if (session[side]) session[side] = { ...session[side], land: undefined };
    this.ahead = trainer.foresee(moving ? this.ahead : null);
    if (player.view.hand) this.knobs.showHand(player.view.hand, this.handWords());
    player.taken(step, !moving);
    // What Python found of the recorded run is not said of another.
    player.finding.hidden = this.touched || !session.finding;
    player.subtitle.textContent = this.touched ? trainer.subtitle : session.subtitle;
    this.knobs.show(this.ahead);
    this.sweep?.show(moving);
  }

  /** The recorded run again, its settings and its rows. */
  reset() {
    const { player, trainer } = this, { runs, ground, trained } = this.recorded;
    clearTimeout(this.later);
    this.points?.forget();
    trainer.reset();
    trainer.train();
    this.touched = false;
    Object.assign(player.session, { runs: [runs[0], ...this.pins.others()], ground: ground && { ...ground }, trained: trained && { ...trained } });
    player.view.trained = false;
    this.redraw(false, 0);
    this.pins.show();
  }

  /** The start moved to a place of a ground, or by shares of what is shown of it. */
  moveStart(place, moving) {
    const { trainer, player } = this, start = trainer.startAt(place, Boolean(player.view.trained && player.session.trained));
    this.turn({ start: Object.fromEntries(trainer.told.names.map((name, j) => [name, start[j]])) }, { moving });
  }

  /** Copy the call, command or code of this run; where the page may not write the clipboard, it is shown to be copied by hand. */
  async copy(name, button) {
    const text = this.texts[name]();
    await handOver(text ?? whyNoCommand(this.trainer), button, this.copied, text !== null);
  }

  /** The line moved by hand: some of its numbers; `{}` begins where the run is now, null takes it away. */
  moveHand(changes, moving = false) {
    const { player } = this, { view } = player, number = (v, or) => (typeof v === "number" && Math.abs(v) < 1e100 ? v : or);
    if (!this.canHand) return;
    if (changes && !view.hand) {
      const [slope, intercept] = view.runs[0].weights.map((column) => column[view.rows[0]]);
      view.hand = { slope, intercept };
    }
    view.hand = changes && { slope: number(changes.slope, view.hand.slope), intercept: number(changes.intercept, view.hand.intercept) };
    view.handOn = view.hand && ((ground) => this.handOn(ground));
    this.handButton.setAttribute("aria-pressed", Boolean(view.hand));
    this.knobs.showHand(view.hand, view.hand ? this.handWords() : "");
    if (moving) player.refresh();
    else player.redraw();
  }

  /** Where the line moved by hand lies on a ground. */
  handOn(ground) {
    const { trainer, player: { view: { hand }, session } } = this, { index, bowls } = trainer, line = [hand.slope, hand.intercept];
    const all = ground.even && session.trained ? toTrained(bowls.standardized, line) : line;
    return index.map((j) => all[j]);
  }

  /** What the line moved by hand is worth, and when descent passed it. */
  handWords() {
    const { trainer, player: { view } } = this, { plain } = trainer.bowls, loss = evaluate(plain, [view.hand.slope, view.hand.intercept], new Float64Array(2));
    const passed = trainer.walk.loss.findIndex((v) => v <= loss), race = passed < 0 ? "descent has not come so low" : `descent is as low after ${updates(passed)}`;
    return view.secret ? `your line: loss ${formatNumber(loss)}` : `your line: loss ${formatNumber(loss)}, ${formatNumber(loss - plain.floor, 3)} above the least; ${race}`;
  }

  /** Hide controls, and what else has a name, so that a reader looks without them. */
  hide(hidden) {
    const { view } = this.player;
    Object.assign(this, { hidden });
    // "optimum" and "exact loss": the answer itself, for whoever is to find it.
    view.secret = hidden.includes("optimum") || hidden.includes("exact loss");
    this.knobs.hide(hidden);
    this.points?.hide(hidden.includes("points"));
    this.player.hide(hidden);
  }

  /** What a script or an address says of the run, as `set` takes it. */
  state() {
    const { settings, told, walk } = this.trainer;
    const { optimizer, lr, momentum, steps, standardize } = settings;
    return { optimizer, lr, momentum, steps, standardize, start: Object.fromEntries(told.names.map((name, j) => [name, settings.start[j]])), points: this.points?.changes ?? null, diverged: walk.stop === "diverged", steps_to_99: this.ahead.happened[0] };
  }
}
