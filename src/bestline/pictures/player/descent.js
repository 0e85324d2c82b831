/**
 * Descent on a bowl: the steps of SGD, momentum, Nesterov and Adam, as torch.optim makes them, and what is known of them before.
 *
 *     w <- w - rate * gradient(w)
 *
 * Along a direction of curvature c a step multiplies the distance to the bottom by 1 - rate c; with momentum it follows a
 * recurrence of two terms. So the largest stable rate and the number of steps are known without making them, by the same
 * formulas as Python's `rate_limits`.
 */

import { evaluate, gapOf } from "./bowl.js";
import { dot } from "./linear.js";

export const OPTIMIZERS = ["sgd", "momentum", "nesterov", "adam"];
const EXPLODED = 1e6; // times the loss of the start, or of predicting the mean, whichever is larger
const AT_LIMIT = 1e-9; // relative: rates that near to their limit neither converge nor diverge
const HORIZON = 1e9; // steps nobody waits for
const WINDOW = 64; // steps looked at together
const SHARES = [0.99, 0.999]; // of the reducible loss

/**
 * @typedef {import("./bowl.js").Bowl} Bowl
 * @typedef {{optimizer: string, lr: number, momentum: number, steps: number}} Knobs
 * @typedef {{weights: Float64Array[], gradients: Float64Array[], loss: number[], gap: number[], stop: "steps" | "diverged", at: number, limit: number | null}} Walk
 */

/** What an optimiser does with weights and gradient, in place; it remembers what it needs. */
export function mover({ optimizer, lr, momentum }, d) {
  const first = new Float64Array(d), second = new Float64Array(d);
  let made = 0;
  if (optimizer === "adam") {
    const [b1, b2] = [0.9, 0.999];
    return (w, g) => {
      made += 1;
      const pace = lr / (1 - b1 ** made), root = Math.sqrt(1 - b2 ** made);
      for (let j = 0; j < d; j++) {
        first[j] += (1 - b1) * (g[j] - first[j]);
        second[j] = b2 * second[j] + (1 - b2) * g[j] * g[j];
        w[j] -= (pace * first[j]) / (Math.sqrt(second[j]) / root + 1e-8);
      }
    };
  }
  const b = optimizer === "sgd" ? 0 : momentum;
  return (w, g) => {
    for (let j = 0; j < d; j++) {
      first[j] = b * first[j] + g[j];
      w[j] -= lr * (optimizer === "nesterov" ? g[j] + b * first[j] : first[j]);
    }
  };
}

/**
 * A whole run from `start`, weights as trained: K updates leave K + 1 rows, each with the loss at its weights, in the data's units.
 * It ends where Python's loop would: at a loss that is no number or has exploded, or after all its steps.
 * @type {(bowl: Bowl, start: ArrayLike<number>, knobs: Knobs) => Walk}
 */
export function descend(bowl, start, knobs) {
  const w = Float64Array.from(start), g = new Float64Array(bowl.d), move = mover(knobs, bowl.d), limit = stableRate(bowl, knobs);
  const weights = [], gradients = [], loss = [], gap = [], above = new Float64Array(1), away = new Float64Array(bowl.d);
  let stop = /** @type {Walk["stop"]} */ ("steps"), ceiling = 0, at = 0;
  for (; ; at++) {
    const now = evaluate(bowl, w, g, above, away);
    if (!Number.isFinite(now) || !g.every(Number.isFinite)) {
      stop = "diverged";
      break;
    }
    weights.push(w.slice());
    gradients.push(g.slice());
    loss.push(now);
    gap.push(bowl.ridge ? gapOf(bowl, w) : above[0]);
    // A start at the very bottom has no loss to speak of: then what predicting the mean costs is the measure.
    if (!at) ceiling = EXPLODED * Math.max(now, bowl.reference);
    if (ceiling > 0 && now > ceiling) stop = "diverged";
    if (stop === "diverged" || at >= knobs.steps) break;
    move(w, g);
  }
  const last = loss.length - 1, there = last < 0 || gap[last] <= Math.max(1e-9 * loss[last], 1e-15 * bowl.reference);
  // Above the limit the error along the steepest direction grows in every step, however few there were.
  if (at && !there && limit !== null && knobs.lr > limit * (1 + AT_LIMIT)) stop = "diverged";
  return { weights, gradients, loss, gap, stop, at, limit };
}

