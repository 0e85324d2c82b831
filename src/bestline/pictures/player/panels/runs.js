/** What all panels say of the runs: in which order they lie, what a step is called, where names fit. */

import { formatNumber, shorten, whole } from "../numbers.js";
import { nearest } from "../paths.js";

/** The visible runs with their rows and styles, the followed one last, so that it lies on top. */
export function eachRun(view, draw) {
  const order = view.runs.map((_, i) => i).filter((i) => view.visible[i] && i !== view.follow);
  for (const i of view.visible[view.follow] ? [...order, view.follow] : order) draw(view.runs[i], i, view.rows[i], view.styles[i]);
}

/** A step of a run in words. */
export function stepTip(view, run, t) {
  const held = run.held_out ? `, held-out ${formatNumber(run.held_out[t])}` : "";
  return `${view.many ? `${shorten(run.label, 28)}, ` : ""}step ${whole(run.step[t])}: loss ${formatNumber(run.loss[t])}${held}`;
}

/** Names of the runs beside their places, where they stand alone. */
export function nameRuns(view, labels, places, crowd, anchors) {
  if (!view.many) return;
  eachRun(view, (run, i) => {
    const others = [...crowd, ...places.filter((_, j) => j !== i && view.visible[j])];
    if (places[i] && nearest(others, places[i], 34) === null) labels.write(shorten(run.label, 20), places[i], { gap: 12, anchors });
  });
}
