import assert from "node:assert/strict";
import test from "node:test";

import { apart } from "../../../src/bestline/pictures/player/paths.js";

test("points of a path that the eye cannot tell apart are left out, gaps are kept", () => {
  const places = [[0, 0], [0.1, 0], [0.2, 0], [5, 0], null, null, [9, 0], [9.1, 0]];
  assert.deepEqual(apart(places, 1), [0, 3, 4, 6]);
});