const beta = ({ optimizer, momentum }) => (optimizer === "sgd" ? 0 : momentum);

/**
 * The rate below which descent converges and above which it diverges; null where there is none: of Adam, or without any curvature.
 * @type {(bowl: Bowl, knobs: {optimizer: string, momentum: number}) => number | null}
 */
export function stableRate({ directions: { values } }, knobs) {
  if (knobs.optimizer === "adam" || !values.length) return null;
  const b = beta(knobs), largest = 2 * values[0];
  return knobs.optimizer === "nesterov" ? (2 * (1 + b)) / ((1 + 2 * b) * largest) : (2 * (1 + b)) / largest;
}

/**
 * The directions of the bowl: second derivative along each, and the loss above the least that lies along it at the start.
 * @type {(bowl: Bowl, start: ArrayLike<number>) => {curvature: number[], energy: number[], gap: number}}
 */
export function modesOf({ directions: { values, vectors }, goal, unit }, start) {
  const away = Float64Array.from(goal, (v, j) => start[j] - v), energy = values.map((v, k) => v * dot(vectors[k], away) ** 2 * unit);
  return { curvature: values.map((v) => 2 * v), energy, gap: energy.reduce((sum, v) => sum + v, 0) };
}

/** Factor of the first step along a direction, sum and product of the two roots of its recurrence. */
function roots(pull, b, nesterov) {
  const first = nesterov ? 1 - (1 + b) * pull : 1 - pull;
  return { first, trace: first + b, product: nesterov ? b * (1 - pull) : b };
}

/** How far a direction can be from the bottom after t steps, in units of the start: at the height of its swing. */
function reachOf(pull, b, nesterov) {
  const { first, trace, product } = roots(pull, b, nesterov), square = trace ** 2 - 4 * product, apart = Math.sqrt(Math.abs(square));
  let big = (trace + (trace < 0 ? -apart : apart)) / 2, small = big === 0 ? 0 : product / big, gain = Math.abs(first - small);
  if (square < 0) {
    gain = Math.hypot(first - trace / 2, apart / 2);
    big = small = Math.sqrt(Math.max(product, 0));
  }
  [big, small] = [Math.abs(big), Math.abs(small)];
  return (t) => {
    const power = big ** (t - 1), lesser = small ** t;
    return lesser + gain * Math.min(t * power, (big * power + lesser) / Math.max(apart, 1e-300));
  };
}

/** Distance along a direction after t and t + 1 steps, in units of the start: powers of the recurrence's matrix, by squaring. */
function after(t, { first, trace, product }) {
  let [now, then] = [1, first], [a, b, c, d] = [0, 1, -product, trace];
  for (let left = t; left > 0; left = Math.floor(left / 2)) {
    if (left % 2) [now, then] = [a * now + b * then, c * now + d * then];
    [a, b, c, d] = [a * a + b * c, a * b + b * d, c * a + d * c, c * b + d * d];
  }
  return [now, then];
}

/**
 * The step from which on the loss stays at most `left` above its least; Infinity beyond a billion, or above the limit.
 * @type {(modes: ReturnType<typeof modesOf>, knobs: {optimizer: string, lr: number, momentum: number}, left: number) => number}
 */
