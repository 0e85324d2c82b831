/** Elements of the page: made without HTML text, so nothing that a user wrote can become markup. */

import { ordered } from "./player.js";

/**
 * An element; `text` is always set as text, null and false attributes are left out, functions are listeners.
 * @param {string} tag
 * @param {Record<string, any>} [values]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function make(tag, values = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = ordered(value);
    else if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.map((part) => (typeof part === "string" ? ordered(part) : part)));
  return element;
}

/** A control with its label; `name` is what teachers hide it by. */
export function field(name, label, control, hint = "") {
  control.name ||= name;
  const words = make("span", { class: "label", text: label });
  const wrap = make("label", { class: "field", "data-control": name }, words, control);
  if (hint) wrap.append(make("small", { text: hint }));
  return wrap;
}

/** A choice; options are [value, text]. */
export const select = (options, values = {}) => make("select", values, ...options.map(([value, text]) => make("option", { value, text })));

/**
 * Panels of which one is shown, with the buttons that choose (WAI-ARIA, tabs).
 * @param {string} label
 * @param {[string, string, HTMLElement][]} panels id, title and element of each
 * @param {(id: string) => void} [chosen] hears which is shown now
 */
export function tabs(label, panels, chosen = () => {}) {
  const list = make("div", { role: "tablist", "aria-label": label });
  const show = (id, focus = false) => {
    panels.forEach(([own, , panel], i) => {
      const button = list.children[i];
      panel.hidden = own !== id;
      button.setAttribute("aria-selected", String(own === id));
      button.tabIndex = own === id ? 0 : -1;
      if (focus && own === id) button.focus();
    });
    chosen(id);
  };
  panels.forEach(([id, title, panel], i) => {
    panel.id = `panel-${id}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `tab-${id}`);
    const button = make("button", { type: "button", role: "tab", id: `tab-${id}`, "data-control": `tab-${id}`, "aria-controls": panel.id, text: title, click: () => show(id) });
    button.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      show(panels[(i + by + panels.length) % panels.length][0], true);
    });
    list.append(button);
  });
  return { list, show };
}

const MINUS = "−";

/** A number as people read it. */
export function said(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const rounded = Number(value.toPrecision(digits)), size = Math.abs(rounded);
  const text = size !== 0 && (size >= 1e9 || size < 1e-4) ? size.toExponential(digits - 1).replace("e+", "e") : size.toLocaleString("en", { maximumSignificantDigits: digits });
  return (rounded < 0 ? MINUS : "") + text;
}

/** Give bytes to the reader as a file. */
export function handOver(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
