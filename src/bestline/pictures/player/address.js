/**
 * The state of a page in its address, behind the `#`: what a link carries, so that it opens the same view.
 *
 * Whoever sends a link may write into it what they like. So all that is read are numbers, switches and words within bounds; nothing of
 * it is ever run or becomes markup, and what is no such thing is passed over.
 */

const LONGEST_ADDRESS = 8_000, LONGEST_WORDS = 300, MOST_NAMES = 60, MOST_NUMBERS = 1_500, LONGEST_POINTS = 5_000;
const CHANGES = /** @type {[string, number][]} */ ([["moved", 3], ["removed", 1], ["added", 2]]); // of points, and how many numbers each is
/** What is on or off, and said where it is not as the page opened. */
export const SWITCHES = ["trained", "log", "residuals", "squares", "table", "dark"];
const NUMBERS = ["lr", "momentum", "steps", "step"];

/** A number of an address, or undefined. */
const numberOf = (text) => (text !== null && /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,3})?$/i.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined);
const listOf = (text, most = MOST_NAMES) => (text ?? "").split("~").slice(0, most);

/** Numbers in groups of so many; groups with something else in them are left out. */
function groupsOf(text, size) {
  const numbers = text ? listOf(text, MOST_NUMBERS).map(numberOf) : [];
  const groups = Array.from({ length: Math.floor(numbers.length / size) }, (_, i) => numbers.slice(size * i, size * i + size)).filter((group) => !group.includes(undefined));
  return size === 1 ? groups.flat() : groups;
}

/**
 * What an address asks for, as `set` takes it; `names` are those of the weights, in whose order a start is written.
 * @type {(hash: string, names: string[]) => object}
 */
export function readAddress(hash, names) {
  const text = hash.replace(/^#/, "");
  if (!text || text.length > LONGEST_ADDRESS) return {};
  const asked = new URLSearchParams(text), found = {};
  for (const name of NUMBERS) found[name] = numberOf(asked.get(name));
  if (asked.has("optimizer")) found.optimizer = asked.get("optimizer");
  if (asked.has("standardize")) found.standardize = asked.get("standardize") === "1";
  const start = listOf(asked.get("start")).map(numberOf), hand = listOf(asked.get("line")).map(numberOf);
  if (asked.has("start") && start.length === names.length && !start.includes(undefined)) found.start = Object.fromEntries(names.map((name, j) => [name, start[j]]));
  if (hand.length === 2 && !hand.includes(undefined)) [found.slope, found.intercept] = hand;
  if (CHANGES.some(([name]) => asked.has(name))) found.points = Object.fromEntries(CHANGES.map(([name, size]) => [name, groupsOf(asked.get(name), size)]));
  if (asked.has("hidden")) found.hidden = listOf(asked.get("hidden"));
  if (asked.has("ask")) found.ask = asked.get("ask").slice(0, LONGEST_WORDS);
  const pins = asked.getAll("pin").slice(0, MOST_PINNED).map((one) => pinOf(one, names)).filter(Boolean);
  if (pins.length) found.pins = pins;
  for (const name of SWITCHES) if (asked.has(name)) found[name] = asked.get(name) === "1";
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

const PIN = ["optimizer", "lr", "momentum", "steps", "standardize", "start", "name"], MOST_PINNED = 6;

/** A pinned run of an address; null where it is none. */
function pinOf(text, names) {
  const [optimizer, lr, momentum, steps, standardize, start, ...name] = text.split("~"), numbers = [lr, momentum, steps, standardize, ...start?.split("_") ?? []].map((one) => numberOf(one ?? null));
  if (numbers.includes(undefined) || numbers.length !== names.length + 4) return null;
  return { optimizer, lr: numbers[0], momentum: numbers[1], steps: numbers[2], standardize: numbers[3] === 1, start: Object.fromEntries(names.map((one, j) => [one, numbers[j + 4]])), name: name.join("~").slice(0, LONGEST_WORDS) };
}

/** Whether an address has room for what was done to the points. */
export const fitsAddress = (points) => !points || CHANGES.map(([name]) => points[name]).join("~").length <= LONGEST_POINTS;

/**
 * The address of a state, without the `#`.
 * @type {(state: object) => string}
 */
export function writeAddress({ optimizer, lr, momentum, steps, standardize, start, points, step, slope, intercept, hidden, ask, pins = [], ...switches }) {
  const said = new URLSearchParams();
  const say = (name, value, unless) => value !== undefined && value !== null && value !== unless && said.set(name, String(value));
  say("optimizer", optimizer);
  say("lr", lr);
  say("momentum", momentum, 0);
  say("steps", steps);
  if (standardize !== undefined) say("standardize", Number(standardize));
  if (start) say("start", Object.values(start).join("~"));
  for (const [name] of CHANGES) if (points?.[name].length && fitsAddress(points)) say(name, points[name].flat().join("~"));
  say("step", step);
  if (typeof slope === "number") say("line", `${slope}~${intercept}`);
  if (hidden?.length) say("hidden", hidden.join("~"));
  say("ask", ask, "");
  // Of points that the address has no room for it has no runs either.
  if (fitsAddress(points)) for (const one of pins) said.append("pin", PIN.map((part) => (part === "start" ? [...one.start].join("_") : part === "standardize" ? Number(one[part]) : one[part])).join("~"));
  for (const name of SWITCHES) if (switches[name] !== undefined) say(name, Number(switches[name]));
  return said.toString().replaceAll("%7E", "~");
}
