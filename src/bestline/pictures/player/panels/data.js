/**
 * Data space: what the line says of the rows.
 *
 * With one feature, the rows and the line of each run; with several, where no line can be drawn, predicted against actual.
 */

import { clamp, equationOf, extent, formatNumber, LONGEST, shorten, updates, whole } from "../numbers.js";
import { padded } from "../scales.js";
import { gridLoss } from "../ground.js";
import { fill, mark, plain, segment, shape, stroke, trail } from "../draw.js";
import { Labels } from "../labels.js";
import { clipped, drawAxes, plotArea } from "../axes.js";
import { drawOutside, nearest } from "../paths.js";
import { eachRun } from "./runs.js";

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
  const whole = new Array(X[0].length + 1).fill(0); // Σ w r [x, 1], the gradient but for the factor that all rows share
  let loss = 0, size = 0;
  residuals.forEach((r, j) => {
    const pull = weight(j) * r;
    loss += pull * r;
    X[j].forEach((x, c) => (whole[c] += pull * x));
    whole[X[j].length] += pull;
    size += Math.abs(pull) * Math.hypot(1, ...X[j]);
  });
  // own · whole / |whole|², summed over the rows, is 1: so the shares of the rows add up. Some are negative, pulling back.
  const own = [...X[i], 1].map((x) => weight(i) * residuals[i] * x);
  const square = whole.reduce((sum, g) => sum + g * g, 0);
  const along = own.reduce((sum, g, c) => sum + g * whole[c], 0);
  return {
    loss: loss > 0 ? (weight(i) * residuals[i] ** 2) / loss : null,
    // At the optimum the pulls cancel; what is then left of the whole is rounding, and has no direction.
    gradient: Math.sqrt(square) > 1e-6 * size ? along / square : null,
  };
}

const EARLIER = 12; // faint lines

/** How many rows of a part are shown, and of how many. */
export function howMany({ y, of }) {
  return of > y.length ? `${whole(y.length)} of ${whole(of)}` : whole(y.length);
}

/** Predictions for a part of the data at a row of a run's trace, between the points of a curve by straight lines; null if unknown. */
function predict(part, run, t) {
  if (part.x && run.curve) return part.x.map((x) => gridLoss({ x: run.curve.x, z: [run.curve.y[t]] }, x));
  if (part.x) return run.line && part.x.map((x) => run.line.slope[t] * x + run.line.intercept[t]);
  if (!part.X) return run.predict ? run.predict(part, t) : run.predicted[part.role][t];
  const p = part.X[0]?.length ?? 0, intercept = run.weights[p]?.[t] ?? 0;
  return part.X.map((x) => x.reduce((sum, v, j) => sum + v * run.weights[j][t], intercept));
}

