/**
 * Points that are dragged, added and taken away, on a page that holds all rows of one feature.
 *
 * The rows that were recorded are kept beside those that are shown, and what is between them is what an address says. All that
 * follows from rows follows: moments, bowl, run, limits and foresight. A weighted row keeps its weight; a new one weighs as much
 * as the recorded ones on average.
 */

import { clamp, extent, finite, formatNumber, shorten, whole } from "./numbers.js";
import { make } from "./dom.js";
import { fitsAddress } from "./address.js";

const MOST_POINTS = 500, LARGEST = 1e6; // points in all; of a value, times the largest that there was

/**
 * Rows of one feature; `was` is the number of the recorded row, or -1 of a new one.
 * @typedef {{x: number[], y: number[], w: number[] | null, was: number[]}} PointRows
 * @typedef {{moved: number[][], removed: number[], added: number[][]}} PointChanges
 */

/** @type {(data: {x: number[], y: number[], w: number[] | null}) => PointRows} */
export const pointsOf = ({ x, y, w }) => ({ x: [...x], y: [...y], w: w && [...w], was: x.map((_, i) => i) });

/** @type {(rows: PointRows, i: number, x: number, y: number) => PointRows} */
export function movedTo(rows, i, x, y) {
  const put = (values, value) => values.map((v, j) => (j === i ? value : v));
  return { ...rows, x: put(rows.x, x), y: put(rows.y, y) };
}

/** @type {(rows: PointRows, gone: (was: number, i: number) => boolean) => PointRows} */
export function without({ x, y, w, was }, gone) {
  const kept = (values) => values.filter((_, i) => !gone(was[i], i));
  return { x: kept(x), y: kept(y), w: w && kept(w), was: kept(was) };
}

/** @type {(rows: PointRows, x: number, y: number, weight: number) => PointRows} */
export const withPoint = ({ x, y, w, was }, a, b, weight) => ({ x: [...x, a], y: [...y, b], w: w && [...w, weight], was: [...was, -1] });

/**
 * What was done to the recorded rows; null where nothing was.
 * @type {(first: PointRows, rows: PointRows) => PointChanges | null}
 */
export function changesOf(first, { x, y, was }) {
  const kept = new Set(was), removed = first.was.filter((i) => !kept.has(i)), each = was.map((from, i) => [from, x[i], y[i]]);
  const moved = each.filter(([from, a, b]) => from >= 0 && (a !== first.x[from] || b !== first.y[from]));
  const added = each.filter(([from]) => from < 0).map(([, a, b]) => [a, b]);
  return moved.length + removed.length + added.length ? { moved, removed, added } : null;
}

/**
 * The recorded rows with such changes; what is no change of these rows is passed over.
 * @type {(first: PointRows, changes: any, may: (x: any, y: any) => boolean, weight: number) => PointRows}
 */
export function changedBy(first, { moved = [], removed = [], added = [] }, may, weight) {
  const list = (values) => (Array.isArray(values) ? values.slice(0, MOST_POINTS) : []), pairs = (values, length) => list(values).filter((one) => Array.isArray(one) && one.length === length);
  let rows = first;
  for (const [i, x, y] of pairs(moved, 3)) if (Number.isInteger(i) && i >= 0 && i < first.x.length && may(x, y)) rows = movedTo(rows, i, x, y);
  const gone = new Set(list(removed)), left = without(rows, (was) => gone.has(was));
  if (left.x.length) rows = left;
  for (const [x, y] of pairs(added, 2)) if (may(x, y) && rows.x.length < MOST_POINTS) rows = withPoint(rows, x, y, weight);
  return rows;
}

/** A value no finer than a pixel of an axis: of few digits. */
export function tidied(value, [lo, hi]) {
  const unit = 10 ** Math.floor(Math.log10((hi - lo || 1) / 1000));
  return Number((Math.round(value / unit) * unit).toPrecision(15));
}

/** The points of a page, and the part of it that moves them by numbers. */
export class Points {
  alive; names; chosen; locked; number; place; said; remove; back; move;
  /** @type {PointRows} */ first;
  /** @type {PointRows} */ rows;
  /** @type {number[]} */ most;
  /** @type {number} */ weight;
  /** @type {any} */ recorded;

