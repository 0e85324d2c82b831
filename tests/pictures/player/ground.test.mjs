import assert from "node:assert/strict";
import test from "node:test";

import { bowlLoss, contourLines, ellipse, gridLoss, levels } from "../../../src/bestline/pictures/player/ground.js";
import { grid, near } from "./near.mjs";

/** The factor F of a curvature, F' F = H (Cholesky). */
const factorOf = ([[p, q], [, r]]) => [[Math.sqrt(p), q / Math.sqrt(p)], [0, Math.sqrt(r - (q * q) / p)]];
const bowlOf = (center, floor, curvature) => ({ center, floor, curvature, factor: factorOf(curvature) });
const bowl = bowlOf([1, -2], 0.3, [[2, 0.7], [0.7, 1.5]]);

test("the loss of a bowl is its closed form", () => {
  near(bowlLoss(bowl, 1, -2), 0.3);
  near(bowlLoss(bowl, 2, 0), 0.3 + 2 * 1 + 2 * 0.7 * 1 * 2 + 1.5 * 4);
  near(bowlLoss({ center: [3], floor: 1, factor: [[2]] }, 5), 17);
  // The mean squared error of a line over data, from its moments.
  const x = [0, 1, 2, 5], y = [1, 0, 3, 4], n = x.length, mean = (v) => v.reduce((a, b) => a + b) / n;
  const [mx, my] = [mean(x), mean(y)], sxx = mean(x.map((v) => v * v)), slope = mean(x.map((v, i) => (v - mx) * (y[i] - my))) / (sxx - mx * mx);
  const mse = (a, b) => mean(x.map((v, i) => (y[i] - a * v - b) ** 2)), center = [slope, my - slope * mx];
  const line = bowlOf(center, mse(...center), [[sxx, mx], [mx, 1]]);
  for (const [a, b] of [[0, 0], [-3, 2], [1.5, 0.25]]) near(bowlLoss(line, a, b), mse(a, b));
});

test("between the points of a grid the loss is bilinear", () => {
  const x = grid(-1, 3, 8), y = grid(0, 2, 5), plane = (a, b) => 2 + 3 * a - b + 0.5 * a * b;
  const z = y.map((b) => x.map((a) => plane(a, b)));
  for (const [a, b] of [[-1, 0], [3, 2], [0.3, 1.7], [2.9, 0.01]]) near(gridLoss({ x, y, z }, a, b), plane(a, b));
  near(gridLoss({ x, y: [0], z: [x.map((a) => 2 * a)] }, 0.7), 1.4);
  near(gridLoss({ x, y, z }, 99, 99), plane(3, 2));
});

test("levels ascend from the floor and stay below the top", () => {
  for (const [low, top, highest] of [[0, 1, 1], [5, 1e6, 20], [1e-9, 1, 0.5], [3, 3 + 1e-6, 3], [-2, 4, -1.999]]) {
    const found = levels(low, top, highest);
    near(found[0], low);
    assert.ok(found.every((v, i) => v < top && (i === 0 || v > found[i - 1])), `${found}`);
  }
  assert.deepEqual(levels(1, 1, 1), [1]);
  assert.ok(levels(0, 1e6, 100).filter((v) => v < 100).length >= 7, "in a valley half of them lie below the start");
});

test("marching squares find a circle", () => {
  const axis = grid(-2, 2, 80), values = axis.map((b) => axis.map((a) => a * a + b * b)), radius = 1.01;
  const lines = contourLines(axis, axis, values, radius ** 2), ends = new Map();
  let length = 0;
  for (const [p, q] of lines) {
    length += Math.hypot(p[0] - q[0], p[1] - q[1]);
    for (const end of [p, q]) {
      assert.ok(Math.abs(Math.hypot(...end) - radius) < 1e-3, `${end}`);
      const name = end.map((v) => Math.round(v * 1e9)).join();
      ends.set(name, (ends.get(name) ?? 0) + 1);
    }
  }
  near(length, 2 * Math.PI * radius, 1e-3);
  assert.ok([...ends.values()].every((n) => n === 2), "the contour is closed");
  assert.deepEqual(contourLines(axis, axis, values, 99), []);
});

test("a saddle is cut the way its middle says", () => {
  const lines = (low) => contourLines([0, 1], [0, 1], [[1, low], [low, 1]], 0.4);
  for (const low of [-0.5, 0]) assert.equal(lines(low).length, 2);
  assert.notDeepEqual(lines(-0.5), lines(0));
});

test("the contour of a bowl is where its loss is that high", () => {
  for (const curvature of [bowl.curvature, [[1e4, 99.9], [99.9, 1]], [[1, 0], [0, 1]]]) {
    for (const [a, b] of ellipse({ ...bowl, curvature }, 0.25)) near(bowlLoss(bowlOf(bowl.center, bowl.floor, curvature), a, b), 0.55, 1e-6);
  }
});
