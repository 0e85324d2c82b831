/**
 * The player: one state for all panels, the clock that moves it, and the controls around them.
 *
 * It shows a session (schema 1): the rows, the loss over the weights, and every recorded step of one or several runs. It computes
 * nothing of training itself, draws recorded states only and never one in between, and asks no network for anything. All that is
 * shown follows from `view`; whoever changes it asks for a frame, and every frame draws all panels from the same view.
 */

import { clamp, equationOf, formatNumber, shorten, updates, whole } from "./numbers.js";
import { advance, framesOf, pace, rowAt, withGaps } from "./steps.js";
import { runStyle, THEMES } from "./theme.js";
import { panelsOf } from "./panels/choose.js";
import { attributes, icon, make, swatch } from "./dom.js";
import { Frame } from "./frame.js";
import { csvOf, runsTable, stepsTable } from "./tables.js";

const MOST_PIXELS = 2; // pixels of a canvas for one of the page, along an axis
const SLOW = 24; // ms between frames: beyond it, fewer pixels
const SPEEDS = [0.25, 0.5, 1, 2, 4];

/** What can be switched on: its name in the view, its key, the text of its button, and what it says. */
const TOGGLES = [
  ["log", "l", "log", "logarithmic loss"], ["residuals", "r", "residuals", "residuals"], ["squares", "s", "squares", "squares of the residuals"],
  ["table", "b", "table", "table of steps"], ["dark", "t", "dark", "dark colours"], ["help", "?", "?", "these keys"],
];
const MOVES = [["Space", "play or pause"], ["← →", "a step back or forward"], ["Shift ← →", "ten steps"], ["Home End", "first or last step"]];

const prefers = (what) => globalThis.matchMedia?.(`(prefers-${what})`) ?? { matches: false };

export class Player {
  constructor(root, { session: told, theme, autoplay }) {
    const runs = told.runs.map(withGaps), session = { ...told, runs }, dark = prefers("color-scheme: dark"), stopper = new AbortController();
    Object.assign(this, { session, stopper, signal: stopper.signal, frames: framesOf(...runs), position: 0, speed: 1, playing: false, shown: null, times: [] });
    this.mostPixels = MOST_PIXELS;
    this.view = { runs, many: runs.length > 1, visible: runs.map(() => true), follow: 0, point: null, log: runs.some((run) => run.stop === "diverged"), dark: theme ? theme === "dark" : dark.matches };
    this.panels = panelsOf(session).map((panel) => new Frame(panel, this));
    this.build(root);
    if (!theme) dark.addEventListener?.("change", () => this.view.dark !== dark.matches && this.flip("dark"), { signal: this.signal });
    this.redraw();
    this.draw();
    if (autoplay && !prefers("reduced-motion: reduce").matches) this.play();
  }

  // What is on the page

  build(root) {
    const { session, view } = this, panels = this.panels.map((frame) => frame.element);
    this.element = make("section", { class: "bestline-player", tabindex: -1, "aria-label": `Training step by step: ${session.title}` });
    const body = make("div", { class: "bl-body" }, this.header(), this.controls(), this.readout());
    if (view.many) body.append(this.runButtons());
    body.append(make("div", { class: `bl-panels bl-of-${panels.length}` }, ...panels), this.footer());
    this.element.append(body);
    root.replaceChildren(this.element);
    this.element.addEventListener("keydown", (event) => this.key(event), { signal: this.signal });
    this.sizes = new ResizeObserver(() => this.refresh());
    for (const frame of this.panels) this.sizes.observe(frame.plot);
  }

  header() {
    const { title, subtitle, runs } = this.session;
    const alerts = runs.filter((run) => run.stop === "diverged").map((run) => make("p", { class: "bl-alert", role: "note" }, make("strong", { text: `${run.label}: ` }), run.advice ?? "diverged"));
    return make("header", {}, make("h2", { text: title }), make("p", { text: subtitle ?? "" }), ...alerts);
  }

  button(act, label, handle, content = icon(act), pressed = null) {
    const button = make("button", { type: "button", "data-act": act, "aria-label": label, title: label, "aria-pressed": pressed }, content);
    button.addEventListener("click", handle, { signal: this.signal });
    return button;
  }

  select(label, options, handle, chosen) {
    const select = make("select", { "aria-label": label, title: label }, ...options.map(([value, text]) => make("option", { value, text, selected: value === chosen })));
    select.addEventListener("change", () => handle(Number(select.value)), { signal: this.signal });
    return select;
  }

