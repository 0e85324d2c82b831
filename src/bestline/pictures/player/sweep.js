/**
 * A sweep of rates: the loss that each of them would leave after the run's steps, as a picture to click into.
 *
 * Each rate's run is made on the bowl, as the one that is shown; a press in the picture makes its rate that of the run.
 */

import { clamp, extent, formatNumber, updates } from "./numbers.js";
import { logLabels, logTicks, scaleOf, spaced } from "./scales.js";
import { attributes, make } from "./dom.js";
import { ball, fill, FONT, plain, segment, stroke, trail } from "./draw.js";
import { widest } from "./labels.js";
import { descend } from "./descent.js";
import { rateSpan } from "./knobs.js";

const RATES = 120, HIGH = 190, DEEPEST = 1e-12; // rates tried; pixels; of the loss at the start: what is lower is drawn there

/** @typedef {{lr: number, loss: number, diverged: boolean}} Tried */

export class RateSweep {
  alive; element; canvas; said; layout; pressed;
  /** @type {Tried[]} */ tried;

  /** @param {import("./alive.js").Alive} alive */
  constructor(alive) {
    const { signal } = alive, on = (element, type, handle) => element.addEventListener(type, handle, { signal });
    this.canvas = make("canvas", { role: "img", height: HIGH });
    this.said = make("output", {});
    this.element = make("details", { class: "bl-sweep", "data-knob": "sweep" }, make("summary", { text: "every rate at once" }), this.canvas, this.said);
    Object.assign(this, { alive, tried: [], pressed: false });
    on(this.element, "toggle", () => this.show());
    on(this.canvas, "pointerdown", (event) => {
      if (event.button) return;
      this.pressed = true;
      this.canvas.setPointerCapture(event.pointerId);
      this.take(event, true);
    });
    on(this.canvas, "pointermove", (event) => (this.pressed ? this.take(event, true) : this.say(this.rateAt(event))));
    for (const type of ["pointerup", "pointercancel"]) on(this.canvas, type, () => this.pressed && this.let());
    on(this.canvas, "pointerleave", () => this.say());
    const sizes = new ResizeObserver(() => this.draw());
    sizes.observe(this.element);
    signal.addEventListener("abort", () => sizes.disconnect());
  }

  /** What each rate on the slider leaves. */
  make() {
    const { trainer, ahead } = this.alive, { bowl, start, settings } = trainer;
    return spaced(rateSpan(trainer, ahead), RATES).map((power) => {
      const lr = 10 ** power, { loss, stop } = descend(bowl, start, { ...settings, lr });
      return { lr, loss: loss.at(-1) ?? NaN, diverged: stop === "diverged" };
    });
  }

  /** Make the sweep anew, where it is open; while something moves only the mark of the run's rate. */
  show(moving = false) {
    if (!this.element.open) return;
    if (!moving || !this.tried.length) this.tried = this.make();
    this.draw();
    this.say();
  }

  rateAt(event) {
    const { left } = this.canvas.getBoundingClientRect(), { x } = this.layout;
    return Number(clamp(x.invert(event.clientX - left), this.tried[0].lr, this.tried[RATES].lr).toPrecision(3));
  }

  take(event, moving) {
    if (this.layout) this.alive.turn({ lr: this.rateAt(event) }, { moving });
  }

  let() {
    this.pressed = false;
    this.alive.turn({});
  }

  /** In words: what a rate leaves, that of the run or the one under the pointer. */
  say(lr = this.alive.trainer.settings.lr) {
    const near = this.tried.reduce((best, one) => (Math.abs(Math.log(one.lr / lr)) < Math.abs(Math.log(best.lr / lr)) ? one : best), this.tried[0]);
    if (!near) return;
    const after = updates(this.alive.trainer.settings.steps);
    this.said.textContent = near.diverged ? `rate ${formatNumber(lr, 3)}: diverges` : `rate ${formatNumber(lr, 3)}: loss ${formatNumber(near.loss)} after ${after}`;
  }

