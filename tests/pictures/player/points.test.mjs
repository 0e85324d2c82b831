import assert from "node:assert/strict";
import test from "node:test";

import { readAddress, writeAddress } from "../../../src/bestline/pictures/player/address.js";
import { momentsOf } from "../../../src/bestline/pictures/player/bowl.js";
import { changedBy, changesOf, movedTo, Points, pointsOf, tidied, without, withPoint } from "../../../src/bestline/pictures/player/points.js";

const first = pointsOf({ x: [0, 1, 2, 3], y: [5, 6, 7, 8], w: [1, 2, 3, 4] }), may = (x, y) => Number.isFinite(x) && Number.isFinite(y);

test("a moved row keeps its weight, and a new one has that of the average", () => {
  const rows = withPoint(movedTo(without(first, (was) => was === 1), 1, 2.5, -7), 9, 9, 2.5);
  assert.deepEqual(rows, { x: [0, 2.5, 3, 9], y: [5, -7, 8, 9], w: [1, 3, 4, 2.5], was: [0, 2, 3, -1] });
  assert.deepEqual(first.x, [0, 1, 2, 3], "the recorded rows are not touched");
});

test("what was done to the rows makes them again, from an address too", () => {
  const rows = withPoint(movedTo(without(first, (was) => was === 1), 1, 2.5, -7e-12), 9, 1e21, 2.5), changes = changesOf(first, rows);
  assert.deepEqual(changedBy(first, changes, may, 2.5), rows);
  assert.deepEqual(readAddress(`#${writeAddress({ points: changes })}`, []).points, changes);
  assert.equal(changesOf(first, pointsOf(first)), null);
});

test("of what an address says only changes of these rows are made", () => {
  const left = changedBy(first, { moved: [[7, 1, 1], [-1, 1, 1], [0.5, 1, 1], [0, NaN, 1], [0, 1], "x", [1, 4, 4]], removed: [0, 99, "1"], added: [[1], null, [1, Infinity], [6, 6]] }, may, 1);
  assert.deepEqual(left, { x: [4, 2, 3, 6], y: [4, 7, 8, 6], w: [2, 3, 4, 1], was: [1, 2, 3, -1] });
  assert.deepEqual(changedBy(first, { removed: [0, 1, 2, 3] }, may, 1), first, "some row must stay");
  assert.deepEqual(changedBy(first, { moved: "no", removed: 3, added: { length: 9 } }, may, 1), first);
  assert.equal(changedBy(first, { added: new Array(9000).fill([1, 1]) }, may, 1).x.length, 500);
});

test("a value has no more digits than a pixel can show", () => {
  assert.equal(tidied(1.23456789, [0, 1]), 1.235);
  assert.equal(tidied(2012.3456, [1990, 2020]), 2012.35);
  assert.ok(Math.abs(tidied(-3e-7 / 7, [-1e-7, 1e-7]) + 3e-7 / 7) < 1e-10);
});

test("a column that never changes has no spread, whatever its digits", () => {
  assert.deepEqual([...momentsOf([[0.1, 0.1, 0.1], [1, 2, 4]], [0.3, 0.1, 0.7]).covariance[0]], [0, 0]);
});

test("with no point chosen Page Down begins with the first and Page Up with the last; both go round", () => {
  const points = Object.assign(Object.create(Points.prototype), { locked: false, rows: first, chosen: null, choose(i) { this.chosen = i; } });
  const after = (chosen, key) => {
    points.chosen = chosen;
    assert.equal(points.key({ key, shiftKey: false }, []), true);
    return points.chosen;
  };
  assert.deepEqual([after(null, "PageDown"), after(null, "PageUp")], [0, 3]);
  assert.deepEqual([after(0, "PageUp"), after(1, "PageUp"), after(2, "PageDown"), after(3, "PageDown")], [3, 0, 3, 0]);
});