  controls() {
    const { data, runs } = this.session, { frames } = this;
    this.playButton = this.button("play", "Play", () => this.toggle());
    const jumps = [["first", "First step", -Infinity], ["back", "One step back", -1], ["forward", "One step forward", 1], ["last", "Last step", Infinity]];
    const transport = jumps.map(([act, label, by]) => this.button(act, label, () => this.jump(by)));
    transport.splice(2, 0, this.playButton);
    this.slider = make("input", { type: "range", min: frames[0], max: frames.at(-1), step: 1, "aria-label": "Step: number of updates made" });
    this.slider.addEventListener("input", () => this.set(Number(this.slider.value)), { signal: this.signal });
    this.counter = make("output", { class: "bl-counter" });
    const predicts = data && (data.kind === "diagonal" || runs.some((run) => run.line || run.curve)), can = { residuals: predicts, squares: predicts && data.loss === "squared" };
    const toggles = TOGGLES.filter(([name]) => can[name] ?? true).map(([name, key, text, label]) => [name, this.button(name, `${label} (${key})`, () => this.flip(name), text, "false")]);
    this.toggles = Object.fromEntries(toggles);
    const speed = this.select("Speed", SPEEDS.map((s) => [s, `${s}×`]), (s) => (this.speed = s), 1);
    const group = (name, label, ...children) => make("div", { class: name, role: "group", "aria-label": label }, ...children);
    return make("div", { class: "bl-controls" }, group("bl-transport", "Playing", ...transport), this.slider, this.counter, group("bl-toggles", "Display", speed, ...Object.values(this.toggles)));
  }

  readout() {
    const { runs, loss } = this.session, [run] = runs, few = run.names.length <= 2;
    this.numbers = [
      ["loss", loss.label, (one, t) => formatNumber(one.loss[t], 5, true)],
      runs.some((one) => one.held_out) && ["held-out", loss.held_out_label, (one, t) => formatNumber(one.held_out?.[t], 5, true)],
      runs.some((one) => one.gap) && ["gap to exact", `loss less the ${loss.floor_label}`, (one, t) => formatNumber(one.gap?.[t], 3, true)],
      ["learning rate", "and the largest stable one", (one) => formatNumber(one.rate) + (typeof one.limit === "number" ? ` (${one.rate > one.limit ? "above the limit" : "limit"} ${formatNumber(one.limit, 3)})` : "")],
      ...(few ? run.names : []).map((name, j) => [name === "Intercept" ? "intercept" : this.session.straight === false ? name : `weight of ${name}`, `weight ${name}`, (one, t) => formatNumber(one.weights[j][t], 5, true)]),
    ].filter(Boolean);
    this.cells = this.numbers.map(() => make("dd"));
    this.equation = make("p", { class: "bl-equation" });
    this.follow = this.select("Run in the read-out", runs.map((one, i) => [i, shorten(one.label, 40)]), (i) => this.followRun(i), 0);
    const list = make("dl", {}, ...this.numbers.map(([name, title], i) => make("div", { title }, make("dt", { text: shorten(name, 24) }), this.cells[i])));
    return make("div", { class: "bl-readout" }, ...(this.view.many ? [this.follow] : []), this.equation, list);
  }

  runButtons() {
    this.runToggles = this.session.runs.map((run, i) => this.button(`run${i}`, `Show ${run.label}`, () => this.showRun(i), make("span", { text: shorten(run.label, 26) }), "true"));
    return make("div", { class: "bl-runs", role: "group", "aria-label": "Runs shown" }, ...this.runToggles);
  }

  footer() {
    const { session } = this, region = (label) => make("div", { class: "bl-table", tabindex: 0, role: "region", "aria-label": label });
    const keys = [...MOVES, ...TOGGLES.map(([, key, , label]) => [key, label]), ["arrows on the surface", "turn it"]];
    this.help = make("dl", { class: "bl-help" }, ...keys.map(([key, what]) => make("div", {}, make("dt", { text: key }), make("dd", { text: what }))));
    this.copyButton = this.button("copy", "Copy all steps as CSV", () => this.copy(), "copy as CSV");
    this.rows = region("Table of steps");
    this.steps = make("div", { class: "bl-steps" }, this.copyButton, this.rows);
    this.table = region("Table of runs");
    this.status = make("p", { class: "bl-note", role: "status", "aria-live": "polite" });
    const notes = [...(session.notes ?? []), session.ground?.note].filter(Boolean).map((text) => make("p", { class: "bl-note", text }));
    return make("footer", {}, this.status, this.help, this.steps, ...(this.view.many ? [this.table] : []), ...notes);
  }

