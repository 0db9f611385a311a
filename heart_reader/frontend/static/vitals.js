// Rate, intervals and axes as a cardiograph prints them beside the tracing: a few lines of numbers,
// those outside their limits marked.

import { el, ltr } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import { placeInRange, rangeOf, unitOf } from "./measurements.js";
import { say } from "./messages.js";

const LINES = {
  rate: ["heart_rate_bpm"],
  pr: ["pr_ms"],
  qrs: ["qrs_ms"],
  qt_qtc: ["qt_ms", "qtc_fridericia_ms"],
  axes: ["p_axis_deg", "qrs_axis_deg", "t_axis_deg"],
};

/**
 * A list of the usual measurements; what could not be measured is a dash whose title gives the
 * reason.
 */
export function renderVitals(reading) {
  const rows = Object.entries(LINES).map(([line, names]) => el("div", { "data-vital": line }, el("dt", {}, t(`vitals.${line}`)), el("dd", {}, renderValues(names, reading))));
  return el("dl", { class: "vitals", "aria-label": t("measurements.heading") }, rows);
}

function renderValues(names, reading) {
  const entries = names.map((name) => [name, reading.measurements[name]]);
  const unit = unitOf(names[0], entries[0][1]);
  const values = entries.map(([name, entry], index) => [index ? " / " : "", renderValue(name, entry, reading)]).flat();
  return ltr(...values, unit === "°" ? "" : " ", el("span", { class: "unit" }, unit));
}

function renderValue(name, entry, reading) {
  const value = entry?.value ?? null;
  if (value === null) return el("span", { class: "absent", title: entry?.reason ? say(entry.reason, reading.messages) : null }, "–");
  const place = placeInRange(value, rangeOf(name, reading));
  const outside = place !== null && place !== "within";
  const mark = outside ? el("span", { class: "mark", title: t(`measurements.${place}`) }, place === "low" ? "▼" : "▲") : null;
  return el("b", { "data-measurement-value": name, class: outside ? "outside" : null, title: entry.reason ? say(entry.reason, reading.messages) : null }, formatNumber(value), mark, entry.reason ? "?" : null);
}
