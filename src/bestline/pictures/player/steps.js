/**
 * Steps and time: which states can be shown, at which row of each run, and how fast they follow each other.
 *
 * Only recorded states are shown, never one in between. So the clock's position is a number of states, its whole part is the
 * state shown, and each run stands at its own last row that is not later.
 */

import { clamp } from "./numbers.js";

/**
 * The steps that can be shown: every number of updates that some run recorded, ascending.
 * @type {(...runs: {step: number[]}[]) => number[]}
 */
export function framesOf(...runs) {
  return [...new Set(runs.flatMap((run) => run.step))].sort((a, b) => a - b);
}

/**
 * The row of a run after k updates: that of its largest step not above k, so a run that has ended stays at its end.
 * @type {(steps: number[], k: number) => number}
 */
export function rowAt(steps, k) {
  let low = 0, high = steps.length - 1;
  // Bisection: steps[low] <= k (or low is the first row), and every row above high has steps > k.
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (steps[middle] <= k) low = middle;
    else high = middle - 1;
  }
  return low;
}

const UNKNOWN = ["path", "weights", "loss", "held_out", "gap", "down"];

/** A run with NaN where JSON has null: what is no number is then drawn nowhere, rather than at zero; a line by its weights. */
export function withGaps(run) {
  const known = (v) => (Array.isArray(v) ? v.map(known) : (v ?? NaN));
  const filled = (part) => ({ ...part, ...Object.fromEntries(UNKNOWN.filter((name) => part[name]).map((name) => [name, known(part[name])])) });
  const found = filled(run), [slope, intercept = run.step.map(() => 0)] = found.weights;
  return { ...found, trained: run.trained && filled(run.trained), line: run.line ? { slope, intercept } : null };
}

const SECONDS = 8; // a whole run at normal speed
const LONGEST_FRAME = 250; // ms: after a pause of the browser's own, playing goes on from where it was

/** Frames a second, so that a run plays in about eight seconds, and a short one at two frames a second. */
export const pace = (frames) => Math.max((frames - 1) / SECONDS, 2);

/**
 * The clock's next position. The time of an animation frame can lie before the click that started it: never step back.
 * @type {(position: number, elapsed: number, perSecond: number, last: number) => number}
 */
export function advance(position, elapsed, perSecond, last) {
  return clamp(position + (clamp(elapsed, 0, LONGEST_FRAME) / 1000) * perSecond, 0, last);
}