  draw() {
    const { canvas, tried, alive: { trainer, player: { view } } } = this, { theme } = view, width = this.element.clientWidth;
    if (!this.element.open || !tried.length || !theme || !(width > 120)) return;
    const ratio = Math.min(globalThis.devicePixelRatio || 1, 2), ctx = canvas.getContext("2d");
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(HIGH * ratio) });
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.font = FONT;
    const settled = tried.filter((one) => !one.diverged), first = trainer.walk.loss[0], lowest = DEEPEST * first;
    const [low, high] = extent([first, ...settled.map((one) => Math.max(one.loss, lowest))]), ylim = [low > 0 ? low / 1.2 : 1e-300, high > 0 ? high * 1.3 : 1];
    const yTicks = logTicks(ylim[0], ylim[1], 4), yLabels = logLabels(yTicks), xTicks = logTicks(tried[0].lr, tried[RATES].lr, 5), xLabels = logLabels(xTicks);
    const area = { left: 28 + widest(ctx, yLabels), right: width - 12, top: 16, bottom: HIGH - 34 };
    const x = scaleOf(tried[0].lr, tried[RATES].lr, area.left, area.right, true), y = scaleOf(ylim[0], ylim[1], area.bottom, area.top, true);
    this.layout = { ...area, x, y };
    this.frame(ctx, theme, area, [xTicks.map((v, i) => [x(v), xLabels[i]]), yTicks.map((v, i) => [y(v), yLabels[i]])]);
    this.beyond(ctx, theme, area, x);
    trail(ctx, settled.map((one) => [x(one.lr), y(Math.max(one.loss, lowest))]), { ...theme.path, width: 2.2 });
    const { settings, walk } = trainer, now = walk.stop === "diverged" ? area.top : y(Math.max(walk.loss.at(-1), lowest));
    ball(ctx, theme, theme.path, [x(clamp(settings.lr, tried[0].lr, tried[RATES].lr)), now]);
    const best = settled.reduce((found, one) => (one.loss < found.loss ? one : found), settled[0] ?? tried[0]), after = updates(settings.steps);
    const words = settled.length ? `The lowest, ${formatNumber(best.loss)}, is left by the rate ${formatNumber(best.lr, 3)}.` : "Every rate diverges.";
    attributes(canvas, { "aria-label": `The loss after ${after} over the learning rate, both on log scales. ${words}` });
  }

  /** Axes with their names. */
  frame(ctx, theme, { left, right, top, bottom }, [across, up]) {
    ctx.beginPath();
    for (const [at] of across) segment(ctx, [at, top], [at, bottom + 4]);
    for (const [at] of up) segment(ctx, [left - 4, at], [right, at]);
    ctx.rect(left, top, right - left, bottom - top);
    stroke(ctx, plain(theme.grid));
    Object.assign(ctx, { fillStyle: theme.quiet, textBaseline: "middle", textAlign: "center" });
    for (const [at, text] of across) ctx.fillText(text, at, bottom + 12);
    ctx.textAlign = "right";
    for (const [at, text] of up) ctx.fillText(text, left - 7, at);
    Object.assign(ctx, { fillStyle: theme.ink, textAlign: "center" });
    ctx.fillText("learning rate, log scale", (left + right) / 2, HIGH - 8);
    ctx.save();
    ctx.translate(9, (top + bottom) / 2);
    ctx.rotate(-Math.PI / 2);
    ctx.fillText("loss, log scale", 0, 0);
    ctx.restore();
  }

  /** The rates that diverge, shaded from the first of them on. */
  beyond(ctx, theme, { right, top, bottom }, x) {
    const limit = this.alive.ahead.limit, from = this.tried.find((one) => one.diverged);
    if (!from) return;
    const edge = x(limit !== null && limit < from.lr ? limit : from.lr);
    ctx.beginPath();
    ctx.rect(edge, top, right - edge, bottom - top);
    fill(ctx, theme.fitted.colour, 0.14);
    Object.assign(ctx, { fillStyle: theme.ink, textAlign: "right" });
    if (right - edge > ctx.measureText("diverges").width + 8) ctx.fillText("diverges", right - 4, bottom - 10);
  }
}
