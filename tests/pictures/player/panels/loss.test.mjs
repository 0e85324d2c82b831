import assert from "node:assert/strict";
import test from "node:test";

import { lossPanel } from "../../../../src/bestline/pictures/player/panels/loss.js";
import { canvas } from "../canvas.mjs";

const theme = { grid: {}, quiet: "grey", ink: "black" }, size = { width: 400, height: 300 };

/** Between which losses the axis lies. */
function axis(runs, log) {
  const panel = lossPanel({ runs, loss: { label: "loss", floor: null } });
  const area = panel.background(canvas().ctx, size, { log, theme, runs, visible: runs.map(() => false), styles: runs.map(() => ({})), follow: 0, rows: runs.map(() => 0), secret: false });
  return [area.y.invert(area.bottom), area.y.invert(area.top)];
}

const run = (stop, ...loss) => ({ stop, loss, step: loss.map((_, i) => i) });

test("of a run that diverges as much is seen as leaves the others readable: of logarithms more than of sums", () => {
  const runs = [run("diverged", 4, 7, 3000, 5000, 1e9), run("steps", 4, 3, 2.5)];
  const [, most] = axis(runs, false), [least, largest] = axis(runs, true);
  assert.ok(most > 7 && most < 8, `sums end at ${most}`);
  assert.ok(largest > 3000 && largest < 5000, `logarithms end at ${largest}`);
  assert.ok(least < 2.5 && least > 1);
});

test("of a run that arrives all is seen, however high it was", () => {
  const runs = [run("steps", 4, 3000, 50, 2)];
  for (const log of [false, true]) assert.ok(axis(runs, log)[1] > 3000);
});
