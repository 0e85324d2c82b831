/** The loss over the only weight: a curve, the path on it, and its slope where the run is. */

import { padded, spaced } from "../scales.js";
import { arrow, plain, trail } from "../draw.js";
import { clipped, drawAxes, plotArea, within } from "../axes.js";
import { pathOf } from "../paths.js";
import { beyond, describePlace, drawRuns, groundLegend, pickStep } from "./ground.js";

/** The panel of the ground with one weight. */
export function curvePanel({ ground, runs, loss: facts, arrow: told }, land) {
  const ylim = padded([land.low, land.cap], 0.07);

  return {
    name: "curve",
    still: ground,
    title: "The loss over the weight",
    wide: true,
    axes: [ground.axes[0], facts.label],
    legend: (view) => [["line", plain(view.theme.contour, 2.4), "loss"], ...groundLegend(view, ground, { arrow: told, hasPath: ground.exact })],

    background(ctx, size, view) {
      const area = plotArea(ctx, size, { xlim: ground.span[0], ylim });
      drawAxes(ctx, view.theme, size, area, this.axes);
      clipped(ctx, area, () => trail(ctx, spaced(ground.span[0], 240).map((a) => [area.x(a), area.y(land.loss(a))]), plain(view.theme.contour, 2.4)));
      return { ...area, ...this.placed(area), optimum: [area.x(ground.optimum[0]), area.y(ground.floor)], hasPath: ground.exact, anchors: "above below" };
    },

    /** The paths on a ground that has not changed. */
    placed(area) {
      const paths = runs.map((run) => pathOf(run.step.map((_, t) => [area.x(run.path[0][t]), area.y(run.loss[t])])));
      return { paths, outside: beyond(area, paths) };
    },

    startAt: (area, [x, y]) => (within(area, [x, y]) ? [area.x.invert(x)] : null),
    screenOf: (area, { x, y = land.loss(x) }) => [area.x(x), area.y(y)],

    draw(ctx, layout, view) {
      clipped(ctx, layout, () => {
        drawRuns(ctx, view, ground, layout, (_, now) => {
          const way = Math.sign(view.run.down?.[0][view.row]), at = now[view.follow];
          if (!way || !at || Math.abs(at[0] - layout.optimum[0]) < 24) return;
          // Along the curve, whose slope is that between a pixel to the left and one to the right.
          const [before, after] = [-1, 1].map((by) => layout.y(land.loss(layout.x.invert(at[0] + by))));
          arrow(ctx, view.theme, view.theme.gradient, at, [(way * (layout.x(1) - layout.x(0))) / Math.abs(layout.x(1) - layout.x(0)), (way * (after - before)) / 2], 42);
        });
      });
    },

    pick: (layout, pointer, view) => pickStep(layout, pointer, view, ground.axes),
    ballAt: (run, t) => ({ at: [run.path[0][t]], height: run.loss[t], surface: land.loss(run.path[0][t]) }),
    describe: (view) => `The loss over ${ground.axes[0]} as a curve. ${describePlace(view, ground)}`,
  };
}
