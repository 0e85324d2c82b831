/**
 * The controls around the panels: what moves the clock, what can be switched on, the read-out, help, tables and notes.
 *
 * Each function makes one part of the page for a player, and leaves with the player what it will write to later.
 */

import { formatNumber, LONGEST, shorten } from "./numbers.js";
import { breakable, icon, make } from "./dom.js";

const SPEEDS = [0.25, 0.5, 1, 2, 4];

/** What can be switched on: its name in the view, its key, the text of its button, and what it says. */
export const TOGGLES = [
  ["trained", "u", "as trained", "weights as trained, else in the data's units"], ["log", "l", "log", "loss on a log scale"], ["residuals", "r", "residuals", "residuals"], ["squares", "s", "squares", "squares of the residuals"],
  ["table", "b", "table", "table of steps"], ["dark", "t", "dark", "dark colours"], ["help", "?", "?", "these keys"],
];
const MOVES = [["Space", "play or pause"], ["← →", "a step back or forward"], ["Shift ← →", "ten steps"], ["Home End", "first or last step"]];

/** The title of the session. */
export function headerOf(player) {
  const { title, subtitle, finding } = player.session;
  player.subtitle = make("p", { text: subtitle ?? "" });
  player.finding = make("p", { class: "bl-finding", text: `${finding ?? ""}.`, hidden: !finding });
  return make("header", {}, make("h2", {}, ...breakable(title)), player.subtitle, ...(finding ? [player.finding] : []));
}

/** That a run diverged, why, and where the page trains a rate that does not. */
function alertOf(player, run) {
  const alert = make("p", { class: "bl-alert", role: "note" }, make("strong", { text: `${run.label}: ` }), run.advice ?? "diverged");
  if (!run.live) return alert;
  const lr = player.alive.trainer.stable;
  alert.append(" ", button(player, "stable", `take the rate ${formatNumber(lr)}`, () => player.change({ lr }), `take ${formatNumber(lr)}`));
  return alert;
}

/** A warning for every run that diverged. */
export function warn(player) {
  const said = player.session.runs.filter((run) => run.stop === "diverged");
  if (player.warned === JSON.stringify(said.map((run) => [run.label, run.advice]))) return;
  player.warned = JSON.stringify(said.map((run) => [run.label, run.advice]));
  player.alerts.replaceChildren(...said.map((run) => alertOf(player, run)));
}

/** A button that says what it does, in words and to the pointer; `pressed` makes it a switch. */
export function button(player, act, label, handle, content = icon(act), pressed = null) {
  const button = make("button", { type: "button", "data-act": act, "aria-label": label, title: label, "aria-pressed": pressed }, content);
  button.addEventListener("click", handle, { signal: player.signal });
  return button;
}

/** A choice among numbers. */
export function select(player, label, options, handle, chosen = null) {
  const select = make("select", { "aria-label": label, title: label }, ...options.map(([value, text]) => make("option", { value, text, selected: value === chosen })));
  select.addEventListener("change", () => handle(Number(select.value)), { signal: player.signal });
  return select;
}

/** What moves the clock, and what can be switched on. */
export function controlsOf(player) {
  const { data, runs } = player.session, { frames } = player;
  player.playButton = button(player, "play", "Play", () => player.toggle());
  const jumps = [["first", "First step", -Infinity], ["back", "One step back", -1], ["forward", "step", 1], ["last", "Last step", Infinity]];
  const transport = jumps.map(([act, label, by]) => button(player, act, label, () => player.jump(by)));
  transport.splice(2, 0, player.playButton);
  player.slider = make("input", { type: "range", min: frames[0], max: frames.at(-1), step: 1, "aria-label": "updates made" });
  player.slider.addEventListener("input", () => player.set(Number(player.slider.value)), { signal: player.signal });
  player.counter = make("output", { class: "bl-counter" });
  const predicts = data && (data.kind === "diagonal" || runs.some((run) => run.line || run.curve)), can = { trained: Boolean(player.session.trained || player.alive), residuals: predicts, squares: predicts && data.loss === "squared" };
  const toggles = TOGGLES.filter(([name]) => can[name] ?? true).map(([name, key, text, label]) => [name, button(player, name, `${label} (${key})`, () => player.flip(name), text, "false")]);
  player.toggles = Object.fromEntries(toggles);
  const speed = select(player, "Speed", SPEEDS.map((s) => [s, `${s}×`]), (s) => (player.speed = s), 1);
  const group = (name, label, ...children) => make("div", { class: name, role: "group", "aria-label": label }, ...children);
  return make("div", { class: "bl-controls" }, group("bl-transport", "Clock", ...transport), player.slider, player.counter, group("bl-toggles", "What is shown", speed, ...Object.values(player.toggles)));
}

