/**
 * What the panels over the weights share: the heights, the paths on them, start and goal.
 *
 * Contour, surface and curve show the same ground from three sides, so what is on it is decided here, once.
 */

import { extent, formatNumber, MINUS, shorten, updates } from "../numbers.js";
import { spaced } from "../scales.js";
import { rowAt } from "../steps.js";
import { contourLines, ellipse, levels, lossOver } from "../ground.js";
import { ball, BOLD, mark } from "../draw.js";
import { inset, Labels } from "../labels.js";
import { within } from "../axes.js";
import { drawOutside, drawPath, nearest } from "../paths.js";
import { eachRun, nameRuns, stepTip } from "./runs.js";

/** Whether a run is within the part of the ground that is shown, at a row of its trace. */
export const onGround = (ground, run, t) => run.path.every((column, i) => column[t] >= ground.span[i][0] && column[t] <= ground.span[i][1]);

/**
 * What the panels over the weights share: how high the loss is where, how high the paths go, which heights have a line.
 * @type {(ground: any, runs: any[]) => any}
 */
export function terrain(ground, runs) {
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
  // H in units of a pixel; its larger eigenvalue, in closed form, is the curvature of the steepest direction, where a band of
  // the bowl floor + steepest s² is narrowest.
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
export const beyond = (area, paths) => (i, t) => !within(area, paths[i].places[t]) && paths[i].places[t];

/** Start, path, place and goal of every visible run on a panel over the weights; layout.outside says what is not in the picture. */
export function drawRuns(ctx, view, ground, layout, drawMore) {
  const { theme } = view, labels = new Labels(ctx, theme, inset(layout)), { paths, optimum, hasPath = true, written = [] } = layout;
  const now = paths.map(({ places }, i) => (view.visible[i] && !layout.outside(i, view.rows[i]) ? places[view.rows[i]] : null));
  const starts = new Map(paths.filter(({ places }, i) => view.visible[i] && places[0]).map(({ places: [first] }) => [first.map(Math.round).join(), first]));
  if (hasPath) {
    eachRun(view, (run, i, t, style) => drawPath(ctx, theme, style, paths[i], t, ground.exact ? 1 : 0.45));
    for (const place of starts.values()) mark(ctx, theme, theme.start, place, theme.ink);
  }
  if (!view.secret) mark(ctx, theme, theme.optimum, optimum);
  // The places come after all paths, so that no path hides where another run is.
  eachRun(view, (run, i, t, style) => {
    const kept = rowAt(run.step, run.kept);
    if (hasPath && run.kept < run.step.at(-1) && t >= kept && paths[i].places[kept]) mark(ctx, theme, theme.kept, paths[i].places[kept]);
    if (now[i] && (hasPath || t === run.step.length - 1)) ball(ctx, theme, style, now[i]);
  });
  if (layout.hand) mark(ctx, theme, theme.hand, layout.hand);
  labels.boxes.push(...written);
  labels.block(7, ...now, optimum);
  if (hasPath) eachRun(view, (run, i, t) => labels.block(3, ...paths[i].dots.filter((r) => r <= t).map((r) => paths[i].places[r])));
  if (hasPath) drawMore?.(labels, now);
  if (!view.secret) labels.write(ground.optimum_label, optimum, { font: BOLD, must: true, anchors: layout.anchors });
  if (layout.hand) labels.write("your line", layout.hand, { font: BOLD, gap: 12 });
  if (!hasPath) return;
  labels.block(7, ...starts.values());
  for (const place of starts.values()) labels.write("start", place, { font: BOLD, gap: 12, anchors: "left right above below", must: starts.size === 1 });
  eachRun(view, (run, i, t, style) => {
    const far = layout.outside(i, t);
    if (far) drawOutside(ctx, theme, style, layout, far, labels, `outside: loss ${formatNumber(run.loss[t], 3)}`);
  });
  nameRuns(view, labels, now, [optimum, ...starts.values()]);
}

/** The entries of the legend for what lies on the ground; false for those that this session has not. */
export function groundLegend({ theme, many, runs, secret, hand }, ground, { arrow: told = "", hasPath = true }) {
  return [
    hasPath && ["marker", theme.start, "start"],
    hasPath && !many && ["both", theme.path, ground.exact ? "path so far" : "path (projected)"],
    !secret && ["marker", theme.optimum, ground.optimum_label],
    hand && ["marker", theme.hand, "your line"],
    told && runs.some((run) => run.down) && ["arrow", theme.gradient, `${MINUS}gradient`, told],
    hasPath ? runs.some((run) => run.kept < run.step.at(-1)) && ["marker", theme.kept, "weights kept"] : !many && ["marker", theme.path, "last step"],
  ];
}

/** The step of a path under the pointer, of the part that has been walked. */
export function pickStep(layout, pointer, view, axes = []) {
  let found = null;
  eachRun(view, (run, i) => {
    const { places } = layout.paths[i], t = nearest(places.slice(0, view.rowsNow[i] + 1), pointer, 16);
    if (t !== null && layout.hasPath !== false) found = { k: run.step[t], at: places[t], tip: [stepTip(view, run, t), ...run.path.map((column, axis) => `${shorten(axes[axis], 40)} ${formatNumber(column[t], 5)}`)] };
  });
  return found;
}

/** Where the followed run is, and where the lowest place is, in words. */
export function describePlace({ run, row, secret }, ground) {
  const place = (values) => ground.axes.map((axis, i) => `${axis} ${formatNumber(values[i])}`).join(", ");
  const now = `After ${updates(run.step[row])} ${run.label} is at ${place(run.path.map((column) => column[row]))}, loss ${formatNumber(run.loss[row])}`;
  return secret ? `${now}.` : `${now}; ${ground.optimum_label} ${formatNumber(ground.floor)} is at ${place(ground.optimum)}.`;
}
