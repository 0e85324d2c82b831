/**
 * The trainer: what the page can turn, and the run that comes of it.
 *
 * It holds the settings of one run (rate, optimiser, start, ...) and the moments of the columns; a run and the ground under it
 * follow from these alone. What is shown of a run has the form that a session has it in.
 */

import { clamp, extent, formatNumber } from "./numbers.js";
import { bowlOf, evaluate, momentsFrom, momentsOf, scalingOf, sliceOf, toData, toTrained } from "./bowl.js";
import { descend, fastestRate, foresight, happened, OPTIMIZERS, stableRate } from "./descent.js";

const SEEN = 1e4; // times the loss of the start: what has grown beyond cannot be drawn
const MANY = 12; // weights whose steps take long to make
const FURTHEST = 1e12; // of a start that is typed, times what is natural

/**
 * @typedef {{optimizer: string, lr: number, momentum: number, steps: number, standardize: boolean, start: number[]}} Settings
 */

export class Trainer {
  session; told; recorded;
  /** @type {boolean} */ moved;
  /** @type {Settings} */ settings;
  /** @type {number[]} */ index;
  /** @type {number[]} */ shownWeights;
  /** @type {import("./bowl.js").Moments} */ moments;
  /** @type {import("./bowl.js").Bowl | null} */ held;
  /** @type {{standardized: import("./bowl.js").Bowl, plain: import("./bowl.js").Bowl}} */ bowls;
  /** @type {number} */ version;
  /** @type {import("./descent.js").Walk} */ walk;
  /** @type {Float64Array[]} */ data;

  constructor(session) {
    const told = session.live, [run] = session.runs;
    Object.assign(this, { session, told, recorded: run, moved: false });
    this.settings = /** @type {Settings} */ ({ ...told.run, start: [...told.run.start] });
    this.index = session.ground.names.map((name) => told.names.indexOf(name));
    this.shownWeights = run.names.map((name) => told.names.indexOf(name));
    this.learn(momentsFrom(told), told.sides);
    this.held = told.held_out ? bowlOf(momentsFrom(told.held_out), scalingOf(momentsFrom(told.held_out), false, told), { intercept: told.intercept, ridge: null }) : null;
  }

  /** The bowls of some moments, over the weights in the data's units and as standardised; `known` are those of Python. */
  learn(moments, known = null) {
    const { told } = this, side = (name, standardize) => {
      const scaling = known?.[name] ?? scalingOf(moments, standardize, told);
      return bowlOf(moments, scaling, told, known?.[name] ?? null);
    };
    this.moments = moments;
    this.version = (this.version ?? 0) + 1;
    this.bowls = { standardized: side("standardized", true), plain: side("plain", false) };
  }

  /** Rows in place of those that there were: the bowl is theirs. */
  take(columns, w) {
    this.moved = true;
    this.learn(momentsOf(columns, w));
  }

  /** The bowl of the recorded rows again. */
  giveBack() {
    if (this.moved) this.learn(momentsFrom(this.told), this.told.sides);
    this.moved = false;
  }

  /** The rows, bowl and settings as they were. */
  reset() {
    this.giveBack();
    this.settings = { ...this.told.run, start: [...this.told.run.start] };
  }

  /** Another run on the same bowls, its settings changed; this one stays as it is. */
  beside(changes) {
    const other = /** @type {Trainer} */ (Object.assign(Object.create(Trainer.prototype), this));
    other.turn(changes);
    return other;
  }

  get bowl() {
    return this.bowls[this.settings.standardize ? "standardized" : "plain"];
  }

  /** Where the run starts, in the columns as trained. */
  get start() {
    return toTrained(this.bowl, this.settings.start);
  }

  /** The start, in the data's units, whose weights on the axes of a ground are these: of the data, or as trained. */
  startAt(place, trained) {
    const { settings, bowls, index } = this, bowl = bowls.standardized, start = trained ? toTrained(bowl, settings.start) : Float64Array.from(settings.start);
    place.forEach((v, axis) => (start[index[axis]] = v));
    return trained ? toData(bowl, start) : start;
  }

  /** A rate of about the right size, for optimisers without a limit: a twentieth of the way to the bottom. */
  get usual() {
    const { bowl, start } = this;
    return Math.max(...bowl.goal.map((v, j) => Math.abs(v - start[j])), 0) / 20 || 0.1;
  }

  /** Take settings that are in bounds, and leave the others as they are; what was changed. */
  turn(changes) {
    const { settings, told } = this, next = { ...settings }, number = (v) => typeof v === "number" && Number.isFinite(v);
    if (OPTIMIZERS.includes(changes.optimizer)) {
      next.optimizer = changes.optimizer;
      if (["momentum", "nesterov"].includes(next.optimizer) && !next.momentum) next.momentum = 0.9;
      if (!["momentum", "nesterov"].includes(next.optimizer)) next.momentum = 0;
    }
    if (number(changes.momentum) && next.optimizer !== "adam") {
      next.momentum = clamp(changes.momentum, 0, 0.999);
      if (next.optimizer === "sgd" && next.momentum) next.optimizer = "momentum";
    }
    if (number(changes.lr) && changes.lr > 0) next.lr = clamp(changes.lr, 1e-300, 1e300);
    if (number(changes.steps)) next.steps = clamp(Math.round(changes.steps), 0, told.most);
    if (typeof changes.standardize === "boolean") next.standardize = changes.standardize;
    if (changes.start) next.start = told.names.map((name, j) => (number(changes.start[name]) && Math.abs(changes.start[name]) < this.furthest(j) ? changes.start[name] : settings.start[j]));
    this.settings = next;
  }