  /** @param {import("./alive.js").Alive} alive */
  constructor(alive) {
    const { data } = alive.player.session, { signal } = alive, on = (element, type, handle) => element.addEventListener(type, handle, { signal });
    const first = pointsOf(data), size = (values) => LARGEST * (Math.max(...values.map(Math.abs)) || 1);
    Object.assign(this, { alive, first, rows: first, chosen: null, locked: false, recorded: data, names: [data.xlabel, data.ylabel], most: [size(data.x), size(data.y)] });
    data.moves = true;
    this.weight = data.w ? data.w.reduce((sum, v) => sum + v, 0) / data.w.length : 1;
    const number = (label, title, values = {}) => make("input", { type: "number", step: "any", inputmode: "decimal", autocomplete: "off", "aria-label": label, title, ...values });
    const act = (name, text, handle) => {
      const button = make("button", { type: "button", "data-act": name, text });
      on(button, "click", handle);
      return button;
    };
    this.number = number("point", "the number of the row", { min: 1, step: 1, inputmode: "numeric" });
    on(this.number, "input", () => this.choose(this.number.value === "" ? null : this.number.valueAsNumber - 1));
    this.place = ["x", "y"].map((axis, i) => number(`${axis} of the point`, this.names[i]));
    for (const input of this.place) on(input, "keydown", (event) => event.key === "Enter" && this.add(...this.typed));
    this.move = act("move-point", "move it", () => this.put(this.chosen, ...this.typed));
    this.remove = act("remove-point", "remove it", () => this.take(this.chosen));
    this.back = act("points-reset", "points as they were", () => this.asTheyWere());
    this.said = make("output", { class: "bl-point", "aria-live": "polite" });
    const labelled = (text, input) => make("div", { class: "bl-knob" }, make("label", {}, make("span", { text }), input));
    this.element = make("div", { class: "bl-byhand", role: "group", "aria-label": "Points", "data-knob": "points" },
      labelled("point", this.number), ...this.place.map((input, i) => labelled("xy"[i], input)),
      act("add-point", "add a point", () => this.add(...this.typed)), this.move, this.remove, this.back, this.said);
    this.show();
  }

  get typed() {
    return this.place.map((input) => (input.value.trim() === "" ? NaN : input.valueAsNumber));
  }

  /** Whether a point may lie there. */
  may = (x, y) => [x, y].every((v, i) => typeof v === "number" && Number.isFinite(v) && Math.abs(v) <= this.most[i]);

  /** The rows in place of those that were shown; their axes grow where a point has left them, but not under the finger. */
  set(rows, moving = false) {
    const { player, trainer } = this.alive, { session, view } = player, { across, reach } = session.data, { x, y, w } = rows;
    this.rows = rows;
    session.data = { ...session.data, x, y, w, of: x.length, across: moving || !across ? across : extent([...across, ...x]), reach: moving || !reach ? reach : extent([...reach, ...y]) };
    if (this.chosen >= x.length) this.choose(null);
    view.point = null;
    if (changesOf(this.first, rows)) trainer.take([x, y], w);
    else trainer.giveBack();
    this.show();
  }

  /** The rows, and the run that they make. */
  put(i, x, y, moving = false) {
    if (this.locked || i === null || !(i in this.rows.x)) return this.show("Choose a point first: press it, or type its number.");
    if (!this.may(x, y)) return this.show(this.refused(x, y));
    this.set(movedTo(this.rows, i, x, y), moving);
    this.alive.turn({}, { moving });
  }

  add(x, y) {
    if (this.locked) return;
    if (this.rows.x.length >= MOST_POINTS) return this.show(`No more than ${MOST_POINTS} points.`);
    if (!this.may(x, y)) return this.show(this.refused(x, y));
    this.set(withPoint(this.rows, x, y, this.weight));
    this.choose(this.rows.x.length - 1);
    this.alive.turn({});
  }

  take(i) {
    if (this.locked || i === null || !(i in this.rows.x)) return this.show("Choose a point first: press it, or type its number.");
    if (this.rows.x.length < 2) return this.show("The last point stays: without rows there is no loss.");
    const [x, y] = [this.rows.x[i], this.rows.y[i]];
    this.set(without(this.rows, (_, j) => j === i));
    this.choose(null);
    this.alive.turn({});
    this.show(`Removed the point at ${this.at(x, y)}.`);
  }

