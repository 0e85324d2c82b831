/** From values to pixels and back, and the round numbers that stand at an axis. */

import { extent, formatNumber, grouped, MINUS, powerOfTen, scientific } from "./numbers.js";

/**
 * About n round numbers between two ends; of what is counted, whole ones from 0.
 * @type {(lo: number, hi: number, n: number, counted?: boolean) => number[]}
 */
export function ticks(lo, hi, n, counted = false) {
  if (counted) return ticks(Math.max(lo, 0), hi, Math.min(n, hi)).filter(Number.isInteger);
  if (!(hi > lo) || n < 1) return [lo];
  // The distance is the smallest of 1, 2, 5 or 10 times a power of ten that makes no more than n steps.
  const raw = (hi - lo) / n;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * ([1, 2, 5].find((m) => m * unit >= raw * 0.999) ?? 10);
  const found = [];
  // Whole multiples, so that rounding does not add up; twelve digits take its dust off, as 0.30000000000000004.
  for (let i = Math.ceil(lo / step - 1e-9); i <= Math.floor(hi / step + 1e-9); i++) found.push(Number((i * step).toPrecision(12)));
  return found;
}

/**
 * Powers of ten between two positive ends; with few of them 2 and 5 times these too, and within one decade plain ticks.
 * @type {(lo: number, hi: number, n: number) => number[]}
 */
export function logTicks(lo, hi, n) {
  if (!(lo > 0 && hi > lo)) return [];
  const decades = Math.log10(hi / lo);
  if (decades < 0.7) return ticks(lo, hi, n);
  const every = Math.max(1, Math.ceil(decades / n));
  const within = decades < n / 3 ? [1, 2, 5] : [1];
  const found = [];
  for (let e = Math.floor(Math.log10(lo)); e <= Math.ceil(Math.log10(hi)); e++) {
    if (e % every) continue;
    for (const m of within) found.push(Number((m * 10 ** e).toPrecision(12)));
  }
  return found.filter((v) => v >= lo * (1 - 1e-9) && v <= hi * (1 + 1e-9));
}

/**
 * How the numbers of an axis are written, as in still pictures: less an offset that all are near to, in units of a power of ten;
 * `told` is what the label of the axis has to say of it.
 * @type {(lo: number, hi: number) => {offset: number, power: number, told: string}}
 */
export function notation(lo, hi) {
  const span = hi - lo;
  let size = Math.max(Math.abs(lo), Math.abs(hi)), offset = 0;
  if (!(span > 0 && Number.isFinite(span))) return { offset: 0, power: 0, told: "" };
  if (size > span * 1e4) {
    const unit = 10 ** Math.floor(Math.log10(span));
    offset = Math.floor(lo / unit) * unit;
    size = Math.max(Math.abs(lo - offset), Math.abs(hi - offset));
  }
  const power = size >= 1e-3 && size < 1e6 ? 0 : 3 * Math.floor(Math.log10(size) / 3);
  const far = Math.abs(offset) >= 1 && Math.abs(offset) < 1e15 ? (offset < 0 ? MINUS : "") + grouped(Math.abs(offset).toFixed(0)) : formatNumber(offset, 15);
  const told = [offset && `counted from ${far}`, power && `in units of ${powerOfTen(power)}`];
  return { offset, power, told: told.filter(Boolean).join(", ") };
}

/** Labels of ticks, all with as many decimals as their distance needs. */
export function tickLabels(values, { offset, power } = notation(...extent(values))) {
  const unit = 10 ** Math.abs(power), scaled = values.map((v) => (power > 0 ? (v - offset) / unit : (v - offset) * unit));
  const gap = Math.min(...scaled.slice(1).map((v, i) => Math.abs(v - scaled[i])), Infinity);
  if (!Number.isFinite(gap)) return scaled.map((v) => formatNumber(v));
  let decimals = 0;
  while (decimals < 12 && scaled.some((v) => Math.abs(Number(v.toFixed(decimals)) - v) > 0.02 * gap)) decimals++;
  return scaled.map((v) => {
    const text = Math.abs(v).toFixed(decimals);
    return (v < 0 && Number(text) ? MINUS : "") + grouped(text);
  });
}

/** Labels of an axis that grows by factors: all as powers of ten, or none. */
export function logLabels(values) {
  // Where few powers are in sight numbers are written as they are elsewhere.
  const most = values.at(-1) < values[0] * 200 ? 1e9 : 1e4 * (1 + 1e-9);
  const far = values.some((v) => v < 1e-4 || v >= most);
  return values.map((v) => (far ? scientific(v, 1).replace(/^1×/, "") : formatNumber(v)));
}

/**
 * From values to pixels, and back by `.invert`; of a logarithmic scale, what is not positive lies far below its lower end.
 * @type {(lo: number, hi: number, from: number, to: number, log?: boolean) => ((v: number) => number) & {invert(p: number): number}}
 */
export function scaleOf(lo, hi, from, to, log = false) {
  const into = log ? (v) => Math.log10(Math.max(v, lo * 1e-9)) : (v) => v;
  const a = into(lo), width = into(hi) - a || 1;
  const at = (v) => from + ((into(v) - a) / width) * (to - from);
  at.invert = (p) => {
    const v = a + ((p - from) / (to - from)) * width;
    return log ? 10 ** v : v;
  };
  return at;
}

/** @type {(range: number[], share: number) => [number, number]} */
export const padded = ([lo, hi], share) => {
  const air = (hi - lo) * share || Math.abs(lo) * 0.1 || 1;
  return [lo - air, hi + air];
};

/** @type {(range: number[], n: number) => number[]} */
export const spaced = ([lo, hi], n) => Array.from({ length: n + 1 }, (_, i) => lo + ((hi - lo) * i) / n);
