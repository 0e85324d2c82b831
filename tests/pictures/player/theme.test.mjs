import assert from "node:assert/strict";
import test from "node:test";

import { bandColours, THEMES } from "../../../src/bestline/pictures/player/theme.js";
import { near } from "./near.mjs";

test("colours go from the lowest band to the highest", () => {
  const found = bandColours(["#000000", "#ffffff"], 5);
  assert.deepEqual(found[0], [0, 0, 0]);
  assert.deepEqual(found[4], [255, 255, 255]);
  near(found[2][0], 127.5);
});

test("text can be read: contrast of at least 4.5 in both themes", () => {
  const light = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  for (const theme of Object.values(THEMES)) {
    for (const [text, on] of [[theme.ink, theme.paper], [theme.quiet, theme.paper], [theme.ink, theme.grid], [theme.paper, theme.data.colour]]) {
      assert.ok(contrast(text, on) >= 4.5, `${text} on ${on}: ${contrast(text, on).toFixed(2)}`);
    }
  }
});
