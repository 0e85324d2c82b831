/**
 * The bestline player: four linked panels that replay how a line was learnt, on plain 2-D canvases.
 *
 * It shows a session (schema 1): the rows, the loss over the weights, and every recorded step of one or several runs. It computes
 * nothing of training itself, draws recorded states only and never one in between, and asks no network for anything.
 *
 * Sections: numbers, scales and ticks, steps, landscape, projection, looks, drawing, panels, pieces of the page, player.
 */

// -- numbers --

const MINUS = "\u2212";
const SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** @type {(value: number, low: number, high: number) => number} */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

const finite = (values) => values.filter(Number.isFinite);
const grouped = (text) => text.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));

/** A number with a power of ten. */
function scientific(value, digits, padded = false) {
  const [mantissa, exponent] = Math.abs(value).toExponential(digits - 1).split("e");
  const power = String(Number(exponent)).replace(/./g, (c) => SUPERSCRIPT[c] ?? "⁻");
  return `${value < 0 ? MINUS : ""}${padded ? mantissa : Number(mantissa)}×10${power}`;
}

/** How far a list reaches, without the limits on the number of arguments that Math.min(...list) has. */
export function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const v of values) {
    if (!Number.isFinite(v)) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return low <= high ? [low, high] : [0, 1];
}

/**
 * A number as people read it: some digits, commas, powers of ten where it is very large or small.
 * @param {number | null | undefined} value
 * @param {number} [digits] significant digits
 * @param {boolean} [padded] keep trailing zeros, so that a running number keeps its width
 * @returns {string}
 */
export function formatNumber(value, digits = 4, padded = false) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const sign = value < 0 ? MINUS : "";
  const rounded = Number(Math.abs(value).toPrecision(digits));
  if (rounded >= 1e9 || rounded < 1e-4) return scientific(value, digits, padded);
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(rounded)));
  return sign + grouped(padded ? rounded.toFixed(decimals) : String(Number(rounded.toFixed(decimals))));
}

/** A long name with its middle left out; the start and the end tell names apart. */
export function shorten(text, longest) {
  if (text.length <= longest) return text;
  const tail = Math.floor((longest - 1) * 0.4);
  return `${text.slice(0, longest - 1 - tail)}…${tail ? text.slice(-tail) : ""}`;
}

const whole = (k) => formatNumber(k, 9);
const updates = (k) => `${whole(k)} update${k === 1 ? "" : "s"}`;

// -- scales and ticks --

/**
 * About n round numbers between two ends.
 * @type {(lo: number, hi: number, n: number) => number[]}
 */
export function ticks(lo, hi, n) {
  if (!(hi > lo) || n < 1) return [lo];
  const raw = (hi - lo) / n;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * ([1, 2, 2.5, 5].find((m) => m * unit >= raw * 0.999) ?? 10);
  const found = [];
  for (let i = Math.ceil(lo / step - 1e-9); i <= Math.floor(hi / step + 1e-9); i++) found.push(Number((i * step).toPrecision(12)));
  return found;
}

/**
 * Powers of ten between two positive ends; with few of them 2 and 5 times these too, and within one decade plain ticks.
 * @type {(lo: number, hi: number, n: number) => number[]}
 */
export function logTicks(lo, hi, n) {
  if (!(lo > 0 && hi > lo)) return [];
  const decades = Math.log10(hi / lo);
  if (decades < 0.7) return ticks(lo, hi, n);
  const every = Math.max(1, Math.ceil(decades / n));
  const within = decades < n / 3 ? [1, 2, 5] : [1];
  const found = [];
  for (let e = Math.floor(Math.log10(lo)); e <= Math.ceil(Math.log10(hi)); e++) {
    if (e % every) continue;
    for (const m of within) found.push(Number((m * 10 ** e).toPrecision(12)));
  }
  return found.filter((v) => v >= lo * (1 - 1e-9) && v <= hi * (1 + 1e-9));
}

/** Labels of ticks with as many decimals as their distance needs. */
export function tickLabels(values) {
  const gaps = values.slice(1).map((v, i) => Math.abs(v - values[i]));
  const gap = Math.min(...gaps, Infinity), most = Math.max(...values.map(Math.abs));
  if (!Number.isFinite(gap)) return values.map((v) => formatNumber(v));
  if (most >= 1e7 || gap < 1e-5) return values.map((v) => (v === 0 ? "0" : scientific(v, Math.max(2, 1 + Math.ceil(Math.log10(most / gap))))));
  let decimals = Math.max(0, -Math.floor(Math.log10(gap) + 1e-9));
  if (Math.abs(gap * 10 ** decimals - Math.round(gap * 10 ** decimals)) > 1e-6) decimals++; // a quarter needs one more
  return values.map((v) => (v < 0 ? MINUS : "") + grouped(Math.abs(v).toFixed(decimals)));
}

const logLabels = (values) => values.map((v) => (v >= 1e-3 && v < 1e5 ? formatNumber(v) : formatNumber(v, 1).replace("1×", "")));

/**
 * From values to pixels, and back by `.invert`; of a logarithmic scale, what is not positive lies far below its lower end.
 * @type {(lo: number, hi: number, from: number, to: number, log?: boolean) => ((v: number) => number) & {invert(p: number): number}}
 */
export function scaleOf(lo, hi, from, to, log = false) {
  const into = log ? (v) => Math.log10(Math.max(v, lo * 1e-9)) : (v) => v;
  const a = into(lo), width = into(hi) - a || 1;
  const at = (v) => from + ((into(v) - a) / width) * (to - from);
  at.invert = (p) => {
    const v = a + ((p - from) / (to - from)) * width;
    return log ? 10 ** v : v;
  };
  return at;
}

const padded = ([lo, hi], share) => {
  const air = (hi - lo) * share || Math.abs(lo) * 0.1 || 1;
  return [lo - air, hi + air];
};

// -- steps --

/**
 * The steps that can be shown: every number of updates that some run recorded, ascending.
 * @type {(...runs: {step: number[]}[]) => number[]}
 */
export function framesOf(...runs) {
  return [...new Set(runs.flatMap((run) => run.step))].sort((a, b) => a - b);
}

/**
 * The row of a run after k updates: that of its largest step not above k, so a run that has ended stays at its end.
 * @type {(steps: number[], k: number) => number}
 */
export function rowAt(steps, k) {
  let low = 0, high = steps.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (steps[middle] <= k) low = middle;
    else high = middle - 1;
  }
  return low;
}

const UNKNOWN = ["path", "weights", "loss", "held_out", "gap", "gradient", "line"];

/** A run with NaN where JSON has null: what is no number is then drawn nowhere, rather than at zero. */
export function withGaps(run) {
  const known = (v) => (Array.isArray(v) ? v.map(known) : v !== null && typeof v === "object" ? { slope: known(v.slope), intercept: known(v.intercept) } : (v ?? NaN));
  return { ...run, ...Object.fromEntries(UNKNOWN.filter((name) => run[name]).map((name) => [name, known(run[name])])) };
}

const SECONDS = 8; // a whole run at normal speed
const LONGEST_FRAME = 250; // ms: after a pause of the browser's own, playing goes on from where it was

/** Frames a second, so that a run plays in about eight seconds, and a short one at two frames a second. */
export const pace = (frames) => Math.max((frames - 1) / SECONDS, 2);

/**
 * The clock's next position. The time of an animation frame can lie before the click that started it: never step back.
 * @type {(position: number, elapsed: number, perSecond: number, last: number) => number}
 */
export function advance(position, elapsed, perSecond, last) {
  return clamp(position + (clamp(elapsed, 0, LONGEST_FRAME) / 1000) * perSecond, 0, last);
}