  key(event) {
    const { tagName } = event.composedPath()[0], { key } = event, far = event.shiftKey ? 10 : 1;
    const own = /^(SELECT|TEXTAREA)$/.test(tagName) || (tagName === "BUTTON" && (key === " " || key === "Enter"));
    if (own || event.ctrlKey || event.metaKey || event.altKey) return;
    const jumps = { ArrowLeft: -far, ArrowRight: far, Home: -Infinity, End: Infinity }, toggle = TOGGLES.find((one) => one[1] === key.toLowerCase());
    if (key === " ") this.toggle();
    else if (key in jumps) this.jump(jumps[key]);
    else if (toggle) this.flip(toggle[0]);
    else return;
    event.preventDefault();
    event.stopPropagation();
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
    const { run, row, k, table } = this.view, end = this.frames.at(-1), counted = `step ${whole(k)} of ${whole(end)}`;
    const text = (element, value) => element.textContent !== value && (element.textContent = value);
    text(this.counter, counted);
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
    this.status.textContent = `${view.many ? `${run.label}: after` : "After"} ${updates(run.step[row])} the loss is ${formatNumber(run.loss[row])}.${ended}`;
  }

  /** Everything anew: after another theme, another run, or a switch. */
  redraw() {
    const { view } = this, theme = THEMES[view.dark ? "dark" : "light"], { paper, ink, quiet, grid } = theme;
    Object.assign(view, { theme, styles: view.runs.map((_, i) => runStyle(theme, i, view.many)) });
    this.update();
    this.element.dataset.theme = view.dark ? "dark" : "light";
    const colours = { paper, ink, quiet, grid, accent: theme.data.colour, alert: theme.fitted.colour };
    for (const [name, colour] of Object.entries(colours)) this.element.style.setProperty(`--bl-${name}`, colour);
    for (const [name, button] of Object.entries(this.toggles)) button.setAttribute("aria-pressed", Boolean(view[name]));
    this.runToggles?.forEach((button, i) => {
      button.setAttribute("aria-pressed", view.visible[i]);
      button.replaceChildren(swatch("both", view.styles[i]), button.lastChild);
    });
    Object.assign(this.follow, { value: view.follow });
    this.table.replaceChildren(runsTable(this.session, view.styles));
    this.steps.hidden = !view.table;
    this.help.hidden = !view.help;
    for (const frame of this.panels) frame.relabel(view);
    this.refresh();
  }

  flip(name) {
    const { view } = this;
    if (!this.toggles[name]) return;
    view[name] = !view[name];
    if (name === "residuals" && !view.residuals) view.squares = false;
    if (name === "squares" && view.squares) view.residuals = true;
    this.redraw();
  }

  showRun(i) {
    const { view } = this;
    view.visible[i] = !view.visible[i];
    if (!view.visible[view.follow] && view.visible.includes(true)) view.follow = view.visible.indexOf(true);
    this.redraw();
  }

  followRun(i) {
    this.view.follow = i;
    this.view.visible[i] = true;
    this.redraw();
  }

  async copy() {
    const text = csvOf(this.session.runs);
    try {
      await navigator.clipboard.writeText(text);
      this.copyButton.textContent = "copied";
    } catch {
      // A page in a frame may not write the clipboard: then the text is there to be copied by hand.
      const area = make("textarea", { readonly: true, "aria-label": "All steps as CSV", rows: 6, text });
      this.steps.querySelector("textarea")?.remove();
      this.copyButton.after(area);
      area.select();
    }
  }

  state() {
    this.update();
    const { view } = this, ground = this.panels.find((frame) => frame.panel.ballAt)?.panel;
    const runs = view.runs.map((run, i) => {
      const t = view.rows[i], at = (column) => column?.[t] ?? null;
      return { label: run.label, row: t, step: run.step[t], loss: at(run.loss), held_out: at(run.held_out), weights: run.weights.map(at), visible: view.visible[i], ball: ground?.ballAt(run, t) ?? null };
    });
    const { log = false, residuals = false, squares = false, table = false, follow } = view, { k, playing, speed, ratio } = this;
    return { k, shown: view.k, last: this.frames.at(-1), playing, speed, theme: this.element.dataset.theme, log, residuals, squares, table, follow, ratio, panels: this.panels.map((frame) => frame.panel.name), runs };
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
