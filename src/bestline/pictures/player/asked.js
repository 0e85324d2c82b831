/** What a script asks of a page, and in one sentence what of it the page cannot do. */

import { OPTIMIZERS } from "./descent.js";

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const isText = (value) => typeof value === "string";
const isObject = (value) => Boolean(value) && typeof value === "object" && [Object.prototype, null].includes(Object.getPrototypeOf(value));
const isName = (value) => value === true || (isText(value) && value.trim() !== "");
const FARTHEST = 1e100; // of a line by hand: squares of what lies beyond are no numbers
/** @typedef {[(value: any) => boolean, string]} Wanted */
/** @type {Wanted} */ const WHOLE = [(value) => Number.isInteger(value) && value >= 0, "a whole number from 0 on"];
/** @type {Wanted} */ const BY_HAND = [(value) => isNumber(value) && Math.abs(value) < FARTHEST, "a number that is not beyond all measure"];
/** @type {Wanted} */ const NAMED = [isName, "a name, or true"];
/** @type {Wanted} */ const SWITCHED = [(value) => typeof value === "boolean", "true or false"];

/** What is taken anywhere, and what is taken where the page trains: a test of the value, and its words. */
const EVERYWHERE = { step: WHOLE, hidden: [(value) => Array.isArray(value) && value.every(isText), "a list of names"], ask: [isText, "a text"] };
const OF_TRAINING = {
  lr: [(value) => isNumber(value) && value >= 1e-300 && value <= 1e300, "a number above 0, up to 1e300"],
  momentum: [(value) => isNumber(value) && value >= 0 && value < 1, "a number from 0 to below 1"],
  optimizer: [(value) => OPTIMIZERS.includes(value), "sgd, momentum, nesterov or adam"],
  steps: WHOLE,
  standardize: SWITCHED,
  start: [isObject, "an object of weights and numbers, such as {x: 1}"],
  points: [(value) => value === null || isObject(value), "null, or an object of moved, removed and added"],
  pin: NAMED,
  unpin: NAMED,
  pins: [(value) => Array.isArray(value) && value.every(isObject), "a list of runs, each an object such as {name: \"slow\", lr: 0.1}"],
  slope: BY_HAND,
  intercept: BY_HAND,
};

const PLACES = ["optimum", "exact loss", "foresight", "update", "points"]; // what else a teacher hides
const inJSON = (value) => (isText(value) || isObject(value) || Array.isArray(value) ? JSON.stringify(value) : String(value));
const quoted = (names) => names.map((name) => `"${name}"`).join(", ");

/**
 * What a script asks: what can be done is done, and the first thing that cannot is told in one sentence; null where all was done.
 * @type {(player: any, changes: any) => string | null}
 */
export function answerTo(player, changes) {
  if (typeof changes === "number") {
    // Infinity is the end, however many steps there are.
    if (!WHOLE[0](changes) && changes !== Infinity) return `A step is ${WHOLE[1]}; got ${changes}.`;
    player.change(changes);
    return null;
  }
  if (!isObject(changes)) return `A page takes a step, or settings such as {lr: 0.3}; got ${inJSON(changes)}.`;
  const { alive } = player, taken = { ...EVERYWHERE, ...(alive && OF_TRAINING), ...Object.fromEntries(Object.keys(player.toggles).map((name) => [name, SWITCHED])) };
  const whys = Object.entries(changes).map(([name, value]) => [name, wrongIn(name, value, taken, player)]), refused = whys.filter(([name, why]) => why && name !== "hidden");
  const said = player.change(Object.fromEntries(Object.entries(changes).filter(([name]) => !refused.some(([other]) => other === name))));
  return whys.find(([, why]) => why)?.[1] ?? (said || null);
}

/** Open the part of an address behind its `#`, as a link would; one sentence where it is none. */
export function openedBy(player, address) {
  if (!isText(address)) return `An address is a text, such as "#lr=0.3"; got ${inJSON(address)}.`;
  player.read(address);
  return null;
}

