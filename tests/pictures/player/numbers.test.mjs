import assert from "node:assert/strict";
import test from "node:test";

import { equationOf, formatNumber, shorten } from "../../../src/bestline/pictures/player/numbers.js";

test("numbers are read as people write them", () => {
  assert.equal(formatNumber(1234567.8), "1,235,000");
  assert.equal(formatNumber(-0.00765), "−0.00765");
  assert.equal(formatNumber(1.23456e-7), "1.235×10⁻⁷");
  assert.equal(formatNumber(4e12, 2), "4×10¹²");
  assert.equal(formatNumber(0.5, 4, true), "0.5000");
  assert.equal(formatNumber(999999, 4), "1,000,000");
  assert.deepEqual([1e-4, 9.9996e-5, 9.99e-5, -2e-5].map((v) => formatNumber(v)), ["0.0001", "0.0001", "9.99×10⁻⁵", "−2×10⁻⁵"]);
  assert.deepEqual([999_999_999, 1e9].map((v) => formatNumber(v, 9)), ["999,999,999", "1×10⁹"]);
  assert.equal(formatNumber(0), "0");
  for (const nothing of [null, undefined, NaN, Infinity]) assert.equal(formatNumber(nothing), "–");
});

test("long names keep their start and their end", () => {
  assert.equal(shorten("short", 10), "short");
  assert.equal(shorten("a very long name indeed", 10), "a…indeed"); // no word loses a letter
  assert.equal(shorten("predicted energy_consumption…in_kilowatt_hours", 30), "predicted…in_kilowatt_hours");
  assert.equal(shorten("flipper_length_mm", 13), "flipper…mm");
  assert.equal(shorten("incomprehensibilities", 10), "incomp…ies"); // one that has no room at all
  // What was cut before has one gap still, whatever is left of it.
  for (let n = 4; n < 27; n++) assert.match(shorten("weight of temperature…inlet", n), /^we[^…]*…[^…]*$/);
  assert.equal(shorten("weight of temperature…inlet", 18), "weight of…inlet");
  assert.equal(shorten("one…two…three", 10), "one…three");
});

test("an equation has the signs of its weights, and says how many it leaves out", () => {
  assert.equal(equationOf("y", ["x", "Intercept"], [-2, 0.5]), "y = 0.5000 − 2.000 x");
  assert.equal(equationOf("y", ["x"], [-2]), "y = −2.000 x");
  assert.equal(equationOf("y", ["Intercept"], [3]), "y = 3.000");
  const names = Array.from({ length: 30 }, (_, j) => `feature_${j}`);
  assert.match(equationOf("y", names, names.map(() => 1)), / \+ 2\d more terms$/);
  assert.equal(equationOf("y", ["x"], [2], 7), "y = 2.000 x + 7 more terms");
  assert.equal(equationOf("y", ["x"], [2], 1), "y = 2.000 x + 1 more term");
});