/** All steps of all runs as CSV (RFC 4180), every number with all its digits. */
export function csvOf(runs) {
  const cell = (v) => (v === null || v === undefined || Number.isNaN(v) ? "" : /[",\r\n]/.test(String(v)) ? `"${String(v).replaceAll('"', '""')}"` : String(v));
  const lines = [["run", "step", "loss", "held_out", "gap", "rate", ...runs[0].names]];
  for (const run of runs) {
    run.step.forEach((step, t) => {
      const weights = run.weights.map((column) => column[t]);
      lines.push([run.label, step, run.loss[t], run.held_out?.[t], run.gap?.[t], run.rate, ...weights]);
    });
  }
  return lines.map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** The line in words and numbers: `mpg = 46.2 − 0.00765 weight`; of many weights the first ones. */
export function equationOf(target, names, weights, more = 0, longest = 80) {
  const at = names.lastIndexOf("Intercept");
  let text = at >= 0 ? formatNumber(weights[at], 4, true) : "", left = 0;
  names.forEach((name, j) => {
    if (j === at) return;
    const size = `${formatNumber(Math.abs(weights[j]), 4, true)} ${shorten(name, 24)}`;
    if (left || (text.length + size.length > longest && j)) left += 1;
    else text += text ? ` ${weights[j] < 0 ? MINUS : "+"} ${size}` : `${weights[j] < 0 ? MINUS : ""}${size}`;
  });
  return `${shorten(target, 24)} = ${text || "0"}${left + more ? ` + ${left + more} more` : ""}`;
}

/**
 * What one row contributes to the loss and to the gradient: for squared loss, gradient = −2/W Σ w r [x, 1].
 * The parts of the gradient, each along the whole, add up to its length; null where the gradient vanishes.
 * @param {number[]} residuals y less prediction
 * @param {number[][]} X rows of features
 * @param {number[] | null} w weights of the rows
 * @param {number} i which row
 * @returns {{loss: number | null, gradient: number | null}}
 */
export function shares(residuals, X, w, i) {
  const weight = (j) => w?.[j] ?? 1;
  const whole = new Array(X[0].length + 1).fill(0);
  let loss = 0, size = 0;
  residuals.forEach((r, j) => {
    const pull = weight(j) * r;
    loss += pull * r;
    X[j].forEach((x, c) => (whole[c] += pull * x));
    whole[X[j].length] += pull;
    size += Math.abs(pull) * Math.hypot(1, ...X[j]);
  });
  const own = [...X[i], 1].map((x) => weight(i) * residuals[i] * x);
  const square = whole.reduce((sum, g) => sum + g * g, 0);
  const along = own.reduce((sum, g, c) => sum + g * whole[c], 0);
  return {
    loss: loss > 0 ? (weight(i) * residuals[i] ** 2) / loss : null,
    gradient: Math.sqrt(square) > 1e-6 * size ? along / square : null,
  };
}

// -- landscape --

/**
 * Loss of a bowl: floor + |factor (u − center)|², at any resolution; the curvature is factor' factor.
 * @type {(bowl: {center: number[], floor: number, factor: number[][]}, a: number, b?: number) => number}
 */
export function bowlLoss({ center, floor, factor }, a, b) {
  const da = a - center[0], db = center.length > 1 ? b - center[1] : 0;
  return floor + factor.reduce((sum, [f, g = 0]) => sum + (f * da + g * db) ** 2, 0);
}

/** Loss between the points of a grid, z[i][j] at y[i], x[j], which are evenly spaced: bilinear. */
export function gridLoss({ x, y, z }, a, b) {
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
export const lossOver = (ground) => (ground.bowl ? (a, b) => bowlLoss(ground.bowl, a, b) : (a, b) => gridLoss(ground.grid, a, b));

/**
 * Heights of contour lines, ascending, the first at the floor. They grow with the square of their number, so that those of a
 * round bowl are evenly spaced. In a long valley, where the path lies far below the corners, they do so up to the start only,
 * and grow by factors from there.
 * @type {(low: number, top: number, highest: number, bands?: number) => number[]}
 */
export function levels(low, top, highest, bands = 16) {
  const height = top - low;
  if (!(height > 0) || height <= 1e-12 * Math.abs(top)) return [low];
  const share = (highest - low) / height;
  const each = Array.from({ length: bands }, (_, i) => i);
  if (!(share > 0 && share <= 0.1)) return each.map((i) => low + height * (i / bands) ** 2);
  const start = Math.max(share, 1e-9), below = bands / 2;
  return each.map((i) => low + height * (i < below ? start * (i / below) ** 2 : start ** (1 - (i - below) / below)));
}

/** Segments of one contour through one cell with values at its corners (0, 0), (1, 0), (1, 1), (0, 1): marching squares. */
function cellLines([a, b, c, d], level) {
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
  const first = Math.sqrt(Math.max(p, 1e-300)), second = Math.sqrt(Math.max(r - (q / first) ** 2, 1e-12 * r, 1e-300));
  return Array.from({ length: n + 1 }, (_, i) => {
    const angle = (2 * Math.PI * i) / n, b = (Math.sqrt(height) * Math.sin(angle)) / second;
    return [center[0] + (Math.sqrt(height) * Math.cos(angle) - (q / first) * b) / first, center[1] + b];
  });
}

const spaced = ([lo, hi], n) => Array.from({ length: n + 1 }, (_, i) => lo + ((hi - lo) * i) / n);

/** Losses of the path of a run that lie within a span; of a diverged run only its beginning does. */
function lossesInView(ground, runs) {
  const inside = (run, t) => run.path.every((column, i) => column[t] >= ground.span[i][0] && column[t] <= ground.span[i][1]);
  return runs.flatMap((run) => run.loss.filter((_, t) => inside(run, t)));
}

// -- projection --

const BOX = 1.15; // height of the box, whose floor is two wide

/**
 * A camera that looks at the box from one side and from above, and fits it into a rectangle.
 * @param {{left: number, top: number, right: number, bottom: number}} area
 * @param {{azimuth: number, elevation: number}} view in radians
 */
export function camera({ left, top, right, bottom }, { azimuth, elevation }) {
  const turn = [Math.cos(azimuth), Math.sin(azimuth)], tilt = [Math.cos(elevation), Math.sin(elevation)];
  const across = Math.abs(turn[0]) + Math.abs(turn[1]); // half the width of the box as seen from here
  const wide = (right - left) / 2 / across;
  const scale = Math.min((bottom - top) / 2 / (across * tilt[1] + (BOX / 2) * tilt[0]), wide);
  const stretch = Math.min(1.5 * scale, wide); // a wide panel shows a wider box
  return { x: (left + right) / 2, y: (top + bottom) / 2, scale, stretch, turn, tilt };
}

/**
 * A point of the box, x and y from −1 to 1 and z from 0 to 1, in pixels, with its distance from the eye.
 * @type {(point: number[], cam: ReturnType<typeof camera>) => number[]}
 */
export function project([x, y, z], cam) {
  const height = (z - 0.5) * BOX;
  const across = x * cam.turn[0] - y * cam.turn[1], away = x * cam.turn[1] + y * cam.turn[0];
  return [
    cam.x + cam.stretch * across,
    cam.y - cam.scale * (height * cam.tilt[0] + away * cam.tilt[1]),
    away * cam.tilt[0] - height * cam.tilt[1],
  ];
}

/** The part of a segment that lies within the square from −1 to 1, or null (Liang & Barsky 1984). */
export function clipSegment([x1, y1], [x2, y2]) {
  let from = 0, to = 1;
  for (const [start, way] of [[x1, x2 - x1], [y1, y2 - y1]]) {
    if (way === 0 && Math.abs(start) > 1) return null;
    if (way === 0) continue;
    const [enter, leave] = [(-1 - start) / way, (1 - start) / way].sort((a, b) => a - b);
    [from, to] = [Math.max(from, enter), Math.min(to, leave)];
  }
  return from < to ? [from, to].map((s) => [x1 + s * (x2 - x1), y1 + s * (y2 - y1)]) : null;
}

/** Where to stand so that the path is seen on the inside of the bowl: across from its start, never straight along an axis. */
function standpoint(ground, run) {
  const [dx, dy] = ground.span.map(([lo, hi], i) => (ground.optimum[i] - (run.path[i]?.[0] ?? lo)) / (hi - lo));
  const side = (dx || dy ? Math.atan2(dy, dx) : Math.PI / 4) + 0.6;
  const azimuth = Math.atan2(-Math.cos(side), -Math.sin(side)), quarter = Math.floor(azimuth / (Math.PI / 2)) * (Math.PI / 2);
  return { azimuth: quarter + clamp(azimuth - quarter, 0.5, Math.PI / 2 - 0.5), elevation: 0.56 };
}

// -- looks --

const SOLID = [];

/** Dashes are in widths of the line. The colours are those of Okabe & Ito (2008), as in every picture of the package. */
function look({ paper, ink, quiet, grid, bands, contour, blue, green, red, start, purple, sixth }) {
  const style = (colour, dash = SOLID, marker = "o", width = 2, size = 6) => ({ colour, dash, marker, width, size });
  return {
    paper, ink, quiet, grid, bands, contour,
    data: style(blue, SOLID, "o", 1, 6),
    held_out: style(purple, [5, 2], "D", 2, 6),
    true: style(green, [6, 3], "", 2.2),
    fitted: style(red, SOLID, "", 2.6),
    path: style(red),
    start: style(start, SOLID, "s", 1, 12),
    kept: style(green, [6, 2, 1, 2], "D", 1.6, 10),
    optimum: style(ink, SOLID, "X", 1.6, 11),
    floor: style(quiet, [1.2, 1.6], "", 1.8),
    reference: style(quiet, [4, 3], "", 1.4),
    gradient: style(ink, SOLID, ""),
    runs: [
      style(blue, SOLID, "o"),
      style(red, [6, 2], "s"),
      style(green, [1, 1.2], "^"),
      style(purple, [6, 2, 1, 2], "D"),
      style("#E69F00", [3, 1.5], "v"),
      style(ink, [8, 2, 1, 2, 1, 2], "P"),
      style(sixth, [4, 1, 1, 1], "X"),
    ],
  };
}

/** The two themes; their colours are those of `palette.py`, and a test holds them together. */
export const THEMES = {
  light: look({
    paper: "#ffffff", ink: "#1f2328", quiet: "#57606a", grid: "#e4e8ec", contour: "#5f8cae",
    bands: ["#f4f8fb", "#d5e5f1", "#a9c8df", "#79a5c6"],
    blue: "#0072B2", green: "#009E73", red: "#D55E00", start: "#E69F00", purple: "#CC79A7", sixth: "#56B4E9",
  }),
  dark: look({
    paper: "#14181d", ink: "#e8ecf0", quiet: "#9aa6b2", grid: "#2a323b", contour: "#5d8fb3",
    bands: ["#18222c", "#1f3444", "#2a4c64", "#3a6a8a"],
    blue: "#56B4E9", green: "#19c395", red: "#ff7a1a", start: "#F0E442", purple: "#CC79A7", sixth: "#F0E442",
  }),
};

/** How run i looks: alone like a path, among others by its own colour, dash and marker; beyond seven with another's dash. */
function runStyle(theme, i, many) {
  if (!many) return theme.path;
  const turn = Math.floor(i / theme.runs.length);
  return { ...theme.runs[i % theme.runs.length], dash: theme.runs[(i + turn) % theme.runs.length].dash };
}

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const css = (colour) => `rgb(${colour.map((c) => Math.round(clamp(c, 0, 255))).join(",")})`;

/** Colours of n bands, [r, g, b] from the lowest to the highest place. */
export function bandColours(bands, n) {
  const stops = bands.map(rgb);
  return Array.from({ length: n }, (_, i) => {
    const at = (i / Math.max(n - 1, 1)) * (stops.length - 1), cell = Math.min(Math.floor(at), stops.length - 2);
    return stops[cell].map((c, channel) => c + (at - cell) * (stops[cell + 1][channel] - c));
  });
}

// -- drawing --

const FONT = "12px system-ui, sans-serif";
const BOLD = `600 ${FONT}`;

const plain = (colour, width = 1) => ({ colour, dash: SOLID, width });

function stroke(ctx, { colour, dash, width }, alpha = 1) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.lineJoin = "round";
  ctx.globalAlpha = alpha;
  ctx.setLineDash(dash.map((d) => d * width));
  ctx.stroke();
  ctx.setLineDash(SOLID);
  ctx.globalAlpha = 1;
}

function fill(ctx, colour, alpha = 1, path = null) {
  ctx.fillStyle = colour;
  ctx.globalAlpha = alpha;
  path ? ctx.fill(path) : ctx.fill();
  ctx.globalAlpha = 1;
}

/** Add the segment between two places to the current path. */
function segment(ctx, [x1, y1], [x2, y2]) {
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
}

/** A line through places [x, y]; a place of no number leaves a gap. */
function trail(ctx, places, style, alpha) {
  let open = false;
  ctx.beginPath();
  for (const place of places) {
    const here = Boolean(place) && Number.isFinite(place[0] + place[1]);
    if (here) open ? ctx.lineTo(place[0], place[1]) : ctx.moveTo(place[0], place[1]);
    open = here;
  }
  stroke(ctx, style, alpha);
}

/** Corners of the markers that are no circle, for a size of two. */
const SHAPES = {
  s: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
  D: [[0, -1.15], [1.15, 0], [0, 1.15], [-1.15, 0]],
  "^": [[0, -1.15], [1.05, 0.8], [-1.05, 0.8]],
  v: [[0, 1.15], [1.05, -0.8], [-1.05, -0.8]],
  P: [[-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4], [1.1, 0.4], [0.4, 0.4], [0.4, 1.1], [-0.4, 1.1], [-0.4, 0.4], [-1.1, 0.4], [-1.1, -0.4], [-0.4, -0.4]],
};
SHAPES.X = SHAPES.P.map(([x, y]) => [(x - y) * 0.75, (x + y) * 0.75]);

/** Add a marker to the current path of a canvas, or to a Path2D. */
function shape(path, marker, [x, y], size) {
  const r = size / 2;
  if (!SHAPES[marker]) {
    path.moveTo(x + r, y);
    path.arc(x, y, r, 0, 2 * Math.PI);
    return;
  }
  SHAPES[marker].forEach(([dx, dy], i) => (i ? path.lineTo(x + r * dx, y + r * dy) : path.moveTo(x + r * dx, y + r * dy)));
  path.closePath();
}

/** One marker, ringed so that it stands out from whatever lies under it. */
function mark(ctx, theme, { marker, colour, size }, place, edge = theme.paper) {
  ctx.beginPath();
  shape(ctx, marker, place, size);
  stroke(ctx, plain(edge, 3));
  fill(ctx, colour);
}

/** Where a run is now. */
function ball(ctx, theme, style, place) {
  ctx.beginPath();
  shape(ctx, "o", place, 19);
  fill(ctx, style.colour, 0.22);
  mark(ctx, theme, { ...style, size: 11 }, place);
}

function arrow(ctx, theme, style, [x, y], [dx, dy], length) {
  const size = Math.hypot(dx, dy);
  if (!(size > 0 && Number.isFinite(size))) return;
  const [ux, uy] = [dx / size, dy / size], at = (along, aside) => [x + along * ux - aside * uy, y + along * uy + aside * ux];
  for (const one of [plain(theme.paper, style.width + 2.5), style]) {
    trail(ctx, [at(8, 0), at(length, 0)], one);
    trail(ctx, [at(length - 8, 4.5), at(length, 0), at(length - 8, -4.5)], one);
  }
}

/** Text that stays within bounds and off what was drawn or written before. */
class Labels {
  constructor(ctx, theme, { left, top, right, bottom }) {
    Object.assign(this, { ctx, theme, left, top, right, bottom, boxes: [] });
  }

  /** Keep places free. */
  block(radius, ...places) {
    for (const place of places) if (place) this.boxes.push([place[0] - radius, place[1] - radius, place[0] + radius, place[1] + radius]);
  }

  /** Write at the first of some anchors that is free; `must`: at the first one if none is. Whether it was. */
  write(text, [x, y], { colour = this.theme.ink, font = FONT, gap = 10, anchors = "right left above below", must = false } = {}) {
    const { ctx } = this, high = 14;
    ctx.font = font;
    const wide = ctx.measureText(text).width, mid = [x - wide / 2, y - high / 2];
    const at = {
      right: [x + gap, mid[1]], left: [x - gap - wide, mid[1]], above: [mid[0], y - gap - high], below: [mid[0], y + gap],
      aboveright: [x + gap / 2, y - gap - high], center: mid,
    };
    const inside = ([l, t]) => l >= this.left && l + wide <= this.right && t >= this.top && t + high <= this.bottom;
    const free = ([l, t]) => this.boxes.every((b) => l + wide + 2 < b[0] || l - 2 > b[2] || t + high <= b[1] || t >= b[3]);
    const order = anchors.split(" ").map((name) => at[name]), [first] = order;
    let place = order.find((p) => inside(p) && free(p));
    if (!place && !must) return false;
    place ??= order.find(inside) ?? [clamp(first[0], this.left, Math.max(this.right - wide, this.left)), clamp(first[1], this.top, this.bottom - high)];
    this.boxes.push([place[0], place[1], place[0] + wide, place[1] + high]);
    Object.assign(ctx, { textAlign: "left", textBaseline: "middle", lineJoin: "round", strokeStyle: this.theme.paper, lineWidth: 3.5, fillStyle: colour });
    ctx.strokeText(text, place[0], place[1] + high / 2);
    ctx.fillText(text, place[0], place[1] + high / 2);
    return true;
  }
}

const inset = ({ left, top, right, bottom }) => ({ left: left + 3, top: top + 3, right: right - 3, bottom: bottom - 3 });

const widest = (ctx, texts) => Math.max(12, ...texts.map((text) => ctx.measureText(text).width));

/** A text cut to a width in pixels. */
function cut(ctx, text, width) {
  let shown = text;
  for (let n = text.length - 1; n > 3 && ctx.measureText(shown).width > width; n--) shown = shorten(text, n);
  return shown;
}

/** The rectangle of a plot, with room for its labels as wide as they are, and its two scales. */
function plotArea(ctx, size, { xlim, ylim, log = false }) {
  ctx.font = FONT;
  const top = 8, bottom = size.height - 40, rows = clamp(Math.floor((bottom - top) / 36), 3, 9);
  const yTicks = log ? logTicks(...ylim, rows) : ticks(...ylim, rows);
  const yLabels = log && ylim[1] / ylim[0] > 5 ? logLabels(yTicks) : tickLabels(yTicks);
  const left = 26 + widest(ctx, yLabels);
  let columns = clamp(Math.floor((size.width - left) / 70), 3, 9), xTicks, xLabels;
  do {
    xTicks = ticks(...xlim, columns--);
    xLabels = tickLabels(xTicks);
  } while (columns > 1 && xTicks.length * (widest(ctx, xLabels) + 12) > size.width - left);
  const right = size.width - Math.max(10, widest(ctx, xLabels) / 2 + 2);
  const x = scaleOf(...xlim, left, right), y = scaleOf(...ylim, bottom, top, log);
  return { left, top, right, bottom, xTicks, xLabels, yTicks, yLabels, x, y };
}

const within = (area, [x, y]) => x >= area.left - 1 && x <= area.right + 1 && y >= area.top - 1 && y <= area.bottom + 1;

/** Axes with ticks and names, and lines of the grid where there is no landscape behind. */
function drawAxes(ctx, theme, size, area, [xlabel, ylabel], grid = true) {
  const { left, right, top, bottom, x, y } = area;
  ctx.beginPath();
  for (const v of area.xTicks) segment(ctx, [x(v), grid ? top : bottom], [x(v), bottom + 4]);
  for (const v of area.yTicks) segment(ctx, [left - 4, y(v)], [grid ? right : left, y(v)]);
  ctx.rect(left, top, right - left, bottom - top);
  stroke(ctx, plain(grid ? theme.grid : theme.quiet));
  Object.assign(ctx, { font: FONT, fillStyle: theme.quiet, textBaseline: "middle", textAlign: "center" });
  area.xTicks.forEach((v, i) => ctx.fillText(area.xLabels[i], x(v), bottom + 13));
  ctx.textAlign = "right";
  area.yTicks.forEach((v, i) => ctx.fillText(area.yLabels[i], left - 7, Math.max(y(v), 7)));
  Object.assign(ctx, { fillStyle: theme.ink, textAlign: "center" });
  ctx.fillText(cut(ctx, xlabel, right - left), (left + right) / 2, size.height - 9);
  ctx.save();
  ctx.translate(9, (top + bottom) / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.fillText(cut(ctx, ylabel, bottom - top), 0, 0);
  ctx.restore();
}

function clipped(ctx, { left, top, right, bottom }, draw) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, right - left, bottom - top);
  ctx.clip();
  draw();
  ctx.restore();
}

/** Rows of a path whose places the eye can tell apart, and one row for each gap, where the path leaves the picture. */
export function apart(places, gap) {
  const kept = [];
  let last;
  places.forEach((place, t) => {
    const here = place && Number.isFinite(place[0] + place[1]) ? place : null;
    if (here && last ? Math.hypot(here[0] - last[0], here[1] - last[1]) < gap : here === last) return;
    last = here;
    kept.push(t);
  });
  return kept;
}

/** A path in pixels, ready to be drawn up to any row. */
const pathOf = (places) => ({ places, line: apart(places, 0.7), dots: apart(places, 7) });

const sofar = ({ places, line }, t) => [...line.filter((r) => r < t), t].map((r) => places[r]);

/** The path of a run up to a row, on a ribbon of the paper's colour, with a dot for every step that has room. */
function drawPath(ctx, theme, style, path, t, alpha) {
  const places = sofar(path, t);
  trail(ctx, places, plain(theme.paper, style.width + 2.5), 0.75 * alpha);
  trail(ctx, places, style, alpha);
  ctx.beginPath();
  for (const r of path.dots) if (r <= t && path.places[r]) shape(ctx, "o", path.places[r], 4.4);
  fill(ctx, style.colour, alpha);
}

/** What lies outside the picture: a triangle at the edge, on the side where it is. */
function drawOutside(ctx, theme, style, area, [x, y], labels, text) {
  const at = [clamp(x, area.left + 8, area.right - 8), clamp(y, area.top + 8, area.bottom - 8)];
  ctx.save();
  ctx.translate(...at);
  ctx.rotate(Math.atan2(y - at[1], x - at[0]) + Math.PI / 2);
  mark(ctx, theme, { ...style, marker: "^", size: 13 }, [0, 0]);
  ctx.restore();
  labels.block(8, at);
  labels.write(text, at, { gap: 12, anchors: "left right below above" });
}

/** Which of some places is nearest to the pointer, within its reach. */
function nearest(places, [x, y], reach) {
  let found = null, best = reach;
  places.forEach((place, i) => {
    const away = place ? Math.hypot(place[0] - x, place[1] - y) : Infinity;
    if (away < best) [found, best] = [i, away];
  });
  return found;
}

// -- panels --
//
// A panel says what it is called (name, title, legend), draws what does not move (background, which returns where things are)
// and what does (draw), says in words what is seen (describe), and what lies under the pointer (pick). `view` is what is shown
// now: k, the row of each run, theme, styles, which runs are visible, the run that is followed (with its row), the toggles.

const EARLIER = 12; // faint lines

/** The visible runs with their rows and styles, the followed one last, so that it lies on top. */
function eachRun(view, draw) {
  const order = view.runs.map((_, i) => i).filter((i) => view.visible[i] && i !== view.follow);
  for (const i of view.visible[view.follow] ? [...order, view.follow] : order) draw(view.runs[i], i, view.rows[i], view.styles[i]);
}

function stepTip(view, run, t) {
  const held = run.held_out ? `, held-out ${formatNumber(run.held_out[t])}` : "";
  return `${view.many ? `${shorten(run.label, 28)}, ` : ""}step ${whole(run.step[t])}: loss ${formatNumber(run.loss[t])}${held}`;
}

/** Names of the runs beside their places, where they stand alone. */
function nameRuns(view, labels, places, crowd, anchors) {
  if (!view.many) return;
  eachRun(view, (run, i) => {
    const others = [...crowd, ...places.filter((_, j) => j !== i && view.visible[j])];
    if (places[i] && nearest(others, places[i], 34) === null) labels.write(shorten(run.label, 20), places[i], { gap: 12, anchors });
  });
}

/** Predictions for a part of the data at a row of a run's trace, between the points of a curve by straight lines; null if unknown. */
function predict(part, run, t) {
  if (part.x && run.curve) return part.x.map((x) => gridLoss({ x: run.curve.x, z: [run.curve.y[t]] }, x));
  if (part.x) return run.line && part.x.map((x) => run.line.slope[t] * x + run.line.intercept[t]);
  if (!part.X) return run.predicted[part.role][t];
  const p = part.X[0]?.length ?? 0, intercept = run.weights[p]?.[t] ?? 0;
  return part.X.map((x) => x.reduce((sum, v, j) => sum + v * run.weights[j][t], intercept));
}

/** Data space: the rows, and the line of each run; of several features, predicted against actual. */
function dataPanel({ data, runs }) {
  const diagonal = data.kind === "diagonal";
  const parts = [{ ...data, role: "data" }, ...(data.held_out ? [{ ...data.held_out, role: "held_out" }] : [])];
  const across = (part) => (diagonal ? part.y : part.x);
  const xs = extent(parts.flatMap(across)), ys = extent(parts.flatMap((part) => part.y));
  const xlim = padded(xs, 0.04), ends = padded(xs, 0.02), ylim = padded(reach(), 0.05);
  const kind = runs.some((run) => run.curve) ? "curve" : "line";
  const truth = diagonal ? { slope: 1, intercept: 0 } : data.truth;

  /** The values seen, and the predictions of all steps no worse than the start, as far as they leave the data readable. */
  function reach() {
    const room = 0.55 * (ys[1] - ys[0] || 1), probe = diagonal ? { role: "data", X: data.X?.slice(0, 60) } : { x: ends };
    let [lo, hi] = data.truth ? extent([...ys, ...predict(probe, { line: { slope: [data.truth.slope], intercept: [data.truth.intercept] } }, 0)]) : ys;
    for (const run of runs) {
      for (let t = 0; t < run.step.length; t += Math.ceil(run.step.length / 80)) {
        if (run.loss[t] > run.loss[0] * 1.01) continue;
        const [low, high] = extent(predict(probe, run, t) ?? ys);
        [lo, hi] = [Math.min(lo, Math.max(low, ys[0] - room)), Math.max(hi, Math.min(high, ys[1] + room))];
      }
    }
    return [lo, hi];
  }

  const lineAt = (area, { slope, intercept }, t) => ends.map((x) => [area.x(x), area.y((slope[t] ?? slope) * x + (intercept[t] ?? intercept))]);
  const drawn = (area, { line, curve }, t) => (line ? lineAt(area, line, t) : (curve?.x ?? []).map((x, i) => [area.x(x), area.y(curve.y[t][i])]));
  const rises = ({ line, curve }, t) => (line ? line.slope[t] >= 0 : curve.y[t].at(-1) >= curve.y[t][0]);

  /** Where the points are, and where the prediction says they should be. */
  function places(area, part, predicted) {
    const now = part.y.map((y, i) => [area.x(across(part)[i]), area.y(diagonal ? predicted[i] : y)]);
    return [now, predicted && now.map(([x], i) => [x, area.y(diagonal ? part.y[i] : predicted[i])])];
  }

  function drawPoints(ctx, view, part, [now], style) {
    const path = new Path2D(), held = part.role === "held_out", look = held ? view.theme.held_out : style;
    const size = clamp(9 - Math.log10(now.length) * 1.6, 3, 7);
    for (const place of now) shape(path, look.marker, place, size);
    if (!held) return fill(ctx, look.colour, now.length > 400 ? 0.5 : 0.75, path);
    Object.assign(ctx, { strokeStyle: look.colour, lineWidth: 1.6 });
    return ctx.stroke(path);
  }

  /** Residuals as lines; their squares as true squares on the screen, on the side where they do not cross the line. */
  function drawResiduals(ctx, view, [now, right], rising) {
    const lines = new Path2D(), squares = new Path2D(), crowd = clamp(60 / now.length, 0.12, 1);
    now.forEach(([x, y], i) => {
      const side = Math.abs(y - right[i][1]);
      segment(lines, [x, y], right[i]);
      squares.rect(y < right[i][1] === rising ? x - side : x, Math.min(y, right[i][1]), side, side);
    });
    Object.assign(ctx, { strokeStyle: view.style.colour, lineWidth: 1.2, globalAlpha: clamp(2 * crowd, 0.3, 0.85) });
    ctx.stroke(lines);
    if (view.squares) {
      ctx.globalAlpha = 0.5 * crowd;
      ctx.stroke(squares);
      fill(ctx, view.style.colour, 0.12 * crowd, squares);
    }
    ctx.globalAlpha = 1;
  }

  function drawLines(ctx, area, view) {
    if (view.visible[view.follow]) {
      const rows = new Set(Array.from({ length: EARLIER }, (_, n) => Math.round((n * view.row) / EARLIER)));
      for (const t of rows) if (t !== view.row) trail(ctx, drawn(area, view.run, t), plain(view.style.colour), 0.28);
    }
    eachRun(view, (run, i, t, style) => {
      trail(ctx, drawn(area, run, t), plain(view.theme.paper, 5), 0.6);
      trail(ctx, drawn(area, run, t), { ...style, width: 2.6 });
    });
  }

  function tip(part, i, predicted) {
    const where = `${shorten(data.xlabel, 24)} ${formatNumber(across(part)[i], 5)}`;
    const lines = [diagonal ? where : `${where}, ${shorten(data.ylabel, 24)} ${formatNumber(part.y[i], 5)}`];
    if (!predicted) return lines;
    const near = !diagonal && runs.some((run) => run.curve);
    lines.push(`predicted ${near ? `about ${formatNumber(predicted[i], 3)}` : formatNumber(predicted[i], 5)}, residual ${formatNumber(part.y[i] - predicted[i])}`);
    if (part.role === "held_out") return [...lines, "held out: not trained on"];
    if (near || data.loss !== "squared" || (diagonal && !part.X)) return lines;
    const share = shares(part.y.map((y, j) => y - predicted[j]), diagonal ? part.X : part.x.map((x) => [x]), part.w, i);
    const percent = (v) => (v === null ? "none left" : `${formatNumber(100 * v, 3)} %`);
    return [...lines, `share of the loss ${percent(share.loss)}, of the gradient ${percent(share.gradient)}`];
  }

  return {
    name: "data",
    title: diagonal ? "Predicted against actual" : `The data and the ${kind}`,
    axes: [data.xlabel, data.ylabel],

    legend({ theme, many, style }) {
      const shown = data.y.length, dots = many ? (diagonal ? style : { ...theme.data, colour: theme.quiet }) : theme.data;
      return [
        ["marker", dots, `${data.of > shown ? `${whole(shown)} of ` : ""}${whole(Math.max(data.of ?? 0, shown))} rows`],
        parts[1] && ["marker", { ...theme.held_out, open: true }, `${whole(parts[1].y.length)} held out`],
        diagonal && ["line", theme.reference, "predicted = actual"],
        data.truth && ["line", theme.true, "true line"],
        !diagonal && !many && ["line", theme.fitted, `${kind} now`],
        !diagonal && !many && ["line", { ...theme.fitted, width: 1, alpha: 0.5 }, "earlier"],
      ];
    },

    background(ctx, size, view) {
      const area = plotArea(ctx, size, { xlim, ylim });
      drawAxes(ctx, view.theme, size, area, this.axes);
      const style = view.many ? { ...view.theme.data, colour: view.theme.quiet } : view.theme.data;
      if (!diagonal) clipped(ctx, area, () => parts.forEach((part) => drawPoints(ctx, view, part, places(area, part, null), style)));
      return area;
    },

    draw(ctx, area, view) {
      const labels = new Labels(ctx, view.theme, area), { theme } = view;
      const spots = parts.map((part) => places(area, part, predict(part, view.run, view.row)));
      clipped(ctx, area, () => {
        if (view.residuals && spots[0][1]) drawResiduals(ctx, view, spots[0], diagonal || rises(view.run, view.row));
        if (truth) trail(ctx, lineAt(area, truth, 0), diagonal ? theme.reference : theme.true);
        if (!diagonal) drawLines(ctx, area, view);
        else eachRun(view, (run, i, t, style) => parts.forEach((part) => drawPoints(ctx, view, part, places(area, part, predict(part, run, t)), view.many ? style : theme.data)));
        if (!view.point) return;
        const [now, right] = spots[view.point[0]].map((list) => list?.[view.point[1]]);
        if (right) trail(ctx, [now, right], plain(theme.ink, 2));
        mark(ctx, theme, { marker: "o", colour: theme.ink, size: 9 }, now);
      });
      eachRun(view, (run, i, t, style) => {
        const side = diagonal ? [] : drawn(area, run, t).map(([, y]) => (y < area.top ? "above" : y > area.bottom ? "below" : ""));
        if (!side[0] || side.some((where) => where !== side[0])) return;
        const far = [(area.left + area.right) / 2, side[0] === "above" ? area.top - 99 : area.bottom + 99];
        drawOutside(ctx, theme, style, area, far, labels, `the ${run.curve ? "curve" : "line"} is ${side[0]} the picture`);
      });
    },

    pick(area, pointer, view) {
      for (const [p, part] of parts.entries()) {
        const predicted = predict(part, view.run, view.row), [now] = places(area, part, predicted), i = nearest(now, pointer, 12);
        if (i !== null) return { point: [p, i], at: now[i], tip: tip(part, i, predicted) };
      }
      return null;
    },

    describe({ run, row }) {
      const line = run.line ? ` The line is ${equationOf(data.ylabel, run.names, run.weights.map((w) => w[row]))}.` : "";
      return `${whole(data.y.length)} rows as points, ${data.ylabel} against ${data.xlabel}.${line} Loss ${formatNumber(run.loss[row])} after ${updates(run.step[row])}.`;
    },
  };
}

const onGround = (ground, run, t) => run.path.every((column, i) => column[t] >= ground.span[i][0] && column[t] <= ground.span[i][1]);

/** What the panels over the weights share: how high the loss is where, how high the paths go, which heights have a line. */
function terrain(ground, runs) {
  const loss = lossOver(ground), [xs, ys] = [spaced(ground.span[0], 24), ground.span[1] ? spaced(ground.span[1], 24) : [undefined]];
  const [least, top] = extent(xs.flatMap((a) => ys.map((b) => loss(a, b))));
  const low = Math.min(ground.floor ?? least, least);
  const seen = extent(runs.flatMap((run) => run.loss.filter((_, t) => onGround(ground, run, t))))[1];
  const highest = seen > low ? Math.min(seen, top) : top;
  // A picture of the heights is high enough for the whole path and some of the bowl, not for the corners of a long valley.
  const cap = Math.min(top, low + Math.max(1.12 * (highest - low), 0.12 * (top - low)));
  const heights = ground.bowl && ground.span[1] ? drawable(ground, low, levels(low, top, highest)) : levels(low, top, highest);
  return { loss, low, top, cap, levels: heights, lines: (level) => linesAt(ground, loss, low, level) };
}

/** Levels of a bowl whose bands are wide enough to be seen: at the steepest place, two pixels of some four hundred. */
function drawable({ bowl: { curvature: H }, span }, low, heights) {
  const [u, v] = span.map(([lo, hi]) => (hi - lo) / 400), p = H[0][0] * u * u, q = H[0][1] * u * v, r = H[1][1] * v * v;
  const steepest = (p + r) / 2 + Math.hypot((p - r) / 2, q);
  let last = 0;
  return heights.filter((level, i) => {
    const away = Math.sqrt((level - low) / steepest);
    if (i && away < last + 2) return false;
    last = away;
    return true;
  });
}

/** The contour at a level as lines: of a bowl an ellipse, else by marching squares. */
function linesAt(ground, loss, low, level) {
  if (ground.bowl) return [ellipse(ground.bowl, level - low)];
  const [xs, ys] = ground.span.map((span) => spaced(span, 80));
  return contourLines(xs, ys, ys.map((b) => xs.map((a) => loss(a, b))), level);
}

/** The place of run i at row t, if it lies outside the picture. */
const beyond = (area, paths) => (i, t) => !within(area, paths[i].places[t]) && paths[i].places[t];

/** Start, path, place and goal of every visible run on a panel over the weights; layout.outside says what is not in the picture. */
function drawRuns(ctx, view, ground, layout, drawMore) {
  const { theme } = view, labels = new Labels(ctx, theme, inset(layout)), { paths, optimum, hasPath = true, written = [] } = layout;
  const now = paths.map(({ places }, i) => (view.visible[i] && !layout.outside(i, view.rows[i]) ? places[view.rows[i]] : null));
  const starts = new Map(paths.filter(({ places }, i) => view.visible[i] && places[0]).map(({ places: [first] }) => [first.map(Math.round).join(), first]));
  if (hasPath) {
    eachRun(view, (run, i, t, style) => drawPath(ctx, theme, style, paths[i], t, ground.exact ? 1 : 0.45));
    for (const place of starts.values()) mark(ctx, theme, theme.start, place, theme.ink);
  }
  mark(ctx, theme, theme.optimum, optimum);
  eachRun(view, (run, i, t, style) => {
    const kept = rowAt(run.step, run.kept);
    if (hasPath && run.kept < run.step.at(-1) && t >= kept && paths[i].places[kept]) mark(ctx, theme, theme.kept, paths[i].places[kept]);
    if (now[i] && (hasPath || t === run.step.length - 1)) ball(ctx, theme, style, now[i]);
  });
  labels.boxes.push(...written);
  labels.block(7, ...now, optimum);
  if (hasPath) eachRun(view, (run, i, t) => labels.block(3, ...paths[i].dots.filter((r) => r <= t).map((r) => paths[i].places[r])));
  if (hasPath) drawMore?.(labels, now);
  labels.write(ground.optimum_label, optimum, { font: BOLD, must: true, anchors: layout.anchors });
  if (!hasPath) return;
  labels.block(7, ...starts.values());
  for (const place of starts.values()) labels.write("start", place, { font: BOLD, gap: 12, anchors: "left right above below", must: starts.size === 1 });
  eachRun(view, (run, i, t, style) => {
    const far = layout.outside(i, t);
    if (far) drawOutside(ctx, theme, style, layout, far, labels, `outside: loss ${formatNumber(run.loss[t], 3)}`);
  });
  nameRuns(view, labels, now, [optimum, ...starts.values()]);
}

function groundLegend({ theme, many, runs }, ground, { gradient = false, hasPath = true }) {
  return [
    hasPath && ["marker", theme.start, "start"],
    hasPath && !many && ["both", theme.path, ground.exact ? "path so far" : "shadow of the path"],
    ["marker", theme.optimum, ground.optimum_label],
    gradient && ["arrow", theme.gradient, `${MINUS}gradient`, "The steepest way down on the picture as it is drawn"],
    hasPath ? runs.some((run) => run.kept < run.step.at(-1)) && ["marker", theme.kept, "weights kept"] : !many && ["marker", theme.path, "last step"],
  ];
}

/** The step of a path under the pointer, of the part that has been walked. */
function pickStep(layout, pointer, view) {
  let found = null;
  eachRun(view, (run, i) => {
    const { places } = layout.paths[i], t = nearest(places.slice(0, view.rowsNow[i] + 1), pointer, 16);
    if (t !== null && layout.hasPath !== false) found = { k: run.step[t], at: places[t], tip: [stepTip(view, run, t)] };
  });
  return found;
}

function describePlace({ run, row }, ground) {
  const place = (values) => ground.axes.map((axis, i) => `${axis} ${formatNumber(values[i])}`).join(", ");
  const now = `After ${updates(run.step[row])} ${run.label} is at ${place(run.path.map((column) => column[row]))}, loss ${formatNumber(run.loss[row])}`;
  return `${now}; ${ground.optimum_label} ${formatNumber(ground.floor)} is at ${place(ground.optimum)}.`;
}

/** The loss over two weights from above: bands of equal loss, and the paths. */
function contourPanel({ ground, runs }, land) {
  const gradient = ground.exact && runs.some((run) => run.gradient);

  /** Bands pixel by pixel, from the loss itself; their seams lie under the contour lines. */
  function fillBands(ctx, area, theme) {
    const ratio = ctx.getTransform().a;
    const width = Math.round((area.right - area.left) * ratio), height = Math.round((area.bottom - area.top) * ratio);
    const image = ctx.createImageData(width, height), pixels = new Uint32Array(image.data.buffer);
    const colours = bandColours(theme.bands, land.levels.length).map((colour) => colour.reduceRight((sum, c) => sum * 256 + Math.round(c), 255) >>> 0);
    const across = Float64Array.from({ length: width }, (_, j) => area.x.invert(area.left + (j + 0.5) / ratio));
    for (let i = 0; i < height; i++) {
      const b = area.y.invert(area.top + (i + 0.5) / ratio);
      for (let j = 0, band = 0; j < width; j++) {
        const value = land.loss(across[j], b);
        while (band > 0 && value < land.levels[band]) band--;
        while (band + 1 < land.levels.length && value >= land.levels[band + 1]) band++;
        pixels[i * width + j] = colours[band];
      }
    }
    ctx.putImageData(image, Math.round(area.left * ratio), Math.round(area.top * ratio));
  }

  function drawContours(ctx, area, theme) {
    for (const level of land.levels.slice(1)) {
      for (const places of land.lines(level)) trail(ctx, places.map(([a, b]) => [area.x(a), area.y(b)]), plain(theme.contour), 0.75);
    }
  }

  /** Heights on some lines, along rays from the optimum that lead away from the first path. */
  function writeHeights(ctx, { paths, optimum, written, ...area }, theme) {
    const labels = new Labels(ctx, theme, inset(area));
    for (const { places } of paths) labels.block(9, ...apart(places, 12).map((t) => places[t]));
    labels.block(30, optimum);
    const [x, y] = paths[0].places[0], way = Math.atan2(optimum[1] - y, optimum[0] - x);
    for (const turn of [0.5, -0.7]) {
      const at = (s) => [optimum[0] + s * Math.cos(way + turn), optimum[1] + s * Math.sin(way + turn)];
      const told = (level) => [2, 3, 4].map((digits) => formatNumber(level, digits)).find((text, i, all) => i === 2 || land.levels.filter((other) => formatNumber(other, i + 2) === text).length < 2);
      for (const level of land.levels.slice(2)) {
        let near = 0, far = 2 * (area.right - area.left);
        for (let i = 0; i < 30; i++) {
          const middle = (near + far) / 2, [px, py] = at(middle);
          if (land.loss(area.x.invert(px), area.y.invert(py)) < level) near = middle;
          else far = middle;
        }
        if (!labels.write(told(level), at(near), { colour: theme.quiet, anchors: "center" })) continue;
        written.push(labels.boxes.at(-1));
        labels.block(26, at(near));
      }
    }
  }

  return {
    name: "contour",
    title: "The loss from above",
    axes: ground.axes,
    legend: (view) => groundLegend(view, ground, { gradient }),

    background(ctx, size, view) {
      const area = plotArea(ctx, size, { xlim: ground.span[0], ylim: ground.span[1] });
      const paths = runs.map((run) => pathOf(run.step.map((_, t) => [area.x(run.path[0][t]), area.y(run.path[1][t])])));
      const layout = { ...area, paths, outside: beyond(area, paths), written: [], optimum: [area.x(ground.optimum[0]), area.y(ground.optimum[1])] };
      fillBands(ctx, area, view.theme);
      clipped(ctx, area, () => {
        drawContours(ctx, area, view.theme);
        writeHeights(ctx, layout, view.theme);
      });
      drawAxes(ctx, view.theme, size, area, ground.axes, false);
      return layout;
    },

    draw(ctx, layout, view) {
      const unit = [layout.x(1) - layout.x(0), layout.y(1) - layout.y(0)];
      const descent = (labels, now) => {
        const slope = gradient && view.run.gradient?.map((column) => column[view.row]), at = now[view.follow];
        if (!slope || !at || slope.some(Number.isNaN)) return;
        // Steepest on the picture as it is drawn: at right angles to its contour lines.
        const [dx, dy] = slope.map((g, i) => -g / unit[i]), away = Math.hypot(at[0] - layout.optimum[0], at[1] - layout.optimum[1]);
        if (away < 24) return;
        const length = clamp(0.6 * away, 22, 42), size = Math.hypot(dx, dy);
        arrow(ctx, view.theme, view.theme.gradient, at, [dx, dy], length);
        labels.block(5, ...[0.5, 1].map((s) => [at[0] + (s * length * dx) / size, at[1] + (s * length * dy) / size]));
      };
      clipped(ctx, layout, () => drawRuns(ctx, view, ground, layout, descent));
    },

    pick: pickStep,
    describe: (view) => `Contour lines of the loss over ${ground.axes.join(" and ")}. ${describePlace(view, ground)}`,
  };
}

/** The loss over two weights as a surface that can be turned, by painter's algorithm; path and ball lie exactly on it. */
function surfacePanel({ ground, runs }, land) {
  const angle = standpoint(ground, runs[0]), box = ground.span.map(([lo, hi]) => scaleOf(lo, hi, -1, 1));
  const height = (loss) => (loss - land.low) / (land.cap - land.low || 1);
  const inBox = (a, b, loss) => [box[0](a), box[1](b), height(loss)];
  let coarse = false;

  /** A piece of the surface without what is higher than the box. */
  function belowTop(corners) {
    if (corners.every((p) => p[2] <= 1)) return corners;
    return corners.flatMap((p, i) => {
      const q = corners[(i + 1) % corners.length], s = (1 - p[2]) / (q[2] - p[2]);
      const edge = p[2] <= 1 === q[2] <= 1 ? [] : [[p[0] + s * (q[0] - p[0]), p[1] + s * (q[1] - p[1]), 1]];
      return p[2] <= 1 ? [p, ...edge] : edge;
    });
  }

  /** The pieces of the surface, the farthest from the eye first. */
  function mesh(cam) {
    const n = coarse ? 20 : 32, axis = spaced([-1, 1], n), cells = [];
    const point = axis.map((v) => axis.map((u) => [u, v, height(land.loss(box[0].invert(u), box[1].invert(v)))]));
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const corners = [point[i][j], point[i][j + 1], point[i + 1][j + 1], point[i + 1][j]];
        if (corners.some((p) => p[2] <= 1)) cells.push([project(corners[0], cam)[2] + project(corners[2], cam)[2], corners]);
      }
    }
    return cells.sort((p, q) => q[0] - p[0]).map(([, corners]) => corners);
  }

  function drawMesh(ctx, cam, theme) {
    const colours = bandColours(theme.bands, land.levels.length), heights = land.levels.map(height);
    const eye = [-cam.turn[1] * cam.tilt[0], -cam.turn[0] * cam.tilt[0], cam.tilt[1]];
    for (const corners of mesh(cam)) {
      const [sw, se, ne, nw] = corners.map((p) => p[2]), step = (2 * (corners[1][0] - corners[0][0])) / BOX;
      const dx = (se - sw + ne - nw) / step, dy = (nw - sw + ne - se) / step, size = Math.sqrt(dx * dx + dy * dy + 1);
      const along = ([x, y, z]) => (z - x * dx - y * dy) / size;
      const band = Math.max(0, heights.findLastIndex((h) => h <= (sw + se + ne + nw) / 4));
      const colour = css(colours[band].map((c) => c * (0.86 + 0.16 * Math.abs(along([-0.5, 0.35, 0.8])))));
      ctx.beginPath();
      for (const p of belowTop(corners)) ctx.lineTo(...project(p, cam).slice(0, 2));
      ctx.closePath();
      // The outside of the bowl is glass: what goes on within stays in sight.
      const outside = along(eye) < 0;
      fill(ctx, colour, outside ? 0.4 : 1);
      if (!outside) stroke(ctx, plain(colour, 0.8));
    }
    for (const level of land.levels.slice(1)) {
      if (level > land.cap) break;
      ctx.beginPath();
      for (const places of land.lines(level)) {
        const spots = places.map(([a, b]) => [box[0](a), box[1](b)]);
        spots.slice(1).forEach((q, i) => {
          const piece = clipSegment(spots[i], q);
          if (piece) segment(ctx, ...piece.map(([u, v]) => project([u, v, height(level)], cam)));
        });
      }
      stroke(ctx, plain(theme.contour), 0.6);
    }
  }

  /** The box's floor and one upright edge, with ticks on the edges that face the eye. */
  function drawBox(ctx, cam, theme, bounds) {
    const labels = new Labels(ctx, theme, bounds), floor = [[-1, -1], [1, -1], [1, 1], [-1, 1]], line = plain(theme.quiet);
    const at = floor.map(([u, v]) => project([u, v, 0], cam)), middle = project([0, 0, 0], cam);
    const first = (before) => at.reduce((best, p, i) => (before(p, at[best]) ? i : best), 0);
    const front = floor[first((p, q) => p[1] > q[1])], left = floor[first((p, q) => p[0] < q[0])];
    trail(ctx, [...at, at[0]], line, 0.6);
    [0, 1].forEach((axis) => {
      const on = (s) => project(axis === 0 ? [s, front[1], 0] : [front[0], s, 0], cam), [x, y] = on(0);
      const away = Math.hypot(x - middle[0], y - middle[1]) || 1;
      drawEdge(ctx, theme, labels, ground.span[axis], (v) => on(box[axis](v)), [(x - middle[0]) / away, (y - middle[1]) / away], ground.axes[axis]);
    });
    const up = (h) => project([...left, h], cam);
    trail(ctx, [up(0), up(1)], line, 0.6);
    labels.write("loss", up(1), { anchors: "above right", gap: 4, must: true });
    drawEdge(ctx, theme, labels, [land.low, land.cap], (v) => up(height(v)), [-1, 0], "");
    return labels.boxes;
  }

  /** Ticks along an edge, outwards, and its name beyond them. */
  function drawEdge(ctx, theme, labels, [lo, hi], on, out, name) {
    const values = ticks(lo, hi, 4), texts = tickLabels(values), side = out[0] > 0.35 ? "right" : out[0] < -0.35 ? "left" : "below";
    const past = ([x, y], gap) => [x + gap * out[0], y + gap * out[1]];
    ctx.font = FONT;
    const reach = side === "below" ? 22 : 16 + widest(ctx, texts), center = past(on((lo + hi) / 2), reach);
    const room = side === "left" ? center[0] - labels.left : side === "right" ? labels.right - center[0] : 200;
    if (name) labels.write(cut(ctx, name, clamp(room - 8, 40, 200)), center, { anchors: `${side} below`, gap: 3, must: true });
    values.forEach((v, i) => {
      trail(ctx, [on(v), past(on(v), 4)], plain(theme.quiet), 0.6);
      labels.write(texts[i], past(on(v), 5), { colour: theme.quiet, anchors: side, gap: 3 });
    });
  }

  return {
    name: "surface",
    title: "The loss as a surface",
    hint: "drag to turn",
    axes: ground.axes,
    legend: (view) => groundLegend(view, ground, { hasPath: ground.exact }),

    background(ctx, size, view) {
      const area = { left: 4, top: 2, right: size.width - 4, bottom: size.height - 3 };
      ctx.font = FONT;
      const margin = 24 + Math.max(...[...ground.span, [land.low, land.cap]].map((span) => widest(ctx, tickLabels(ticks(...span, 4)))));
      const cam = camera({ left: margin, right: size.width - margin, top: 18, bottom: size.height - 38 }, angle);
      const written = drawBox(ctx, cam, view.theme, area);
      drawMesh(ctx, cam, view.theme);
      const on = (run, t) => onGround(ground, run, t) && height(run.loss[t]) <= 1.0001;
      const paths = runs.map((run) => pathOf(run.step.map((_, t) => (on(run, t) ? project(inBox(run.path[0][t], run.path[1][t], run.loss[t]), cam) : null))));
      const outside = (i, t) => !paths[i].places[t] && [paths[i].places.slice(0, t).findLast(Boolean)?.[0] ?? size.width / 2, -99];
      return { ...area, paths, outside, written, optimum: project(inBox(...ground.optimum, ground.floor), cam), hasPath: ground.exact };
    },

    draw: (ctx, layout, view) => drawRuns(ctx, view, ground, layout),
    pick: pickStep,

    /** Turn by some radians; coarser while turning. */
    turn(by, up, moving) {
      angle.azimuth += by;
      angle.elevation = clamp(angle.elevation + up, 0.12, 1.45);
      coarse = moving;
    },

    /** Height of the ball as drawn, and the surface at its foot: the same, where the path lies on the surface. */
    ballAt: (run, t) => ({ at: run.path.map((column) => column[t]), height: run.loss[t], surface: land.loss(run.path[0][t], run.path[1][t]) }),
    describe: (view) => `The loss as a surface over ${ground.axes.join(" and ")}; arrow keys turn it. ${describePlace(view, ground)}`,
  };
}

