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
