/**
 * The loss over one or two weights: how high it is anywhere, and its lines of equal height.
 *
 * For squared loss the ground is a bowl, known at every resolution: loss(u) = floor + |F (u − center)|², with curvature
 * H = F'F. Of any other loss the session has a grid of heights, and between its points the loss is taken to be bilinear.
 */

import { clamp } from "./numbers.js";

/**
 * Loss of a bowl: floor + |factor (u − center)|², at any resolution; the curvature is factor' factor.
 * @type {(bowl: {center: number[], floor: number, factor: number[][]}, a: number, b?: number) => number}
 */
export function bowlLoss({ center, floor, factor }, a, b) {
  const da = a - center[0], db = center.length > 1 ? b - center[1] : 0;
  return floor + factor.reduce((sum, [f, g = 0]) => sum + (f * da + g * db) ** 2, 0);
}

/**
 * Loss between the points of a grid, z[i][j] at y[i], x[j], which are evenly spaced: bilinear.
 * @type {(grid: {x: number[], y?: number[], z: number[][]}, a: number, b?: number) => number}
 */
export function gridLoss({ x, y, z }, a, b = undefined) {
  const place = (axis, v) => {
    if (axis.length < 2) return [0, 0];
    const at = clamp(((v - axis[0]) / (axis[axis.length - 1] - axis[0])) * (axis.length - 1), 0, axis.length - 1);
    const cell = Math.min(Math.floor(at), axis.length - 2);
    return [cell, at - cell];
  };
  const [j, s] = place(x, a);
  const [i, t] = b === undefined ? [0, 0] : place(y, b);
  const row = (r) => z[r][j] + (s ? s * (z[r][j + 1] - z[r][j]) : 0);
  return t ? row(i) + t * (row(i + 1) - row(i)) : row(i);
}

/** The loss over the weights of a ground, as a function of these. */
export function lossOver({ bowl, grid }) {
  if (!bowl) return (a, b) => gridLoss(grid, a, b);
  const { center: [x, y], floor, factor } = bowl;
  if (factor.length !== 2 || y === undefined) return (a, b) => bowlLoss(bowl, a, b);
  // Written out, for a picture asks a million times.
  const [[p, q], [r, s]] = factor;
  return (a, b) => floor + (p * (a - x) + q * (b - y)) ** 2 + (r * (a - x) + s * (b - y)) ** 2;
}

/**
 * Heights of contour lines, ascending, the first at the floor. They grow with the square of their number, so that those of a
 * round bowl are evenly spaced. In a long valley, where the path lies far below the corners, they do so up to the start only,
 * and grow by factors from there.
 * @type {(low: number, top: number, highest: number, bands?: number) => number[]}
 */
export function levels(low, top, highest, bands = 16) {
  const height = top - low;
  if (!(height > 0) || height <= 1e-12 * Math.abs(top)) return [low];
  const share = (highest - low) / height; // where the path begins, between floor and corners: small in a long valley
  const each = Array.from({ length: bands }, (_, i) => i);
  if (!(share > 0 && share <= 0.1)) return each.map((i) => low + height * (i / bands) ** 2);
  const start = Math.max(share, 1e-9), below = bands / 2;
  return each.map((i) => low + height * (i < below ? start * (i / below) ** 2 : start ** (1 - (i - below) / below)));
}

/** Segments of one contour through one cell with values at its corners (0, 0), (1, 0), (1, 1), (0, 1): marching squares. */
function cellLines([a, b, c, d], level) {
  // An edge is cut where one of its ends is below the level and the other is not, at the place that a straight line says.
  const cut = (p, q) => (level - p) / (q - p), sides = [];
  if (a < level !== b < level) sides.push([cut(a, b), 0]);
  if (b < level !== c < level) sides.push([1, cut(b, c)]);
  if (d < level !== c < level) sides.push([cut(d, c), 1]);
  if (a < level !== d < level) sides.push([0, cut(a, d)]);
  if (sides.length < 4) return sides.length ? [sides] : [];
  // A saddle: the middle says which corners belong together.
  const [south, east, north, west] = sides, joined = (a + b + c + d) / 4 < level === a < level;
  return joined ? [[south, east], [north, west]] : [[south, west], [north, east]];
}

/**
 * Segments [[x1, y1], [x2, y2]] of one contour of values[i][j] at ys[i], xs[j].
 * @type {(xs: number[], ys: number[], values: number[][], level: number) => number[][][]}
 */
export function contourLines(xs, ys, values, level) {
  const found = [];
  for (let i = 0; i + 1 < ys.length; i++) {
    for (let j = 0; j + 1 < xs.length; j++) {
      const place = ([u, v]) => [xs[j] + u * (xs[j + 1] - xs[j]), ys[i] + v * (ys[i + 1] - ys[i])];
      for (const ends of cellLines([values[i][j], values[i][j + 1], values[i + 1][j + 1], values[i + 1][j]], level)) found.push(ends.map(place));
    }
  }
  return found;
}

/**
 * The contour of a bowl at some height above its floor: an ellipse. With H = R'R it is center + inverse(R) of a circle.
 * @type {(bowl: {center: number[], curvature: number[][]}, height: number, n?: number) => number[][]}
 */
export function ellipse({ center, curvature: [[p, q], [, r]] }, height, n = 180) {
  // Cholesky: R = [[first, q / first], [0, second]]. Where the bowl is flat to rounding, r − (q / first)² may be 0 or less.
  const first = Math.sqrt(Math.max(p, 1e-300)), second = Math.sqrt(Math.max(r - (q / first) ** 2, 1e-12 * r, 1e-300));
  return Array.from({ length: n + 1 }, (_, i) => {
    // R (u − center) = √height (cos, sin), solved from its last row upwards.
    const angle = (2 * Math.PI * i) / n, b = (Math.sqrt(height) * Math.sin(angle)) / second;
    return [center[0] + (Math.sqrt(height) * Math.cos(angle) - (q / first) * b) / first, center[1] + b];
  });
}
