// The pure parts of the player: numbers, ticks, steps, landscape, projection. Run by `node --test`.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

const source = await readFile(new URL("../../../src/bestline/pictures/player/player.js", import.meta.url));
const player = await import(`data:text/javascript;base64,${source.toString("base64")}`);

const near = (actual, wanted, tolerance = 1e-9) => assert.ok(Math.abs(actual - wanted) <= tolerance * Math.max(1, Math.abs(wanted)), `${actual} is not ${wanted}`);
const grid = (lo, hi, n) => Array.from({ length: n + 1 }, (_, i) => lo + ((hi - lo) * i) / n);

test("numbers are read as people write them", () => {
  const { formatNumber } = player;
  assert.equal(formatNumber(1234567.8), "1,235,000");
  assert.equal(formatNumber(-0.00765), "−0.00765");
  assert.equal(formatNumber(1.23456e-7), "1.235×10⁻⁷");
  assert.equal(formatNumber(4e12, 2), "4×10¹²");
  assert.equal(formatNumber(0.5, 4, true), "0.5000");
  assert.equal(formatNumber(999999, 4), "1,000,000");
  assert.equal(formatNumber(0), "0");
  for (const nothing of [null, undefined, NaN, Infinity]) assert.equal(formatNumber(nothing), "–");
});

test("long names keep their start and their end", () => {
  assert.equal(player.shorten("short", 10), "short");
  const cut = player.shorten("a very long name indeed", 10);
  assert.equal(cut.length, 10);
  assert.ok(cut.startsWith("a very") && cut.endsWith("eed") && cut.includes("…"));
});

