/** What a script asks of a page, and in one sentence what of it the page cannot do. */

import { OPTIMIZERS } from "./descent.js";

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const isText = (value) => typeof value === "string";
const isObject = (value) => Boolean(value) && typeof value === "object" && !Array.isArray(value);
/** @typedef {[(value: any) => boolean, string]} Wanted */
/** @type {Wanted} */ const WHOLE = [(value) => Number.isInteger(value) && value >= 0, "a whole number from 0 on"];
/** @type {Wanted} */ const NUMERIC = [isNumber, "a number"];
/** @type {Wanted} */ const SWITCHED = [(value) => typeof value === "boolean", "true or false"];

/** What is taken anywhere, and what is taken where the page trains: a test of the value, and its words. */
const EVERYWHERE = { step: WHOLE, hidden: [(value) => Array.isArray(value) && value.every(isText), "a list of names"], ask: [isText, "a text"] };
const OF_TRAINING = {
  lr: [(value) => isNumber(value) && value > 0, "a number above 0"],
  momentum: [(value) => isNumber(value) && value >= 0 && value < 1, "a number from 0 to below 1"],
  optimizer: [(value) => OPTIMIZERS.includes(value), "sgd, momentum, nesterov or adam"],
  steps: WHOLE,
  standardize: SWITCHED,
  start: [isObject, "an object of weights and numbers, such as {x: 1}"],
  points: [(value) => value === null || isObject(value), "null, or an object of moved, removed and added"],
  pin: [(value) => value === true || isText(value), "a name"],
  unpin: [(value) => value === true || isText(value), "a name"],
  pins: [Array.isArray, "a list of runs"],
  slope: NUMERIC,
  intercept: NUMERIC,
};

const inJSON = (value) => (isText(value) || isObject(value) || Array.isArray(value) ? JSON.stringify(value) : String(value));
const quoted = (names) => names.map((name) => `"${name}"`).join(", ");

/**
 * What a script asks: what can be done is done, and the first thing that cannot is told in one sentence; null where all was done.
 * @type {(player: any, changes: any) => string | null}
 */
export function answerTo(player, changes) {
  const wrong = wrongIn(changes, player), said = (typeof changes === "number" && changes >= 0) || isObject(changes) ? player.change(changes) : null;
  return wrong ?? (said || null);
}

function wrongIn(changes, player) {
  if (typeof changes === "number") return changes >= 0 ? null : `A step is ${WHOLE[1]}; got ${changes}.`;
  if (!isObject(changes)) return `A page takes a step, or settings such as {lr: 0.3}; got ${inJSON(changes)}.`;
  const { alive } = player, taken = { ...EVERYWHERE, ...(alive && OF_TRAINING), ...Object.fromEntries(Object.keys(player.toggles).map((name) => [name, SWITCHED])) };
  for (const [name, value] of Object.entries(changes)) {
    const why = !Object.hasOwn(taken, name) ? unknownSetting(name, taken) : !taken[name][0](value) ? `"${name}" is ${taken[name][1]}; got ${inJSON(value)}.` : alive ? unfitFor(name, value, alive) : null;
    if (why) return why;
  }
  return null;
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
  if (name === "points" && !points) return `The points of this page cannot be changed; "points" cannot be set.`;
  if (name === "unpin" && isText(value) && !pins.list.some((one) => one.name === value)) return pins.list.length ? `There is no pinned run "${value}"; there are ${quoted(pins.list.map((one) => one.name))}.` : "No run is pinned.";
  return null;
}
