/** The update in numbers: what is written out is what the run did. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { updateOf } from "../../../src/bestline/pictures/player/update.js";

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

test("plain descent is one line that adds up", () => {
  assert.deepEqual(text(updateOf({ optimizer: "sgd", lr: 0.01, momentum: 0 }, course(0.01, 2), 0, "w", 0)), ["new w = −1.5 − 0.01 × (−9) = −1.41"]);
  assert.deepEqual(text(updateOf({ optimizer: "sgd", lr: 0.01, momentum: 0 }, course(0.01, 2), 1, "w", 0)), ["new w = −1.41 − 0.01 × (−7.38) = −1.336"]);
});

test("after the last step there is a rule and no result", () => {
  assert.deepEqual(text(updateOf({ optimizer: "sgd", lr: 0.01, momentum: 0 }, course(0.01, 2), 2, "w", 0)), ["new w = −1.336 − 0.01 × (−6.052)"]);
});

for (const [optimizer, step] of [["momentum", (v) => v], ["nesterov", (v, g) => g + 0.9 * v]]) {
  test(`${optimizer} remembers`, () => {
    let velocity = 0;
    const walk = course(0.01, 3, (w, g) => ((velocity = 0.9 * velocity + g), w - 0.01 * step(velocity, g)));
    const [gathered, next] = text(updateOf({ optimizer, lr: 0.01, momentum: 0.9 }, walk, 1, "w", 0));
    assert.match(gathered, /^velocity = 0\.9 × \(−9\) \+ \(.*\) = −/);
    const numbers = (line) => line.replaceAll("−", "-").match(/-?\d+(\.\d+)?/g).map(Number);
    const [, , g, v] = numbers(gathered);
    assert.ok(Math.abs(0.9 * -9 + g - v) < 2e-3);
    const w = walk.weights[1][0] - 0.01 * step(v, g);
    assert.ok(Math.abs(w - numbers(next).at(-1)) < 1e-3);
    assert.ok(Math.abs(walk.weights[2][0] - w) < 1e-3);
  });
}

test("Adam's first step is the rate, whatever the gradient", () => {
  const walk = course(0.1, 1, (w, g) => w - (0.1 * g) / (Math.sqrt(g * g) + 1e-8));
  const [mean, square, next] = text(updateOf({ optimizer: "adam", lr: 0.1, momentum: 0 }, walk, 0, "w", 0));
  assert.equal(mean, "mean gradient = −9");
  assert.equal(square, "mean square = 81");
  assert.equal(next, "new w = −1.5 − 0.1 × (−9) / √ 81 = −1.4");
});

test("every number says what it is", () => {
  for (const optimizer of ["sgd", "momentum", "nesterov", "adam"]) {
    const pieces = updateOf({ optimizer, lr: 0.01, momentum: 0.9 }, course(0.01, 2), 1, "w", 0).flat();
    for (const [word, title] of pieces) assert.equal(/\d/.test(word), title !== "" && /\d/.test(word), word);
  }
});