/** The loss over the only weight: a curve, the path on it, and its slope where the run is. */
function curvePanel({ ground, runs, loss: facts }, land) {
  const ylim = padded([land.low, land.cap], 0.07);

  return {
    name: "curve",
    title: "The loss over the weight",
    wide: true,
    axes: [ground.axes[0], facts.label],
    legend: (view) => [["line", plain(view.theme.contour, 2.4), "loss"], ...groundLegend(view, ground, { gradient: runs.some((run) => run.gradient), hasPath: ground.exact })],

    background(ctx, size, view) {
      const area = plotArea(ctx, size, { xlim: ground.span[0], ylim });
      drawAxes(ctx, view.theme, size, area, this.axes);
      clipped(ctx, area, () => trail(ctx, spaced(ground.span[0], 240).map((a) => [area.x(a), area.y(land.loss(a))]), plain(view.theme.contour, 2.4)));
      const paths = runs.map((run) => pathOf(run.step.map((_, t) => [area.x(run.path[0][t]), area.y(run.loss[t])])));
      return { ...area, paths, outside: beyond(area, paths), optimum: [area.x(ground.optimum[0]), area.y(ground.floor)], hasPath: ground.exact, anchors: "above below" };
    },

    draw(ctx, layout, view) {
      clipped(ctx, layout, () => {
        drawRuns(ctx, view, ground, layout, (_, now) => {
          const slope = view.run.gradient?.[0][view.row], at = now[view.follow];
          if (!slope || !at || Math.abs(at[0] - layout.optimum[0]) < 24) return;
          const rise = (slope * (layout.y(1) - layout.y(0))) / (layout.x(1) - layout.x(0));
          arrow(ctx, view.theme, view.theme.gradient, at, [-Math.sign(slope), -Math.sign(slope) * rise], 42);
        });
      });
    },

    pick: pickStep,
    ballAt: (run, t) => ({ at: [run.path[0][t]], height: run.loss[t], surface: land.loss(run.path[0][t]) }),
    describe: (view) => `The loss over ${ground.axes[0]} as a curve. ${describePlace(view, ground)}`,
  };
}

