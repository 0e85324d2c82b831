/** From values to pixels and back, and the round numbers that stand at an axis. */

import { formatNumber, grouped, MINUS, scientific } from "./numbers.js";

/**
 * About n round numbers between two ends; of what is counted, whole ones from 0.
 * @type {(lo: number, hi: number, n: number, counted?: boolean) => number[]}
 */
export function ticks(lo, hi, n, counted = false) {
  if (counted) return ticks(Math.max(lo, 0), hi, Math.min(n, hi)).filter(Number.isInteger);
  if (!(hi > lo) || n < 1) return [lo];
  // The distance is the smallest of 1, 2, 2.5, 5 or 10 times a power of ten that makes no more than n steps.
  const raw = (hi - lo) / n;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * ([1, 2, 2.5, 5].find((m) => m * unit >= raw * 0.999) ?? 10);
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

/** Labels of ticks with as many decimals as their distance needs. */
export function tickLabels(values) {
  const gaps = values.slice(1).map((v, i) => Math.abs(v - values[i]));
  const gap = Math.min(...gaps, Infinity), most = Math.max(...values.map(Math.abs));
  if (!Number.isFinite(gap)) return values.map((v) => formatNumber(v));
  if (most >= 1e7 || gap < 1e-5) return values.map((v) => (v === 0 ? "0" : scientific(v, Math.max(2, 1 + Math.ceil(Math.log10(most / gap))))));
  let decimals = Math.max(0, -Math.floor(Math.log10(gap) + 1e-9));
  if (Math.abs(gap * 10 ** decimals - Math.round(gap * 10 ** decimals)) > 1e-6) decimals++; // a quarter needs one more
  return values.map((v) => (v < 0 ? MINUS : "") + grouped(Math.abs(v).toFixed(decimals)));
}

export const logLabels = (values) => values.map((v) => (v >= 1e-3 && v < 1e5 ? formatNumber(v) : formatNumber(v, 1).replace("1×", "")));

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

export const padded = ([lo, hi], share) => {
  const air = (hi - lo) * share || Math.abs(lo) * 0.1 || 1;
  return [lo - air, hi + air];
};

export const spaced = ([lo, hi], n) => Array.from({ length: n + 1 }, (_, i) => lo + ((hi - lo) * i) / n);
