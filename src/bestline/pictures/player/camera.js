/**
 * From a box in space to the flat screen: a parallel projection, seen from one side and from above.
 *
 * The box is turned about its upright axis by the azimuth, then tilted towards the eye by the elevation. Lines that are parallel
 * stay so, and equal lengths stay equal, so that heights can be compared anywhere in the picture.
 */

import { clamp } from "./numbers.js";

export const BOX = 1.15; // height of the box, whose floor is two wide

/**
 * A camera that looks at the box from one side and from above, and fits it into a rectangle.
 * @param {{left: number, top: number, right: number, bottom: number}} area
 * @param {{azimuth: number, elevation: number}} view in radians
 */
export function camera({ left, top, right, bottom }, { azimuth, elevation }) {
  const turn = [Math.cos(azimuth), Math.sin(azimuth)], tilt = [Math.cos(elevation), Math.sin(elevation)];
  const across = Math.abs(turn[0]) + Math.abs(turn[1]); // half the width of the box as seen from here
  // The floor, a square tilted by the elevation, and the walls upon it must both fit: so the larger of the two rules.
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
  // The segment is start + s (end − start), 0 <= s <= 1; each pair of sides leaves an interval of s, and these are intersected.
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
export function standpoint(ground, run) {
  const [dx, dy] = ground.span.map(([lo, hi], i) => (ground.optimum[i] - (run.path[i]?.[0] ?? lo)) / (hi - lo));
  // Along the path and 0.6 radians beside it, so that the path does not lie behind itself.
  const side = (dx || dy ? Math.atan2(dy, dx) : Math.PI / 4) + 0.6;
  const azimuth = Math.atan2(-Math.cos(side), -Math.sin(side)), quarter = Math.floor(azimuth / (Math.PI / 2)) * (Math.PI / 2);
  return { azimuth: quarter + clamp(azimuth - quarter, 0.5, Math.PI / 2 - 0.5), elevation: 0.56 };
}
