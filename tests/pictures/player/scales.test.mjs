import assert from "node:assert/strict";
import test from "node:test";

import { logLabels, logTicks, notation, scaleOf, tickLabels, ticks } from "../../../src/bestline/pictures/player/scales.js";
import { near } from "./near.mjs";

test("ticks are round, ascending, inside, and about as many as asked for", () => {
  for (const [lo, hi] of [[0, 1], [-3, 3], [1e6, 1.00001e6], [-1e-7, 2e-7], [170, 232], [-5506, 4200]]) {
    for (const n of [3, 5, 9]) {
      const found = ticks(lo, hi, n);
      assert.ok(found.length >= 1 && found.length <= n + 1, `${found}`);
      assert.ok(found.every((v, i) => v >= lo - 1e-9 * Math.abs(lo) && v <= hi + 1e-9 * Math.abs(hi) && (i === 0 || v > found[i - 1])));
      assert.equal(new Set(tickLabels(found)).size, found.length, `labels differ: ${tickLabels(found)}`);
    }
  }
  assert.deepEqual(ticks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(tickLabels([-2.5, 0, 2.5]), ["−2.5", "0.0", "2.5"]);
  assert.deepEqual(tickLabels([0, 0.25, 0.5]), ["0.00", "0.25", "0.50"]);
});

test("an axis has one way of writing its numbers, and its label tells it", () => {
  const told = (lo, hi, values) => [tickLabels(values, notation(lo, hi)), notation(lo, hi).told];
  assert.deepEqual(told(0, 4e5, [0, 200000, 400000]), [["0", "200,000", "400,000"], ""]);
  assert.deepEqual(told(0, 8e7, [0, 4e7, 8e7]), [["0", "40", "80"], "in units of 10⁶"]);
  assert.deepEqual(told(-1e-9, 2e-9, [-1e-9, 0, 2e-9]), [["−1", "0", "2"], "in units of 10⁻⁹"]);
  assert.deepEqual(told(1e6, 1e6 + 10, [1e6, 1e6 + 5]), [["0", "5"], "counted from 1,000,000"]);
  assert.deepEqual(told(-1613468450, -1613468400, [-1613468450, -1613468400]), [["0", "50"], "counted from −1,613,468,450"]);
});

test("labels of a logarithmic axis are all powers of ten or none is", () => {
  assert.deepEqual(logLabels([0.001, 1, 1000]), ["0.001", "1", "1,000"]);
  assert.deepEqual(logLabels([1, 1000, 1e6]), ["10⁰", "10³", "10⁶"]);
  assert.deepEqual(logLabels([20000, 50000]), ["20,000", "50,000"]); // as in titles and legends, where few powers are in sight
  assert.deepEqual(logLabels([5e8, 1e9, 2e9]), ["5×10⁸", "10⁹", "2×10⁹"]);
});

test("logarithmic ticks are powers of ten, or within a decade plain ones", () => {
  assert.deepEqual(logTicks(0.5, 2000, 6), [1, 10, 100, 1000]);
  assert.deepEqual(logTicks(1, 60, 6), [1, 2, 5, 10, 20, 50]);
  assert.deepEqual(logTicks(2, 3, 5), ticks(2, 3, 5));
  assert.ok(logTicks(1e-12, 1e12, 6).length <= 7);
  assert.deepEqual(logTicks(0, 1, 5), []);
});

test("a scale and its inverse agree, also a logarithmic one", () => {
  for (const log of [false, true]) {
    const at = scaleOf(0.01, 1000, 300, 10, log);
    near(at(0.01), 300);
    near(at(1000), 10);
    for (const v of [0.02, 1, 77, 900]) near(at.invert(at(v)), v);
  }
  assert.ok(Number.isFinite(scaleOf(0.01, 1, 0, 100, true)(0)), "zero on a logarithmic scale has a place, far below");
});

test("ticks of what is counted are whole numbers from 0", () => {
  for (const last of [0, 1, 2, 3, 4, 7, 12, 30, 101, 12345]) {
    for (const n of [1, 3, 5, 9]) {
      const [lo, hi] = last ? [-0.02 * last, 1.02 * last] : [-1, 1], found = ticks(lo, hi, n, true);
      assert.ok(found.length >= 1 && found.every((v) => Number.isInteger(v) && v >= 0), `${last}, ${n}: ${found}`);
    }
  }
});