/** The panel of the rows. */
export function dataPanel({ data, runs }) {
  const diagonal = data.kind === "diagonal";
  const parts = [{ ...data, role: "data" }, ...(data.held_out ? [{ ...data.held_out, role: "held_out" }] : [])];
  const across = (part) => (diagonal ? part.y : part.x);
  const values = extent(parts.flatMap(across)), ys = extent(parts.flatMap((part) => part.y));
  // Over a single value of the feature a line is seen from 0, where it begins.
  const xs = (data.across ??= values[0] === values[1] ? extent([0, ...values]) : values);
  const xlim = padded(xs, 0.04), ends = padded(xs, 0.02), ylim = padded((data.reach ??= reach()), 0.05);
  const kind = runs.some((run) => run.curve) ? "curve" : "line";
  const truth = diagonal ? { slope: 1, intercept: 0 } : data.truth;

  /** The values seen, and the predictions of all steps no worse than the start, as far as they leave the data readable. */
  function reach() {
    const room = 0.55 * (ys[1] - ys[0]) || 1.2 * Math.abs(ys[0]) || 1, probe = diagonal ? { role: "data", X: data.X?.slice(0, 60) } : { x: ends };
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

  /** @type {(ctx: any, view: any, part: any, places: any[], style: any) => void} */
  function drawPoints(ctx, view, part, [now], style) {
    const path = new Path2D(), held = part.role === "held_out", look = held ? view.theme.held_out : style;
    const size = clamp(9 - Math.log10(now.length) * 1.6, 3, 7);
    for (const place of now) shape(path, look.marker, place, size);
    if (!held) return fill(ctx, look.colour, now.length > 400 ? 0.5 : 0.75, path);
    Object.assign(ctx, { strokeStyle: look.colour, lineWidth: 1.6 });
    return ctx.stroke(path);
  }

  /**
   * Residuals as lines; their squares as true squares on the screen, on the side where they do not cross the line.
   * @type {(ctx: any, view: any, places: any[], rising: boolean) => void}
   */
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

  /** Where the ends of the line moved by hand can be taken hold of: on the line, within the picture. */
  const handles = (area, hand) => ends.map((x) => [clamp(area.x(x), area.left + 9, area.right - 9), clamp(area.y(hand.slope * x + hand.intercept), area.top + 9, area.bottom - 9)]);

  /** The line moved by hand, with an end on either side to take hold of. */
  function drawHand(ctx, area, { theme, hand }) {
    const style = theme.hand;
    clipped(ctx, area, () => {
      trail(ctx, lineAt(area, hand, 0), plain(theme.paper, 5), 0.6);
      trail(ctx, lineAt(area, hand, 0), style);
    });
    for (const place of handles(area, hand)) mark(ctx, theme, { ...style, size: 13 }, place);
  }

  function tip(part, i, predicted) {
    const where = `${shorten(data.xlabel, LONGEST)} ${formatNumber(across(part)[i], 5)}`;
    const lines = [diagonal ? where : `${where}, ${shorten(data.ylabel, LONGEST)} ${formatNumber(part.y[i], 5)}`];
    if (!predicted) return lines;
    const near = !diagonal && runs.some((run) => run.curve);
    lines.push(`predicted ${near ? `about ${formatNumber(predicted[i], 3)}` : formatNumber(predicted[i], 5)}, residual ${formatNumber(part.y[i] - predicted[i])}`);
    if (part.role === "held_out") return [...lines, "held out: not trained on"];
    if (near || data.loss !== "squared" || (diagonal && !part.X)) return lines;
    const share = shares(part.y.map((y, j) => y - predicted[j]), diagonal ? part.X : part.x.map((x) => [x]), part.w, i);
    const percent = (v) => (v === null ? "none left" : `${formatNumber(100 * v, 3)}%`);
    const among = data.of > data.y.length ? " (among the rows shown)" : "";
    return [...lines, `share of the loss ${percent(share.loss)}, of the gradient ${percent(share.gradient)}${among}`];
  }

  const spot = (area, i) => [area.x(data.x[i]), area.y(data.y[i])];

  return {
    name: "data",
    still: data,
    title: diagonal ? "Predicted against actual" : `The data and the ${kind}`,
    hint: data.moves ? "drag the points" : "",
    axes: [data.xlabel, data.ylabel],

    legend({ theme, many, style, hand }) {
      const dots = many ? (diagonal ? style : { ...theme.data, colour: theme.quiet }) : theme.data;
      return [
        ["marker", dots, `${howMany(data)} rows`],
        parts[1] && ["marker", { ...theme.held_out, open: true }, `${howMany(parts[1])} held out`],
        diagonal && ["line", theme.reference, "predicted = actual"],
        data.truth && ["line", theme.true, "true line"],
        !diagonal && !many && ["line", theme.fitted, `${kind} now`],
        !diagonal && !many && ["line", { ...theme.fitted, width: 1, alpha: 0.5 }, "earlier"],
        hand && ["both", theme.hand, "your line"],
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
        if (view.hand && !diagonal) drawHand(ctx, area, view);
        if (!view.point) return;
        const [now, right] = spots[view.point[0]].map((list) => list?.[view.point[1]]);
        if (right) trail(ctx, [now, right], plain(theme.ink, 2));
        mark(ctx, theme, { marker: "o", colour: theme.ink, size: 9 }, now);
      });
      // The chosen point is seen beyond the axes too, where a finger may draw it.
      if (data.moves && data.y[view.chosen] !== undefined) {
        const at = spot(area, view.chosen);
        mark(ctx, theme, { ...theme.data, size: 9 }, at);
        ctx.beginPath();
        shape(ctx, "o", at, 17);
        stroke(ctx, plain(theme.ink, 2));
      }
      eachRun(view, (run, i, t, style) => {
        const side = diagonal ? [] : drawn(area, run, t).map(([, y]) => (y < area.top ? "above" : y > area.bottom ? "below" : ""));
        if (!side[0] || side.some((where) => where !== side[0])) return;
        const far = [(area.left + area.right) / 2, side[0] === "above" ? area.top - 99 : area.bottom + 99];
        drawOutside(ctx, theme, style, area, far, labels, `the ${run.curve ? "curve" : "line"} is ${side[0]} the picture`);
      });
    },

    /** Which end of the line moved by hand lies under the pointer. */
    grab: (area, place, view) => (view.hand && !diagonal ? nearest(handles(area, view.hand), place, 18) : null),

    /** Slope and intercept of the line whose end is drawn to a place, the other end staying where it is. */
    pulled(area, end, [, y], { hand }) {
      const heights = ends.map((x, i) => (i === end ? area.y.invert(y) : hand.slope * x + hand.intercept)), slope = (heights[1] - heights[0]) / (ends[1] - ends[0]);
      return { slope, intercept: heights[0] - slope * ends[0] };
    },

    /** Which row's point lies under the pointer, where they can be moved. */
    pointAt: (area, place, reach) => (data.moves ? nearest(data.y.map((_, i) => spot(area, i)), place, reach) : null),
    spot,

    screenOf: (area, { x, y }) => [area.x(x), area.y(y)],

    pick(area, pointer, view) {
      for (const [p, part] of parts.entries()) {
        const predicted = predict(part, view.run, view.row), [now] = places(area, part, predicted), i = nearest(now, pointer, 12);
        if (i !== null) return { point: [p, i], at: now[i], tip: tip(part, i, predicted) };
      }
      return null;
    },

    describe({ run, row }) {
      const line = run.line ? ` The line is ${equationOf(data.ylabel, run.names, run.weights.map((w) => w[row]))}.` : "";
      return `${howMany(data)} rows as points, ${data.ylabel} against ${data.xlabel}.${line} Loss ${formatNumber(run.loss[row])} after ${updates(run.step[row])}.${data.moves ? " Page Up and Page Down choose a point, arrow keys move it, Delete removes it." : ""}`;
    },
  };
}