/** The loss after every number of updates. */
function lossPanel({ runs, loss: facts }) {
  const frames = framesOf(...runs), steps = [frames[0], frames.at(-1)];
  const diverged = runs.some((run) => run.stop === "diverged"), start = Math.max(...finite(runs.map((run) => run.loss[0])), 0);

  /** What should be seen of the losses: of a diverged run only as much as leaves the others readable. */
  function limits(log) {
    const own = runs.flatMap((run) => finite([...run.loss, ...(run.held_out ?? []), facts.floor])).filter((v) => !diverged || v <= start * (log ? 1e3 : 2));
    const [lo, hi] = extent(own);
    if (!log) return lo > 0 && lo < 0.3 * hi ? [0, 1.06 * hi] : padded([lo, hi], 0.06);
    const least = Math.max(extent(own.filter((v) => v > 0))[0], hi * 1e-14), air = Math.max((hi / least) ** 0.06, 1.02);
    return hi > 0 ? [least / air, hi * air] : [0.1, 1];
  }

  function drawBest(area, view, labels, ctx) {
    const { run, theme } = view;
    if (!run.best || !run.held_out || !view.visible[view.follow]) return;
    const t = rowAt(run.step, run.best.step), place = [area.x(run.step[t]), area.y(run.held_out[t])];
    mark(ctx, theme, theme.kept, place);
    const ridge = run.best.l2 ? `, like ridge l2 ${formatNumber(run.best.l2, 2)}` : "";
    labels.write(`least held-out: step ${whole(run.best.step)}${ridge}`, place, { anchors: "aboveright above left below", must: true });
  }

  return {
    name: "loss",
    title: "The loss at every step",
    axes: ["updates made", facts.label],
    scrubs: true,
    legend: ({ theme, many }) => [
      !many && ["line", theme.path, "training loss"],
      runs.some((run) => run.held_out) && ["line", theme.held_out, facts.held_out_label],
      facts.floor !== null && ["line", theme.floor, facts.floor_label],
    ],

    background(ctx, size, view) {
      const area = plotArea(ctx, size, { xlim: padded(steps, 0.02), ylim: limits(view.log), log: view.log }), { theme } = view;
      drawAxes(ctx, theme, size, area, [this.axes[0], `${facts.label}${view.log ? ", log scale" : ""}`]);
      const lineOf = (run, values) => pathOf(values.map((v, t) => [area.x(run.step[t]), area.y(v)]));
      const lines = runs.map((run, i) => [[lineOf(run, run.loss), view.styles[i]], ...(run.held_out ? [[lineOf(run, run.held_out), { ...theme.held_out, width: 1.8 }]] : [])]);
      clipped(ctx, area, () => {
        if (facts.floor > 0 || (facts.floor !== null && !view.log)) trail(ctx, [area.left, area.right].map((x) => [x, area.y(facts.floor)]), theme.floor);
        eachRun(view, (run, i) => lines[i].forEach(([path, style]) => trail(ctx, sofar(path, run.step.length - 1), { ...style, width: 1.4 }, 0.35)));
      });
      return { ...area, lines };
    },

    draw(ctx, area, view) {
      const labels = new Labels(ctx, view.theme, area), { theme } = view;
      const now = area.lines.map(([[path]], i) => (view.visible[i] && path.places[view.rows[i]]) || null);
      clipped(ctx, area, () => {
        trail(ctx, [area.top, area.bottom].map((y) => [area.x(view.k), y]), plain(theme.quiet), 0.8);
        eachRun(view, (run, i, t) => area.lines[i].forEach(([path, style]) => trail(ctx, sofar(path, t), style)));
      });
      eachRun(view, (run, i, t, style) => {
        const held = area.lines[i][1]?.[0].places[t];
        if (held && within(area, held)) mark(ctx, theme, { ...theme.held_out, size: 8 }, held);
        if (now[i] && within(area, now[i])) ball(ctx, theme, style, now[i]);
        for (const [{ places, dots }] of area.lines[i]) labels.block(4, ...dots.map((r) => places[r]));
      });
      labels.block(9, ...now);
      drawBest(area, view, labels, ctx);
      eachRun(view, (run, i, t, style) => {
        const over = run.stop === "diverged" && t === run.step.length - 1, text = `${over ? "diverged: " : ""}loss ${formatNumber(run.loss[t], 3)}`;
        if (now[i] && now[i][1] < area.top) drawOutside(ctx, theme, style, area, [now[i][0], area.top - 99], labels, text);
        else if (now[i] && over) labels.write(text, now[i], { gap: 12, font: BOLD, anchors: "right left below above", must: true });
      });
      nameRuns(view, labels, now, [], "right above left below");
    },

    pick(area, [x, y], view) {
      if (!within(area, [x, y])) return null;
      const wanted = area.x.invert(x), before = frames[rowAt(frames, wanted)], after = frames.find((k) => k >= wanted) ?? before;
      const k = wanted - before <= after - wanted ? before : after, tip = [];
      eachRun(view, (run) => tip.push(stepTip(view, run, rowAt(run.step, k))));
      return { k, at: [area.x(k), y], tip: tip.slice(-8) };
    },

    describe(view) {
      const said = [];
      eachRun(view, (run, i, t) => said.push(`${run.label}: ${formatNumber(run.loss[t])} after ${updates(run.step[t])}, from ${formatNumber(run.loss[0])} to ${formatNumber(run.loss.at(-1))}`));
      return `${facts.label} against updates made${view.log ? ", log scale" : ""}. ${said.join("; ")}.${facts.floor === null ? "" : ` ${facts.floor_label}: ${formatNumber(facts.floor)}.`}`;
    },
  };
}

