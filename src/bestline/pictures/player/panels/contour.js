/** The loss over two weights from above: bands of equal loss, and the paths. */

import { clamp, formatNumber } from "../numbers.js";
import { bandColours } from "../theme.js";
import { arrow, BOLD, plain, trail } from "../draw.js";
import { inset, Labels } from "../labels.js";
import { clipped, drawAxes, plotArea, within } from "../axes.js";
import { apart, pathOf } from "../paths.js";
import { beyond, describePlace, drawRuns, groundLegend, pickStep } from "./ground.js";

/** The panel of the ground from above. */
export function contourPanel({ ground, runs, arrow: told }, land) {

  /** Bands pixel by pixel, from the loss itself; their seams lie under the contour lines. */
  function fillBands(ctx, area, theme) {
    const ratio = ctx.getTransform().a;
    const width = Math.round((area.right - area.left) * ratio), height = Math.round((area.bottom - area.top) * ratio);
    const image = ctx.createImageData(width, height), pixels = new Uint32Array(image.data.buffer);
    const colours = bandColours(theme.bands, land.levels.length).map((colour) => colour.reduceRight((sum, c) => sum * 256 + Math.round(c), 255) >>> 0);
    const across = Float64Array.from({ length: width }, (_, j) => area.x.invert(area.left + (j + 0.5) / ratio));
    for (let i = 0; i < height; i++) {
      const b = area.y.invert(area.top + (i + 0.5) / ratio);
      // From pixel to pixel the loss changes little: so the band is looked for beside the last one.
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

  /**
   * Heights on some lines, along rays from the optimum that lead away from the first path.
   * @type {(ctx: any, layout: any, theme: any) => void}
   */
  function writeHeights(ctx, { paths, optimum, written, ...area }, theme) {
    const labels = new Labels(ctx, theme, inset(area));
    for (const { places } of paths) labels.block(9, ...apart(places, 12).map((t) => places[t]));
    labels.block(30, optimum);
    labels.reserve(ground.optimum_label, optimum, { font: BOLD });
    const [x, y] = paths[0].places[0], way = Math.atan2(optimum[1] - y, optimum[0] - x);
    for (const turn of [0.5, -0.7]) {
      /** @type {(s: number) => [number, number]} */
      const at = (s) => [optimum[0] + s * Math.cos(way + turn), optimum[1] + s * Math.sin(way + turn)];
      const told = (level) => [2, 3, 4].map((digits) => formatNumber(level, digits)).find((text, i, all) => i === 2 || land.levels.filter((other) => formatNumber(other, i + 2) === text).length < 2);
      for (const level of land.levels.slice(2)) {
        // Away from the optimum of a bowl the loss only grows: bisection finds where it reaches the level.
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
    still: ground,
    title: "The loss from above",
    axes: ground.axes,
    legend: (view) => groundLegend(view, ground, { arrow: told }),

    background(ctx, size, view) {
      const area = plotArea(ctx, size, { xlim: ground.span[0], ylim: ground.span[1], even: ground.even && Boolean(ground.bowl) });
      const layout = { ...area, ...this.placed(area), written: [], optimum: [area.x(ground.optimum[0]), area.y(ground.optimum[1])] };
      fillBands(ctx, area, view.theme);
      clipped(ctx, area, () => {
        drawContours(ctx, area, view.theme);
        writeHeights(ctx, layout, view.theme);
      });
      drawAxes(ctx, view.theme, size, area, ground.axes, false);
      return layout;
    },

    /** The paths on a ground that has not changed. */
    placed(area) {
      const paths = runs.map((run) => pathOf(run.step.map((_, t) => [area.x(run.path[0][t]), area.y(run.path[1][t])])));
      return { paths, outside: beyond(area, paths) };
    },

    startAt: (area, [x, y]) => (within(area, [x, y]) ? [area.x.invert(x), area.y.invert(y)] : null),
    screenOf: (area, { x, y }) => [area.x(x), area.y(y)],

    draw(ctx, layout, view) {
      const unit = [layout.x(1) - layout.x(0), layout.y(1) - layout.y(0)];
      const descent = (labels, now) => {
        const down = view.run.down?.map((column) => column[view.row]), at = now[view.follow];
        if (!down || !at || down.some(Number.isNaN)) return;
        // Where a step of plain descent goes; only where a unit is as long on both axes is that at right angles to the contours.
        const [dx, dy] = down.map((d, i) => d * unit[i]), away = Math.hypot(at[0] - layout.optimum[0], at[1] - layout.optimum[1]);
        if (away < 24) return;
        const length = clamp(0.6 * away, 22, 42), size = Math.hypot(dx, dy);
        arrow(ctx, view.theme, view.theme.gradient, at, [dx, dy], length);
        labels.block(5, ...[0.5, 1].map((s) => [at[0] + (s * length * dx) / size, at[1] + (s * length * dy) / size]));
      };
      const hand = view.handOn?.(ground);
      clipped(ctx, layout, () => drawRuns(ctx, view, ground, { ...layout, hand: hand && [layout.x(hand[0]), layout.y(hand[1])] }, descent));
    },

    pick: (layout, pointer, view) => pickStep(layout, pointer, view, ground.axes),
    describe: (view) => `Contour lines of the loss over ${ground.axes.join(" and ")}. ${describePlace(view, ground)}`,
  };
}
