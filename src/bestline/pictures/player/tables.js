/** The steps and the runs as tables of the page, and as CSV. */

import { clamp, formatNumber, LONGEST, shorten, whole } from "./numbers.js";
import { attributes, make, swatch } from "./dom.js";

/** All steps of all runs as CSV (RFC 4180), every number with all its digits. */
export function csvOf(runs) {
  const cell = (v) => (v === null || v === undefined || Number.isNaN(v) ? "" : /[",\r\n]/.test(String(v)) ? `"${String(v).replaceAll('"', '""')}"` : String(v));
  const lines = [["run", "step", "loss", "held_out", "gap", "rate", ...runs[0].names]];
  for (const run of runs) {
    run.step.forEach((step, t) => {
      const weights = run.weights.map((column) => column[t]);
      lines.push([run.label, step, run.loss[t], run.held_out?.[t], run.gap?.[t], run.rate, ...weights]);
    });
  }
  return lines.map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

const line = (tag, cells) => make("tr", {}, ...cells.map((cell) => (cell instanceof Node ? cell : make(tag, { text: cell, scope: tag === "th" && "col" }))));

const table = (caption, head, body) => make("table", {}, make("caption", { text: caption }), make("thead", {}, line("th", head)), make("tbody", {}, ...body));

/** All runs side by side. */
export function runsTable({ runs }, styles) {
  const body = runs.map((run, i) => {
    const { near, loss, gap } = run.last, numbers = [run.rate, run.limit, loss, gap].map((v) => formatNumber(v));
    const name = make("th", { scope: "row", title: run.label }, swatch("both", styles[i]), shorten(run.label, 40));
    return line("td", [name, run.optimizer ?? "–", ...numbers, near === null ? "not reached" : whole(near), make("td", { title: run.advice, text: /^[^:.]*/.exec(run.advice ?? run.stop)[0] })]);
  });
  const head = ["run", "optimizer", "rate", "limit", "last loss", "gap to exact", "steps to 1%", "how it stopped"];
  return table("The runs side by side; steps to 1%: until 1% of the reducible loss remains", head, body);
}

const AROUND = 7; // rows of the table above and below the current one

/** The table of steps around the row shown: however long the run, only these rows of it exist on the page. */
export function stepsTable(run, t) {
  const first = clamp(t - AROUND, 0, Math.max(run.step.length - 2 * AROUND - 1, 0)), rows = run.step.slice(first, first + 2 * AROUND + 1);
  const columns = [["loss", run.loss], ["held-out", run.held_out], ["gap", run.gap], ...run.names.map((name, j) => [shorten(name, LONGEST), run.weights[j]])].filter(([, values]) => values);
  const body = rows.map((step, i) => {
    const cells = columns.map(([, values]) => formatNumber(values[first + i], 6));
    return attributes(line("td", [make("th", { scope: "row", text: whole(step) }), ...cells, formatNumber(run.rate)]), { "aria-current": first + i === t && "true" });
  });
  const left = run.more ? `; ${run.names.length} of ${whole(run.names.length + run.more)} weights are shown` : "";
  return table(`Steps ${whole(rows[0])} to ${whole(rows.at(-1))} of ${run.label}; ${whole(run.step.length)} are recorded${left}`, ["step", ...columns.map(([name]) => name), "rate"], body);
}
