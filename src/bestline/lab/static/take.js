/** Take it away: the run that is shown as a picture, a film, a page, a script, a table or a model. */

import { handOver, make } from "./dom.js";
import { fetchFile } from "./server.js";

const FORMS = [
  ["Pictures", [["png", "PNG"], ["svg", "SVG"], ["gif", "Film (GIF)"]]],
  ["The live page", [["page", "HTML, works offline"]]],
  ["Plain code that makes this run", [["numpy", "NumPy"], ["tensors", "torch tensors"], ["linear", "nn.Linear"], ["module", "nn.Module"]]],
  ["Numbers", [["steps", "Every step (CSV)"], ["model", "Model file"], ["report", "Report (HTML)"]]],
];

export class Take {
  /** @param {{status: (text: string, wrong?: boolean) => void, run: () => any, changed: () => any, pointsMoved: () => boolean}} page */
  constructor(page) {
    this.page = page;
    const code = make("pre", { class: "code", tabindex: 0, "aria-label": "The script", hidden: true });
    this.code = code;
    const button = ([form, label]) => make("button", { type: "button", "data-form": form, text: label, click: (event) => this.take(form, event.currentTarget) });
    this.element = make("section", { class: "take" }, ...FORMS.map(([title, forms]) => make("fieldset", {}, make("legend", { text: title }), make("div", { class: "buttons" }, ...forms.map(button)))), code);
  }

  async take(form, button) {
    const run = this.page.run();
    if (!run) return this.page.status("There is no run yet.", true);
    if (this.page.pointsMoved()) return this.page.status("The points were changed by hand, and the server does not have them. Put the points as they were, or copy this run as Python or as a script above.", true);
    button.disabled = true;
    this.page.status("Making it …");
    try {
      const { blob, name } = await fetchFile("api/export", { run: run.id, form, changed: this.page.changed() });
      handOver(blob, name);
      this.code.hidden = !name.endsWith(".py");
      if (!this.code.hidden) this.code.textContent = await blob.text();
      this.page.status(`${name} is among the downloads.`);
    } catch (error) {
      this.page.status(error.message, true);
    }
    button.disabled = false;
  }
}
