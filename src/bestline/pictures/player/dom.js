/** Elements of the page: made without HTML text, so nothing that a user wrote can become markup. */

import { clamp } from "./numbers.js";
import { SHAPES } from "./draw.js";

/** Set attributes; null and false mean absent, true present without a value. */
export function attributes(element, values) {
  for (const [name, value] of Object.entries(values)) if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  return element;
}

// Letters that are written from right to left, with their digits, and single spaces and hyphens between their words.
const LEFTWARDS = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc](?:[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u0300-\u036f\d_]|[ -](?=[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]))*/g;

/** A text in which words from right to left turn nothing round but themselves; as `wording.ordered`. */
export const ordered = (text) => String(text).replace(LEFTWARDS, "\u200e$&\u200e");

/**
 * An element; text is always set as text, never read as HTML.
 * @type {(tag: string, values?: Record<string, any>, ...children: any[]) => any}
 */
export function make(tag, { text, ...values } = {}, ...children) {
  const element = attributes(document.createElement(tag), values);
  const said = (part) => (typeof part === "string" && tag !== "textarea" ? ordered(part) : part);
  element.append(...[...(text === undefined ? [] : [text]), ...children].map(said));
  return element;
}

/** A name in pieces between which a line may break: behind `_`, as on other pages. */
export const breakable = (text) => text.split("_").flatMap((piece, i, all) => (i < all.length - 1 ? [`${piece}_`, make("wbr")] : [piece]));

const svg = (values, ...parts) => {
  const part = ([tag, of]) => attributes(document.createElementNS("http://www.w3.org/2000/svg", tag), of);
  const element = part(["svg", { "aria-hidden": "true", ...values }]);
  element.append(...parts.map(part));
  return element;
};

const ICONS = {
  first: "M5 5h2v14H5zM19 5v14L9 12z", back: "M14 5v14L6 12zM16 5h2v14h-2z", play: "M7 4v16l13-8z", pause: "M6 5h4v14H6zM14 5h4v14h-4z",
  forward: "M10 5v14l8-7zM6 5h2v14H6z", last: "M17 5h2v14h-2zM5 5v14l10-7z",
};

export const icon = (name) => svg({ viewBox: "0 0 24 24", width: 18, height: 18 }, ["path", { d: ICONS[name], fill: "currentColor" }]);

/** A small picture of how something looks, for a legend. */
export function swatch(kind, { colour, width, dash, marker, size, open, alpha = 1 }) {
  const wide = kind === "marker" ? 16 : kind === "both" ? 40 : 30, parts = [];
  const line = (d) => parts.push(["path", { d, stroke: colour, "stroke-width": width, "stroke-dasharray": dash.map((n) => n * width).join(" "), fill: "none", opacity: alpha }]);
  if (kind === "line" || kind === "both") line(`M1 7H${wide - 1}`);
  if (kind === "arrow") line("M2 7H25M19 2.5L25 7L19 11.5");
  if (kind === "marker" || kind === "both") {
    const look = open ? { fill: "none", stroke: colour, "stroke-width": 1.6 } : { fill: colour }, r = clamp(size, 7, 10) / 2;
    const points = SHAPES[marker]?.map(([x, y]) => `${wide / 2 + r * x},${7 + r * y}`).join(" ");
    parts.push(points ? ["polygon", { points, ...look }] : ["circle", { cx: wide / 2, cy: 7, r, ...look }]);
  }
  return svg({ viewBox: `0 0 ${wide} 14`, width: wide, height: 14 }, ...parts);
}

/** Give a text to the clipboard, or where that may not be written show it, to be copied by hand; what is no text to copy is shown too. */
export async function handOver(text, button, place, copies = true) {
  const said = button.textContent;
  place.querySelector("textarea, .bl-why")?.remove();
  if (!copies) return place.append(make("p", { class: "bl-why", role: "status", text }));
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "copied";
    setTimeout(() => (button.textContent = said), 1500);
  } catch {
    const area = make("textarea", { readonly: true, "aria-label": said, rows: 6, text });
    place.append(area);
    area.select();
  }
}
