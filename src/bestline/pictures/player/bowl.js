/**
 * The squared loss of a table's rows as a function of the weights: a bowl, known in full from the moments of the columns.
 *
 *     loss(w, b) = floor + a' S a + (m' a + c)²        a, c: slopes and intercept less those of the bottom
 *
 * S are the covariances of the columns, m their means, as trained. Python's `Bowl` says the same with H = [S + m m', m; m', 1];
 * about the means the numbers are smaller, so that here no digits are lost where columns lie far from zero.
 */

import { dot, factorOf, principal, solution, unpacked } from "./linear.js";

/**
 * Means and covariances (divisor: the weight) of columns, the target last.
 * @typedef {{mean: number[], covariance: ArrayLike<number>[]}} Moments
 */
/**
 * How columns are shifted and scaled for training, the target last.
 * @typedef {{center: number[], scale: number[]}} Scaling
 */
/**
 * The bowl over the weights of the columns as trained; losses are in the data's units.
 * @typedef {{S: Float64Array[], m: Float64Array, intercept: boolean, d: number, bottom: Float64Array, floor: number, unit: number,
 *   reference: number, scaling: Scaling, ridge: number[] | null, directions: {values: number[], vectors: Float64Array[]},
 *   goal: Float64Array, rises: ArrayLike<number>[]}} Bowl
 */

/** Moments as a session has them: the covariances as an upper triangle. */
export const momentsFrom = ({ mean, covariance }) => ({ mean, covariance: unpacked(covariance, mean.length) });

/**
 * Moments of rows, given by column, the target last; `w` are weights of the rows.
 * @type {(columns: number[][], w?: number[] | null) => Moments}
 */
export function momentsOf(columns, w = null) {
  const n = columns[0].length, weight = w ?? new Array(n).fill(1), whole = weight.reduce((sum, v) => sum + v, 0);
  const average = (values) => values.reduce((sum, v, i) => sum + weight[i] * v, 0) / whole;
  // Twice: what rounding left in the first mean is small, and so are its digits.
  const mean = columns.map((column) => {
    // Of a column that never changes, its own value: else rounding would be its spread.
    if (column.every((v) => v === column[0])) return column[0];
    const first = average(column);
    return first + average(column.map((v) => v - first));
  });
  const away = columns.map((column, j) => column.map((v) => v - mean[j]));
  return { mean, covariance: away.map((a) => Float64Array.from(away, (b) => average(a.map((v, i) => v * b[i])))) };
}

/**
 * The scaling that training on these moments takes; columns `unscaled` are centred only, and without an intercept nothing is.
 * @type {(moments: Moments, standardize: boolean, how: {intercept: boolean, unscaled: number[]}) => Scaling}
 */
export function scalingOf({ mean, covariance }, standardize, { intercept, unscaled }) {
  if (!standardize) return { center: mean.map(() => 0), scale: mean.map(() => 1) };
  const spread = mean.map((v, j) => Math.hypot(Math.sqrt(Math.max(covariance[j][j], 0)), intercept ? 0 : v));
  return { center: mean.map((v) => (intercept ? v : 0)), scale: spread.map((v, j) => (v > 0 && !unscaled.includes(j) ? v : 1)) };
}

/**
 * The bowl of some moments in the columns as trained; `known` are bottom and floor where Python has told them.
 * @type {(moments: Moments, scaling: Scaling, how: {intercept: boolean, ridge: number[] | null}, known?: {bottom: number[], floor: number} | null) => Bowl}
 */
export function bowlOf({ mean, covariance }, scaling, { intercept, ridge }, known = null) {
  const p = mean.length - 1, d = p + Number(intercept), { center, scale } = scaling, unit = scale[p] ** 2;
  // The mean of a column centred by itself is 0 but for rounding, of which Adam would make whole steps.
  const trained = mean.map((v, j) => (Math.abs(v - center[j]) <= 2 ** -50 * Math.abs(v) ? 0 : (v - center[j]) / scale[j]));
  const joint = covariance.map((row, i) => Float64Array.from(row, (v, j) => v / scale[i] / scale[j]));
  const S = joint.slice(0, p).map((row) => row.slice(0, p)), m = Float64Array.from(trained.slice(0, p));
  const slopes = [...factorOf(S), ...(intercept ? [] : [m])], rises = intercept ? [...slopes.map((row) => [...row, 0]), [...m, 1]] : slopes;
  const fromAbout = (j, k) => joint[j][k] + (intercept ? 0 : trained[j] * trained[k]), h = Array.from({ length: p }, (_, j) => fromAbout(j, p));
  let { bottom, floor } = known ?? { bottom: null, floor: 0 };
  if (!bottom) {
    const best = solution(principal(slopes, p), h), least = fromAbout(p, p);
    bottom = [...best, ...(intercept ? [trained[p] - dot(m, best)] : [])];
    // What is within the rounding of the target's own second moment is nothing.
    floor = least - dot(best, h);
    floor = floor <= 4 * 2 ** -52 * least ? 0 : floor;
  }
  const penalised = ridge?.some((v) => v > 0) ? ridge : null;
  const directions = principal([...rises, ...(penalised ?? []).map((v, j) => bottom.map((_, i) => (i === j ? Math.sqrt(v) : 0)))], d);
  const bowl = { S, m, intercept, d, bottom: Float64Array.from(bottom), floor: floor * unit, unit, scaling, ridge: penalised, directions, rises };
  const reference = Math.max(joint[p][p] + (intercept ? 0 : trained[p] ** 2), 0) * unit;
  return { ...bowl, reference, goal: penalised ? solution(directions, pull(bowl, bowl.bottom)) : bowl.bottom };
}

