/**
 * How everything looks, by its meaning: colour, dash and marker, in a light and in a dark theme.
 *
 * Whatever differs in colour differs in dash or marker too, so that it can be told apart without seeing colours.
 */

import { clamp } from "./numbers.js";

export const SOLID = [];

/** Dashes are in widths of the line. The colours are those of `palette.py`, as in every picture of the package. */
function look({ paper, ink, quiet, grid, bands, contour, blue, green, red, start, purple, brown, seventh }) {
  const style = (colour, dash = SOLID, marker = "o", width = 2, size = 6) => ({ colour, dash, marker, width, size });
  return {
    paper, ink, quiet, grid, bands, contour,
    data: style(blue, SOLID, "o", 1, 6),
    held_out: style(purple, [5, 2], "D", 2, 6),
    true: style(green, [6, 3], "", 2.2),
    fitted: style(red, SOLID, "", 2.6),
    path: style(red),
    start: style(start, SOLID, "s", 1, 12),
    kept: style(green, [6, 2, 1, 2], "D", 1.6, 10),
    optimum: style(ink, SOLID, "X", 1.6, 11),
    floor: style(quiet, [1.2, 1.6], "", 1.8),
    reference: style(quiet, [4, 3], "", 1.4),
    gradient: style(ink, SOLID, ""),
    hand: style(purple, [5, 1.5], "D", 2.4, 12),
    runs: [
      style(blue, SOLID, "o"),
      style(red, [6, 2], "s"),
      style(green, [1, 1.2], "^"),
      style(purple, [6, 2, 1, 2], "D"),
      style(brown, [3, 1.5], "v"),
      style(ink, [8, 2, 1, 2, 1, 2], "P"),
      style(seventh, [4, 1, 1, 1], "X"),
    ],
  };
}

/** The two themes; their colours are those of `palette.py`, and a test holds them together. */
export const THEMES = {
  light: look({
    paper: "#ffffff", ink: "#1f2328", quiet: "#57606a", grid: "#e4e8ec", contour: "#5f8cae",
    bands: ["#f4f8fb", "#d5e5f1", "#a9c8df", "#79a5c6"],
    blue: "#0072B2", green: "#009E73", red: "#D55E00", start: "#F0E442", purple: "#CC79A7", brown: "#66360b", seventh: "#3b2ea0",
  }),
  dark: look({
    paper: "#14181d", ink: "#e8ecf0", quiet: "#9aa6b2", grid: "#2a323b", contour: "#5d8fb3",
    bands: ["#18222c", "#1f3444", "#2a4c64", "#3a6a8a"],
    blue: "#56B4E9", green: "#009E73", red: "#ff7a1a", start: "#F0E442", purple: "#CC79A7", brown: "#a08040", seventh: "#9070f5",
  }),
};

/** How run i looks: alone like a path, among others by its own colour, dash and marker; beyond seven with another's dash. */
export function runStyle(theme, i, many) {
  if (!many) return theme.path;
  const turn = Math.floor(i / theme.runs.length);
  return { ...theme.runs[i % theme.runs.length], dash: theme.runs[(i + turn) % theme.runs.length].dash };
}

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
export const css = (colour) => `rgb(${colour.map((c) => Math.round(clamp(c, 0, 255))).join(",")})`;

/** Colours of n bands, [r, g, b] from the lowest to the highest place. */
export function bandColours(bands, n) {
  const stops = bands.map(rgb);
  return Array.from({ length: n }, (_, i) => {
    const at = (i / Math.max(n - 1, 1)) * (stops.length - 1), cell = Math.min(Math.floor(at), stops.length - 2);
    return stops[cell].map((c, channel) => c + (at - cell) * (stops[cell + 1][channel] - c));
  });
}