/** The panels that a session has: with one weight a curve in place of contour and surface. */
function panelsOf(session) {
  const { ground, data } = session, land = ground && terrain(ground, session.runs), flat = ground?.axes.length === 1;
  const over = (panel) => ground && panel(session, land);
  return [data && dataPanel(session), !flat && over(contourPanel), lossPanel(session), over(flat ? curvePanel : surfacePanel)].filter(Boolean);
}

// -- pieces of the page --

function attributes(element, values) {
  for (const [name, value] of Object.entries(values)) if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  return element;
}

/** An element; text is always set as text, never read as HTML. */
function make(tag, { text, ...values } = {}, ...children) {
  const element = attributes(document.createElement(tag), values);
  element.append(...(text === undefined ? [] : [text]), ...children);
  return element;
}

const svg = (values, ...parts) => {
  const part = ([tag, of]) => attributes(document.createElementNS("http://www.w3.org/2000/svg", tag), of);
  const element = part(["svg", { "aria-hidden": "true", ...values }]);
  element.append(...parts.map(part));
  return element;
};

const ICONS = {
  first: "M5 5h2v14H5zM19 5v14L9 12z", back: "M14 5v14L6 12zM16 5h2v14h-2z", play: "M7 4v16l13-8z", pause: "M6 5h4v14H6zM14 5h4v14h-4z",
  forward: "M10 5v14l8-7zM6 5h2v14H6z", last: "M17 5h2v14h-2zM5 5v14l10-7z",
};

