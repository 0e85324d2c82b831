/** The lab: the form on one side, the run on the other; whatever is changed is trained again. */

import * as address from "./address.js";
import { Analyst } from "./analyst.js";
import { make, tabs } from "./dom.js";
import { Form } from "./form.js";
import { Lessons } from "./lessons.js";
import { ordered } from "./player.js";
import { admitted, ask, send } from "./server.js";
import { Stage } from "./stage.js";
import { Take } from "./take.js";
import { Teacher } from "./teacher.js";

const WAIT = 250; // ms after a change: several fields are often changed together

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

class Lab {
  constructor() {
    this.asked = address.read();
    admitted(this.asked.token);
    this.hide = this.asked.hide;
    this.status = make("p", { class: "status", role: "status", "aria-live": "polite" });
    const say = (text, wrong = false) => this.say(text, wrong);
    this.stage = new Stage({ status: say, shown: (run) => this.shown(run) });
    this.analyst = new Analyst(say);
    this.take = new Take({ status: say, run: () => this.stage.current, changed: () => this.stage.changed(), pointsMoved: () => this.stage.pointsMoved });
    this.form = new Form({ changed: () => this.changed(), data: (key) => this.data(key), file: (file) => this.file(file) });
    this.lessons = new Lessons({ set: (run) => this.set(run), left: (lesson) => this.lesson(lesson) });
    this.teacher = new Teacher({ hide: this.hide, changed: (hide) => this.hidden(hide), link: () => this.link() });
    const main = tabs("What is seen", [["training", "Training", this.stage.element], ["analyst", "Analyst's view", this.analyst.element], ["take", "Take it away", this.take.element]], (id) => this.tab(id));
    const side = tabs("What is set", [["setup", "Set up", make("div", {}, this.form.element, this.teacher.element)], ["lessons", "Lessons", this.lessons.element]]);
    Object.assign(this, { main, side });
    document.querySelector("aside").append(side.list, this.form.element.parentElement, this.lessons.element);
    document.querySelector("main").append(main.list, this.status, this.stage.element, this.analyst.element, this.take.element);
    side.show(this.asked.lesson ? "lessons" : "setup");
    main.show(["training", "analyst", "take"].includes(this.asked.tab) ? this.asked.tab : "training");
    if (this.asked.lesson) this.lessons.open(this.asked.lesson);
    this.hidden(this.hide);
    this.dropping();
    // The player copies the address; it is to say what has been turned since.
    document.addEventListener("click", (event) => event.target.closest?.("[data-act=copy-link]") && history.replaceState(null, "", this.link()), { capture: true });
    history.replaceState(null, "", this.link());
    this.begin();
  }

  async begin() {
    this.say("Starting …");
    await this.trying(async () => {
      const { data, first } = await ask("api/presets");
      this.form.offer(data);
      const run = this.asked.run ?? this.lessons.stop?.run;
      if (run) await this.set(run);
      else await this.data(first);
    });
  }

  say(text, wrong = false) {
    this.status.textContent = ordered(text);
    this.status.classList.toggle("alert", wrong);
  }

  async trying(work) {
    try {
      await work();
    } catch (error) {
      if (error.name === "AbortError") this.say("Cancelled.");
      else this.say(error.message, true);
    }
  }

  /** Show other data, with what one would begin with. */
  data(key, run = null) {
    return this.trying(async () => {
      const signal = this.stage.begin("looking at the columns");
      const facts = await ask("api/columns", { data: key }, signal);
      this.stage.done(signal);
      this.form.show(facts, run);
      await this.train();
    });
  }

  /** A run as a lesson or a link says it. */
  set(run) {
    return this.data(run.data, Object.keys(run).length > 1 ? run : null);
  }

  file(file) {
    this.main.show("training");
    return this.trying(async () => {
      const signal = this.stage.begin(`sending ${file.name}`);
      try {
        const facts = await send(file, (share) => this.stage.tell(share < 1 ? `sending ${file.name}` : `looking at ${file.name}`, share < 1 ? share : null), signal);
        this.form.offer([{ data: facts.data, name: facts.name }, ...this.form.sets]);
        this.form.show(facts);
      } finally {
        this.stage.done(signal);
      }
      await this.train();
    });
  }

  changed() {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.train(), WAIT);
  }

  async train() {
    const asked = this.form.asked();
    // Another look at the same run: what the page has turned of it stays.
    if (this.run && Object.entries(asked).every(([name, value]) => name === "surface" || same(value, this.run[name]))) Object.assign(asked, this.stage.changed());
    if (!asked.formula && !asked.target) return this.say("No column of this table holds numbers, so there is nothing to predict; choose other data.", true);
    if (!asked.formula && !asked.features.length) return this.say("Choose at least one feature, x.", true);
    this.say("");
    this.run = asked;
    history.replaceState(null, "", this.link());
    await this.stage.run(asked);
    // Whoever looks at the page from outside is told how many questions have been answered.
    document.body.dataset.answered = Number(document.body.dataset.answered ?? 0) + 1;
  }

  shown(run) {
    this.form.shows(Boolean(run.session.live?.mean), run.names);
    if (this.asked.page) this.stage.player.open(this.asked.page);
    this.asked.page = null;
    if (this.shows === "analyst") this.analyst.show(run);
  }

  tab(id) {
    this.shows = id;
    if (id === "analyst") this.analyst.show(this.stage.current);
    if (this.run) history.replaceState(null, "", this.link());
  }

  lesson(name) {
    this.asked.lesson = name;
    history.replaceState(null, "", this.link());
  }

  /** Put away the controls that a teacher does not want to be seen. */
  hidden(hide) {
    this.hide = hide;
    for (const control of document.querySelectorAll("[data-control]")) control.classList.toggle("put-away", hide.includes(control.dataset.control));
    if (this.run) history.replaceState(null, "", this.link());
  }

  link() {
    const run = this.run ? { ...this.run, ...this.stage.changed() } : this.asked.run;
    return address.written({ run, page: this.asked.page ?? this.stage.page, hide: this.hide, tab: this.shows === "training" ? null : this.shows, lesson: this.asked.lesson });
  }

  /** A file may be dropped anywhere. */
  dropping() {
    const sign = document.querySelector(".drop"), files = (event) => event.dataTransfer?.types.includes("Files");
    let depth = 0;
    const turn = (by) => (sign.hidden = (depth = Math.max(0, depth + by)) === 0);
    addEventListener("dragenter", (event) => files(event) && turn(1));
    addEventListener("dragleave", (event) => files(event) && turn(-1));
    addEventListener("dragover", (event) => files(event) && event.preventDefault());
    addEventListener("drop", (event) => {
      if (!files(event)) return;
      event.preventDefault();
      turn(-depth);
      const [file] = event.dataTransfer.files;
      if (file) this.file(file);
    });
  }
}

globalThis.lab = new Lab();
