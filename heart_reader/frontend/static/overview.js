// What stands above the tracing: which recording, what to be careful about, and then normal, abnormal or uncertain with its numbers.

import { el, isolated, ltr } from "./dom.js";
import { className } from "./classes.js";
import { formatNumber, formatPercent, formatList, t } from "./i18n.js";
import { capital, said } from "./messages.js";
import { judge } from "./verdict.js";

const MARKS = { normal: "●", abnormal: "▲", uncertain: "◆", none: "○", unrated: "–" };

/** Fill `place`; `actions` are the controls for this recording. */
export function renderOverview(place, { reading, labels }, actions) {
  place.replaceChildren(
    el(
      "header",
      { class: "card-head record-head" },
      el("div", { class: "record-title" }, el("h2", { id: "record-heading", tabindex: -1 }, isolated(reading.record_id)), el("p", { id: "tracing-facts", class: "facts" }, facts(reading))),
      el("div", { class: "actions" }, actions),
    ),
    el("div", { class: "overview-body" }, renderCare(reading), renderVerdict(reading), renderTruth(labels, reading)),
  );
}

/** Format, rate, length, and age and sex where the file says them. */
export function facts({ source_format, fs, duration_s, age, sex }) {
  const known = [
    ltr(source_format.toUpperCase()),
    ltr(`${formatNumber(fs)} Hz`),
    ltr(`${formatNumber(duration_s, 1)} s`),
    age === undefined || age === null ? null : t("record.age", { count: age }),
    sex ? t(`record.${sex}`) : null,
  ].filter(Boolean);
  return known.map((part, index) => (index ? [" · ", part] : [part])).flat();
}

/** Quality of the signal and warnings: they come before any number that rests on them. */
function renderCare({ quality, warnings, messages }) {
  const found = [...new Set([...(quality.findings ?? []), ...warnings])];
  return el(
    "div",
    { class: `care care-${quality.verdict}` },
    el("p", { class: `quality quality-${quality.verdict}` }, el("strong", {}, t(`quality.${quality.verdict}`)), " ", t("quality.usable", { usable: quality.n_usable_leads, total: quality.n_leads }), leadsOf("missing", quality.missing_leads), leadsOf("flat", quality.flat_leads)),
    found.length ? renderWarnings(found, messages) : null,
  );
}

function leadsOf(kind, leads) {
  return leads.length ? el("span", {}, " · ", t(`quality.${kind}`), " ", ltr(leads.join(", "))) : null;
}

function renderWarnings(found, messages) {
  const heading = t("warnings.heading", { count: found.length });
  return el("div", { class: "warnings", id: "warnings" }, el("h3", {}, heading), el("ul", {}, found.map((text) => said("li", {}, text, messages, capital))));
}

function renderVerdict(reading) {
  const { kind, why, named } = judge(reading);
  return el(
    "div",
    { id: "verdict", class: `verdict verdict-${kind}`, "data-kind": kind },
    el("span", { class: "verdict-mark", "aria-hidden": "true" }, MARKS[kind]),
    el(
      "div",
      {},
      el("p", { class: "verdict-title" }, el("strong", {}, t(`verdict.${kind}`)), named.map(({ name, probability }) => [" ", el("span", { class: "chip" }, className(name), " ", ltr(el("b", {}, formatPercent(probability))))]).flat()),
      el("p", { class: "hint" }, t(`verdict.why_${why}`), " ", t("verdict.not_proof")),
    ),
  );
}

/** What a simulated sample was made to show, against what was read. */
function renderTruth(labels, { levels }) {
  if (!labels?.length) return null;
  const items = labels.map((label) => {
    const level = Object.keys(levels).find((name) => label in levels[name]);
    const decision = level === undefined ? null : levels[level][label].decision;
    const outcome = decision === null ? "unread" : { present: "found", absent: "missed", uncertain: "open" }[decision];
    const share = level === undefined ? null : [" ", ltr(formatPercent(levels[level][label].probability))];
    return el("li", { class: `truth-${outcome}` }, el("strong", {}, className(label, level)), " ", ltr(el("span", { class: "code" }, label)), " – ", t(`truth.${outcome}`), share);
  });
  return el("div", { class: "truth", id: "truth" }, el("h3", {}, t("truth.heading")), el("ul", {}, items));
}

/** The bands of a reading as sentences, every class with its number. */
export function summarySentences({ bands, quality }) {
  const named = (classes) => formatList(Object.entries(classes).map(([name, probability]) => `${className(name)} (${formatPercent(probability)})`));
  if (quality.verdict === "poor") return [t("summary.poor"), t("summary.unrated", { list: named(bands.unrated.classes) })];
  const filled = (name) => Object.keys(bands[name].classes).length > 0;
  const sentences = ["medium", "low", "unrated"].filter(filled).map((name) => t(`summary.${name}`, { list: named(bands[name].classes) }));
  return [filled("high") ? t("summary.high", { list: named(bands.high.classes) }) : t("summary.no_high"), ...sentences];
}
