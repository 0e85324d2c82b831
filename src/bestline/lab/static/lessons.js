/** Lessons: one stop after another; each sets the lab up, says what to try and what to notice, and asks a question. */

import { make } from "./dom.js";
import { LESSONS } from "./lesson_texts.js";

export class Lessons {
  /** @param {{set: (run: object) => void, left: (lesson: string | null) => void}} page */
  constructor(page) {
    this.page = page;
    this.element = make("section", { class: "lessons" });
    this.stop = null;
    this.list();
  }

  /** The list of lessons, once one has been left. */
  choose() {
    this.list();
    this.page.left(null);
  }

  list() {
    const card = ({ name, title, about, stops }) => make("li", {}, make("h3", { text: title }), make("p", { text: about }), make("button", { type: "button", text: `Begin (${stops.length} steps)`, click: () => this.go(name, 0) }));
    this.element.replaceChildren(make("ul", { class: "cards" }, ...LESSONS.map(card)));
  }

  /** Open a lesson by a link: "crash-course.2" is its second step. */
  open(word) {
    const [name, at] = word.split(".");
    if (LESSONS.some((lesson) => lesson.name === name)) this.show(name, Math.max(0, Number(at ?? 1) - 1 || 0));
  }

  go(name, at) {
    this.show(name, at);
    this.page.set(this.stop.run);
  }

  show(name, at) {
    const lesson = LESSONS.find((one) => one.name === name), { title, stops } = lesson;
    at = Math.min(at, stops.length - 1);
    const stop = (this.stop = stops[at]);
    const step = (by, text) => make("button", { type: "button", text, disabled: !stops[at + by], click: () => this.go(name, at + by) });
    const part = (head, text) => [make("h4", { text: head }), make("p", { text })];
    this.element.replaceChildren(
      make("button", { type: "button", class: "plain", text: "‹ All lessons", click: () => this.choose() }),
      make("p", { class: "hint", text: `${title}, ${at + 1} of ${stops.length}` }),
      make("h3", { tabindex: -1, text: stop.title }),
      ...part("Try", stop.try),
      ...part("Notice", stop.notice),
      ...part("Question", stop.question),
      make("details", { class: "answer" }, make("summary", { text: "Show the answer" }), make("p", { text: stop.answer })),
      make("div", { class: "buttons" }, make("button", { type: "button", text: "Set it up again", click: () => this.page.set(stop.run) }), step(-1, "Back"), step(1, "Next")),
    );
    this.page.left(`${name}.${at + 1}`);
    this.element.querySelector("h3").focus({ preventScroll: true });
  }
}