const icon = (name) => svg({ viewBox: "0 0 24 24", width: 18, height: 18 }, ["path", { d: ICONS[name], fill: "currentColor" }]);

/** A small picture of how something looks, for a legend. */
function swatch(kind, { colour, width, dash, marker, size, open, alpha = 1 }) {
  const wide = kind === "marker" ? 16 : kind === "both" ? 40 : 30, parts = [];
  const line = (d) => parts.push(["path", { d, stroke: colour, "stroke-width": width, "stroke-dasharray": dash.map((n) => n * width).join(" "), fill: "none", opacity: alpha }]);
  if (kind === "line" || kind === "both") line(`M1 7H${wide - 1}`);
  if (kind === "arrow") line("M2 7H25M19 2.5L25 7L19 11.5");
  if (kind === "marker" || kind === "both") {
    const look = open ? { fill: "none", stroke: colour, "stroke-width": 1.6 } : { fill: colour }, r = clamp(size, 7, 10) / 2;
    const points = SHAPES[marker]?.map(([x, y]) => `${wide / 2 + r * x},${7 + r * y}`).join(" ");
    parts.push(points ? ["polygon", { points, ...look }] : ["circle", { cx: wide / 2, cy: 7, r, ...look }]);
  }
  return svg({ viewBox: `0 0 ${wide} 14`, width: wide, height: 14 }, ...parts);
}

