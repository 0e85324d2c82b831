/**
 * Text on a canvas that hides neither other text nor what was drawn.
 *
 * Whoever draws says which places are taken; a text then looks for the first free place among its anchors, and stays out where
 * there is none. So what is written first has the best place, and important texts come first.
 */

import { clamp, shorten } from "./numbers.js";
import { FONT } from "./draw.js";

/** Text that stays within bounds and off what was drawn or written before. */
export class Labels {
  ctx; theme; left; top; right; bottom; boxes;

  constructor(ctx, theme, { left, top, right, bottom }) {
    Object.assign(this, { ctx, theme, left, top, right, bottom, boxes: [] });
  }

  /** Keep places free. */
  block(radius, ...places) {
    for (const place of places) if (place) this.boxes.push([place[0] - radius, place[1] - radius, place[0] + radius, place[1] + radius]);
  }

  /** Keep the place free at which a text that must be written later stands, where no other is free then. */
  reserve(text, place, options = {}) {
    const { wide, high, last } = this.places(text, place, options);
    this.boxes.push([last[0], last[1], last[0] + wide, last[1] + high]);
  }

  /**
   * Write at the first of some anchors that is free; `must`: at the first one if none is. Whether it was.
   * @type {(text: string, place: any, options?: {colour?: any, font?: string, gap?: number, anchors?: string, must?: boolean}) => boolean}
   */
  write(text, place, { colour = this.theme.ink, must = false, ...options } = {}) {
    const { ctx } = this, { wide, high, free, last } = this.places(text, place, options);
    if (!free && !must) return false;
    const [left, top] = free ?? last;
    this.boxes.push([left, top, left + wide, top + high]);
    Object.assign(ctx, { textAlign: "left", textBaseline: "middle", lineJoin: "round", strokeStyle: this.theme.paper, lineWidth: 3.5, fillStyle: colour });
    ctx.strokeText(text, left, top + high / 2);
    ctx.fillText(text, left, top + high / 2);
    return true;
  }

  /** How large a text is, the first of its anchors that is free, if one is, and the place that it takes if none is. */
  places(text, [x, y], { font = FONT, gap = 10, anchors = "right left above below" } = {}) {
    const { ctx } = this, high = 14;
    ctx.font = font;
    const wide = ctx.measureText(text).width, mid = [x - wide / 2, y - high / 2];
    const at = {
      right: [x + gap, mid[1]], left: [x - gap - wide, mid[1]], above: [mid[0], y - gap - high], below: [mid[0], y + gap],
      aboveright: [x + gap / 2, y - gap - high], center: mid,
    };
    const inside = ([l, t]) => l >= this.left && l + wide <= this.right && t >= this.top && t + high <= this.bottom;
    const free = ([l, t]) => this.boxes.every((b) => l + wide + 2 < b[0] || l - 2 > b[2] || t + high <= b[1] || t >= b[3]);
    const order = anchors.split(" ").map((name) => at[name]), [first] = order;
    const last = order.find(inside) ?? [clamp(first[0], this.left, Math.max(this.right - wide, this.left)), clamp(first[1], this.top, this.bottom - high)];
    return { wide, high, free: order.find((p) => inside(p) && free(p)), last };
  }
}

/** The rectangle a little smaller, so that text does not touch its frame. */
export const inset = ({ left, top, right, bottom }) => ({ left: left + 3, top: top + 3, right: right - 3, bottom: bottom - 3 });

/** Pixels of the widest of some texts, in the font that is set. */
export const widest = (ctx, texts) => Math.max(12, ...texts.map((text) => ctx.measureText(text).width));

/** A text cut to a width in pixels. */
export function cut(ctx, text, width) {
  let shown = text;
  for (let n = text.length - 1; n > 3 && ctx.measureText(shown).width > width; n--) shown = shorten(text, n);
  return shown;
}

/** A text in lines of a width in pixels, broken behind spaces, `_` and gaps, `most` of them at the most; the last is cut. */
export function lines(ctx, text, width, most = 2) {
  const found = [];
  for (const piece of text.match(/[^\s_…]*[\s_…]*/g).filter(Boolean)) {
    const longer = (found.at(-1) ?? "") + piece;
    if (found.length && (found.length === most || ctx.measureText(longer.trimEnd()).width <= width)) found[found.length - 1] = longer;
    else found.push(piece);
  }
  return found.map((line) => cut(ctx, line.trimEnd(), width));
}
