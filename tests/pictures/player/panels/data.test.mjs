import assert from "node:assert/strict";
import test from "node:test";

import { dataPanel, howMany, shares } from "../../../../src/bestline/pictures/player/panels/data.js";
import { canvas } from "../canvas.mjs";
import { near } from "../near.mjs";

test("shares of the loss and of the gradient add up to the whole", () => {
  const X = [[1], [2], [4], [7]], residuals = [0.5, -1, 2, 0.25], w = [1, 2, 1, 3];
  const all = X.map((_, i) => shares(residuals, X, w, i));
  near(all.reduce((sum, s) => sum + s.loss, 0), 1);
  near(all.reduce((sum, s) => sum + s.gradient, 0), 1);
  const squares = residuals.map((r, i) => w[i] * r * r);
  near(all[2].loss, squares[2] / squares.reduce((a, b) => a + b));
  const still = shares([1, -2, 1], [[0], [1], [2]], null, 0); // residuals of a least-squares line
  assert.equal(still.gradient, null);
});

test("rows are counted with what they are chosen from", () => {
  assert.equal(howMany({ y: [1, 2, 3], of: 40_000 }), "3 of 40,000");
  assert.equal(howMany({ y: [1, 2, 3], of: 3 }), "3");
});

for (const [far, where] of [[50, "above"], [-50, "below"]])
  test(`a line that lies ${where} the picture is said to`, () => {
    const run = { label: "a", step: [0, 1], loss: [9, 1], line: { slope: [1, 0.1], intercept: [0, far] } }, data = { kind: "line", x: [0, 1, 2], y: [0, 1, 2], of: 3, xlabel: "x", ylabel: "y", loss: "squared" };
    data.reach = [0, 2];
    const { ctx, texts } = canvas(), theme = { paper: "white", ink: "black", quiet: "grey", data: {} }, style = { colour: "red", dash: [], width: 1, marker: "o" };
    const view = { theme, style, run, runs: [run], row: 1, rows: [1], styles: [style], visible: [true], follow: 0 };
    const panel = dataPanel({ data, runs: [run] }), area = panel.background(ctx, { width: 400, height: 300 }, view);
    texts.length = 0;
    panel.draw(ctx, area, view);
    assert.deepEqual(texts, [`the line is ${where} the picture`]);
    texts.length = 0;
    panel.draw(ctx, area, { ...view, row: 0, rows: [0] });
    assert.deepEqual(texts, [], "what is seen needs no word");
  });
