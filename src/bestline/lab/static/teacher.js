/** For teachers: which controls are put away, and the link that opens this very run without them. */

import { make } from "./dom.js";

const CONTROLS = [
  ["dataset", "table"], ["file", "own file"], ["columns", "columns"], ["formula", "formula"], ["model", "shape and loss"], ["rows", "rows, split, seed"],
  ["descent", "descent"], ["tab-analyst", "analyst's view"], ["tab-take", "take it away"], ["tab-lessons", "lessons"],
];

export class Teacher {
  /** @param {{hide: string[], changed: (hide: string[]) => void, link: () => string}} page */
  constructor(page) {
    const box = ([name, label]) => make("label", {}, make("input", { type: "checkbox", value: name, checked: page.hide.includes(name) }), make("span", { text: label }));
    const boxes = make("div", { class: "features", role: "group", "aria-label": "Controls to put away" }, ...CONTROLS.map(box));
    boxes.addEventListener("change", () => page.changed([...boxes.querySelectorAll("input:checked")].map(({ value }) => value)));
    const link = make("input", { type: "text", readonly: true, "aria-label": "Link to this view" });
    const copy = async () => {
      link.value = location.origin + location.pathname + page.link();
      link.select();
      try {
        await navigator.clipboard.writeText(link.value);
        button.textContent = "Copied";
      } catch {
        // it is selected: the keyboard copies it
      }
    };
    const button = make("button", { type: "button", text: "Copy link", click: copy });
    this.element = make("details", { class: "teacher", "data-control": "teacher" }, make("summary", { text: "For teachers" }), make("p", { class: "hint", text: "Put controls away; the link opens this run without them, in any lab that has this port open in the browser." }), boxes, make("div", { class: "buttons" }, button, link));
  }
}
