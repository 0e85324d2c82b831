/**
 * The frame of a panel: its canvas, title, legend and tooltip, and what the pointer does to them.
 *
 * What does not move is drawn once, on a canvas that nobody sees, and copied; only what moves is drawn anew in every frame.
 */

import { clamp, shorten } from "./numbers.js";
import { attributes, make, ordered, swatch } from "./dom.js";
import { nearest } from "./paths.js";
import { within } from "./axes.js";

const REACH = 18, TOUCH = 22, NEAR = 11; // pixels around a marker in which it can be taken hold of; around a point, by a finger and by a mouse

/** One place on the page, and the panels that can be seen there: over weights in the data's units, or as trained. */
export class Frame {
  panels; panel; player; size; still; stale; layout; ratio; held; from; end; points; grip;

  constructor(panels, player) {
    const [panel] = panels;
    Object.assign(this, { panels, panel, player, size: {}, stale: true, still: document.createElement("canvas") });
    this.canvas = make("canvas", { role: "img", tabindex: panel.turn ? 0 : null, "aria-label": panel.title });
    this.tip = make("div", { class: "bl-tip", role: "tooltip", hidden: true });
    this.plot = make("div", { class: `bl-plot bl-${panel.name}` }, this.canvas, this.tip);
    this.items = make("ul", { class: "bl-legend" });
    this.title = make("h3", { text: panel.title }, ...(panel.hint ? [make("small", { text: panel.hint })] : []));
    this.element = make("section", { class: panel.wide ? "bl-panel bl-wide" : "bl-panel", "data-panel": panel.name }, make("div", { class: "bl-head" }, this.title, this.items), this.plot);
    const on = (type, handle) => this.plot.addEventListener(type, handle, { signal: player.signal });
    on("pointermove", (event) => this.moved(event));
    on("pointerdown", (event) => this.pressed(event));
    on("pointerup", () => this.released());
    on("pointercancel", () => this.released());
    on("pointerleave", (event) => event.pointerType === "mouse" && this.show(null));
    // Where the page trains, the start lies under the finger, or under the arrow keys.
    this.starts = Boolean(player.alive && panel.startAt);
    if (this.starts && !panel.turn) attributes(this.canvas, { tabindex: 0 });
    this.plot.classList.toggle("bl-starts-here", this.starts && !panel.turn);
    this.points = panel.name === "data" && player.alive?.points;
    if (this.points) {
      attributes(this.canvas, { tabindex: 0 });
      on("dblclick", (event) => this.addsPoint(event));
    }
    if (panel.turn || this.starts || this.points) on("keydown", (event) => this.key(event));
    // A finger on what can be dragged drags it, and does not move the page.
    this.plot.addEventListener("touchstart", (event) => event.touches.length === 1 && this.draggable(event.touches[0], TOUCH) && event.preventDefault(), { signal: player.signal, passive: false });
  }

  /** Other panels in the place of these: of another run, or of another ground. What stands still is kept where it is the same. */
  swap(panels, trained, whole) {
    const panel = panels[Number(trained)], same = !whole && panel.still && panel.still === this.panel.still && this.layout && !this.stale;
    Object.assign(this, { panels, panel, stale: !same });
    if (same && panel.placed) Object.assign(this.layout, panel.placed(this.layout));
  }

