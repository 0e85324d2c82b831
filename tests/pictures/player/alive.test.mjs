import assert from "node:assert/strict";
import test from "node:test";

import { Alive } from "../../../src/bestline/pictures/player/alive.js";
import { bowlOf, momentsOf, scalingOf } from "../../../src/bestline/pictures/player/bowl.js";
import { near } from "./near.mjs";

const x = [1, 3, 5, 7], y = [10, 20, 0, 30], how = { intercept: true, unscaled: [], ridge: null };
const moments = momentsOf([x, y]), bowls = { standardized: bowlOf(moments, scalingOf(moments, true, how), how) };

/** Where the line y = 2 x + 1 lies on a ground. */
function place(ground, trained, index = [0, 1]) {
  return Alive.prototype.handOn.call({ trainer: { index, bowls }, player: { view: { hand: { slope: 2, intercept: 1 } }, session: { trained } } }, ground);
}

test("a line moved by hand lies on a ground in its units: those of the data, or as trained", () => {
  assert.deepEqual(place({ even: false }, null), [2, 1]);
  assert.deepEqual(place({ even: false }, {}), [2, 1], "although there is another ground as trained");
  assert.deepEqual(place({ even: false }, {}, [1, 0]), [1, 2]);
  // As trained y is (y - 15) / sqrt(125) and x is (x - 4) / sqrt(5): the line's slope is 2 sqrt(5 / 125), its height over the mean of x 9 - 15.
  const [slope, intercept] = place({ even: true }, {});
  near(slope, 2 / 5);
  near(intercept, -6 / Math.sqrt(125));
});