export function foreseen({ curvature, energy, gap }, knobs, left) {
  const b = beta(knobs), nesterov = knobs.optimizer === "nesterov", pulls = curvature.map((c) => c * knobs.lr);
  if (gap <= left) return 0;
  const reach = pulls.map((pull) => reachOf(pull, b, nesterov)), enough = (t) => reach.reduce((sum, of, i) => sum + energy[i] * of(t) ** 2, 0) <= left;
  // Later than any direction still grows: t l^t with l^2 <= b turns at -2 / log b.
  let low = b ? Math.ceil(1 - 4 / Math.log(b)) : 1, high = enough(low) ? low : HORIZON;
  if (!enough(high)) return Infinity;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (enough(middle)) high = middle;
    else low = middle;
  }
  if (!b) return high;
  // The bound is near: windows before it are made exactly, the last step above is the answer.
  const each = pulls.map((pull) => roots(pull, b, nesterov));
  for (let end = high; ; end = Math.max(end - WINDOW, 0)) {
    const begin = Math.max(end - WINDOW, 0), states = each.map((one) => after(begin, one));
    let found = -1;
    for (let i = 0; i < WINDOW; i++) {
      if (states.reduce((sum, [now], j) => sum + energy[j] * now * now, 0) > left) found = begin + i + 1;
      states.forEach(([now, then], j) => (states[j] = [then, each[j].trace * then - each[j].product * now]));
    }
    if (found >= 0) return found;
  }
}

/**
 * The rate with the fewest steps from this start until 0.1% of the reducible loss remains; null where no limit is known.
 * @type {(bowl: Bowl, start: ArrayLike<number>, knobs: {optimizer: string, momentum: number}) => number | null}
 */
export function fastestRate(bowl, start, knobs) {
  const limit = stableRate(bowl, knobs), modes = modesOf(bowl, start);
  if (limit === null || !(modes.gap > 0)) return null;
  // Rates are tried as shares of the limit; the best lies near it when the curvatures are alike, at about half when they are not.
  let best = null, fewest = Infinity;
  for (let i = 0; i < 93; i++) {
    const lr = (0.05 + (0.92 * i) / 92) * limit, steps = foreseen(modes, { ...knobs, lr }, 1e-3 * modes.gap);
    if (steps < fewest) [best, fewest] = [lr, steps];
  }
  return best ?? 1 / (2 * bowl.directions.values[0]);
}

/**
 * Steps until 1% and until 0.1% of the reducible loss remains, foreseen; null = never, or not within a billion (of Adam, whose
 * steps are made to be counted: not within `most`).
 * @type {(bowl: Bowl, start: ArrayLike<number>, knobs: Knobs, most?: number) => (number | null)[]}
 */
export function foresight(bowl, start, knobs, most = 1000) {
  const { gap } = modesOf(bowl, start), limit = stableRate(bowl, knobs), walk = knobs.optimizer === "adam" ? descend(bowl, start, { ...knobs, steps: most }) : null;
  if (!bowl.directions.values.length) return [0, 0];
  return SHARES.map((share) => {
    const left = leftOf(bowl, start, gap, share);
    if (walk) return arrival(walk, left);
    if (limit !== null && knobs.lr >= limit) return null;
    const steps = foreseen(modesOf(bowl, start), knobs, left);
    return Number.isFinite(steps) ? steps : null;
  });
}

/** What remains of the objective above its least when a share of the way is made; rounding of the start's loss is nothing. */
function leftOf(bowl, start, gap, share) {
  const own = bowl.ridge ? bowl.ridge.reduce((sum, v, j) => sum + v * bowl.goal[j] ** 2, 0) * bowl.unit : 0;
  const least = evaluate(bowl, bowl.goal, new Float64Array(bowl.d)) + own;
  return Math.max((1 - share) * gap, 1e-15 * (gap + least));
}

/** The step from which on a walk stays within `left` of the least; null if it has not come there. */
function arrival({ gap, stop }, left) {
  let t = gap.length;
  while (t > 0 && gap[t - 1] <= left) t--;
  return t < gap.length && stop !== "diverged" ? t : null;
}

/**
 * The same of a walk, as it happened.
 * @type {(bowl: Bowl, walk: Walk) => (number | null)[]}
 */
export const happened = (bowl, walk) => SHARES.map((share) => arrival(walk, leftOf(bowl, walk.weights[0], walk.gap[0], share)));
