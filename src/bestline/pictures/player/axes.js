/** The rectangle of a plot: its scales, its ticks, its names, and what lies within. */

import { clamp } from "./numbers.js";
import { logLabels, logTicks, notation, scaleOf, tickLabels, ticks } from "./scales.js";
import { FONT, plain, segment, stroke } from "./draw.js";
import { cut, widest } from "./labels.js";

/**
 * The rectangle of a plot, with room for its labels as wide as they are, and its two scales; with `even` a unit is as long across
 * as upwards, where more to the left and right is seen for it.
 * @type {(ctx: any, size: any, how: {xlim: [number, number], ylim: [number, number], log?: boolean, counted?: boolean, even?: boolean}) => any}
 */
export function plotArea(ctx, size, { xlim: [low, high], ylim, log = false, counted = false, even = false }) {
  ctx.font = FONT;
  // How numbers are written stands in a line of its own where it would leave the name no room.
  const linesFor = (told, room) => (ctx.measureText(told).width > room / 3 ? 2 : 1);
  const below = linesFor(notation(low, high).told, size.width - 80);
  const top = 8, bottom = size.height - 26 - 14 * below, rows = clamp(Math.floor((bottom - top) / 36), 3, 9);
  const yTicks = log ? logTicks(...ylim, rows) : ticks(...ylim, rows);
  const factors = log && ylim[1] / ylim[0] > 5, yNotation = notation(...ylim);
  const yLabels = factors ? logLabels(yTicks) : tickLabels(yTicks, yNotation);
  const yTold = [factors ? "" : yNotation.told, log ? "log scale" : ""].filter(Boolean).join(", ");
  const lines = linesFor(yTold, bottom - top);
  const left = 12 + 14 * lines + widest(ctx, yLabels), side = size.width - 30 - left;
  const more = even ? Math.max((((ylim[1] - ylim[0]) * side) / (bottom - top) - (high - low)) / 2, 0) : 0;
  const xlim = /** @type {[number, number]} */ ([low - more, high + more]);
  // Fewer ticks until their labels fit beside each other: how wide they are is known only after they are chosen.
  const xNotation = notation(...xlim);
  let columns = clamp(Math.floor((size.width - left) / 70), 3, 9), xTicks, xLabels;
  do {
    xTicks = ticks(...xlim, columns--, counted);
    xLabels = tickLabels(xTicks, xNotation);
  } while (columns > 1 && xTicks.length * (widest(ctx, xLabels) + 12) > size.width - left);
  const right = even ? left + side : size.width - Math.max(10, widest(ctx, xLabels) / 2 + 2);
  const x = scaleOf(...xlim, left, right), y = scaleOf(...ylim, bottom, top, log);
  return { left, top, right, bottom, lines, below, xTicks, xLabels, yTicks, yLabels, x, y, told: [xNotation.told, yTold] };
}

/**
 * Whether a place lies in a rectangle, or within a pixel of it.
 * @type {(area: any, place: number[]) => boolean}
 */
export const within = (area, [x, y]) => x >= area.left - 1 && x <= area.right + 1 && y >= area.top - 1 && y <= area.bottom + 1;

/**
 * Axes with ticks and names, and lines of the grid where there is no landscape behind.
 * @type {(ctx: any, theme: any, size: any, area: any, names: string[], grid?: boolean) => void}
 */
export function drawAxes(ctx, theme, size, area, [xlabel, ylabel], grid = true) {
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
  const [across, upwards] = [[xlabel, right - left, area.below], [ylabel, bottom - top, area.lines]].map(([name, room, lines], i) => (
    lines > 1 ? [cut(ctx, name, room), area.told[i]] : [named(ctx, name, area.told[i], room)]
  ));
  across.forEach((line, i) => ctx.fillText(line, (left + right) / 2, size.height - 9 - 14 * (across.length - 1 - i)));
  ctx.save();
  ctx.translate(9, (top + bottom) / 2);
  ctx.rotate(-Math.PI / 2);
  upwards.forEach((line, i) => ctx.fillText(line, 0, 14 * i));
  ctx.restore();
}

/** The name of an axis and how its numbers are written, which is never cut: without it they would be others. */
function named(ctx, name, told, room) {
  if (!told) return cut(ctx, name, room);
  return `${cut(ctx, name, Math.max(room - ctx.measureText(`, ${told}`).width, 40))}, ${told}`;
}

/**
 * Draw, and let nothing be seen outside a rectangle.
 * @type {(ctx: any, area: any, draw: () => void) => void}
 */
export function clipped(ctx, { left, top, right, bottom }, draw) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, right - left, bottom - top);
  ctx.clip();
  draw();
  ctx.restore();
}
