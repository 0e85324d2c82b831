import assert from "node:assert/strict";
import test from "node:test";

import { howMany, shares } from "../../../../src/bestline/pictures/player/panels/data.js";
import { near } from "../near.mjs";

test("shares of the loss and of the gradient add up to the whole", () => {
  const X = [[1], [2], [4], [7]], residuals = [0.5, -1, 2, 0.25], w = [1, 2, 1, 3];
  const all = X.map((_, i) => shares(residuals, X, w, i));
  near(all.reduce((sum, s) => sum + s.loss, 0), 1);
  near(all.reduce((sum, s) => sum + s.gradient, 0), 1);
  const squares = residuals.map((r, i) => w[i] * r * r);
  near(all[2].loss, squares[2] / squares.reduce((a, b) => a + b));
  const still = shares([1, -2, 1], [[0], [1], [2]], null, 0); // residuals of a least-squares line
  assert.equal(still.gradient, null);
});

test("rows are counted with what they are chosen from", () => {
  assert.equal(howMany({ y: [1, 2, 3], of: 40_000 }), "3 of 40,000");
  assert.equal(howMany({ y: [1, 2, 3], of: 3 }), "3");
});
