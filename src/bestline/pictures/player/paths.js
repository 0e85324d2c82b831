/**
 * The way that a run went, in pixels: thinned to what the eye can tell apart, and drawn up to any step.
 *
 * Thinning is done once, when the panel's size is known; a frame then only draws the part that has been walked.
 */

import { clamp } from "./numbers.js";
import { fill, mark, plain, shape, trail } from "./draw.js";

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
export const pathOf = (places) => ({ places, line: apart(places, 0.7), dots: apart(places, 7) });

/** The places of a path up to row t, that row always among them. */
export const sofar = ({ places, line }, t) => [...line.filter((r) => r < t), t].map((r) => places[r]);

/** The path of a run up to a row, on a ribbon of the paper's colour, with a dot for every step that has room. */
export function drawPath(ctx, theme, style, path, t, alpha) {
  const places = sofar(path, t);
  trail(ctx, places, plain(theme.paper, style.width + 2.5), 0.75 * alpha);
  trail(ctx, places, style, alpha);
  ctx.beginPath();
  for (const r of path.dots) if (r <= t && path.places[r]) shape(ctx, "o", path.places[r], 4.4);
  fill(ctx, style.colour, alpha);
}

/**
 * What lies outside the picture: a triangle at the edge, on the side where it is.
 * @type {(ctx: any, theme: any, style: any, area: any, place: number[], labels: any, text: string) => void}
 */
export function drawOutside(ctx, theme, style, area, [x, y], labels, text) {
  const at = [clamp(x, area.left + 8, area.right - 8), clamp(y, area.top + 8, area.bottom - 8)];
  ctx.save();
  ctx.translate(...at);
  ctx.rotate(Math.atan2(y - at[1], x - at[0]) + Math.PI / 2);
  mark(ctx, theme, { ...style, marker: "^", size: 13 }, [0, 0]);
  ctx.restore();
  labels.block(8, at);
  labels.write(text, at, { gap: 12, anchors: "left right below above" });
}

/**
 * Which of some places is nearest to the pointer, within its reach.
 * @type {(places: (number[] | null)[], place: number[], reach: number) => number | null}
 */
export function nearest(places, [x, y], reach) {
  let found = null, best = reach;
  places.forEach((place, i) => {
    const away = place ? Math.hypot(place[0] - x, place[1] - y) : Infinity;
    if (away < best) [found, best] = [i, away];
  });
  return found;
}
