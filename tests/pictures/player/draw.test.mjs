import assert from "node:assert/strict";
import test from "node:test";

import { arrow, ball, mark, plain, segment, stroke, trail } from "../../../src/bestline/pictures/player/draw.js";

/** A canvas that takes down the segments of each stroke and the look that they have. */
function canvas() {
  let path = [], at = null, dash = [];
  const drawn = [], ctx = {
    globalAlpha: 1, lineWidth: 1, strokeStyle: "", fillStyle: "",
    beginPath: () => { path = []; at = null; },
    moveTo: (x, y) => { at = [x, y]; },
    lineTo: (x, y) => { if (at) path.push([at, [x, y]]); at = [x, y]; },
    arc: (x, y, r) => { path.push([[x, y], r]); },
    closePath: () => {},
    setLineDash: (given) => { dash = [...given]; },
    stroke: () => { drawn.push({ kind: "stroke", path, dash, width: ctx.lineWidth, colour: ctx.strokeStyle, alpha: ctx.globalAlpha }); },
    fill: () => { drawn.push({ kind: "fill", path, colour: ctx.fillStyle, alpha: ctx.globalAlpha }); },
  };
  return { ctx, drawn, now: () => dash };
}

for (const gap of [null, undefined, [NaN, 1], [1, NaN], [Infinity, 0]])
  test(`a line has a gap where a place is ${gap}, and goes on behind it`, () => {
    const { ctx, drawn } = canvas();
    trail(ctx, [gap, [0, 0], [1, 1], gap, [5, 5], gap, gap, [7, 7], [8, 9], [9, 9]], plain("red"));
    assert.deepEqual(drawn[0].path, [[[0, 0], [1, 1]], [[7, 7], [8, 9]], [[8, 9], [9, 9]]]);
  });

test("dashes are as long as they are told in widths of their line, and end with it", () => {
  for (const width of [1, 2, 3.5]) {
    const { ctx, drawn, now } = canvas();
    stroke(ctx, { colour: "red", dash: [5, 2], width }, 0.3);
    assert.deepEqual(drawn, [{ kind: "stroke", path: [], dash: [5 * width, 2 * width], width, colour: "red", alpha: 0.3 }]);
    assert.deepEqual([now(), ctx.globalAlpha], [[], 1]);
  }
});

test("a segment does not hang on what was drawn before", () => {
  const { ctx, drawn } = canvas();
  ctx.beginPath();
  segment(ctx, [0, 0], [1, 0]);
  segment(ctx, [5, 5], [6, 5]);
  stroke(ctx, plain("red"));
  assert.deepEqual(drawn[0].path, [[[0, 0], [1, 0]], [[5, 5], [6, 5]]]);
});

test("a marker is ringed first and filled then; a run's place is a disc with a halo of its colour", () => {
  const { ctx, drawn } = canvas();
  mark(ctx, { paper: "white" }, { marker: "s", colour: "red", size: 10 }, [4, 5]);
  assert.deepEqual(drawn.map(({ kind, colour }) => [kind, colour]), [["stroke", "white"], ["fill", "red"]]);
  const places = drawn[1].path.flat();
  for (const i of [0, 1]) assert.equal((Math.min(...places.map((p) => p[i])) + Math.max(...places.map((p) => p[i]))) / 2, [4, 5][i]);
  drawn.length = 0;
  ball(ctx, { paper: "white" }, { marker: "X", colour: "red", size: 3 }, [4, 5]);
  assert.deepEqual(drawn[0].path, [[[4, 5], 9.5]]);
  assert.ok(drawn[0].alpha < 0.5);
  assert.equal(drawn.at(-1).alpha, 1);
});

test("an arrow goes its length in its direction, its head at the far end on both sides; nowhere without a direction", () => {
  const { ctx, drawn } = canvas(), theme = { paper: "white" }, style = { colour: "red", dash: [], width: 2 };
  for (const none of [[0, 0], [NaN, 1], [Infinity, 1]]) arrow(ctx, theme, style, [1, 1], none, 30);
  assert.equal(drawn.length, 0);
  arrow(ctx, theme, style, [100, 50], [0, -7], 30);
  assert.deepEqual(drawn.map(({ colour }) => colour), ["white", "white", "red", "red"]);
  assert.ok(drawn[0].width > drawn[2].width);
  assert.deepEqual(drawn[2].path.at(-1).at(-1), [100, 20]);
  const [[left, tip], [, right]] = drawn[3].path;
  assert.deepEqual(tip, [100, 20]);
  assert.ok(left[1] > 20 && right[1] > 20 && (left[0] - 100) * (right[0] - 100) < 0);
});