/** The canvas of a panel with its title, legend and tooltip; it keeps what does not move as a picture and draws the rest anew. */
class Frame {
  constructor(panel, player) {
    Object.assign(this, { panel, player, size: {}, stale: true, still: document.createElement("canvas") });
    this.canvas = make("canvas", { role: "img", tabindex: panel.turn ? 0 : null, "aria-label": panel.title });
    this.tip = make("div", { class: "bl-tip", role: "tooltip", hidden: true });
    this.plot = make("div", { class: `bl-plot bl-${panel.name}` }, this.canvas, this.tip);
    this.items = make("ul", { class: "bl-legend" });
    const title = make("h3", { text: panel.title, title: panel.axes.join(", ") }, ...(panel.hint ? [make("small", { text: panel.hint })] : []));
    this.element = make("figure", { class: panel.wide ? "bl-panel bl-wide" : "bl-panel", "data-panel": panel.name }, make("figcaption", {}, title, this.items), this.plot);
    const on = (type, handle) => this.plot.addEventListener(type, handle, { signal: player.signal });
    on("pointermove", (event) => this.moved(event));
    on("pointerdown", (event) => this.pressed(event));
    on("pointerup", () => this.released());
    on("pointercancel", () => this.released());
    on("pointerleave", (event) => event.pointerType === "mouse" && this.show(null));
    if (panel.turn) on("keydown", (event) => this.key(event));
  }

