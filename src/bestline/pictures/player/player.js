/**
 * The player: one state for all panels, and the clock that moves it.
 *
 * It shows a session (schema 3): the rows, the loss over the weights, and every step of one or several runs, which were recorded or
 * which the page trained itself (`alive.js`). It draws such states only and never one in between, and asks no network for anything.
 * All that is shown follows from `view`; whoever changes it asks for a frame, and every frame draws all panels from the same view.
 */

import { clamp, equationOf, formatNumber, updates, whole } from "./numbers.js";
import { advance, framesOf, pace, rowAt, withGaps } from "./steps.js";
import { THEMES } from "./theme.js";
import { panelsOf, sidesOf } from "./panels/choose.js";
import { attributes, handOver, icon, make, ordered } from "./dom.js";
import { Frame } from "./frame.js";
import { csvOf, stepsTable } from "./tables.js";
import { askFirst, controlsOf, footerOf, headerOf, keyed, readoutOf, unheard, warn } from "./controls.js";
import { Roster } from "./roster.js";
import { UpdateRule } from "./update.js";
import { Alive } from "./alive.js";
import { readAddress, SWITCHES, writeAddress } from "./address.js";

const MOST_PIXELS = 2; // pixels of a canvas for one of the page, along an axis
const SLOW = 24; // ms between frames: beyond it, fewer pixels

/** @type {(what: string) => any} */
const prefers = (what) => globalThis.matchMedia?.(`(prefers-${what})`) ?? { matches: false };

export class Player {
  session; signal; stopper; frames; position; speed; playing; shown; times; view; alive; panels; sides; address; toggles; slider; playButton; cells;
  numbers; steps; rows; help; status; equation; counter; copyButton; roster; subtitle; finding; asked; told; question; changed;
  waiting; before; later; warned; hidden; opened; noted; arithmetic;

  /** @param {HTMLElement} root @param {any} options those of `mount` */
  constructor(root, { session: told, theme, autoplay, keys, address = null }) {
    const runs = told.runs.map(withGaps), own = (part) => part && { ...part }, dark = prefers("color-scheme: dark"), stopper = new AbortController();
    // What is kept with the ground and the rows while they are shown is not the host's.
    const session = { ...told, runs, ground: own(told.ground), trained: own(told.trained), data: own(told.data) };
    Object.assign(this, { session, stopper, signal: stopper.signal, frames: framesOf(...runs), position: 0, speed: 1, playing: false, shown: null, times: [] });
    this.mostPixels = MOST_PIXELS;
    this.view = { runs, many: runs.length > 1, visible: runs.map(() => true), follow: 0, point: null, log: told.loss.log, dark: theme ? theme === "dark" : dark.matches };
    this.opened = { ...this.view };
    this.sides = sidesOf(session);
    if (session.live?.mean && session.ground) this.alive = new Alive(this);
    const sides = this.sides.map(panelsOf);
    this.panels = sides[0].map((_, i) => new Frame([0, 1].map((side) => (sides[side] ?? sides[0])[i]), this));
    this.build(root);
    keys?.addEventListener("keydown", (event) => unheard(this.element, event) && keyed(this, event), { signal: this.signal });
    if (!theme) dark.addEventListener?.("change", () => this.view.dark !== dark.matches && this.flip("dark"), { signal: this.signal });
    this.redraw();
    this.draw();
    this.address = address;
    if (address) {
      this.read();
      globalThis.addEventListener("hashchange", () => this.read(), { signal: this.signal });
    }
    if (autoplay && !this.alive?.touched && !this.asked && !prefers("reduced-motion: reduce").matches) this.play();
  }

  // What is on the page

  build(root) {
    const { session } = this, panels = this.panels.map((frame) => frame.element);
    this.roster = new Roster(this);
    this.arithmetic = new UpdateRule(this.signal, () => this.refresh());
    this.element = make("section", { class: "bestline-player", tabindex: -1, "aria-label": `Training step by step: ${session.title}` });
    this.question = make("div", { hidden: true });
    this.alerts = make("div", { class: "bl-alerts", role: "alert" });
    const body = make("div", { class: "bl-body" }, headerOf(this), this.question, this.alerts, ...(this.alive ? [this.alive.knobs.element, this.alive.knobs.foresight] : []), controlsOf(this), readoutOf(this), this.arithmetic.element);
    body.append(this.roster.element, make("div", { class: `bl-panels bl-of-${panels.length}` }, ...panels), footerOf(this));
    this.element.append(body);
    root.replaceChildren(this.element);
    this.element.addEventListener("keydown", (event) => keyed(this, event), { signal: this.signal });
    this.sizes = new ResizeObserver(() => this.refresh());
    for (const frame of this.panels) this.sizes.observe(frame.plot);
  }

