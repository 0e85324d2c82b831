/** The stage: one run, from the question to the player; where the server trains, its steps as they come, with pause, step and stop. */

import { mount, ordered } from "./player.js";
import { make, said } from "./dom.js";
import { ask, stream } from "./server.js";

const POINTS = 400; // of the curve that is drawn while steps come
const DESCENT = ["optimizer", "lr", "momentum", "steps", "standardize", "start", "step", "hidden", "ask"]; // of the player's address

export class Stage {
  /** @param {{status: (text: string, wrong?: boolean) => void, shown: (run: {id: string, asked: object, session: any}) => void}} heard */
  constructor(heard) {
    this.heard = heard;
    this.player = null;
    this.current = null;
    this.bar = make("progress", { max: 1, "aria-label": "How far the work is" });
    this.doing = make("span", { class: "doing" });
    this.cancelButton = make("button", { type: "button", text: "Cancel", click: () => this.cancel() });
    this.busy = make("div", { class: "busy", hidden: true }, this.doing, this.bar, this.cancelButton);
    this.pauseButton = make("button", { type: "button", text: "Pause", click: () => this.pause() });
    this.stepButton = make("button", { type: "button", text: "Step", click: () => this.control("step", { steps: 1 }) });
    this.endButton = make("button", { type: "button", text: "Stop here", click: () => this.control("end") });
    this.counter = make("output", { class: "counter" });
    this.numbers = make("p", { class: "numbers" });
    this.curve = make("canvas", { role: "img", "aria-label": "Loss after every step so far" });
    this.strip = make("section", { class: "strip", "aria-label": "Training on the server", hidden: true }, make("div", { class: "buttons" }, this.pauseButton, this.stepButton, this.endButton, this.counter), this.numbers, this.curve);
    this.host = make("div", { class: "host" });
    this.element = make("section", { class: "stage" }, this.busy, this.strip, this.host);
  }

  /** Work that can be called off: shown with how far it is. */
  begin(doing) {
    this.abort?.abort();
    this.abort = new AbortController();
    this.tell(doing, null);
    this.busy.hidden = false;
    return this.abort.signal;
  }

  tell(doing, share) {
    this.doing.textContent = doing;
    if (share === null) this.bar.removeAttribute("value");
    else this.bar.value = share;
  }

  done(signal) {
    if (this.abort?.signal !== signal) return;
    this.busy.hidden = this.strip.hidden = true;
    this.host.classList.remove("old");
    this.abort = null;
  }

  cancel() {
    this.abort?.abort();
    this.abort = null;
    this.busy.hidden = this.strip.hidden = true;
    this.host.classList.remove("old");
    this.heard.status("Cancelled.");
  }

  /** Train what is asked; whatever was trained before is called off. */
  async run(asked) {
    const signal = this.begin("training");
    this.trace = { step: [], loss: [], held: [] };
    try {
      await stream("api/run", asked, (told) => !signal.aborted && this.hear(told, asked), signal);
    } catch (error) {
      if (error.name !== "AbortError") this.heard.status(error.message, true);
    }
    this.done(signal);
  }

  hear(told, asked) {
    if (told.event === "progress") this.tell(told.what, told.share);
    if (told.event === "begun") {
      Object.assign(this, { id: told.run, names: told.names, target: told.target, most: told.steps });
      this.strip.hidden = false;
      this.host.classList.add("old"); // what it shows is the run before
      this.holding(false);
    }
    if (told.event === "steps") this.steps(told);
    if (told.event === "waiting") {
      this.holding(true);
      if (told.session) this.show(told.session, true);
    }
    if (told.event === "session") {
      const stepped = this.trace.step.length > 0;
      this.show(told.session, stepped);
      this.current = { id: told.run, asked, names: told.names, session: told.session };
      this.recorded = JSON.stringify(this.descent());
      this.heard.shown(this.current);
      this.heard.status("");
    }
  }

  /** Put a session into the player; one that was seen step by step is shown at its end. */
  show(session, ended) {
    this.player?.destroy();
    this.host.replaceChildren();
    this.host.classList.remove("old");
    // By this name scripts of teachers and tests find it, as on a saved page.
    this.player = globalThis.bestline = mount(this.host, { session, keys: document, autoplay: !ended });
    if (ended) this.player.set(Infinity);
  }