test("ticks are round, ascending, inside, and about as many as asked for", () => {
  for (const [lo, hi] of [[0, 1], [-3, 3], [1e6, 1.00001e6], [-1e-7, 2e-7], [170, 232], [-5506, 4200]]) {
    for (const n of [3, 5, 9]) {
      const found = player.ticks(lo, hi, n);
      assert.ok(found.length >= 1 && found.length <= n + 1, `${found}`);
      assert.ok(found.every((v, i) => v >= lo - 1e-9 * Math.abs(lo) && v <= hi + 1e-9 * Math.abs(hi) && (i === 0 || v > found[i - 1])));
      assert.equal(new Set(player.tickLabels(found)).size, found.length, `labels differ: ${player.tickLabels(found)}`);
    }
  }
  assert.deepEqual(player.ticks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(player.tickLabels([-2.5, 0, 2.5]), ["−2.5", "0.0", "2.5"]);
  assert.deepEqual(player.tickLabels([0, 0.25, 0.5]), ["0.00", "0.25", "0.50"]);
});

test("logarithmic ticks are powers of ten, or within a decade plain ones", () => {
  assert.deepEqual(player.logTicks(0.5, 2000, 6), [1, 10, 100, 1000]);
  assert.deepEqual(player.logTicks(1, 60, 6), [1, 2, 5, 10, 20, 50]);
  assert.deepEqual(player.logTicks(2, 3, 5), player.ticks(2, 3, 5));
  assert.ok(player.logTicks(1e-12, 1e12, 6).length <= 7);
  assert.deepEqual(player.logTicks(0, 1, 5), []);
});

test("a scale and its inverse agree, also a logarithmic one", () => {
  for (const log of [false, true]) {
    const at = player.scaleOf(0.01, 1000, 300, 10, log);
    near(at(0.01), 300);
    near(at(1000), 10);
    for (const v of [0.02, 1, 77, 900]) near(at.invert(at(v)), v);
  }
  assert.ok(Number.isFinite(player.scaleOf(0.01, 1, 0, 100, true)(0)), "zero on a logarithmic scale has a place, far below");
});

test("frames are the steps of all runs, and a run that has ended stays at its end", () => {
  const runs = [{ step: [0, 1, 2, 3] }, { step: [0, 2, 9] }];
  assert.deepEqual(player.framesOf(...runs), [0, 1, 2, 3, 9]);
  const at = (k) => runs.map((run) => player.rowAt(run.step, k));
  assert.deepEqual(at(0), [0, 0]);
  assert.deepEqual(at(1), [1, 0]);
  assert.deepEqual(at(3), [3, 1]);
  assert.deepEqual(at(9), [3, 2]);
  assert.deepEqual(at(1e9), [3, 2]);
  assert.deepEqual(at(-5), [0, 0]);
});

test("the clock never steps back, jumps or runs past the end", () => {
  const { advance, pace } = player;
  assert.equal(advance(0, -5.1, 25, 200), 0, "the time of a frame can lie before the click");
  assert.equal(advance(3, -1, 25, 200), 3);
  near(advance(0, 40, 25, 200), 1);
  assert.equal(advance(199.9, 100, 25, 200), 200);
  assert.ok(advance(0, 60_000, 25, 200) < 10, "after a pause of the browser it goes on from where it was");
  for (const frames of [40, 201, 5000]) near((frames - 1) / pace(frames), 8);
  assert.equal(pace(3), 2);
});

test("CSV keeps every digit and quotes what needs it", () => {
  const run = { label: 'a "b", c', step: [0, 1], loss: [0.1 + 0.2, 1e-20], held_out: null, gap: [1, null], rate: 0.1, names: ["x,1", "Intercept"], weights: [[1, 2], [3, 4]] };
  const lines = player.csvOf([run]).split("\r\n");
  assert.equal(lines[0], 'run,step,loss,held_out,gap,rate,"x,1",Intercept');
  assert.equal(lines[1], '"a ""b"", c",0,0.30000000000000004,,1,0.1,1,3');
  assert.equal(lines[2], '"a ""b"", c",1,1e-20,,,0.1,2,4');
});

test("an equation has the signs of its weights, and says how many it leaves out", () => {
  assert.equal(player.equationOf("y", ["x", "Intercept"], [-2, 0.5]), "y = 0.5000 − 2.000 x");
  assert.equal(player.equationOf("y", ["x"], [-2]), "y = −2.000 x");
  assert.equal(player.equationOf("y", ["Intercept"], [3]), "y = 3.000");
  const names = Array.from({ length: 30 }, (_, j) => `feature_${j}`);
  assert.match(player.equationOf("y", names, names.map(() => 1)), / \+ 2\d more$/);
  assert.equal(player.equationOf("y", ["x"], [2], 7), "y = 2.000 x + 7 more");
});

test("shares of the loss and of the gradient add up to the whole", () => {
  const X = [[1], [2], [4], [7]], residuals = [0.5, -1, 2, 0.25], w = [1, 2, 1, 3];
  const all = X.map((_, i) => player.shares(residuals, X, w, i));
  near(all.reduce((sum, s) => sum + s.loss, 0), 1);
  near(all.reduce((sum, s) => sum + s.gradient, 0), 1);
  const squares = residuals.map((r, i) => w[i] * r * r);
  near(all[2].loss, squares[2] / squares.reduce((a, b) => a + b));
  const still = player.shares([1, -2, 1], [[0], [1], [2]], null, 0); // residuals of a least-squares line
  assert.equal(still.gradient, null);
});

/** The factor F of a curvature, F' F = H (Cholesky). */
const factorOf = ([[p, q], [, r]]) => [[Math.sqrt(p), q / Math.sqrt(p)], [0, Math.sqrt(r - (q * q) / p)]];
const bowlOf = (center, floor, curvature) => ({ center, floor, curvature, factor: factorOf(curvature) });
const bowl = bowlOf([1, -2], 0.3, [[2, 0.7], [0.7, 1.5]]);

test("the loss of a bowl is its closed form", () => {
  near(player.bowlLoss(bowl, 1, -2), 0.3);
  near(player.bowlLoss(bowl, 2, 0), 0.3 + 2 * 1 + 2 * 0.7 * 1 * 2 + 1.5 * 4);
  near(player.bowlLoss({ center: [3], floor: 1, factor: [[2]] }, 5), 17);
  // The mean squared error of a line over data, from its moments.
  const x = [0, 1, 2, 5], y = [1, 0, 3, 4], n = x.length, mean = (v) => v.reduce((a, b) => a + b) / n;
  const [mx, my] = [mean(x), mean(y)], sxx = mean(x.map((v) => v * v)), slope = mean(x.map((v, i) => (v - mx) * (y[i] - my))) / (sxx - mx * mx);
  const mse = (a, b) => mean(x.map((v, i) => (y[i] - a * v - b) ** 2)), center = [slope, my - slope * mx];
  const line = bowlOf(center, mse(...center), [[sxx, mx], [mx, 1]]);
  for (const [a, b] of [[0, 0], [-3, 2], [1.5, 0.25]]) near(player.bowlLoss(line, a, b), mse(a, b));
});

test("between the points of a grid the loss is bilinear", () => {
  const x = grid(-1, 3, 8), y = grid(0, 2, 5), plane = (a, b) => 2 + 3 * a - b + 0.5 * a * b;
  const z = y.map((b) => x.map((a) => plane(a, b)));
  for (const [a, b] of [[-1, 0], [3, 2], [0.3, 1.7], [2.9, 0.01]]) near(player.gridLoss({ x, y, z }, a, b), plane(a, b));
  near(player.gridLoss({ x, y: [0], z: [x.map((a) => 2 * a)] }, 0.7), 1.4);
  near(player.gridLoss({ x, y, z }, 99, 99), plane(3, 2));
});

test("levels ascend from the floor and stay below the top", () => {
  for (const [low, top, highest] of [[0, 1, 1], [5, 1e6, 20], [1e-9, 1, 0.5], [3, 3 + 1e-6, 3], [-2, 4, -1.999]]) {
    const found = player.levels(low, top, highest);
    near(found[0], low);
    assert.ok(found.every((v, i) => v < top && (i === 0 || v > found[i - 1])), `${found}`);
  }
  assert.deepEqual(player.levels(1, 1, 1), [1]);
  assert.ok(player.levels(0, 1e6, 100).filter((v) => v < 100).length >= 7, "in a valley half of them lie below the start");
});

test("marching squares find a circle", () => {
  const axis = grid(-2, 2, 80), values = axis.map((b) => axis.map((a) => a * a + b * b)), radius = 1.01;
  const lines = player.contourLines(axis, axis, values, radius ** 2), ends = new Map();
  let length = 0;
  for (const [p, q] of lines) {
    length += Math.hypot(p[0] - q[0], p[1] - q[1]);
    for (const end of [p, q]) {
      assert.ok(Math.abs(Math.hypot(...end) - radius) < 1e-3, `${end}`);
      const name = end.map((v) => Math.round(v * 1e9)).join();
      ends.set(name, (ends.get(name) ?? 0) + 1);
    }
  }
  near(length, 2 * Math.PI * radius, 1e-3);
  assert.ok([...ends.values()].every((n) => n === 2), "the contour is closed");
  assert.deepEqual(player.contourLines(axis, axis, values, 99), []);
});

test("a saddle is cut the way its middle says", () => {
  const lines = (low) => player.contourLines([0, 1], [0, 1], [[1, low], [low, 1]], 0.4);
  for (const low of [-0.5, 0]) assert.equal(lines(low).length, 2);
  assert.notDeepEqual(lines(-0.5), lines(0));
});

test("the contour of a bowl is where its loss is that high", () => {
  for (const curvature of [bowl.curvature, [[1e4, 99.9], [99.9, 1]], [[1, 0], [0, 1]]]) {
    for (const [a, b] of player.ellipse({ ...bowl, curvature }, 0.25)) near(player.bowlLoss(bowlOf(bowl.center, bowl.floor, curvature), a, b), 0.55, 1e-6);
  }
});

test("the box stays inside its rectangle from every side", () => {
  const area = { left: 40, top: 10, right: 560, bottom: 240 };
  for (const wide of [area, { ...area, right: 140 }]) {
    for (let azimuth = -4; azimuth < 4; azimuth += 0.11) {
      for (const elevation of [0.12, 0.56, 1.45]) {
        const cam = player.camera(wide, { azimuth, elevation });
        for (const x of [-1, 1]) for (const y of [-1, 1]) for (const z of [0, 1]) {
          const [px, py] = player.project([x, y, z], cam);
          assert.ok(px >= wide.left - 1e-6 && px <= wide.right + 1e-6 && py >= wide.top - 1e-6 && py <= wide.bottom + 1e-6, `${px} ${py}`);
        }
      }
    }
  }
});

test("what is higher is drawn higher, and what is nearer has less depth", () => {
  const cam = player.camera({ left: 0, top: 0, right: 400, bottom: 300 }, { azimuth: 0, elevation: 0.56 });
  assert.ok(player.project([0, 0, 1], cam)[1] < player.project([0, 0, 0], cam)[1]);
  assert.ok(player.project([0, -1, 0], cam)[2] < player.project([0, 1, 0], cam)[2]);
});

test("points of a path that the eye cannot tell apart are left out, gaps are kept", () => {
  const places = [[0, 0], [0.1, 0], [0.2, 0], [5, 0], null, null, [9, 0], [9.1, 0]];
  assert.deepEqual(player.apart(places, 1), [0, 3, 4, 6]);
});

test("colours go from the lowest band to the highest", () => {
  const found = player.bandColours(["#000000", "#ffffff"], 5);
  assert.deepEqual(found[0], [0, 0, 0]);
  assert.deepEqual(found[4], [255, 255, 255]);
  near(found[2][0], 127.5);
});

test("text can be read: contrast of at least 4.5 in both themes", () => {
  const light = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  for (const theme of Object.values(player.THEMES)) {
    for (const [text, on] of [[theme.ink, theme.paper], [theme.quiet, theme.paper], [theme.ink, theme.grid], [theme.paper, theme.data.colour]]) {
      assert.ok(contrast(text, on) >= 4.5, `${text} on ${on}: ${contrast(text, on).toFixed(2)}`);
    }
  }
});

test("importing the module does nothing", () => {
  assert.equal(typeof player.mount, "function");
  assert.equal(typeof player.default.render, "function");
});

test("a segment is cut to the square, also when both its ends lie outside", () => {
  assert.deepEqual(player.clipSegment([-3, 0], [3, 0]), [[-1, 0], [1, 0]]);
  assert.deepEqual(player.clipSegment([0, 0], [0.5, 0.5]), [[0, 0], [0.5, 0.5]]);
  assert.deepEqual(player.clipSegment([0, 0], [0, 4]), [[0, 0], [0, 1]]);
  assert.equal(player.clipSegment([2, -1], [2, 1]), null);
  assert.equal(player.clipSegment([-2, 1.5], [1.5, 3]), null);
});
