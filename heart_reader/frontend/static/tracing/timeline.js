// How the probability of each class moves from window to window of one recording.

import { el, svg } from "../dom.js";
import { formatNumber, formatPercent, t } from "../i18n.js";

const WIDTH = 600;
const HEIGHT = 40;
// Keeps a line at 0 or 100 % inside its own chart.
const INSET = 4;

/** One small chart per class, all on the same time axis and the same scale from 0 to 100 %. */
export function renderTimeline(windows, thresholds, endS) {
  const names = Object.keys(windows[0].probabilities);
  return el(
    "div",
    { class: "timeline" },
    names.map((name) => el("div", { class: "timeline-row" }, el("span", { class: "timeline-name" }, name), renderChart(name, windows, endS, thresholds[name]))),
    el("div", { class: "timeline-row", "aria-hidden": "true" }, el("span"), el("span", { class: "scale" }, el("span", {}, "0 s"), el("span", {}, `${formatNumber(endS, 1)} s`))),
  );
}

function renderChart(name, windows, endS, threshold) {
  const values = windows.map((window) => window.probabilities[name]);
  const y = (value) => (INSET + (HEIGHT - 2 * INSET) * (1 - value)).toFixed(2);
  const middle = (window) => (((window.start_s + window.end_s) / 2 / endS) * WIDTH).toFixed(2);
  const points = windows.map((window, index) => `${middle(window)},${y(values[index])}`).join(" ");
  const range = { name, low: formatPercent(Math.min(...values), 0), high: formatPercent(Math.max(...values), 0), count: values.length };
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": t("tracing.timeline_range", range) },
    svg("rect", { width: WIDTH, height: HEIGHT, class: "timeline-ground" }),
    threshold === null ? null : svg("line", { x1: 0, x2: WIDTH, y1: y(threshold), y2: y(threshold), class: "timeline-threshold" }),
    svg("polyline", { points, class: "timeline-line" }),
  );
}