/**
 * H times a vector of weights' changes.
 * @type {(bowl: {S: Float64Array[], m: Float64Array, intercept: boolean, d: number}, a: ArrayLike<number>, into?: Float64Array) => Float64Array}
 */
function pull({ S, m, intercept, d }, a, into = new Float64Array(d)) {
  const p = S.length;
  let along = intercept ? a[p] : 0;
  for (let j = 0; j < p; j++) along += m[j] * a[j];
  for (let i = 0; i < p; i++) {
    let sum = m[i] * along;
    const row = S[i];
    for (let j = 0; j < p; j++) sum += row[j] * a[j];
    into[i] = sum;
  }
  if (intercept) into[p] = along;
  return into;
}

/**
 * The loss in the data's units at weights as trained; the gradient of loss and ridge, as trained, is left in `gradient`, and how far
 * the loss is above its least in `above`.
 * @type {(bowl: Bowl, w: ArrayLike<number>, gradient: Float64Array, above?: Float64Array, away?: Float64Array) => number}
 */
export function evaluate(bowl, w, gradient, above = new Float64Array(1), away = new Float64Array(bowl.d)) {
  const { d, bottom, ridge, floor, unit } = bowl;
  for (let j = 0; j < d; j++) away[j] = w[j] - bottom[j];
  pull(bowl, away, gradient);
  let excess = 0;
  for (let j = 0; j < d; j++) {
    excess += away[j] * gradient[j];
    gradient[j] = 2 * (gradient[j] + (ridge ? ridge[j] * w[j] : 0));
  }
  above[0] = Math.max(excess, 0) * unit;
  return floor + above[0];
}

/**
 * Loss and ridge above their least, in the data's units.
 * @type {(bowl: Bowl, w: ArrayLike<number>) => number}
 */
export function gapOf(bowl, w) {
  const { d, goal, ridge, unit } = bowl, away = Float64Array.from({ length: d }, (_, j) => w[j] - goal[j]);
  const own = ridge ? away.reduce((sum, v, j) => sum + ridge[j] * v * v, 0) : 0;
  return Math.max(dot(away, pull(bowl, away)) + own, 0) * unit;
}

/**
 * The loss over some weights of a bowl, the others held still at `point`: a bowl again, in closed form, as the panels draw it.
 * @type {(bowl: Bowl, index: number[], point: ArrayLike<number>) => {center: number[], floor: number, curvature: number[][], factor: number[][]}}
 */
export function sliceOf({ rises, bottom, floor, unit }, index, point) {
  // loss = floor + |F (u - bottom)|², u the weights on the axes and F's other columns times what the point is off the bottom: least
  // squares for u, by Gram and Schmidt, whose triangle is all that is kept of F.
  const off = Array.from(point, (v, j) => (index.includes(j) ? 0 : bottom[j] - v)), left = rises.map((row) => dot(row, off)), square = Math.sqrt(unit);
  const columns = index.map((j) => rises.map((row) => row[j])), ways = [], factor = index.map(() => index.map(() => 0));
  columns.forEach((column, k) => {
    ways.forEach((way, i) => {
      factor[i][k] = dot(way, column);
      column.forEach((v, r) => (column[r] = v - factor[i][k] * way[r]));
    });
    factor[k][k] = Math.sqrt(dot(column, column));
    ways.push(column.map((v) => (factor[k][k] > 0 ? v / factor[k][k] : 0)));
  });
  const along = ways.map((way) => dot(way, left)), rest = left.map((v, r) => v - ways.reduce((sum, way, k) => sum + along[k] * way[r], 0));
  const center = index.map(() => 0);
  for (let k = index.length - 1; k >= 0; k--) {
    const known = center.reduce((sum, v, j) => sum + (j > k ? factor[k][j] * v : 0), 0);
    center[k] = factor[k][k] > 0 ? (along[k] - known) / factor[k][k] : 0;
  }
  const scaled = factor.map((row) => row.map((v) => v * square)), curvature = index.map((_, i) => index.map((_, j) => dot(scaled.map((row) => row[i]), scaled.map((row) => row[j]))));
  return { center: center.map((v, k) => v + bottom[index[k]]), floor: floor + dot(rest, rest) * unit, curvature, factor: scaled };
}

/**
 * Weights in the data's units, for the columns as trained.
 * @type {(bowl: {scaling: Scaling, intercept: boolean}, w: ArrayLike<number>) => Float64Array}
 */
export function toTrained({ scaling: { center, scale }, intercept }, w) {
  const p = center.length - 1, found = new Float64Array(p + Number(intercept));
  let moved = 0, size = 0;
  for (let j = 0; j < p; j++) {
    found[j] = w[j] * (scale[j] / scale[p]);
    moved += w[j] * center[j];
    size += Math.abs(w[j] * center[j]);
  }
  if (!intercept) return found;
  // At 0 but for rounding it is 0: there Adam would make whole steps of what is no gradient.
  const level = w[p] - center[p] + moved;
  found[p] = Math.abs(level) <= 2 ** -50 * (size + Math.abs(w[p]) + Math.abs(center[p])) ? 0 : level / scale[p];
  return found;
}

/**
 * Weights as trained, in the data's units; of `changes` of weights, which know nothing of where the target lies.
 * @type {(bowl: {scaling: Scaling, intercept: boolean}, w: ArrayLike<number>, changes?: boolean) => Float64Array}
 */
export function toData({ scaling: { center, scale }, intercept }, w, changes = false) {
  const p = center.length - 1, found = new Float64Array(p + Number(intercept));
  let moved = 0;
  for (let j = 0; j < p; j++) {
    found[j] = w[j] * (scale[p] / scale[j]);
    moved += found[j] * center[j];
  }
  if (intercept) found[p] = w[p] * scale[p] + (changes ? 0 : center[p]) - moved;
  return found;
}
