// Measured intervals, axes and voltages beside the limits for adults, and which limit was used.

import { el, ltr } from "./dom.js";
import { formatNumber, has, t } from "./i18n.js";
import { said, say } from "./messages.js";

// Surawicz et al. and Rautaharju et al. (AHA/ACCF/HRS parts III and IV, 2009); Hancock et al. (part
// V, 2009).
const QTC_MS = { male: 450, female: 460 };
const QTC_HIGH_RISK_MS = 500;
const CORNELL_MV = { male: 2.8, female: 2.0 };
const RANGES = {
  heart_rate_bpm: { low: 60, high: 100 },
  p_ms: { below: 120 },
  pr_ms: { low: 120, high: 200 },
  qrs_ms: { below: 120 },
  qtc_fridericia_ms: { limits: QTC_MS, severe: QTC_HIGH_RISK_MS },
  qtc_bazett_ms: { limits: QTC_MS, severe: QTC_HIGH_RISK_MS },
  qrs_axis_deg: { low: -30, high: 90 },
  sokolow_lyon_mv: { below: 3.5 },
  cornell_mv: { limits: CORNELL_MV },
};
const GROUPS = {
  intervals: ["heart_rate_bpm", "p_ms", "pr_ms", "qrs_ms", "qt_ms", "qtc_fridericia_ms", "qtc_bazett_ms", "rr_mean_ms", "rr_sd_ms"],
  axes: ["p_axis_deg", "qrs_axis_deg", "t_axis_deg"],
  voltages: ["sokolow_lyon_mv", "cornell_mv"],
};
const GROUPED = Object.values(GROUPS).flat();
const UNITS = { bpm: "/min", ms: "ms", deg: "°", mv: "mV" };
// Whether a P wave was found follows from the P duration and its reason.
const HIDDEN = ["p_found"];
const DIGITS = { mv: 2, mvms: 0, share: 2 };
const ADULT = 18;

/**
 * Which sex the limits are of: the stricter ones of men for the QTc, and of women for voltages,
 * where it is not known.
 */
function limitOf(limits, sex) {
  const known = sex === "male" || sex === "female" ? sex : null;
  const value = known === null ? Math.min(limits.male, limits.female) : limits[known];
  return { value, of: known ?? (limits.male <= limits.female ? "male" : "female"), known: known !== null };
}

/** The range of a measurement for a person, or null: { low, high, below, severe, sex, known }. */
export function rangeOf(name, { age = null, sex = null }) {
  const range = RANGES[name];
  if (range === undefined || (age !== null && age < ADULT)) return null;
  if (range.limits === undefined) return range;
  const limit = limitOf(range.limits, sex);
  return { high: limit.value, severe: range.severe, sex: limit.of, known: limit.known };
}

/**
 * How a value lies in its range: "within", "low", "high" or "severe"; null where there is no range.
 */
export function placeInRange(value, range) {
  if (range === null || value === null) return null;
  if (range.severe !== undefined && value >= range.severe) return "severe";
  if (range.low !== undefined && value < range.low) return "low";
  if (range.high !== undefined && value > range.high) return "high";
  return range.below !== undefined && value >= range.below ? "high" : "within";
}

const unitKey = (name) => name.slice(name.lastIndexOf("_") + 1);

export const unitOf = (name, { unit = null } = {}) => UNITS[unitKey(name)] ?? (unit === "1" ? "" : unit) ?? "";

/** A number with its unit, which a space keeps apart unless it is the sign for degrees. */
export const withUnit = (number, unit) => (unit === UNITS.deg ? `${number}${unit}` : `${number} ${unit}`);

export const digitsOf = (name) => DIGITS[unitKey(name)] ?? 0;

export const measurementName = (name) => (has(`measurements.${name}`) ? t(`measurements.${name}`) : name);

/**
 * Names of the measurements that a reading has, in the order of the page; those the page does not
 * know come last.
 */
export function measurementNames(measurements) {
  return [...GROUPED.filter((name) => name in measurements), ...Object.keys(measurements).filter((name) => !GROUPED.includes(name) && !HIDDEN.includes(name))];
}

export function renderMeasurements(reading) {
  const { measurements, age } = reading;
  const names = measurementNames(measurements);
  const further = names.filter((name) => !GROUPED.includes(name));
  const child = age !== null && age !== undefined && age < ADULT;
  return el(
    "section",
    { class: "card measurements", "aria-labelledby": "measurements-heading" },
    el("h2", { id: "measurements-heading" }, t("measurements.heading")),
    names.length === 0
      ? el("p", { class: "hint" }, t("measurements.empty"))
      : [
          renderTable(Object.entries(GROUPS), reading),
          further.length ? el("details", { class: "bands" }, el("summary", {}, t("measurements.group_further")), renderTable([["further", further]], reading)) : null,
          el("p", { class: "hint" }, t(child ? "measurements.child" : "measurements.adults"), " ", t("measurements.how")),
        ],
  );
}

function renderTable(groups, reading) {
  const present = groups.map(([group, names]) => [group, names.filter((name) => name in reading.measurements)]).filter(([, names]) => names.length);
  if (!present.length) return null;
  return el(
    "table",
    { class: "measured" },
    el("caption", { class: "visually-hidden" }, t("measurements.heading")),
    el("thead", {}, el("tr", {}, ["name", "value", "range"].map((column) => el("th", { scope: "col" }, t(`measurements.column_${column}`))))),
    present.map(([group, names]) =>
      el("tbody", {}, group === "further" ? null : el("tr", { class: "group" }, el("th", { scope: "rowgroup", colspan: 3 }, t(`measurements.group_${group}`))), names.map((name) => renderRow(name, reading))),
    ),
  );
}

function renderRow(name, reading) {
  const entry = reading.measurements[name];
  const range = rangeOf(name, reading);
  const place = placeInRange(entry.value, range);
  return el(
    "tr",
    { "data-measurement": name, "data-place": place },
    el("th", { scope: "row" }, measurementName(name)),
    entry.value === null ? el("td", { class: "unmeasured", colspan: 2 }, t("measurements.not_measured"), entry.reason ? said("small", {}, entry.reason, reading.messages) : null) : [renderValue(name, entry, place, reading.messages), el("td", { class: "range" }, renderRange(name, range))],
  );
}

function renderValue(name, entry, place, messages) {
  const unit = unitOf(name, entry);
  const value = ltr(el("b", {}, formatNumber(entry.value, digitsOf(name))), unit === UNITS.deg ? "" : " ", el("span", { class: "unit" }, unit));
  const mark = place === null || place === "within" ? null : el("small", { class: `mark mark-${place}` }, el("span", { "aria-hidden": "true" }, place === "low" ? "▼ " : "▲ "), t(`measurements.${place}`));
  const doubt = entry.reason ? el("small", { class: "mark", title: say(entry.reason, messages) }, "? ", t("measurements.doubtful")) : null;
  return el("td", { class: "number" }, value, mark, doubt);
}

function renderRange(name, range) {
  if (range === null) return "–";
  const number = (value) => formatNumber(value, name.endsWith("_mv") ? 1 : 0);
  const text = range.below !== undefined ? `< ${number(range.below)}` : range.low === undefined ? `≤ ${number(range.high)}` : `${number(range.low)} – ${number(range.high)}`;
  const whose = range.sex ? el("small", {}, t(range.known ? `measurements.limit_${range.sex}` : `measurements.limit_${range.sex}_unknown`)) : null;
  return [ltr(text), whose];
}
