// Runs of Python's made again by the page's own descent: `node descent.mjs CASES.json` prints where they differ, as JSON.

import { readFileSync } from "node:fs";

import { bowlOf, momentsFrom, momentsOf, scalingOf, toData, toTrained } from "../../../src/bestline/pictures/player/bowl.js";
import { descend, fastestRate, foresight, stableRate } from "../../../src/bestline/pictures/player/descent.js";

const apart = (actual, wanted) => (wanted === null || wanted === undefined ? Number(actual !== null && actual !== undefined) : Math.abs(actual - wanted) / Math.max(Math.abs(wanted), 1e-300));

/** How far two lists are apart, by the largest number of the second. */
const far = (actual, wanted) => {
  const size = Math.max(...wanted.map(Math.abs), 1e-300);
  return actual.length === wanted.length ? Math.max(0, ...wanted.map((v, i) => Math.abs(actual[i] - v) / size)) : Infinity;
};

const found = JSON.parse(readFileSync(process.argv[2], "utf8")).map(({ live, rows, run, trace }) => {
  const moments = momentsFrom(live), side = live.sides[run.standardize ? "standardized" : "plain"], ridge = run.ridge, how = { ...live, ridge };
  const bowl = bowlOf(moments, side, how, side), start = toTrained(bowl, live.run.start), walk = descend(bowl, start, run), weights = walk.weights.map((w) => toData(bowl, w));
  // Of its own, from the rows alone: what dragged points need.
  const own = rows && momentsOf(rows.columns, rows.w), scaling = rows && scalingOf(own, run.standardize, live), again = rows && bowlOf(own, scaling, how);
  return {
    steps: Math.abs(weights.length - trace.loss.length),
    // Each weight by its own largest, all along the way.
    weights: Math.max(...live.names.map((_, j) => far(weights.map((w) => w[j]), trace.weights[j]))),
    // Where a line goes through every point the loss ends as the square of rounding, which has no digits.
    loss: Math.max(...trace.loss.map((v, t) => Math.abs(walk.loss[t] - v) / Math.max(v, 1e-8 * trace.loss[0]))),
    gap: far(walk.gap, trace.gap),
    stop: Number(walk.stop !== trace.stop),
    at: Math.abs(walk.at - trace.at),
    limit: apart(walk.limit, trace.limit),
    foresight: run.optimizer === "adam" ? [] : foresight(bowl, start, run),
    fastest: fastestRate(bowl, start, run),
    stable: stableRate(bowl, run),
    rows: rows ? { bottom: far([...again.bottom], side.bottom), floor: Math.abs(again.floor - bowl.floor) / bowl.reference, scale: far(scaling.scale, side.scale), center: Math.max(...side.center.map((v, j) => Math.abs(v - scaling.center[j]) / side.scale[j])) } : null,
  };
});
process.stdout.write(JSON.stringify(found));
