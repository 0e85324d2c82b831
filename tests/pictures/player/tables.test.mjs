import assert from "node:assert/strict";
import test from "node:test";

import { csvOf } from "../../../src/bestline/pictures/player/tables.js";

test("CSV keeps every digit and quotes what needs it", () => {
  const run = { label: 'a "b", c', step: [0, 1], loss: [0.1 + 0.2, 1e-20], held_out: null, gap: [1, null], rate: 0.1, names: ["x,1", "Intercept"], weights: [[1, 2], [3, 4]] };
  const lines = csvOf([run]).split("\r\n");
  assert.equal(lines[0], 'run,step,loss,held_out,gap,rate,"x,1",Intercept');
  assert.equal(lines[1], '"a ""b"", c",0,0.30000000000000004,,1,0.1,1,3');
  assert.equal(lines[2], '"a ""b"", c",1,1e-20,,,0.1,2,4');
});
