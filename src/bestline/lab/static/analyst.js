/** The analyst's view: the line that descent is after, with intervals, held-out error, what stands out, and the four panels. */

import { field, handOver, make, said, select } from "./dom.js";
import { ask, fetchFile } from "./server.js";

const PARTIAL = { added: "added-variable", component: "component plus residual" }, MOST_COLUMNS = 50;
const percent = (share) => `${said(100 * share, 3)}%`;

function table(caption, head, rows) {
  const cell = (tag, text) => make(tag, { text, ...(tag === "th" ? { scope: "row" } : {}) });
  const line = (cells) => make("tr", {}, cell("th", cells[0]), ...cells.slice(1).map((text) => cell("td", text)));
  const top = make("tr", {}, ...head.map((text) => make("th", { scope: "col", text })));
  return make("div", { class: "sideways", tabindex: 0, role: "region", "aria-label": caption }, make("table", {}, make("caption", { text: caption }), make("thead", {}, top), make("tbody", {}, ...rows.map(line))));
}

export class Analyst {
  constructor(status) {
    this.status = status;
    this.element = make("section", { class: "analyst" });
  }

  /** Show the line of a run, unless it is shown already. */
  async show(run) {
    if (!run || this.shown === run.id) return;
    this.shown = run.id;
    this.element.replaceChildren(make("p", { class: "hint", text: "Solving, and looking at every row once more …" }));
    try {
      const facts = await ask("api/analysis", { run: run.id });
      if (this.shown !== run.id) return;
      this.element.replaceChildren(...this.parts(facts, run));
      if (facts.panels) await this.panels(run);
    } catch (error) {
      if (this.shown === run.id) this.element.replaceChildren(make("p", { class: "alert", text: error.message }));
    }
  }

  parts(facts, run) {
    const { held_out: held, table: rows } = facts, intervals = rows.some(({ low }) => low !== null);
    const head = ["", "estimate", ...(intervals ? ["std. error", `${percent(facts.level)} interval`, "p"] : [])];
    const line = (row) => [row.term, said(row.estimate, 6), ...(intervals ? [said(row.std_error, 3), `${said(row.low)} to ${said(row.high)}`, row.p_value !== null && row.p_value < 1e-4 ? "< 0.0001" : said(row.p_value, 3)] : [])];
    const errors = [["on the rows it was fitted to", said(facts.rmse, 5), said(facts.r2)], ...(held ? [[held.kind === "test" ? "on test rows" : `on rows it has not seen (${held.kind})`, said(held.rmse, 5), said(held.r2)]] : [])];
    const take = (form, label) => make("button", { type: "button", text: label, click: () => this.take(run, form) });
    return [
      make("h2", { text: facts.formula }),
      make("p", { class: "hint", text: `${facts.rows.toLocaleString("en")} rows. ${facts.stop} This is the line that descent is after.` }),
      table("Coefficients", head, rows.map(line)),
      make("p", { class: "hint", text: intervals ? `Standard errors: ${facts.errors}.` : `No standard errors: ${facts.no_errors ?? "they do not exist for this line"}.` }),
      table("Error", ["", "RMSE", "R²"], errors),
      make("h3", { text: facts.headline }),
      make("ul", {}, ...facts.findings.map(({ text }) => make("li", { text }))),
      ...facts.notes.map((text) => make("p", { class: "note", text })),
      make("div", { class: "buttons" }, take("report", "Report (HTML)"), take("model", "Model file")),
      ...(facts.panels ? [field("picture", "Picture", this.pictures(rows, run))] : []),
      (this.figure = make("figure", {})),
    ];
  }

  /** Which picture is seen: the four panels, or what one column adds to the others. */
  pictures(rows, run) {
    const columns = rows.map(({ term }) => term).filter((term) => term !== "Intercept").slice(0, MOST_COLUMNS);
    const partial = Object.keys(PARTIAL).flatMap((picture) => columns.map((column) => [JSON.stringify([picture, column]), `${PARTIAL[picture]}: ${column}`]));
    const choice = select([[JSON.stringify(["diagnostics", null]), "residuals: four panels"], ...partial]);
    choice.addEventListener("change", () => this.panels(run, ...JSON.parse(choice.value)).catch((error) => this.figure.replaceChildren(make("p", { class: "alert", role: "status", text: error.message }))));
    return choice;
  }

  async panels(run, picture = "diagnostics", column = null) {
    const dark = document.querySelector(".bestline-player")?.dataset.theme === "dark";
    const { blob } = await fetchFile("api/panels", { run: run.id, theme: dark ? "dark" : "light", picture, column });
    const alt = column === null ? "Four panels: residuals against fitted values, their quantiles against normal ones, their size against fitted values, and against leverage" : `The ${PARTIAL[picture]} plot of ${column}`;
    this.figure?.replaceChildren(make("img", { src: URL.createObjectURL(blob), alt }));
  }

  async take(run, form) {
    try {
      const { blob, name } = await fetchFile("api/export", { run: run.id, form, exact: true });
      handOver(blob, name);
    } catch (error) {
      this.status(error.message, true);
    }
  }
}