  /** How far a start may lie from zero: beyond it squares of losses leave the numbers that there are. */
  furthest(j) {
    const { bottom } = this.bowls.plain, spread = Math.sqrt(this.bowls.plain.reference / Math.max(this.bowls.plain.S[j]?.[j] ?? 1, 1e-300));
    return FURTHEST * Math.max(Math.abs(bottom[j]), spread, 1);
  }

  /** The run of these settings, and what was foreseen of it. */
  train() {
    const { bowl, settings } = this, walk = descend(bowl, this.start, settings);
    this.walk = walk;
    this.data = walk.weights.map((w) => toData(bowl, w));
    return this.shown();
  }

  /** What was foreseen of the run, what happened, and the rates that are marked. */
  foresee(before = null) {
    const { bowl, settings, start, walk } = this, limit = stableRate(bowl, settings), many = bowl.d > 2, made = settings.optimizer === "adam" && bowl.d > MANY;
    // While something moves, what takes long to foresee stays as it was `before`.
    const fastest = before && many ? before.fastest : fastestRate(bowl, start, settings), foreseen = before && made ? before.foreseen : foresight(bowl, start, settings);
    return { limit, fastest, foreseen, happened: happened(bowl, walk) };
  }

  /** The run as a session has it. */
  shown() {
    const { walk, data, bowl, settings, told, recorded } = this, first = Math.max(walk.loss[0], 1e-300);
    const cut = walk.stop === "diverged" ? walk.loss.findIndex((v) => v > SEEN * first) : -1, many = cut < 0 ? walk.loss.length : Math.max(2, cut + 1);
    const rows = data.slice(0, many), step = rows.map((_, k) => k), last = walk.loss.length - 1, gap = walk.gap.slice(0, many);
    const changed = this.moved || this.changed, near = happened(bowl, walk)[0];
    // Of the run that Python made all that was said of it stays.
    const { held } = this, heldOut = held && rows.map((w) => evaluate(held, w, new Float64Array(held.d)));
    const said = changed ? { label: this.named(), stop: walk.stop, advice: this.advice(), kept: walk.at, best: heldOut && leastOf(heldOut) } : null;
    return {
      ...recorded, held_out: heldOut, ...said, optimizer: settings.optimizer, rate: settings.lr, limit: walk.limit, step,
      weights: this.shownWeights.map((j) => rows.map((w) => w[j])), loss: walk.loss.slice(0, many), gap,
      ...this.ways(rows, "data"), trained: settings.standardize ? this.ways(rows, "trained") : null,
      predicted: null, predict: this.session.data?.features ? ({ role }, t) => this.predicted((role === "held_out" ? this.session.data.held_out : this.session.data).features, rows[t]) : null,
      updates: { walk, knobs: { ...settings }, names: told.names, standardized: settings.standardize },
      last: { step: last, loss: walk.loss[last], gap: walk.gap[last], near }, diverged: walk.stop === "diverged", steps_to_99: near, live: true,
    };
  }

  get changed() {
    const { settings, told: { run } } = this;
    return ["optimizer", "lr", "momentum", "steps", "standardize"].some((name) => settings[name] !== run[name]) || settings.start.some((v, j) => v !== run.start[j]);
  }

  /** A run by its solver, as Python labels it. */
  named() {
    const { optimizer, lr, momentum } = this.settings, by = ["momentum", "nesterov"].includes(optimizer) && momentum !== 0.9 ? ` ${formatNumber(momentum, 3)}` : "";
    return `${optimizer}${by}, lr ${formatNumber(lr)}${this.settings.standardize === this.told.run.standardize ? "" : this.settings.standardize ? ", standardised" : ", columns as they are"}`;
  }

  /** How and on what the run was trained, in words. */
  get subtitle() {
    const { optimizer, lr, standardize } = this.settings, n = this.moved ? this.session.data.y.length : this.told.rows;
    return `${optimizer}, lr ${formatNumber(lr)} on ${formatNumber(n, 9)} row${n === 1 ? "" : "s"}${this.moved ? ", changed by hand" : ""}; ${standardize ? "columns standardised for training, weights in the data's units" : "columns trained as they are"}`;
  }

  /** The path on a ground, a column an axis, and which way plain descent goes from each of its points. */
  ways(rows, side) {
    const { walk, bowl, index } = this, own = side === "data", path = index.map((j) => (own ? rows.map((w) => w[j]) : rows.map((_, k) => walk.weights[k][j])));
    const down = index.map(() => new Array(rows.length));
    let first = 0;
    rows.forEach((_, k) => {
      const all = own ? toData(bowl, walk.gradients[k], true) : walk.gradients[k];
      let size = 0;
      for (const j of index) size += all[j] * all[j];
      if (!k) first = size;
      // A billionth of the first is no direction any more, but rounding.
      index.forEach((j, axis) => (down[axis][k] = size > 1e-18 * first ? -all[j] : NaN));
    });
    return { path, down };
  }

