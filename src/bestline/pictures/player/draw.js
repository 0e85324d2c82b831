/** Strokes, markers and arrows on a canvas. */

import { SOLID } from "./theme.js";

export const FONT = "12px system-ui, sans-serif";
export const BOLD = `600 ${FONT}`;

/** The style of a line without dashes. */
export const plain = (colour, width = 1) => ({ colour, dash: SOLID, width });

/** Draw the current path of a canvas as a line of some style. */
export function stroke(ctx, { colour, dash, width }, alpha = 1) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.lineJoin = "round";
  ctx.globalAlpha = alpha;
  ctx.setLineDash(dash.map((d) => d * width));
  ctx.stroke();
  ctx.setLineDash(SOLID);
  ctx.globalAlpha = 1;
}

/** Fill the current path of a canvas, or the path given. */
export function fill(ctx, colour, alpha = 1, path = null) {
  ctx.fillStyle = colour;
  ctx.globalAlpha = alpha;
  path ? ctx.fill(path) : ctx.fill();
  ctx.globalAlpha = 1;
}

/**
 * Add the segment between two places to the current path.
 * @type {(path: any, from: number[], to: number[]) => void}
 */
export function segment(ctx, [x1, y1], [x2, y2]) {
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
}

/** A line through places [x, y]; a place of no number leaves a gap. */
export function trail(ctx, places, style, alpha) {
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
export const SHAPES = {
  s: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
  D: [[0, -1.15], [1.15, 0], [0, 1.15], [-1.15, 0]],
  "^": [[0, -1.15], [1.05, 0.8], [-1.05, 0.8]],
  v: [[0, 1.15], [1.05, -0.8], [-1.05, -0.8]],
  P: [[-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4], [1.1, 0.4], [0.4, 0.4], [0.4, 1.1], [-0.4, 1.1], [-0.4, 0.4], [-1.1, 0.4], [-1.1, -0.4], [-0.4, -0.4]],
};
SHAPES.X = SHAPES.P.map(([x, y]) => [(x - y) * 0.75, (x + y) * 0.75]);

/**
 * Add a marker to the current path of a canvas, or to a Path2D.
 * @type {(path: any, marker: string, place: number[], size: number) => void}
 */
export function shape(path, marker, [x, y], size) {
  const r = size / 2;
  if (!SHAPES[marker]) {
    path.moveTo(x + r, y);
    path.arc(x, y, r, 0, 2 * Math.PI);
    return;
  }
  SHAPES[marker].forEach(([dx, dy], i) => (i ? path.lineTo(x + r * dx, y + r * dy) : path.moveTo(x + r * dx, y + r * dy)));
  path.closePath();
}

/**
 * One marker, ringed so that it stands out from whatever lies under it.
 * @type {(ctx: any, theme: any, style: any, place: number[], edge?: string) => void}
 */
export function mark(ctx, theme, { marker, colour, size }, place, edge = theme.paper) {
  ctx.beginPath();
  shape(ctx, marker, place, size);
  stroke(ctx, plain(edge, 3));
  fill(ctx, colour);
}

/** Where a run is now. */
export function ball(ctx, theme, style, place) {
  ctx.beginPath();
  shape(ctx, "o", place, 19);
  fill(ctx, style.colour, 0.22);
  mark(ctx, theme, { ...style, size: 11 }, place);
}

/**
 * An arrow from a place in a direction, on a ribbon of paper; none where there is no direction.
 * @type {(ctx: any, theme: any, style: any, place: number[], way: number[], length: number) => void}
 */
export function arrow(ctx, theme, style, [x, y], [dx, dy], length) {
  const size = Math.hypot(dx, dy);
  if (!(size > 0 && Number.isFinite(size))) return;
  const [ux, uy] = [dx / size, dy / size], at = (along, aside) => [x + along * ux - aside * uy, y + along * uy + aside * ux];
  for (const one of [plain(theme.paper, style.width + 2.5), style]) {
    trail(ctx, [at(8, 0), at(length, 0)], one);
    trail(ctx, [at(length - 8, 4.5), at(length, 0), at(length - 8, -4.5)], one);
  }
}
