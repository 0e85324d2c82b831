// What several tests compare numbers with, and over what.

import assert from "node:assert/strict";

/** That two numbers agree to a relative tolerance, below 1 to an absolute one. */
export const near = (actual, wanted, tolerance = 1e-9) => assert.ok(Math.abs(actual - wanted) <= tolerance * Math.max(1, Math.abs(wanted)), `${actual} is not ${wanted}`);

/** n + 1 numbers from lo to hi. */
export const grid = (lo, hi, n) => Array.from({ length: n + 1 }, (_, i) => lo + ((hi - lo) * i) / n);

/**
 * A line of an update, `name = arithmetic = result`, worked out with the numbers that are seen on pointing at them: what the
 * arithmetic gives, and the result.
 */
export function exactOf(pieces) {
  const signs = { "−": "-", "×": "*", "²": "**2", "√": "Math.sqrt" };
  const word = ([text, title]) => (title ? `(${title.split(": ")[0].replaceAll("−", "-")})` : (signs[text] ?? text));
  const [, arithmetic, result] = pieces.map((piece, i) => (i ? word(piece) : "")).join(" ").split(" = ");
  return [Function(`return ${arithmetic}`)(), Function(`return ${result}`)()];
}