  steps({ step, loss, held_out, weights, rate }) {
    const { trace } = this;
    trace.step.push(...step);
    trace.loss.push(...loss);
    if (held_out) trace.held.push(...held_out);
    const k = step.at(-1);
    this.tell("training", Math.min(k / this.most, 1));
    this.counter.textContent = `step ${k.toLocaleString("en")} of ${this.most.toLocaleString("en")}`;
    const last = weights.at(-1), line = this.names.map((name, j) => `${said(last[j])}${name === "Intercept" ? "" : ` ${name}`}`);
    const shown = line.length > 6 ? [...line.slice(0, 5), `${line.length - 5} more`] : line;
    const parts = [`loss ${said(loss.at(-1), 5)}`, held_out && `held-out loss ${said(held_out.at(-1), 5)}`, rate !== null && `rate ${said(rate)}`, `${this.target} = ${shown.join(" + ").replaceAll("+ −", "− ")}`];
    this.numbers.textContent = ordered(parts.filter(Boolean).join("   "));
    this.draw();
  }

  /** The loss so far, on a scale of factors where it falls far. */
  draw() {
    const { curve, trace } = this, ratio = devicePixelRatio || 1, { width, height } = curve.getBoundingClientRect();
    if (!width) return;
    Object.assign(curve, { width: width * ratio, height: height * ratio });
    const brush = curve.getContext("2d"), style = getComputedStyle(curve), every = Math.ceil(trace.step.length / POINTS);
    const lowest = Math.min(...trace.loss.filter((v) => v > 0)), far = Math.max(...trace.loss) > 50 * lowest;
    const scale = far ? (v) => Math.log(Math.max(v, lowest)) : (v) => v;
    const lines = [[trace.loss, "--mark", []], [trace.held, "--other", [6, 3]]].filter(([values]) => values.length);
    const all = lines.flatMap(([values]) => values.map(scale)), low = Math.min(...all), high = Math.max(...all), last = Math.max(trace.step.at(-1), 1);
    for (const [values, colour, dash] of lines) {
      brush.strokeStyle = style.getPropertyValue(colour);
      brush.setLineDash(dash.map((v) => v * ratio));
      brush.lineWidth = 2 * ratio;
      brush.beginPath();
      values.forEach((v, i) => (i % every === 0 || i === values.length - 1) && brush.lineTo((4 + ((width - 8) * trace.step[i]) / last) * ratio, (4 + (height - 8) * (1 - (scale(v) - low) / (high - low || 1))) * ratio));
      brush.stroke();
    }
  }

  holding(held) {
    this.held = held;
    this.pauseButton.textContent = held ? "Go on" : "Pause";
    this.stepButton.disabled = !held;
  }

  pause() {
    this.control(this.held ? "go" : "pause");
    if (this.held) this.holding(false);
  }

  async control(act, more = {}) {
    try {
      await ask("api/control", { run: this.id, do: act, ...more });
    } catch (error) {
      this.heard.status(error.message, true);
    }
  }

  /** How the run that is shown descends, where the page trains it; null where the server did. */
  descent() {
    if (!this.player || !this.current?.session.live?.mean) return null;
    const { optimizer, lr, momentum, steps, standardize, start } = this.player.state().runs[0];
    return { optimizer, lr, momentum: ["momentum", "nesterov"].includes(optimizer) ? momentum : null, steps, standardize, start };
  }

  /** What else is seen of the run, as an address says it: points, pinned runs, a line by hand, switches. How it descends is told by `descent`. */
  get page() {
    const said = new URLSearchParams(this.player?.link() ?? "");
    for (const name of DESCENT) said.delete(name);
    return said.toString();
  }

  /** Whether points were moved, added or removed on the page: then its run is of rows that the server does not have. */
  get pointsMoved() {
    return Boolean(this.player?.state().runs[0].points);
  }

  /** The same where the page has changed something of it; null where it is as the server made it. */
  changed() {
    const now = this.descent();
    return now && JSON.stringify(now) !== this.recorded ? now : null;
  }
}
