/** The form: data, columns, model, and how to descend. It says what it is asked as the server takes it. */

import { field, make, select } from "./dom.js";

const OPTIMIZERS = ["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "adagrad"];
const SPLITS = { "": null, "0.8,0.2": [0.8, 0.2], "0.7,0.15,0.15": [0.7, 0.15, 0.15] };
const number = (input) => (input.value.trim() === "" || !Number.isFinite(Number(input.value)) ? null : Number(input.value));
const group = (name, title, ...parts) => make("fieldset", { "data-control": name }, make("legend", { text: title }), ...parts);

export class Form {
  /**
   * @param {{changed: () => void, data: (key: string) => void, file: (file: File) => void}} heard
   */
  constructor(heard) {
    this.heard = heard;
    this.facts = null;
    this.trains = false;
    this.features = make("div", { class: "features", role: "group", "aria-label": "Features, x" });
    const numeric = (values) => make("input", { type: "number", ...values });
    this.data = select([], { change: () => heard.data(this.data.value) });
    this.pick = make("input", { type: "file", class: "pick", accept: ".csv,.tsv,.txt,.parquet,.pq,.feather,.arrow,.gz,.zip,.zst", change: () => this.picked() });
    this.about = make("p", { class: "about" });
    this.target = select([], { change: () => this.retarget() });
    this.formula = make("input", { type: "text", spellcheck: "false", autocomplete: "off", placeholder: "mpg ~ weight + C(origin)" });
    this.missing = select([["drop", "leave rows out"], ["impute", "fill in"], ["raise", "refuse"]]);
    this.degree = select([["", "straight line"], ["polynomial:2", "degree 2"], ["polynomial:3", "degree 3"], ["polynomial:5", "degree 5"], ["polynomial:8", "degree 8"]]);
    this.loss = select([["squared", "squared"], ["huber", "Huber"], ["absolute", "absolute"], ["quantile", "quantile"]]);
    this.quantile = numeric({ min: 0.01, max: 0.99, step: 0.01, value: 0.5 });
    this.batch = numeric({ min: 1, step: 1, placeholder: "all of them", list: "batches" });
    this.split = select([["", "no rows"], ["0.8,0.2", "20% test"], ["0.7,0.15,0.15", "15% + 15% test"]]);
    this.patience = numeric({ min: 1, step: 1, placeholder: "never" });
    this.seed = numeric({ min: 0, step: 1, value: 0 });
    this.optimizer = select([["", "a good one"], ...OPTIMIZERS.map((name) => [name, name])]);
    this.lr = numeric({ min: 0, step: "any", placeholder: "by itself" });
    this.momentum = numeric({ min: 0, max: 0.999, step: 0.01, placeholder: "0.9" });
    this.steps = numeric({ min: 1, max: 100_000, step: 1, placeholder: "200" });
    this.standardize = make("input", { type: "checkbox", checked: true });
    this.start = null;
    this.surface = [0, 1].map(() => select([], { change: () => this.choose() }));
    this.wanted = null;
    this.hint = make("p", { class: "hint", text: "The descent itself is set on the page: rate, momentum, optimiser, steps, start." });
    this.descent = group("descent", "Descent", field("optimizer", "Optimiser", this.optimizer), field("lr", "Learning rate", this.lr), field("momentum", "Momentum", this.momentum), field("steps", "Steps", this.steps), field("standardize", "Standardise", this.standardize));
    this.seen = group("surface", "Loss surface", ...this.surface.map((choice, i) => field(`surface-${i + 1}`, i ? "Upwards" : "Across", choice)));
    this.seen.hidden = true;
    this.element = this.build();
  }

  build() {
    const file = make("div", { class: "files", "data-control": "file" }, make("label", { class: "button" }, "Choose a file…", this.pick), make("span", { class: "hint", text: "or drop one here" }));
    const quantile = field("quantile", "Quantile", this.quantile);
    this.loss.addEventListener("change", () => (quantile.hidden = this.loss.value !== "quantile"));
    quantile.hidden = true;
    const momentum = this.momentum.closest("label");
    this.rolls = () => (momentum.hidden = !["momentum", "nesterov"].includes(this.optimizer.value));
    this.optimizer.addEventListener("change", this.rolls);
    this.rolls();
    const batches = make("datalist", { id: "batches" }, ...[1, 8, 32, 128].map((value) => make("option", { value })));
    const form = make(
      "form",
      { class: "setup", "aria-label": "What is trained" },
      group("data", "Data", field("dataset", "Table", this.data), file, this.about),
      group("columns", "Columns", field("target", "Target, y", this.target), this.features, field("missing", "Missing values", this.missing)),
      make("details", { "data-control": "formula" }, make("summary", { text: "Write a formula instead" }), field("formula-line", "Formula", this.formula)),
      group("model", "Model", field("forward", "Shape", this.degree), field("loss", "Loss", this.loss), quantile),
      group("rows", "Rows", field("batch", "Rows a step", this.batch), field("split", "Held out", this.split), field("patience", "Stop early", this.patience), field("seed", "Seed", this.seed), batches),
      this.descent,
      this.hint,
      this.seen,
      make("button", { type: "submit", class: "train", "data-control": "train", text: "Train" }),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.heard.changed();
    });
    // What is typed counts once it is finished; data and files have a way of their own.
    form.addEventListener("change", (event) => {
      if (![this.data, this.pick].includes(event.target)) {
        if (event.target.closest("[data-control=columns], [data-control=formula], [data-control=model]")) this.forget();
        this.settle();
        this.heard.changed();
      }
    });
    return form;
  }

  /** Another question: the start was of other weights, and a rate that nobody sees was chosen for another surface. */
  forget() {
    this.start = null;
    this.wanted = null;
    if (this.wasLive) for (const input of [this.optimizer, this.lr, this.momentum, this.steps]) input.value = "";
  }

  /** Whether the page that is shown has the controls of the descent itself. */
  shows(trains, names) {
    this.trains = trains;
    this.over(names);
    this.settle();
  }

  /** The weights that the loss surface may lie over; of two there is no choice. */
  over(names) {
    this.seen.hidden = names.length < 3;
    const usual = [names[0], names.at(-1)], chosen = this.wanted ?? usual;
    this.surface.forEach((choice, i) => {
      choice.replaceChildren(...names.map((name) => make("option", { value: name, text: name })));
      choice.value = chosen[i] ?? chosen[0];
    });
  }

  /** Weights were chosen; the same one twice is a surface over it alone. */
  choose() {
    const [across, upwards] = this.surface.map(({ value }) => value);
    this.wanted = across === upwards ? [across] : [across, upwards];
  }

  picked() {
    const [file] = this.pick.files;
    this.pick.value = "";
    if (file) this.heard.file(file);
  }

  /** The data that can be chosen. */
  offer(sets) {
    this.sets = sets;
    this.data.replaceChildren(...sets.map(({ data, name }) => make("option", { value: data, text: name })));
  }

  /** Show the columns of a table, and what one would begin with; `run` is what a link says of it. */
  show(facts, run = null) {
    this.facts = facts;
    if (!this.sets.some(({ data }) => data === facts.data)) this.offer([{ data: facts.data, name: facts.name }, ...this.sets]);
    this.data.value = facts.data;
    const rows = facts.rows === null ? "" : `${facts.rows.toLocaleString("en")} rows, `;
    this.about.textContent = [facts.about, `${rows}${facts.columns.length} columns.`].filter(Boolean).join(" ");
    const numbers = facts.columns.filter(({ kind }) => kind === "number");
    this.target.replaceChildren(...numbers.map(({ name }) => make("option", { value: name, text: name })));
    this.features.replaceChildren(make("span", { class: "label", text: "Features, x" }), ...facts.columns.filter(({ kind }) => ["number", "text"].includes(kind)).map((column) => this.feature(column)));
    const told = { missing: "drop", loss: "squared", standardize: true, seed: 0, ...(run ?? facts.first) };
    this.target.value = told.target ?? numbers.at(-1)?.name ?? "";
    const chosen = told.features ?? [];
    for (const box of this.boxes) box.checked = chosen.includes(box.value);
    this.formula.value = told.formula ?? "";
    this.formula.closest("details").open = Boolean(told.formula);
    const [loss, quantile] = told.loss.split(":");
    Object.assign(this.loss, { value: loss });
    this.quantile.value = loss === "quantile" && quantile ? quantile : 0.5;
    this.quantile.closest("label").hidden = loss !== "quantile";
    this.degree.value = told.forward ?? "";
    this.missing.value = told.missing;
    this.split.value = (told.split ?? []).join(",");
    this.batch.value = told.batch_size ?? "";
    this.patience.value = told.patience ?? "";
    this.seed.value = told.seed;
    this.optimizer.value = told.optimizer ?? "";
    this.lr.value = told.lr ?? "";
    this.momentum.value = told.momentum ?? "";
    this.steps.value = told.steps ?? "";
    this.standardize.checked = told.standardize;
    this.start = told.start ?? null;
    this.wanted = told.surface ?? null;
    this.seen.hidden = true;
    this.settle();
  }

  get boxes() {
    return [...this.features.querySelectorAll("input")];
  }

  feature({ name, kind, missing, example }) {
    const facts = [kind === "text" ? "words" : "", example && `such as ${example}`, missing && `${missing} missing`].filter(Boolean).join(", ");
    return make("label", { title: facts }, make("input", { type: "checkbox", value: name }), make("span", { text: name }), ...(kind === "text" ? [make("small", { text: "words" })] : []));
  }

  /** A target is no feature. */
  retarget() {
    for (const box of this.boxes) if (box.value === this.target.value) box.checked = false;
  }

  /** What has no meaning beside something else is put away. */
  settle() {
    const written = this.formula.value.trim() !== "";
    this.target.disabled = written;
    for (const box of this.boxes) {
      box.disabled = written;
      box.closest("label").hidden = box.value === this.target.value;
    }
    const own = this.live && this.trains;
    this.wasLive = this.live;
    this.descent.hidden = own;
    this.hint.hidden = !own;
    this.rolls();
    this.patience.closest("label").hidden = this.split.value !== "0.7,0.15,0.15";
    if (this.split.value !== "0.7,0.15,0.15") this.patience.value = "";
  }

  /** Whether the page trains by itself. */
  get live() {
    return this.loss.value === "squared" && number(this.batch) === null && number(this.patience) === null;
  }

  /** What is asked, as the server takes it. */
  asked() {
    const formula = this.formula.value.trim(), { value: loss } = this.loss, rolls = ["momentum", "nesterov"].includes(this.optimizer.value);
    const columns = formula ? { formula } : { target: this.target.value, features: this.boxes.filter((box) => box.checked).map((box) => box.value) };
    return {
      data: this.facts.data,
      ...columns,
      missing: this.missing.value,
      forward: this.degree.value || null,
      loss: loss === "quantile" ? `quantile:${number(this.quantile) ?? 0.5}` : loss,
      optimizer: this.optimizer.value || null,
      lr: number(this.lr),
      momentum: rolls ? number(this.momentum) : null,
      steps: number(this.steps),
      batch_size: number(this.batch),
      patience: number(this.patience),
      standardize: this.standardize.checked,
      start: this.start,
      surface: this.wanted,
      split: SPLITS[this.split.value],
      seed: number(this.seed) ?? 0,
    };
  }
}
