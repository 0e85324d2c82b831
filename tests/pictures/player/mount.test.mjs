import assert from "node:assert/strict";
import test from "node:test";

import widget, { mount } from "../../../src/bestline/pictures/player/mount.js";

test("importing the module does nothing", () => {
  assert.equal(typeof mount, "function");
  assert.equal(typeof widget.render, "function");
});
