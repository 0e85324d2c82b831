/** The loss after every number of updates. */

import { extent, finite, formatNumber, updates, whole } from "../numbers.js";
import { padded } from "../scales.js";
import { framesOf, rowAt } from "../steps.js";
import { ball, BOLD, mark, plain, trail } from "../draw.js";
import { Labels } from "../labels.js";
import { clipped, drawAxes, plotArea, within } from "../axes.js";
import { drawOutside, pathOf, sofar } from "../paths.js";
import { eachRun, nameRuns, stepTip } from "./runs.js";

/** The panel of the losses; its pointer moves the clock. */
export function lossPanel({ runs, loss: facts }) {
  const frames = framesOf(...runs), steps = [frames[0], frames.at(-1)];
  const diverged = runs.some((run) => run.stop === "diverged"), start = Math.max(...finite(runs.map((run) => run.loss[0])), 0);

  /**
   * What should be seen of the losses: of a diverged run only as much as leaves the others readable.
   * @type {(log: boolean) => [number, number]}
   */
  function limits(log) {
    const own = runs.flatMap((run) => finite([...run.loss, ...(run.held_out ?? []), facts.floor])).filter((v) => !diverged || v <= start * (log ? 1e3 : 2));
    const [lo, hi] = extent(own);
    if (!log) return lo > 0 && lo < 0.3 * hi ? [0, 1.06 * hi] : padded([lo, hi], 0.06);
    // A loss of 0 has no logarithm: it is drawn below the axis, which ends at rounding.
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
    legend: ({ theme, many, secret }) => [
      !many && ["line", theme.path, "training loss"],
      runs.some((run) => run.held_out) && ["line", theme.held_out, facts.held_out_label],
      facts.floor !== null && !secret && ["line", theme.floor, facts.floor_label],
    ],

    background(ctx, size, view) {
      const area = plotArea(ctx, size, { xlim: padded(steps, 0.02), ylim: limits(view.log), log: view.log, counted: true }), { theme } = view;
      drawAxes(ctx, theme, size, area, this.axes);
      const lineOf = (run, values) => pathOf(values.map((v, t) => [area.x(run.step[t]), area.y(v)]));
      const lines = runs.map((run, i) => [[lineOf(run, run.loss), view.styles[i]], ...(run.held_out ? [[lineOf(run, run.held_out), { ...theme.held_out, width: 1.8 }]] : [])]);
      clipped(ctx, area, () => {
        if (!view.secret && (facts.floor > 0 || (facts.floor !== null && !view.log))) trail(ctx, [area.left, area.right].map((x) => [x, area.y(facts.floor)]), theme.floor);
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

    screenOf: (area, { x, y }) => [area.x(x), area.y(y)],

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
      return `${facts.label} against updates made${view.log ? ", log scale" : ""}. ${said.join("; ")}.${facts.floor === null || view.secret ? "" : ` ${facts.floor_label}: ${formatNumber(facts.floor)}.`}`;
    },
  };
}