/** The numbers of the run that is followed; each says how it is read off a row of the trace. */
export function readoutOf(player) {
  const { runs, loss } = player.session, [run] = runs, few = run.names.length <= 2;
  player.numbers = [
    ["loss", loss.label, (one, t) => formatNumber(one.loss[t], 5, true)],
    runs.some((one) => one.held_out) && ["held-out", loss.held_out_label, (one, t) => formatNumber(one.held_out?.[t], 5, true)],
    runs.some((one) => one.gap) && ["gap to exact", `loss less the ${loss.floor_label}`, (one, t) => formatNumber(one.gap?.[t], 3, true)],
    ["learning rate", "and the largest stable one", (one) => formatNumber(one.rate) + (typeof one.limit === "number" ? ` (${one.rate > one.limit ? "above the limit" : "limit"} ${formatNumber(one.limit, 3)})` : "")],
    ...(few ? run.names : []).map((name, j) => [name === "Intercept" ? "intercept" : player.session.straight === false ? name : `weight of ${name}`, `weight ${name}`, (one, t) => formatNumber(one.weights[j][t], 5, true)]),
  ].filter(Boolean);
  player.cells = player.numbers.map(() => make("dd"));
  player.equation = make("p", { class: "bl-equation" });
  const list = make("dl", {}, ...player.numbers.map(([name, title], i) => make("div", { title }, make("dt", { text: shorten(name, LONGEST) }), player.cells[i])));
  return make("div", { class: "bl-readout" }, player.roster.follow, player.equation, list);
}

/** Help, tables and notes below the panels. */
export function footerOf(player) {
  const { session } = player;
  const keys = [...MOVES, ...TOGGLES.map(([, key, , label]) => [key, label]), ["arrows on the surface", "turn it"]];
  player.help = make("dl", { class: "bl-help" }, ...keys.map(([key, what]) => make("div", {}, make("dt", { text: key }), make("dd", { text: what }))));
  player.copyButton = button(player, "copy", "copy as CSV: all steps", () => player.copy(), "copy as CSV");
  player.rows = make("div", { class: "bl-table", tabindex: 0, role: "region", "aria-label": "The trace, row by row" });
  player.steps = make("div", { class: "bl-steps" }, player.copyButton, player.rows);
  player.status = make("p", { class: "bl-note", role: "status", "aria-live": "polite" });
  const notes = [...(session.notes ?? []), session.live?.why, session.ground?.note, session.runs.some((run) => run.down) && session.arrow].filter(Boolean).map((text) => make("p", { class: "bl-note", text }));
  return make("footer", {}, player.status, player.help, player.steps, player.roster.table, ...notes);
}

/** Ask the reader to foresee something first: the run stays at its start until they have answered. */
export function askFirst(player, text) {
  player.asked = text;
  player.question.hidden = !text;
  if (!text) return;
  const answer = make("input", { type: "text", "aria-label": "what you expect", autocomplete: "off" }), go = make("button", { type: "submit", text: "now look" });
  const form = make("form", { class: "bl-ask" }, make("strong", { text: "Predict first: " }), make("span", { text }), answer, go), said = make("span", { class: "bl-said" });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    said.textContent = answer.value ? `You said: ${answer.value}` : "";
    answer.remove();
    go.replaceWith(said);
    player.element.classList.remove("bl-waits");
    player.jump(Infinity);
  }, { signal: player.signal });
  player.question.replaceChildren(form);
  player.element.classList.add("bl-waits");
  player.set(0);
}

/** What a key does; keys that belong to an element of the page, as Space to a button, are left to it. */
export function keyed(player, event) {
  const { tagName } = event.composedPath()[0], { key } = event, far = event.shiftKey ? 10 : 1;
  const own = /^(SELECT|TEXTAREA)$/.test(tagName) || (tagName === "INPUT" && event.composedPath()[0] !== player.slider) || (tagName === "BUTTON" && (key === " " || key === "Enter"));
  if (own || event.ctrlKey || event.metaKey || event.altKey) return;
  const jumps = { ArrowLeft: -far, ArrowRight: far, Home: -Infinity, End: Infinity }, toggle = TOGGLES.find((one) => one[1] === key.toLowerCase());
  if (key === " ") player.toggle();
  else if (key in jumps) player.jump(jumps[key]);
  else if (toggle) player.flip(toggle[0]);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Whether a key pressed on the page is meant for nothing on it, while the player is what is looked at. */
export function unheard(element, event) {
  const { top, bottom } = element.getBoundingClientRect(), middle = innerHeight / 2, { target, defaultPrevented } = event;
  return !defaultPrevented && [document.body, document.documentElement].includes(target) && top < middle && bottom > middle;
}