  /** Another run, made by the page itself, is to be shown, at a step or at its end; `whole`: with all that stands still drawn anew. */
  taken(step, whole) {
    const { session, view } = this;
    this.pause();
    this.frames = framesOf(...session.runs);
    this.position = step === null ? this.frames.length - 1 : rowAt(this.frames, step);
    this.shown = null;
    this.sides = sidesOf(session);
    view.trained = Boolean(view.trained && session.trained);
    view.runs = this.sides[Number(view.trained)].runs;
    this.roster.renew();
    const sides = this.sides.map(panelsOf);
    this.panels.forEach((frame, i) => frame.swap([0, 1].map((side) => (sides[side] ?? sides[0])[i]), view.trained, whole));
    attributes(this.slider, { min: this.frames[0], max: this.frames.at(-1) });
    warn(this);
    if (whole) this.redraw();
    else this.refresh();
  }

  // The clock

  get k() {
    return this.frames[Math.floor(this.position + 1e-9)];
  }

  /** Pause and show the state after k updates, or the last recorded one before it. */
  set(k) {
    this.pause();
    this.position = rowAt(this.frames, k);
    this.shown = null;
    this.refresh();
  }

  jump(by) {
    this.set(this.frames[clamp(Math.floor(this.position + 1e-9) + by, 0, this.frames.length - 1)]);
  }

  play() {
    if (this.playing || this.frames.length < 2 || this.signal.aborted) return;
    if (this.position >= this.frames.length - 1) this.position = 0;
    Object.assign(this, { playing: true, before: null, shown: null });
    this.setPlaying(true);
  }

  pause() {
    if (this.playing) this.setPlaying(false);
  }

  toggle() {
    this.playing ? this.pause() : this.play();
  }

  setPlaying(playing) {
    this.playing = playing;
    this.playButton.replaceChildren(icon(playing ? "pause" : "play"));
    attributes(this.playButton, { "aria-label": playing ? "Pause" : "Play", title: playing ? "Pause (Space)" : "Play (Space)" });
    this.element.dataset.playing = playing;
    this.refresh();
  }

  /** Draw at the next frame; `changed`: something other than the clock has moved. */
  refresh(changed = true) {
    this.changed ||= changed;
    this.waiting ??= requestAnimationFrame((time) => this.tick(time));
  }

  tick(time) {
    this.waiting = null;
    const { k } = this, elapsed = this.before === null ? 0 : time - this.before;
    if (this.playing) {
      this.position = advance(this.position, elapsed, pace(this.frames.length) * this.speed, this.frames.length - 1);
      this.before = time;
      this.timed(elapsed);
      if (this.position >= this.frames.length - 1) this.pause();
    }
    if (this.changed || this.k !== k) this.draw();
    if (this.playing) this.refresh(false);
  }

  /** Where frames come slowly, fewer pixels are drawn. */
  timed(ms) {
    this.times.push(ms);
    if (this.times.length < 40) return;
    const middle = this.times.sort((a, b) => a - b)[20];
    this.times = [];
    if (middle > SLOW) this.mostPixels = Math.max(1, this.ratio * 0.75);
  }

  get ratio() {
    return Math.min(globalThis.devicePixelRatio || 1, this.mostPixels);
  }

  // What is shown

  hover(k, point) {
    if (this.shown === k && String(this.view.point) === String(point)) return;
    this.shown = k;
    this.view.point = point;
    this.refresh();
  }

  /** The state shown: of the step under the pointer, else of the clock; every run at its own row of its trace. */
  update() {
    const { view } = this, rows = (k) => view.runs.map((run) => rowAt(run.step, k)), { follow } = view;
    Object.assign(view, { k: this.shown ?? this.k, rowsNow: rows(this.k) });
    view.rows = rows(view.k);
    Object.assign(view, { run: view.runs[follow], row: view.rows[follow], style: view.styles[follow] });
  }