function wrongIn(name, value, taken, player) {
  if (!Object.hasOwn(taken, name)) return unknownSetting(name, taken);
  if (!taken[name][0](value)) return `"${name}" is ${taken[name][1]}; got ${inJSON(value)}.`;
  if (name === "hidden") return unknownPlace(value, player);
  return player.alive ? unfitFor(name, value, player.alive) : null;
}

/** A name of nothing that is on the page; the others are hidden all the same. */
function unknownPlace(hidden, player) {
  const on = [...player.element.querySelectorAll("[data-knob], [data-panel]")].map((one) => one.dataset.knob ?? one.dataset.panel);
  const known = [...new Set(["play", "step", ...PLACES, ...on, ...Object.keys(player.toggles), ...player.numbers.map(([name]) => name)])], wrong = hidden.find((name) => !known.includes(name));
  return wrong === undefined ? null : `There is nothing called "${wrong}" to hide; there are ${quoted(known)}.`;
}

/** A change of points that are not there, or cannot lie there. */
function unfitPoints(changes, { first, may }) {
  const many = first.x.length, isRow = (i) => Number.isInteger(i) && i >= 0 && i < many, { moved = [], removed = [], added = [], ...rest } = changes;
  const odd = Object.keys(rest)[0];
  if (odd !== undefined) return `Points are moved, removed and added; got "${odd}".`;
  if (![moved, removed, added].every(Array.isArray)) return "Points are lists: {moved: [[row, x, y]], removed: [row], added: [[x, y]]}.";
  const lost = [...removed, ...moved.map((one) => one?.[0])].find((i) => !isRow(i));
  if (lost !== undefined || moved.some((one) => !Array.isArray(one) || one.length !== 3)) return `A row is a whole number from 0 to ${many - 1}; got ${inJSON(lost ?? moved)}.`;
  const far = [...moved.map((one) => one.slice(1)), ...added].find((one) => !Array.isArray(one) || one.length !== 2 || !may(one[0], one[1]));
  if (far !== undefined) return `A point is two numbers, [x, y], not beyond all measure; got ${inJSON(far)}.`;
  return new Set(removed).size >= many ? "One recorded point at least stays." : null;
}

function unknownSetting(name, taken) {
  return Object.hasOwn(OF_TRAINING, name) ? `This page shows a run as it was recorded and trains none, so "${name}" cannot be set.` : `There is no setting "${name}"; there are ${quoted(Object.keys(taken))}.`;
}

/** What depends on the line that the page trains. */
function unfitFor(name, value, { trainer, canHand, points, pins }) {
  const { names, most } = trainer.told;
  if (name === "start") {
    const wrong = Object.keys(value).find((one) => !names.includes(one)), odd = names.findIndex((one, j) => one in value && !(isNumber(value[one]) && Math.abs(value[one]) < trainer.furthest(j)));
    if (wrong !== undefined) return `There is no weight "${wrong}"; there are ${quoted(names)}.`;
    if (odd >= 0) return `The start of "${names[odd]}" is a number that is not beyond all measure; got ${inJSON(value[names[odd]])}.`;
  }
  if (name === "steps" && value > most) return `This page makes up to ${most} steps; got ${value}.`;
  if ((name === "slope" || name === "intercept") && !canHand) return `Only a line over one feature, with its intercept, is moved by hand; "${name}" cannot be set.`;
  if (name === "points" && points && value) return unfitPoints(value, points);
  if (name === "points" && !points) return `The points of this page cannot be changed; "points" cannot be set.`;
  if (name === "unpin" && isText(value) && !pins.list.some((one) => one.name === value)) return pins.list.length ? `There is no pinned run "${value}"; there are ${quoted(pins.list.map((one) => one.name))}.` : "No run is pinned.";
  return null;
}
