/** The update in numbers: what is written out is what the run did. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { linesOf, trainedMoment } from "../../../src/bestline/pictures/player/update.js";
import { exactOf, near } from "./near.mjs";

const text = (lines) => lines.map((pieces) => pieces.map(([word]) => word).join(" "));

/** The one weight of the crash course, by hand: the gradient of (3 + 3w)² is 18 (w + 1). */
function course(lr, steps, move = (w, g) => w - lr * g) {
  const weights = [[-1.5]], gradients = [[18 * (-1.5 + 1)]];
  for (let k = 0; k < steps; k++) {
    const w = move(weights[k][0], gradients[k][0]);
    weights.push([w]);
    gradients.push([18 * (w + 1)]);
  }
  return { weights, gradients };
}

const lines = (knobs, walk, k) => linesOf(...trainedMoment({ walk, knobs }, k, 0), "w", k);
const plain = { optimizer: "sgd", lr: 0.01, momentum: 0 };

test("plain descent is one line that adds up", () => {
  assert.deepEqual(text(lines(plain, course(0.01, 2), 0)), ["new w = −1.5 − 0.01 × (−9) = −1.41"]);
  assert.deepEqual(text(lines(plain, course(0.01, 2), 1)), ["new w = −1.41 − 0.01 × (−7.38) = −1.336"]);
});

test("after the last step there is a rule and no result", () => {
  assert.deepEqual(text(lines(plain, course(0.01, 2), 2)), ["new w = −1.336 − 0.01 × (−6.052)"]);
});

for (const [optimizer, step] of [["momentum", (v) => v], ["nesterov", (v, g) => g + 0.9 * v]]) {
  test(`${optimizer} remembers`, () => {
    let velocity = 0;
    const walk = course(0.01, 3, (w, g) => ((velocity = 0.9 * velocity + g), w - 0.01 * step(velocity, g)));
    const found = lines({ optimizer, lr: 0.01, momentum: 0.9 }, walk, 1);
    assert.match(text(found)[0], /^velocity = 0\.9 × \(−9\) \+ \(.*\) = −/);
    for (const line of found) near(...exactOf(line), 1e-14);
    near(exactOf(found[1])[1], walk.weights[2][0], 1e-14);
  });
}

test("Adam's first step is the rate, whatever the gradient", () => {
  const walk = course(0.1, 1, (w, g) => w - (0.1 * g) / (Math.sqrt(g * g) + 1e-8));
  assert.deepEqual(text(lines({ optimizer: "adam", lr: 0.1, momentum: 0 }, walk, 0)), [
    "mean gradient = ( 0.9 × 0 + 0.1 × (−9) ) / 0.1 = −9",
    "mean square = ( 0.999 × 0 + 0.001 × (−9) ² ) / 0.001 = 81",
    "new w = −1.5 − 0.1 × (−9) / ( √ 81 + 1×10⁻⁸ ) = −1.4",
  ]);
});

test("every number says what it is, with all its digits", () => {
  for (const optimizer of ["sgd", "momentum", "nesterov", "adam"]) {
    const found = lines({ optimizer, lr: 1 / 3, momentum: 0.9 }, course(1 / 3, 2), 1);
    for (const [word, title] of found.flat()) assert.equal(/\d/.test(word), /^[−\d.e]+: [a-z1]/.test(title), `${word} | ${title}`);
    assert.ok(found.flat().some(([, title]) => title.startsWith("0.3333333333333333: learning rate")));
  }
});

test("weight decay shrinks the weight before the step", () => {
  const rule = { optimizer: "adamw", b1: 0.9, b2: 0.999, eps: 1e-8, decay: 0.01 }, moment = { w: -2, g: 4, lr: 0.5, t: 1, memory: [0, 0], after: -2 * 0.995 - 0.5 };
  const found = linesOf(rule, moment, "w", 0);
  assert.equal(text(found)[2], "new w = 0.995 × (−2) − 0.5 × 4 / ( √ 16 + 1×10⁻⁸ ) = −2.49");
  near(...exactOf(found[2]), 1e-8);
});