  /** The rows as they were recorded, with all else as it is. */
  asTheyWere() {
    this.forget();
    this.alive.trainer.giveBack();
    this.alive.turn({});
  }

  forget() {
    this.alive.player.session.data = { ...this.recorded };
    this.rows = this.first;
    this.alive.player.view.point = null;
    this.choose(null);
  }

  /** Where a pointer is, in the data's units: on the axes as they were when it took hold. */
  under({ area, off: [dx, dy] }, [px, py], { width, height }) {
    const [x, y] = [area.x.invert(clamp(px, 0, width) + dx), area.y.invert(clamp(py, 0, height) + dy)];
    return [tidied(x, [area.x.invert(area.left), area.x.invert(area.right)]), tidied(y, [area.y.invert(area.bottom), area.y.invert(area.top)])];
  }

  /** What an address or a script says of the rows. */
  read(changes) {
    if (changes && typeof changes === "object") this.set(changedBy(this.first, changes, this.may, this.weight));
    else if (changes === null) this.set(this.first);
  }

  get changes() {
    return changesOf(this.first, this.rows);
  }

  choose(i) {
    this.chosen = i !== null && i in this.rows.x ? i : null;
    this.alive.player.view.chosen = this.chosen;
    this.show();
    this.alive.player.element && this.alive.player.refresh();
  }

  /** An arrow key moves the chosen point by a hundredth of what is shown, with Shift a tenth; whether the key was one of these. */
  key(event, [across, upwards]) {
    const { key, shiftKey } = event, way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key], turn = { PageDown: 1, PageUp: -1 }[key];
    if (this.locked || !(way || turn || key === "Delete" || key === "Backspace")) return false;
    const n = this.rows.x.length, before = this.chosen;
    if (turn) this.choose(before === null ? (turn > 0 ? 0 : n - 1) : (before + turn + n) % n);
    else if (before === null) this.choose(0);
    else if (way) {
      const far = shiftKey ? 0.1 : 0.01, [x, y] = [[this.rows.x, across], [this.rows.y, upwards]].map(([values, axis], i) => (way[i] ? tidied(values[before] + way[i] * far * (axis[1] - axis[0]), axis) : values[before]));
      this.put(before, x, y);
    } else this.take(before);
    return true;
  }

  refused(x, y) {
    if (finite([x, y]).length < 2) return "Type a number for x and for y.";
    return `Too far: x goes up to ±${formatNumber(this.most[0], 3)}, y up to ±${formatNumber(this.most[1], 3)}.`;
  }

  at(x, y) {
    return [x, y].map((v, i) => `${shorten(this.names[i], 24)} ${formatNumber(v, 5)}`).join(", ");
  }

  /** What is chosen, and what can be done with it. */
  show(text = null) {
    const { rows, chosen } = this, n = rows.x.length, changes = this.changes, some = chosen !== null;
    this.number.max = n;
    if (document.activeElement !== this.number) this.number.value = some ? chosen + 1 : "";
    this.move.disabled = this.remove.disabled = !some;
    this.back.disabled = !changes;
    const weighs = some && rows.w ? `, weight ${formatNumber(rows.w[chosen], 4)}` : "", now = some ? `Point ${whole(chosen + 1)} of ${whole(n)}: ${this.at(rows.x[chosen], rows.y[chosen])}${weighs}.` : "Drag a point, or double-click to add one.";
    const long = fitsAddress(changes) ? "" : " So many points were moved that no address holds them: a link opens the rows as they were.";
    this.said.textContent = `${text ?? now}${long}`.trim();
  }

  hide(hidden) {
    this.locked = hidden;
    this.element.hidden = hidden;
    if (hidden) this.choose(null);
  }
}

/** Whether the page has all rows of a line over one feature, so that its points can be moved. */
export function movable({ data }, told) {
  return data?.kind === "line" && Boolean(data.whole) && data.y.length <= MOST_POINTS && told.names.length - Number(told.intercept) === 1;
}