  draw() {
    this.changed = false;
    this.update();
    for (const frame of this.panels) {
      frame.resize(this.ratio);
      frame.draw(this.view);
    }
    this.write();
    this.later ??= setTimeout(() => this.describe(), this.playing ? 1500 : 250);
  }

  write() {
    const { run, row, k, table, many } = this.view, end = this.frames.at(-1), counted = `step ${whole(k)} of ${whole(end)}`;
    const text = (element, said, value = ordered(said)) => element.textContent !== value && (element.textContent = value);
    text(this.counter, counted);
    if (run.updates) this.arithmetic.show(run.updates, run.step[row], many ? run.label : "");
    text(this.equation, this.session.straight === false ? "" : equationOf(this.session.target, run.names, run.weights.map((w) => w[row]), run.more));
    this.numbers.forEach(([name, , value], i) => {
      text(this.cells[i], value(run, row));
      this.cells[i].classList.toggle("bl-over", name === "learning rate" && typeof run.limit === "number" && run.rate > run.limit);
    });
    this.slider.value = this.k;
    attributes(this.slider, { "aria-valuetext": counted });
    this.element.dataset.k = k;
    if (table && !(this.playing && k % 4)) this.rows.replaceChildren(stepsTable(run, row));
  }

  /** Say in words what is seen; not at every frame, for a voice needs its time. */
  describe() {
    this.later = null;
    const { view } = this, { run, row } = view;
    for (const frame of this.panels) frame.canvas.setAttribute("aria-label", frame.panel.describe(view));
    const ended = row === run.step.length - 1 && run.advice ? ` ${run.advice}` : "";
    this.note();
    this.status.textContent = `${view.many ? `${run.label}: after` : "After"} ${updates(run.step[row])} the loss is ${formatNumber(run.loss[row])}.${ended}`;
  }

  /** The address says what is seen, where this page's own address is the player's to write. */
  note() {
    if (!this.address) return;
    const said = this.link(), hash = said && `#${said}`;
    if (hash === this.address.hash || (!said && !this.noted)) return;
    this.noted = true;
    try {
      globalThis.history.replaceState(null, "", hash || this.address.pathname + this.address.search); // a page inside another may have no address of its own
    } catch {
      this.address = null;
    }
  }

  /** What an address says of what is seen; nothing where nobody has touched it. */
  link() {
    const { view, alive } = this, switched = SWITCHES.filter((name) => Boolean(view[name]) !== Boolean(this.opened[name]));
    const state = { ...(alive?.touched && alive.state()), pins: alive?.pins.told, ...view.hand, hidden: this.hidden, ask: this.asked, ...Object.fromEntries(switched.map((name) => [name, view[name]])) };
    return writeAddress(state) && writeAddress({ ...state, step: this.k });
  }

  /** Open what an address says. */
  read(address = this.address.hash) {
    const asked = readAddress(address, this.alive?.trainer.told.names ?? []);
    if (Object.keys(asked).length) this.change(asked);
  }

  /** Everything anew: after another theme, another run, or a switch. */
  redraw() {
    warn(this);
    const { view } = this, theme = THEMES[view.dark ? "dark" : "light"], { paper, ink, quiet, grid } = theme;
    const { runs } = this.sides[view.trained ? 1 : 0];
    Object.assign(view, { theme, runs });
    this.roster.renew();
    this.roster.paint();
    this.update();
    this.element.dataset.theme = view.dark ? "dark" : "light";
    const colours = { paper, ink, quiet, grid, accent: theme.data.colour, alert: theme.fitted.colour };
    for (const [name, colour] of Object.entries(colours)) this.element.style.setProperty(`--bl-${name}`, colour);
    for (const [name, button] of Object.entries(this.toggles)) button.setAttribute("aria-pressed", Boolean(view[name]));
    if (this.toggles.trained) this.toggles.trained.hidden = !this.session.trained;
    this.steps.hidden = !view.table;
    this.help.hidden = !view.help;
    for (const frame of this.panels) frame.relabel(view);
    this.alive?.sweep?.draw();
    this.refresh();
  }

