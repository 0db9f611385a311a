// What stands above the tracing: recording, signal, measurements, conclusion and rhythm.

import { el, isolated, ltr } from "./dom.js";
import { renderConclusion } from "./conclusion.js";
import { formatNumber, t } from "./i18n.js";
import { capital, said } from "./messages.js";
import { renderRhythm } from "./rhythm.js";
import { renderVitals } from "./vitals.js";

// More warnings than these, or any on a narrower screen, fold away below the first.
const UNFOLDED = 3;
const WIDE_PX = 1200;

/** Fill `place`; `actions` are the controls for this recording. */
export function renderOverview(place, { reading }, actions) {
  place.replaceChildren(
    el(
      "header",
      { class: "card-head record-head" },
      el("div", { class: "record-title" }, el("h2", { id: "record-heading", tabindex: -1 }, isolated(reading.record_id)), el("p", { id: "tracing-facts", class: "facts" }, facts(reading)), renderQuality(reading)),
      el("div", { class: "actions" }, actions),
    ),
    el("div", { class: "overview-body" }, renderWarnings(reading), el("div", { class: "printout" }, renderVitals(reading), renderConclusion(reading), renderRhythm(reading))),
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

/** Quality of the signal: it comes before any number that rests on it. */
export function renderQuality({ quality }) {
  return el("p", { class: `quality quality-${quality.verdict}` }, el("strong", {}, t(`quality.${quality.verdict}`)), " ", t("quality.usable", { usable: quality.n_usable_leads, total: quality.n_leads }), leadsOf("missing", quality.missing_leads), leadsOf("flat", quality.flat_leads));
}

function leadsOf(kind, leads) {
  return leads.length ? el("span", {}, " · ", t(`quality.${kind}`), " ", ltr(leads.join(", "))) : null;
}

/** What to be careful about, each sentence once. */
export const cautions = ({ quality, warnings }) => [...new Set([...(quality.findings ?? []), ...warnings])];

/**
 * A few warnings are all read; of many the first, and the others unfold, so that the tracing stays
 * on the screen.
 */
function renderWarnings(reading) {
  const [first, ...further] = cautions(reading);
  if (first === undefined) return null;
  const sentence = (tag, text) => said(tag, {}, text, reading.messages, capital);
  if (!further.length) return el("div", { class: "warnings", id: "warnings" }, sentence("p", first));
  const heading = el("strong", {}, t("warnings.further", { count: further.length }));
  return el("details", { class: "warnings", id: "warnings", open: window.innerWidth > WIDE_PX && further.length < UNFOLDED }, el("summary", {}, sentence("span", first), " ", heading), el("ul", {}, further.map((text) => sentence("li", text))));
}
