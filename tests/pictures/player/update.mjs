// Updates as a page writes them out, added up: `node update.mjs SESSIONS.json` prints for each run how far the numbers are apart.

import { readFileSync } from "node:fs";

import { applied, linesOf, recordedMoment } from "../../../src/bestline/pictures/player/update.js";
import { exactOf } from "./near.mjs";

const size = (...values) => Math.max(...values.map(Math.abs), 1e-300);

const found = JSON.parse(readFileSync(process.argv[2], "utf8")).map((run) => {
  let rule = 0, written = 0, lines = 0;
  run.step.forEach((k, i) => run.names.forEach((name, j) => {
    const [how, moment] = recordedMoment(run, i, j), { next } = applied(how, moment);
    rule = Math.max(rule, Math.abs(next - moment.after) / size(moment.w, moment.after));
    for (const pieces of linesOf(how, moment, name, k)) {
      const [left, right] = exactOf(pieces);
      written = Math.max(written, Math.abs(left - right) / size(right, moment.w));
      lines += 1;
    }
  }));
  return { rule, written, lines };
});
process.stdout.write(JSON.stringify(found));