  flip(name) {
    const { view } = this;
    if (!this.toggles[name] || this.toggles[name].hidden) return;
    view[name] = !view[name];
    if (name === "residuals" && !view.residuals) view.squares = false;
    if (name === "squares" && view.squares) view.residuals = true;
    this.redraw();
  }

  /** What is turned, typed or told by a script: a step, or settings of the run that the page trains. */
  change(changes) {
    if (typeof changes === "number") return this.set(changes);
    const { step, hidden, slope, intercept, ask, ...rest } = changes, at = typeof step === "number" && step >= 0 ? step : null;
    const isSwitch = ([name, value]) => this.toggles[name] && typeof value === "boolean", every = Object.entries(rest), settings = every.filter((one) => !isSwitch(one));
    const said = this.alive && settings.length ? this.alive.turn(Object.fromEntries(settings), { step: at }) : "";
    if (!(this.alive && settings.length) && at !== null) this.set(at);
    for (const [name, value] of every.filter(isSwitch)) if (Boolean(this.view[name]) !== value) this.flip(name);
    if (this.alive && (typeof slope === "number" || typeof intercept === "number")) this.alive.moveHand({ slope, intercept });
    if (Array.isArray(hidden)) (this.alive ?? this).hide(hidden.filter((name) => typeof name === "string"));
    if (typeof ask === "string") askFirst(this, ask);
    return said;
  }

  /** All steps of a run, in the data's units. */
  trace(i = 0) {
    const run = this.session.runs[i];
    if (!run) return null;
    if (i === 0 && this.alive) return this.alive.trainer.trace();
    if (run.trace) return run.trace;
    return { loss: [...run.loss], weights: Object.fromEntries(run.names.map((name, j) => [name, [...run.weights[j]]])) };
  }

  /** Where a place of a panel is on the screen. */
  toScreen(name, place) {
    const frame = this.panels.find((one) => one.panel.name === name);
    this.draw();
    if (!frame?.layout) return null;
    const box = frame.canvas.getBoundingClientRect(), [x, y] = frame.panel.screenOf(frame.layout, place);
    return { x: box.left + x, y: box.top + y };
  }

  copy() {
    return handOver(csvOf(this.session.runs), this.copyButton, this.steps);
  }

  /** Hide controls by their names: a teacher's, so that a reader looks without them. */
  hide(hidden) {
    this.hidden = hidden;
    for (const [name, element] of [["play", this.playButton], ["step", this.slider], ...Object.entries(this.toggles)]) element.hidden = hidden.includes(name) || (name === "trained" && !this.session.trained);
    this.numbers.forEach(([name], i) => (this.cells[i].parentElement.hidden = hidden.includes(name) || (name === "gap to exact" && this.view.secret)));
    this.arithmetic.element.hidden = hidden.includes("update");
    for (const frame of this.panels) frame.element.hidden = hidden.includes(frame.panel.name);
    this.redraw();
  }

  state() {
    this.update();
    const { view } = this, ground = this.panels.find((frame) => frame.panel.ballAt)?.panel;
    const runs = view.runs.map((run, i) => {
      const t = view.rows[i], at = (column) => column?.[t] ?? null;
      const own = i === 0 && this.alive ? this.alive.state() : this.alive?.pins.state(run) ?? { optimizer: run.optimizer, lr: run.rate, diverged: run.stop === "diverged", steps_to_99: run.last?.near ?? null };
      return { ...own, label: run.label, row: t, step: run.step[t], loss: at(run.loss), held_out: at(run.held_out), weights: run.weights.map(at), best: run.best ?? null, visible: view.visible[i], ball: ground?.ballAt(run, t) ?? null };
    });
    const { log = false, residuals = false, squares = false, table = false, trained = false, follow } = view, { k, playing, speed, ratio } = this;
    return { k, step: k, hidden: this.hidden ?? [], shown: view.k, last: this.frames.at(-1), playing, speed, theme: this.element.dataset.theme, log, residuals, squares, table, trained, follow, ratio, panels: this.panels.map((frame) => frame.panel.name), runs };
  }

  destroy() {
    this.playing = false;
    this.stopper.abort();
    this.sizes.disconnect();
    cancelAnimationFrame(this.waiting);
    clearTimeout(this.later);
    this.element.remove();
  }
}
