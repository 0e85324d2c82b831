import assert from "node:assert/strict";
import test from "node:test";

import { RateSweep } from "../../../src/bestline/pictures/player/sweep.js";
import { canvas } from "./canvas.mjs";

const area = { left: 0, right: 100, top: 0, bottom: 50 }, theme = { fitted: { colour: "red" }, ink: "black" };

/** Where what diverges begins; null where nothing does. */
function shaded(limit, ...rates) {
  const { ctx, rects } = canvas(), tried = rates.map((lr) => ({ lr: Math.abs(lr), diverged: lr < 0 }));
  RateSweep.prototype.beyond.call({ alive: { ahead: { limit } }, tried }, ctx, theme, area, (lr) => 10 * lr);
  if (!rects.length) return null;
  const [[left, top, width, height]] = rects;
  assert.deepEqual([top, left + width, height], [0, 100, 50]);
  return left;
}

test("what diverges is shaded from the limit on, which lies between two rates that were tried", () => {
  assert.equal(shaded(3.5, 1, 2, 3, -4, -5), 35);
});

test("where the limit is not known, or is none, it is shaded from the first rate that diverged", () => {
  assert.equal(shaded(null, 1, 2, 3, -4, -5), 40);
  assert.equal(shaded(9, 1, 2, 3, -4, -5), 40);
  assert.equal(shaded(null, 1, 2, 3, 4), null);
});