  hit(event) {
    const box = this.canvas.getBoundingClientRect();
    return this.layout ? this.panel.pick(this.layout, [event.clientX - box.left, event.clientY - box.top], this.player.view) : null;
  }

  pressed(event) {
    if (event.button) return;
    const hit = this.hit(event), step = hit?.k !== undefined;
    if (step) this.player.set(hit.k);
    this.held = step && this.panel.scrubs ? "scrub" : this.panel.turn && !step ? "turn" : null;
    this.from = [event.clientX, event.clientY];
    if (this.held) this.plot.setPointerCapture(event.pointerId);
    if (event.pointerType !== "mouse") this.show(hit, false);
  }

  moved(event) {
    if (this.held === "turn") {
      this.turn((event.clientX - this.from[0]) * 0.01, (event.clientY - this.from[1]) * 0.008, true);
      this.from = [event.clientX, event.clientY];
    } else if (this.held === "scrub") {
      const hit = this.hit(event);
      if (hit) this.player.set(hit.k);
    } else if (event.pointerType === "mouse") this.show(this.hit(event));
  }

  released() {
    if (this.held === "turn") this.turn(0, 0, false);
    this.held = null;
  }

  turn(by, up, moving) {
    this.panel.turn(by, up, moving);
    this.stale = true;
    this.player.refresh();
  }

  key(event) {
    const by = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.08], ArrowDown: [0, -0.08] }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.turn(...by, false);
  }

  /** Show what lies under the pointer: a step is previewed in all panels, a row of the data has its numbers beside it. */
  show(hit, preview = true) {
    this.player.hover(preview ? (hit?.k ?? null) : null, hit?.point ?? null);
    this.tip.hidden = !hit;
    this.plot.classList.toggle("bl-hit", Boolean(hit));
    if (!hit) return;
    this.tip.replaceChildren(...hit.tip.map((text) => make("div", { text })));
    const { offsetWidth: wide, offsetHeight: high } = this.tip, [x, y] = hit.at, { width, height } = this.size;
    const left = x + 14 + wide <= width ? x + 14 : x - 14 - wide, top = y - high - 10 >= 0 ? y - high - 10 : y + 14;
    this.tip.style.left = `${clamp(left, 0, Math.max(width - wide, 0))}px`;
    this.tip.style.top = `${clamp(top, 0, Math.max(height - high, 0))}px`;
  }

  resize(ratio) {
    const { clientWidth: width, clientHeight: height } = this.plot;
    if (width === this.size.width && height === this.size.height && ratio === this.ratio) return;
    Object.assign(this, { size: { width, height }, ratio, stale: true });
    for (const canvas of [this.canvas, this.still]) Object.assign(canvas, { width: Math.max(1, Math.round(width * ratio)), height: Math.max(1, Math.round(height * ratio)) });
  }

  draw(view) {
    this.element.dataset.k = view.k;
    if (!(this.size.width > 120 && this.size.height > 100)) return;
    if (this.stale) this.layout = this.panel.background(this.prepared(this.still, view.theme), this.size, view);
    this.stale = false;
    const ctx = this.prepared(this.canvas, view.theme);
    ctx.drawImage(this.still, 0, 0, this.canvas.width / this.ratio, this.canvas.height / this.ratio);
    this.panel.draw(ctx, this.layout, view);
  }

  prepared(canvas, theme) {
    const ctx = canvas.getContext("2d");
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ctx.fillStyle = theme.paper;
    ctx.fillRect(0, 0, this.size.width + 1, this.size.height + 1);
    return ctx;
  }

  relabel(view) {
    const item = ([kind, style, text, title]) => make("li", { title: title ?? text }, swatch(kind, style), make("span", { text: shorten(text, 40) }));
    this.items.replaceChildren(...this.panel.legend(view).filter(Boolean).map(item));
    this.stale = true;
  }
}

const line = (tag, cells) => make("tr", {}, ...cells.map((cell) => (cell instanceof Node ? cell : make(tag, { text: cell }))));

const table = (caption, head, body) => make("table", {}, make("caption", { text: caption }), make("thead", {}, line("th", head)), make("tbody", {}, ...body));

/** All runs side by side. */
function runsTable({ runs }, styles) {
  const body = runs.map((run, i) => {
    const { near, loss, gap } = run.last, numbers = [run.rate, run.limit, loss, gap].map((v) => formatNumber(v));
    const name = make("th", { scope: "row", title: run.label }, swatch("both", styles[i]), shorten(run.label, 40));
    const ms = typeof run.seconds === "number" ? formatNumber(1000 * run.seconds, 3) : "–";
    return line("td", [name, ...numbers, near === null ? "not reached" : whole(near), ms, make("td", { title: run.advice, text: /^[^:.]*/.exec(run.advice ?? run.stop)[0] })]);
  });
  const head = ["run", "rate", "limit", "last loss", "gap to exact", "steps to 1 %", "ms", "how it stopped"];
  return table("The runs side by side; steps to 1 %: from then on, 99 % of the loss that can be lost is lost", head, body);
}

const AROUND = 7; // rows of the table above and below the current one

/** The table of steps around the row shown: however long the run, only these rows of it exist on the page. */
function stepsTable(run, t) {
  const first = clamp(t - AROUND, 0, Math.max(run.step.length - 2 * AROUND - 1, 0)), rows = run.step.slice(first, first + 2 * AROUND + 1);
  const columns = [["loss", run.loss], ["held-out", run.held_out], ["gap", run.gap], ...run.names.slice(0, 12).map((name, j) => [shorten(name, 20), run.weights[j]])].filter(([, values]) => values);
  const body = rows.map((step, i) => {
    const cells = columns.map(([, values]) => formatNumber(values[first + i], 6));
    return attributes(line("td", [make("th", { scope: "row", text: whole(step) }), ...cells, formatNumber(run.rate)]), { "aria-current": first + i === t && "true" });
  });
  return table(`Steps ${whole(rows[0])} to ${whole(rows.at(-1))} of ${run.label}; ${whole(run.step.length)} are recorded`, ["step", ...columns.map(([name]) => name), "rate"], body);
}

// -- player --

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

class Player {
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

/**
 * Show a session inside an element.
 * @param {HTMLElement} root any element, in a shadow tree too; what it holds is replaced
 * @param {{session: object, transport?: object | null, theme?: "light" | "dark" | null, autoplay?: boolean}} options
 *   `transport` is for hosts that can train again; a recorded session needs none.
 * @returns {{set(k: number): void, play(): void, pause(): void, destroy(): void, readonly k: number, state(): object}}
 */
export function mount(root, { session, transport = null, theme = null, autoplay = true }) {
  const player = new Player(root, { session, transport, theme, autoplay });
  return {
    set: (k) => player.set(k),
    play: () => player.play(),
    pause: () => player.pause(),
    destroy: () => player.destroy(),
    get k() {
      return player.k;
    },
    state: () => player.state(),
  };
}

/** The same as a widget of a notebook (anywidget). */
export default {
  render({ model, el }) {
    let shown = null;
    const show = () => {
      shown?.destroy();
      const session = model.get("session");
      shown = session?.runs?.length ? mount(el, { session }) : null;
    };
    show();
    model.on("change:session", show);
    return () => {
      model.off("change:session", show);
      shown?.destroy();
    };
  },
};
