/**
 * Which panels a session has, and what a panel is.
 *
 * A panel says what it is called (name, title, legend), draws what does not move (background, which returns where things are)
 * and what does (draw), says in words what is seen (describe), and what lies under the pointer (pick). `view` is what is shown
 * now: k, the row of each run, theme, styles, which runs are visible, the run that is followed (with its row), the toggles.
 */

import { dataPanel } from "./data.js";
import { terrain } from "./ground.js";
import { contourPanel } from "./contour.js";
import { surfacePanel } from "./surface.js";
import { curvePanel } from "./curve.js";
import { lossPanel } from "./loss.js";

/** The panels of a session over the weights in the data's units and, if it has these, over those as trained. */
export const sidesOf = (session) => [session, ...(session.trained ? [{ ...session, ground: session.trained, runs: session.runs.map((run) => ({ ...run, ...run.trained })) }] : [])];

/** The panels of a session, in their order on the page: with one weight a curve in place of contour and surface. */
export function panelsOf(session) {
  const { ground, data } = session, land = ground && (ground.land ??= terrain(ground, session.runs)), flat = ground?.axes.length === 1;
  const over = (panel) => ground && panel(session, land);
  return [data && dataPanel(session), !flat && over(contourPanel), lossPanel(session), over(flat ? curvePanel : surfacePanel)].filter(Boolean);
}
