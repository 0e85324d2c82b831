import assert from "node:assert/strict";
import test from "node:test";

import { camera, clipSegment, project } from "../../../src/bestline/pictures/player/camera.js";

test("the box stays inside its rectangle from every side", () => {
  const area = { left: 40, top: 10, right: 560, bottom: 240 };
  for (const wide of [area, { ...area, right: 140 }]) {
    for (let azimuth = -4; azimuth < 4; azimuth += 0.11) {
      for (const elevation of [0.12, 0.56, 1.45]) {
        const cam = camera(wide, { azimuth, elevation });
        for (const x of [-1, 1]) for (const y of [-1, 1]) for (const z of [0, 1]) {
          const [px, py] = project([x, y, z], cam);
          assert.ok(px >= wide.left - 1e-6 && px <= wide.right + 1e-6 && py >= wide.top - 1e-6 && py <= wide.bottom + 1e-6, `${px} ${py}`);
        }
      }
    }
  }
});

test("what is higher is drawn higher, and what is nearer has less depth", () => {
  const cam = camera({ left: 0, top: 0, right: 400, bottom: 300 }, { azimuth: 0, elevation: 0.56 });
  assert.ok(project([0, 0, 1], cam)[1] < project([0, 0, 0], cam)[1]);
  assert.ok(project([0, -1, 0], cam)[2] < project([0, 1, 0], cam)[2]);
});

test("a segment is cut to the square, also when both its ends lie outside", () => {
  assert.deepEqual(clipSegment([-3, 0], [3, 0]), [[-1, 0], [1, 0]]);
  assert.deepEqual(clipSegment([0, 0], [0.5, 0.5]), [[0, 0], [0.5, 0.5]]);
  assert.deepEqual(clipSegment([0, 0], [0, 4]), [[0, 0], [0, 1]]);
  assert.equal(clipSegment([2, -1], [2, 1]), null);
  assert.equal(clipSegment([-2, 1.5], [1.5, 3]), null);
});

test("seen from anywhere a body keeps its shape: only what is deep is not seen", () => {
  const height = project([0, 0, 1], { x: 0, y: 0, scale: 1, stretch: 1, turn: [1, 0], tilt: [1, 0] })[1] - project([0, 0, 0], { x: 0, y: 0, scale: 1, stretch: 1, turn: [1, 0], tilt: [1, 0] })[1];
  for (const azimuth of [-2, 0.3, 1.1]) for (const elevation of [0.12, 0.56, 1.45]) {
    const cam = { x: 7, y: -3, scale: 1, stretch: 1, turn: [Math.cos(azimuth), Math.sin(azimuth)], tilt: [Math.cos(elevation), Math.sin(elevation)] };
    for (const [a, b] of [[[-1, 0.2, 0], [0.5, 1, 0]], [[0, 0, 0], [0, 0, 1]], [[1, -1, 0.3], [-0.4, 0.6, 0.9]]]) {
      const [p, q] = [a, b].map((one) => project(one, cam));
      const real = Math.hypot(a[0] - b[0], a[1] - b[1], (a[2] - b[2]) * height);
      assert.ok(Math.abs(Math.hypot(...p.map((v, i) => v - q[i])) - real) < 1e-12);
    }
  }
});
