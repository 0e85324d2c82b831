/** Numbers as people read them: few digits, commas, powers of ten, and a line as an equation. */

export const MINUS = "\u2212";
export const LONGEST = 36; // letters of a name: those of a session are told apart within them
const SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** @type {(value: number, low: number, high: number) => number} */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export const finite = (values) => values.filter(Number.isFinite);
export const grouped = (text) => text.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));

/** @type {(power: number) => string} */
export const powerOfTen = (power) => `10${String(power).replace(/./g, (c) => SUPERSCRIPT[c] ?? "⁻")}`;

/** A number with a power of ten. */
export function scientific(value, digits, padded = false) {
  const [mantissa, exponent] = Math.abs(value).toExponential(digits - 1).split("e");
  return `${value < 0 ? MINUS : ""}${padded ? mantissa : Number(mantissa)}×${powerOfTen(Number(exponent))}`;
}

/**
 * How far a list reaches, without the limits on the number of arguments that Math.min(...list) has.
 * @type {(values: Iterable<number>) => [number, number]}
 */
export function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const v of values) {
    if (!Number.isFinite(v)) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return low <= high ? [low, high] : [0, 1];
}

/**
 * A number as people read it: some digits, commas, powers of ten where it is very large or small.
 * @param {number | null | undefined} value
 * @param {number} [digits] significant digits
 * @param {boolean} [padded] keep trailing zeros, so that a running number keeps its width
 * @returns {string}
 */
export function formatNumber(value, digits = 4, padded = false) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const sign = value < 0 ? MINUS : "";
  // Rounded first: 999,999 to four digits is 1,000,000, and so has a digit more before the point.
  const rounded = Number(Math.abs(value).toPrecision(digits));
  if (rounded >= 1e9 || rounded < 1e-4) return scientific(value, digits, padded);
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(rounded)));
  return sign + grouped(padded ? rounded.toFixed(decimals) : String(Number(rounded.toFixed(decimals))));
}

/** A long name with its middle left out, between words where that keeps most of it; the start and the end tell names apart. */
export function shorten(text, longest) {
  if (text.length <= longest) return text;
  // Of a text that was cut before, the same middle goes: two gaps would look like two names.
  const gap = text.indexOf("…"), before = gap < 0 ? text : text.slice(0, gap), after = gap < 0 ? text : text.slice(text.lastIndexOf("…") + 1);
  const words = [...before.matchAll(/[^_ .…]+/g)].map((word) => before.slice(0, word.index + word[0].length));
  const ends = [...after.matchAll(/[^_ .…]+/g)].map((word) => after.slice(word.index));
  const pairs = words.flatMap((head) => ends.map((tail) => [head, tail])).filter(([head, tail]) => head.length + tail.length < longest);
  const least = (pair) => Math.min(...pair.map((part) => part.length));
  const [head, tail] = pairs.reduce((best, pair) => (least(pair) > least(best) || (least(pair) === least(best) && pair[0].length > best[0].length) ? pair : best), ["", ""]);
  if (tail && head.length + tail.length >= (longest * 2) / 3) return `${head}…${tail}`;
  const start = Math.min(Math.ceil((longest - 1) * 0.6), before.length); // the start tells more than the end
  const rest = gap < 0 ? longest - 1 - start : Math.min(longest - 1 - start, after.length);
  return `${text.slice(0, start)}…${rest ? text.slice(-rest) : ""}`;
}

export const whole = (k) => formatNumber(k, 9);
export const updates = (k) => `${whole(k)} update${k === 1 ? "" : "s"}`;

/** The line in words and numbers: `mpg = 46.2 − 0.00765 weight`; of many weights the first ones. */
export function equationOf(target, names, weights, more = 0, longest = 80) {
  const at = names.lastIndexOf("Intercept");
  let text = at >= 0 ? formatNumber(weights[at], 4, true) : "", left = 0;
  names.forEach((name, j) => {
    if (j === at) return;
    const size = `${formatNumber(Math.abs(weights[j]), 4, true)} ${shorten(name, LONGEST)}`;
    if (left || (text.length + size.length > longest && j)) left += 1;
    else text += text ? ` ${weights[j] < 0 ? MINUS : "+"} ${size}` : `${weights[j] < 0 ? MINUS : ""}${size}`;
  });
  const beyond = left + more;
  return `${shorten(target, LONGEST)} = ${text || "0"}${beyond ? ` + ${beyond} more term${beyond === 1 ? "" : "s"}` : ""}`;
}
