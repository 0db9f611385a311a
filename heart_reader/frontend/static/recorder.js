// What the file says of its ECG beside the signal: the recorder's numbers next to ours, its words
// apart from ours.

import { el, isolated, ltr } from "./dom.js";
import { formatNumber, formatPlain, leftToRight, t } from "./i18n.js";
import { digitsOf, measurementName, measurementNames, unitOf, withUnit } from "./measurements.js";

const HALF_TURN = 180;
const COLUMNS = ["ours", "theirs", "difference"];

/** A card of what the recorder stated, or null where it stated nothing that is shown. */
export function renderRecorder({ device_report: said, measurements }) {
  const names = measurementNames(said.measurements);
  const facts = renderFacts(said);
  if (!names.length && !said.statements.length && !facts) return null;
  return el(
    "section",
    { class: "card measurements recorder", "aria-labelledby": "recorder-heading" },
    el("h2", { id: "recorder-heading" }, t("recorder.heading")),
    facts,
    names.length ? renderTable(names, said.measurements, measurements) : null,
    said.statements.length ? renderStatements(said) : null,
    el("p", { class: "hint" }, t("recorder.hint")),
  );
}

function renderFacts({ device, acquired, filters }) {
  const { low_hz, high_hz, notch_hz } = filters;
  const number = (value) => formatPlain(Number(value.toPrecision(3)));
  const band = low_hz === null ? (high_hz === null ? null : `≤ ${number(high_hz)} Hz`) : high_hz === null ? `≥ ${number(low_hz)} Hz` : `${number(low_hz)} – ${number(high_hz)} Hz`;
  const facts = [
    ["device", device && isolated(device)],
    ["acquired", acquired && ltr(acquired.replace("T", " "))],
    ["filters", band && ltr(band)],
    ["notch", notch_hz === null ? null : ltr(`${number(notch_hz)} Hz`)],
  ].filter(([, value]) => value);
  return facts.length ? el("dl", { class: "facts-list" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, t(`recorder.${name}`)), el("dd", {}, value)))) : null;
}

function renderTable(names, theirs, ours) {
  return el(
    "table",
    { class: "measured" },
    el("caption", { class: "visually-hidden" }, t("recorder.heading")),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("measurements.column_name")), COLUMNS.map((column) => el("th", { scope: "col", class: "number" }, t(`recorder.${column}`))))),
    el("tbody", {}, names.map((name) => renderRow(name, theirs[name], ours[name]?.value ?? null))),
  );
}

function renderRow(name, theirs, ours) {
  const digits = digitsOf(name);
  const number = (value) => (value === null ? "–" : ltr(formatNumber(value, digits)));
  const difference = ours === null ? "–" : ltr(withUnit(signed(differenceOf(name, ours, theirs), digits), unitOf(name)));
  return el("tr", { "data-recorder": name }, el("th", { scope: "row" }, measurementName(name)), [number(ours), number(theirs), difference].map((shown) => el("td", { class: "number" }, shown)));
}

/** Ours less theirs; of two angles the shorter way round. */
export function differenceOf(name, ours, theirs) {
  const difference = ours - theirs;
  if (!name.endsWith("_deg")) return difference;
  const turned = (HALF_TURN - difference) % (2 * HALF_TURN);
  return HALF_TURN - (turned < 0 ? turned + 2 * HALF_TURN : turned);
}

function signed(value, digits) {
  const text = formatNumber(Math.abs(value), digits);
  const sign = text === formatNumber(0, digits) ? "" : value < 0 ? "−" : "+";
  return leftToRight(`${sign}${text}`);
}

/** Its statements as they stand in the file, in whatever language that is. */
function renderStatements({ statements, confirmed }) {
  const words = confirmed === null ? null : el("p", { class: "hint" }, t(confirmed ? "recorder.confirmed" : "recorder.unconfirmed"));
  return [el("h3", {}, t("recorder.statements")), el("ul", { class: "recorder-statements" }, statements.map((text) => el("li", { dir: "auto" }, text))), words];
}