  pointer(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** Whether a press at this place takes hold of the start: anywhere from above, on its marker where the picture is turned. */
  takes(place) {
    if (!this.starts || !this.layout) return false;
    const first = this.layout.paths?.[0].places[0];
    return this.panel.turn ? this.layout.hasPath !== false && nearest([first], place, REACH) === 0 : Boolean(this.panel.startAt(this.layout, place));
  }

  moveStart(event, moving = true) {
    const { left = 0, right = this.size.width, top = 0, bottom = this.size.height } = this.layout, [x, y] = this.pointer(event);
    const at = this.panel.startAt(this.layout, [clamp(x, left, right), clamp(y, top, bottom)]);
    if (at) this.player.alive.moveStart(at, moving);
  }

  hit(event) {
    return this.layout ? this.panel.pick(this.layout, this.pointer(event), this.player.view) : null;
  }

  /** What a press would take hold of in the picture of the rows: an end of the line moved by hand, or a point. */
  draggable(event, reach) {
    if (!this.layout) return null;
    const place = this.pointer(event), end = this.panel.grab?.(this.layout, place, this.player.view), point = this.points && !this.points.locked ? this.panel.pointAt(this.layout, place, reach) : null;
    return typeof end === "number" ? { held: "hand", end } : typeof point === "number" ? { held: "point", end: point } : null;
  }

  /** Take hold of a point where it is, so that it does not jump to the pointer. */
  hold(i, place) {
    const area = this.layout, [px, py] = this.panel.spot(area, i), [x, y] = place;
    this.grip = { area, off: [px - x, py - y], from: [x, y], moved: false };
    this.points.choose(i);
    this.show(null);
  }

  /** Draw the point that is held to the pointer; a press that did not move leaves it where it was. */
  movePoint(event, moving) {
    const at = event ? this.pointer(event) : this.grip.last, { from } = this.grip;
    if (!this.grip.moved && (!at || Math.hypot(at[0] - from[0], at[1] - from[1]) < 3)) return;
    Object.assign(this.grip, { moved: true, last: at });
    this.points.put(this.end, ...this.points.under(this.grip, at, this.size), moving);
  }

  /** A new point where nothing is. */
  addsPoint(event) {
    const { layout } = this, place = this.pointer(event);
    if (layout && within(layout, place) && !this.draggable(event, NEAR)) this.points.add(...this.points.under({ area: layout, off: [0, 0] }, place, this.size));
  }

  pressed(event) {
    if (event.button) return;
    const taken = this.draggable(event, event.pointerType === "mouse" ? NEAR : TOUCH);
    if (taken) {
      Object.assign(this, taken);
      this.plot.setPointerCapture(event.pointerId);
      if (taken.held === "point") {
        this.hold(taken.end, this.pointer(event));
        this.canvas.focus({ preventScroll: true });
      }
      event.preventDefault();
      return;
    }
    if (this.takes(this.pointer(event))) {
      this.held = "start";
      this.plot.setPointerCapture(event.pointerId);
      this.canvas.focus({ preventScroll: true });
      event.preventDefault();
      this.show(null);
      return this.moveStart(event);
    }
    const hit = this.hit(event), step = hit?.k !== undefined;
    if (step) this.player.set(hit.k);
    this.held = step && this.panel.scrubs ? "scrub" : this.panel.turn && !step ? "turn" : null;
    this.from = [event.clientX, event.clientY];
    if (this.held) this.plot.setPointerCapture(event.pointerId);
    if (event.pointerType !== "mouse") this.show(hit, false);
  }

  moved(event) {
    if (this.held === "start") this.moveStart(event);
    else if (this.held === "hand") this.player.alive.moveHand(this.panel.pulled(this.layout, this.end, this.pointer(event), this.player.view), true);
    else if (this.held === "point") this.movePoint(event, true);
    else if (this.held === "turn") {
      this.turn((event.clientX - this.from[0]) * 0.01, (event.clientY - this.from[1]) * 0.008, true);
      this.from = [event.clientX, event.clientY];
    } else if (this.held === "scrub") {
      const hit = this.hit(event);
      if (hit) this.player.set(hit.k);
    } else if (event.pointerType === "mouse") this.show(this.hit(event));
  }

  released() {
    const { held } = this;
    this.held = null;
    if (held === "turn") this.turn(0, 0, false);
    if (held === "start") this.player.alive.redraw(false);
    if (held === "hand") this.player.alive.moveHand({});
    if (held === "point") this.movePoint(null, false);
  }

  turn(by, up, moving) {
    this.panel.turn(by, up, moving);
    this.stale = true;
    this.player.refresh();
  }

  key(event) {
    if (this.points) {
      const axes = this.layout && [[this.layout.x, this.layout.left, this.layout.right], [this.layout.y, this.layout.bottom, this.layout.top]].map(([scale, from, to]) => [scale.invert(from), scale.invert(to)]);
      if (!axes || event.ctrlKey || event.metaKey || event.altKey || !this.points.key(event, axes)) return;
      event.preventDefault();
      return event.stopPropagation();
    }
    const by = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.08], ArrowDown: [0, -0.08] }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && this.panel.turn)) return;
    event.preventDefault();
    event.stopPropagation();
    if (this.panel.turn) return this.turn(...by, false);
    // A hundredth of what is shown, ten with Shift.
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key], far = event.shiftKey ? 0.1 : 0.01;
    this.player.alive.moveStart(this.panel.still.span.map(([lo, hi], i) => this.player.view.runs[0].path[i][0] + way[i] * far * (hi - lo)), true);
  }

  /** Show what lies under the pointer: a step is previewed in all panels, a row of the data has its numbers beside it. */
  show(hit, preview = true) {
    this.player.hover(preview ? (hit?.k ?? null) : null, hit?.point ?? null);
    this.tip.hidden = !hit;
    this.plot.classList.toggle("bl-hit", Boolean(hit));
    if (!hit) return;
    this.tip.replaceChildren(...hit.tip.map((text) => make("div", { text })));
    const { offsetWidth: wide, offsetHeight: high } = this.tip, [x, y] = hit.at, { width, height } = this.size;
    const left = x + 14 + wide <= width ? x + 14 : x - 14 - wide, top = y - high - 10 >= 0 ? y - high - 10 : y + 14;
    this.tip.style.left = `${clamp(left, 0, Math.max(width - wide, 0))}px`;
    this.tip.style.top = `${clamp(top, 0, Math.max(height - high, 0))}px`;
  }

  resize(ratio) {
    const { clientWidth: width, clientHeight: height } = this.plot;
    if (width === this.size.width && height === this.size.height && ratio === this.ratio) return;
    Object.assign(this, { size: { width, height }, ratio, stale: true });
    for (const canvas of [this.canvas, this.still]) Object.assign(canvas, { width: Math.max(1, Math.round(width * ratio)), height: Math.max(1, Math.round(height * ratio)) });
  }

  draw(view) {
    this.element.dataset.k = view.k;
    if (!(this.size.width > 120 && this.size.height > 100)) return;
    if (this.stale) this.layout = this.panel.background(this.prepared(this.still, view.theme), this.size, view);
    this.stale = false;
    const ctx = this.prepared(this.canvas, view.theme);
    ctx.drawImage(this.still, 0, 0, this.canvas.width / this.ratio, this.canvas.height / this.ratio);
    this.panel.draw(ctx, this.layout, view);
  }

  /** A canvas in units of the page, whatever pixels it has, covered with paper. */
  prepared(canvas, theme) {
    const ctx = canvas.getContext("2d");
    // A canvas gives the same context each time, so its own ways of writing are kept beside ours.
    for (const name of ["fillText", "strokeText"]) {
      const own = ctx[name].own ?? ctx[name];
      ctx[name] = Object.assign((text, ...place) => own.call(ctx, ordered(text), ...place), { own });
    }
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ctx.fillStyle = theme.paper;
    ctx.fillRect(0, 0, this.size.width + 1, this.size.height + 1);
    return ctx;
  }

  relabel(view) {
    this.panel = this.panels[Number(Boolean(view.trained))];
    this.title.title = this.panel.axes.join(", ");
    const item = ([kind, style, text, title]) => make("li", { title: title ?? text }, swatch(kind, style), make("span", { text: shorten(text, 40) }));
    this.items.replaceChildren(...this.panel.legend(view).filter(Boolean).map(item));
    this.stale = true;
  }
}
