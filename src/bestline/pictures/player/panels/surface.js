/**
 * The loss over two weights as a surface that can be turned, and the paths on it.
 *
 * Painter's algorithm: the pieces of the surface are drawn from the farthest to the nearest, so that what is in front covers what
 * is behind. Path and ball are projected at their own loss, so they lie exactly on the surface.
 */

import { clamp } from "../numbers.js";
import { notation, scaleOf, spaced, tickLabels, ticks } from "../scales.js";
import { BOX, camera, clipSegment, project, standpoint } from "../camera.js";
import { bandColours, css } from "../theme.js";
import { fill, FONT, plain, segment, stroke, trail } from "../draw.js";
import { Labels, lines, widest } from "../labels.js";
import { pathOf } from "../paths.js";
import { describePlace, drawRuns, groundLegend, onGround, pickStep } from "./ground.js";

/** The panel of the ground in space. */
export function surfacePanel({ ground, runs }, land) {
  // The eye stays where it was put, though the ground under it changes.
  const angle = (ground.angle ??= standpoint(ground, runs[0])), box = ground.span.map(([lo, hi]) => scaleOf(lo, hi, -1, 1));
  const height = (loss) => (loss - land.low) / (land.cap - land.low || 1);
  /** @type {(a: number, b: number, loss: number) => number[]} */
  const inBox = (a, b, loss) => [box[0](a), box[1](b), height(loss)];
  let coarse = false;

  /**
   * A piece of the surface without what is higher than the box (Sutherland & Hodgman 1974, against one plane).
   * @type {(corners: number[][]) => number[][]}
   */
  function belowTop(corners) {
    if (corners.every((p) => p[2] <= 1)) return corners;
    return corners.flatMap((p, i) => {
      const q = corners[(i + 1) % corners.length], s = (1 - p[2]) / (q[2] - p[2]);
      const edge = p[2] <= 1 === q[2] <= 1 ? [] : [[p[0] + s * (q[0] - p[0]), p[1] + s * (q[1] - p[1]), 1]];
      return p[2] <= 1 ? [p, ...edge] : edge;
    });
  }

  /**
   * The pieces of the surface, the farthest from the eye first.
   * @type {(cam: any) => any[]}
   */
  function mesh(cam) {
    const n = coarse ? 20 : 32, axis = spaced([-1, 1], n), cells = /** @type {any[]} */ ([]);
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
    // Between two levels the colour goes from one band's to the next: whole pieces of one band or the other would have edges like saws.
    /** @type {(height: number) => number[]} */
    const shade = (height) => {
      const i = clamp(heights.findLastIndex((h) => h <= height), 0, colours.length - 1), next = colours[Math.min(i + 1, colours.length - 1)];
      const share = clamp((height - heights[i]) / (heights[i + 1] - heights[i] || 1), 0, 1);
      return colours[i].map((c, k) => c + share * (next[k] - c));
    };
    const eye = [-cam.turn[1] * cam.tilt[0], -cam.turn[0] * cam.tilt[0], cam.tilt[1]];
    for (const corners of mesh(cam)) {
      // The slopes of the piece along both axes make its normal (−dx, −dy, 1) / size; light falls on it from one side.
      const [sw, se, ne, nw] = corners.map((p) => p[2]), step = (2 * (corners[1][0] - corners[0][0])) / BOX;
      const dx = (se - sw + ne - nw) / step, dy = (nw - sw + ne - se) / step, size = Math.sqrt(dx * dx + dy * dy + 1);
      /** @type {(v: number[]) => number} */
      const along = ([x, y, z]) => (z - x * dx - y * dy) / size;
      const colour = css(shade((sw + se + ne + nw) / 4).map((c) => c * (0.86 + 0.16 * Math.abs(along([-0.5, 0.35, 0.8])))));
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
          if (!piece) return;
          const [from, to] = piece.map(([u, v]) => project([u, v, height(level)], cam));
          segment(ctx, from, to);
        });
      }
      stroke(ctx, plain(theme.contour), 0.6);
    }
  }

  /**
   * The box's floor and one upright edge, which the surface may hide; then what `between` draws; then ticks on the edges that face the
   * eye, and names, which nothing hides.
   */
  function drawBox(ctx, cam, theme, bounds, between) {
    const labels = new Labels(ctx, theme, bounds), floor = [[-1, -1], [1, -1], [1, 1], [-1, 1]], line = plain(theme.quiet);
    const at = floor.map(([u, v]) => project([u, v, 0], cam)), middle = project([0, 0, 0], cam);
    const first = (before) => at.reduce((best, p, i) => (before(p, at[best]) ? i : best), 0);
    const front = floor[first((p, q) => p[1] > q[1])], left = floor[first((p, q) => p[0] < q[0])];
    const up = (h) => project([...left, h], cam);
    trail(ctx, [...at, at[0]], line, 0.6);
    trail(ctx, [up(0), up(1)], line, 0.6);
    between();
    [0, 1].forEach((axis) => {
      const on = (s) => project(axis === 0 ? [s, front[1], 0] : [front[0], s, 0], cam), [x, y] = on(0);
      const away = Math.hypot(x - middle[0], y - middle[1]) || 1;
      drawEdge(ctx, theme, labels, ground.span[axis], (v) => on(box[axis](v)), [(x - middle[0]) / away, (y - middle[1]) / away], ground.axes[axis].replace(" (as trained)", ""));
    });
    const { told } = notation(land.low, land.cap), loss = told ? `loss, ${told}` : "loss", [x, y] = up(1);
    ctx.font = FONT;
    labels.write(loss, [Math.max(x, labels.left + ctx.measureText(loss).width / 2), y], { anchors: "above right", gap: 4, must: true });
    drawEdge(ctx, theme, labels, [land.low, land.cap], (v) => up(height(v)), [-1, 0], "");
    return labels.boxes;
  }

  /** Ticks along an edge, outwards, and its name beyond them. */
  function drawEdge(ctx, theme, labels, [lo, hi], on, out, name) {
    const how = notation(lo, hi), values = ticks(lo, hi, 4), texts = tickLabels(values, how), side = out[0] > 0.35 ? "right" : out[0] < -0.35 ? "left" : "below";
    const past = ([x, y], gap) => [x + gap * out[0], y + gap * out[1]];
    ctx.font = FONT;
    const reach = side === "below" ? 22 : 16 + widest(ctx, texts), center = past(on((lo + hi) / 2), reach);
    const room = side === "left" ? center[0] - labels.left : side === "right" ? labels.right - center[0] : 200;
    const told = how.told ? `, ${how.told}` : "", wide = Math.max(clamp(room - 8, 40, 200), 92);
    // Where room is scarce, which column it is tells more than that it is a weight, which the picture from above says too.
    const short = ctx.measureText(name + told).width > wide ? name.replace(/^weight of /, "") : name;
    const written = name ? lines(ctx, short + told, wide, told ? 3 : 2) : [];
    written.forEach((line, i) => labels.write(line, [center[0], center[1] + 14 * i], { anchors: side, gap: 3, must: true }));
    values.forEach((v, i) => {
      trail(ctx, [on(v), past(on(v), 4)], plain(theme.quiet), 0.6);
      labels.write(texts[i], past(on(v), 5), { colour: theme.quiet, anchors: side, gap: 3 });
    });
  }

  return {
    name: "surface",
    still: ground,
    title: "The loss as a surface",
    hint: "drag to turn",
    axes: ground.axes,
    legend: (view) => groundLegend(view, ground, { hasPath: ground.exact }),

    background(ctx, size, view) {
      const area = { left: 4, top: 2, right: size.width - 4, bottom: size.height - 3 };
      ctx.font = FONT;
      const margin = 24 + Math.max(...[...ground.span, [land.low, land.cap]].map((span) => widest(ctx, tickLabels(ticks(span[0], span[1], 4), notation(span[0], span[1])))));
      const cam = camera({ left: margin, right: size.width - margin, top: 18, bottom: size.height - 38 }, angle);
      const written = drawBox(ctx, cam, view.theme, area, () => drawMesh(ctx, cam, view.theme));
      const layout = { ...area, cam, written, middle: size.width / 2, optimum: project(inBox(ground.optimum[0], ground.optimum[1], ground.floor), cam), hasPath: ground.exact };
      return { ...layout, ...this.placed(layout) };
    },

    /** The paths on a ground that has not changed. */
    placed({ cam, middle }) {
      const on = (run, t) => onGround(ground, run, t) && height(run.loss[t]) <= 1.0001;
      const paths = runs.map((run) => pathOf(run.step.map((_, t) => (on(run, t) ? project(inBox(run.path[0][t], run.path[1][t], run.loss[t]), cam) : null))));
      const outside = (i, t) => !paths[i].places[t] && [paths[i].places.slice(0, t).findLast(Boolean)?.[0] ?? middle, -99];
      return { paths, outside };
    },

    screenOf: ({ cam }, { x, y }) => project(inBox(x, y, land.loss(x, y)), cam).slice(0, 2),

    /** The place of the surface under the pointer; looked for on a grid, then on finer ones about the nearest. */
    startAt({ cam }, pointer) {
      let at = [0, 0], reach = 1;
      for (let round = 0; round < 6; round++) {
        let best = Infinity, next = at;
        const [us, vs] = at.map((middle) => spaced([Math.max(middle - reach, -1), Math.min(middle + reach, 1)], 24));
        for (const u of us) {
          for (const v of vs) {
            const z = height(land.loss(box[0].invert(u), box[1].invert(v))), [x, y] = project([u, v, z], cam), away = Math.hypot(x - pointer[0], y - pointer[1]);
            if (z <= 1 && away < best) [best, next] = [away, [u, v]];
          }
        }
        [at, reach] = [next, reach / 8];
      }
      return at.map((v, i) => box[i].invert(v));
    },

    draw(ctx, layout, view) {
      const hand = view.handOn?.(ground), seen = hand && hand.every((v, i) => v >= ground.span[i][0] && v <= ground.span[i][1]) && height(land.loss(...hand)) <= 1;
      drawRuns(ctx, view, ground, { ...layout, hand: seen && project(inBox(hand[0], hand[1], land.loss(...hand)), layout.cam) });
    },
    pick: (layout, pointer, view) => pickStep(layout, pointer, view, ground.axes),

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
