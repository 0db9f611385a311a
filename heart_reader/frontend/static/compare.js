// Two recordings side by side: what was measured and what was read in each, and the difference.

import { button, el, isolated, ltr } from "./dom.js";
import { nameAndCode } from "./classes.js";
import { renderDecision } from "./findings.js";
import { facts } from "./overview.js";
import { formatNumber, formatPercent, t } from "./i18n.js";
import { digitsOf, measurementName, measurementNames, unitOf, withUnit } from "./measurements.js";

/** Fill `place` with the comparison of two entries; `end` leaves it. */
export function renderComparison(place, first, second, end) {
  const heading = el("h2", { id: "comparison-heading", tabindex: -1 }, t("compare.heading"));
  place.replaceChildren(
    el("header", { class: "card-head" }, heading, button({ class: "button quiet", id: "end-comparison" }, end, t("compare.end"))),
    el("p", { class: "hint" }, t("compare.hint")),
    el(
      "div",
      { class: "wide", tabindex: 0, role: "group", "aria-labelledby": "comparison-heading" },
      el("table", { class: "differences" }, renderHead(first, second), renderProbabilities(first.reading, second.reading), renderMeasured(first.reading, second.reading)),
    ),
  );
  place.hidden = false;
}

function renderHead(first, second) {
  const column = (mark, { reading }) => el("th", { scope: "col" }, el("span", { class: "side-mark" }, mark), " ", isolated(reading.record_id), el("small", {}, facts(reading)));
  return el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("compare.what")), column("A", first), column("B", second), el("th", { scope: "col" }, t("compare.difference"))));
}

const groupRow = (key) => el("tr", { class: "group" }, el("th", { scope: "rowgroup", colspan: 4 }, t(key)));

function renderProbabilities(first, second) {
  const [level, classes] = Object.entries(first.levels)[0];
  const others = second.levels[level] ?? {};
  const rows = Object.keys(classes)
    .filter((name) => name in others)
    .map((name) => {
      const [a, b] = [classes[name], others[name]];
      const cell = ({ probability, decision }) => el("td", { class: "number" }, ltr(el("b", {}, formatPercent(probability))), " ", renderDecision(decision));
      return el("tr", { "data-class": name }, el("th", { scope: "row" }, nameAndCode(name, level)), cell(a), cell(b), el("td", { class: "number" }, difference(100 * (b.probability - a.probability), 1, t("compare.points"))));
    });
  return el("tbody", {}, groupRow("compare.probabilities"), rows);
}

function renderMeasured(first, second) {
  const names = measurementNames({ ...first.measurements, ...second.measurements });
  if (!names.length) return null;
  const value = (entry) => entry?.value ?? null;
  const rows = names.map((name) => {
    const [a, b] = [first.measurements[name], second.measurements[name]];
    const unit = unitOf(name, a ?? b);
    const cell = (entry) => el("td", { class: "number" }, value(entry) === null ? "–" : ltr(withUnit(formatNumber(entry.value, digitsOf(name)), unit)));
    const change = value(a) === null || value(b) === null ? "–" : difference(turn(name, b.value - a.value), digitsOf(name), unit);
    return el("tr", { "data-measurement": name }, el("th", { scope: "row" }, measurementName(name)), cell(a), cell(b), el("td", { class: "number" }, change));
  });
  return el("tbody", {}, groupRow("measurements.heading"), rows);
}

/** An axis turns the shorter way round: from 170 to -170 degrees is 20 degrees. */
function turn(name, change) {
  return name.endsWith("_axis_deg") ? ((((change + 180) % 360) + 360) % 360) - 180 : change;
}

function difference(change, digits, unit) {
  const rounded = Number(change.toFixed(digits));
  const sign = rounded > 0 ? "+" : rounded < 0 ? "−" : "±";
  return ltr(withUnit(`${sign}${formatNumber(Math.abs(rounded), digits)}`, unit));
}
