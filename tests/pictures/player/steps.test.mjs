import assert from "node:assert/strict";
import test from "node:test";

import { advance, framesOf, pace, rowAt } from "../../../src/bestline/pictures/player/steps.js";
import { near } from "./near.mjs";

test("frames are the steps of all runs, and a run that has ended stays at its end", () => {
  const runs = [{ step: [0, 1, 2, 3] }, { step: [0, 2, 9] }];
  assert.deepEqual(framesOf(...runs), [0, 1, 2, 3, 9]);
  const at = (k) => runs.map((run) => rowAt(run.step, k));
  assert.deepEqual(at(0), [0, 0]);
  assert.deepEqual(at(1), [1, 0]);
  assert.deepEqual(at(3), [3, 1]);
  assert.deepEqual(at(9), [3, 2]);
  assert.deepEqual(at(1e9), [3, 2]);
  assert.deepEqual(at(-5), [0, 0]);
});

test("the clock never steps back, jumps or runs past the end", () => {
  assert.equal(advance(0, -5.1, 25, 200), 0, "the time of a frame can lie before the click");
  assert.equal(advance(3, -1, 25, 200), 3);
  near(advance(0, 40, 25, 200), 1);
  assert.equal(advance(199.9, 100, 25, 200), 200);
  assert.ok(advance(0, 60_000, 25, 200) < 10, "after a pause of the browser it goes on from where it was");
  for (const frames of [40, 201, 5000]) near((frames - 1) / pace(frames), 8);
  assert.equal(pace(3), 2);
});