  /** The path in the columns as trained of weights in the data's units, which were trained otherwise; null where they are not known. */
  trainedWay(rows) {
    const all = rows.map((w) => w && toTrained(this.bowls.standardized, w));
    return { path: this.index.map((j) => all.map((w) => (w ? w[j] : NaN))), down: null };
  }

  /** All steps of the run, in the data's units. */
  trace() {
    return { loss: [...this.walk.loss], weights: Object.fromEntries(this.told.names.map((name, j) => [name, this.data.map((w) => w[j])])) };
  }

  /** What weights predict for rows of which not all features are shown. */
  predicted(X, w) {
    return X.map((x) => x.reduce((sum, v, j) => sum + v * w[j], this.told.intercept ? w[x.length] : 0));
  }

  /** How the run ended, in words. */
  advice() {
    const { walk, settings } = this, last = walk.loss.length - 1, loss = formatNumber(walk.loss[last]);
    if (walk.stop !== "diverged") return `Made all ${formatNumber(last, 9)} steps: the loss is ${loss}, ${formatNumber(walk.gap[last], 3)} above that of the exact solution.`;
    const over = walk.limit !== null && settings.lr > walk.limit, grew = walk.loss[last] > walk.loss[0] ? `grew to ${loss}, from ${formatNumber(walk.loss[0])} at the start` : `is ${loss}, but at this rate it will grow without bound`;
    const remedy = over ? `The rate ${formatNumber(settings.lr)} is above the largest stable one, ${formatNumber(walk.limit)}; take ${formatNumber(this.stable, 2)} or less.` : "Take a smaller rate.";
    return `Diverged at step ${formatNumber(walk.at, 9)}: the loss ${grew}. ${remedy}`;
  }

  /** A rate that is stable, of few digits. */
  get stable() {
    return Number((0.9 * (this.walk.limit ?? this.settings.lr / 9)).toPrecision(2));
  }

  /** The grounds that the session has to show: over the data's weights, and over those as trained where they are others. */
  grounds() {
    const { settings, session } = this, point = this.told.point;
    const over = (name, bowl, before) => {
      const trained = name === "trained", ground = session[name], slice = (bowl.slice ??= sliceOf(bowl, this.index, trained ? toTrained(bowl, point) : point));
      const path = this.index.map((j) => (trained ? this.walk.weights : this.data).map((w) => w[j])), axes = before?.axes ?? session.ground.axes.map((axis) => `${axis} (as trained)`);
      return { ...(ground ?? session.ground), axes, even: trained, bowl: slice, grid: null, optimum: slice.center, floor: slice.floor, span: spanOf(ground?.span, slice, path, this.walk, trained), angle: ground?.angle };
    };
    return { ground: over("ground", this.bowls.plain, session.ground), trained: settings.standardize ? over("trained", this.bowls.standardized, session.trained) : null };
  }
}

/** Where a held-out loss is least, before the end; null where it falls until then. */
function leastOf(losses) {
  const step = losses.indexOf(extent(losses)[0]);
  return step >= 0 && step < losses.length - 1 ? { step, l2: null } : null;
}

/** The part of a ground to show: what was shown, as long as it holds start and bottom; else what holds the path and the bottom with some air. */
function spanOf(before, { center, factor }, path, { loss }, even) {
  const holds = (v, [lo, hi]) => v >= lo && v <= hi;
  if (before && center.every((v, i) => holds(v, before[i]) && holds(path[i][0], before[i]))) return before;
  const upto = loss.findIndex((v) => v > 4 * loss[0]), shown = path.map((column) => (upto < 0 ? column : column.slice(0, Math.max(upto, 1))));
  // An axis along which nothing moved is as wide as lifts the loss by a tenth of what the start is above the least.
  const lift = Math.sqrt(Math.max(loss[0], 1e-300) * 0.1), least = factor.map((_, i) => lift / (Math.hypot(...factor.map((row) => row[i])) || 1));
  const span = shown.map((column, i) => {
    let [lo, hi] = [center[i], center[i]];
    for (const v of column) [lo, hi] = [Math.min(lo, v), Math.max(hi, v)];
    if (hi - lo < 0.7 * least[i]) [lo, hi] = [(lo + hi - least[i]) / 2, (lo + hi + least[i]) / 2];
    const width = Math.max(hi - lo, 1e-6 * Math.abs(center[i]), 1e-12);
    return [Math.min(lo - 0.12 * width, center[i] - 0.45 * width), Math.max(hi + 0.12 * width, center[i] + 0.45 * width)];
  });
  const wide = Math.max(...span.map(([lo, hi]) => hi - lo));
  return even ? span.map(([lo, hi]) => [(lo + hi - wide) / 2, (lo + hi + wide) / 2]) : span;
}
