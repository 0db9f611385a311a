// Why a finding was read as it was: the share of each lead, the moments that counted most, and what
// each measurement adds.

import { button, el, ltr } from "./dom.js";
import { className } from "./classes.js";
import { formatNumber, formatPercent, has, leftToRight, t } from "./i18n.js";
import { digitsOf, measurementName, unitOf, withUnit } from "./measurements.js";
import { said } from "./messages.js";

const MOMENTS = 4;
const OTHERS = "others";

/** Fill `place` with an explanation; `goTo` moves the tracing to a second, `close` ends it. */
export function renderReason(place, explanation, { goTo, close }) {
  const name = className(explanation.finding, explanation.level);
  const heading = el("h2", { id: "reason-heading", tabindex: -1 }, t("reason.heading", { name, share: formatPercent(explanation.probability) }));
  place.replaceChildren(
    el("header", { class: "card-head" }, heading, button({ class: "button quiet", id: "close-reason" }, close, t("page.close"))),
    el(
      "div",
      { class: "reason-body" },
      el("div", {}, el("h3", {}, t("reason.leads")), renderLeads(explanation)),
      el("div", {}, el("h3", {}, t("reason.moments")), renderMoments(explanation, goTo), renderNotes(explanation)),
      renderContributions(explanation),
    ),
  );
  place.hidden = false;
}

function renderLeads({ lead_names, lead_shares }) {
  const highest = Math.max(...Object.values(lead_shares), 1e-9);
  const rows = lead_names.map((lead) => {
    const fill = el("span", { class: "share-fill" });
    fill.style.width = `${(100 * lead_shares[lead]) / highest}%`;
    const most = lead_shares[lead] === highest;
    return el("li", { "data-lead": lead, class: most ? "most" : null }, el("span", { class: "lead-name" }, lead), el("span", { class: "share", "aria-hidden": "true" }, fill), el("span", { class: "number" }, formatPercent(lead_shares[lead], 0)));
  });
  return el("ul", { class: "lead-shares", dir: "ltr" }, rows);
}

/**
 * The windows with the largest shares, in the order of their weight; each moves the tracing there.
 */
function renderMoments({ windows }, goTo) {
  const ranked = [...windows].sort((a, b) => b.share - a.share).slice(0, MOMENTS);
  const items = ranked.map(({ start_s, end_s, share }) => {
    const stretch = `${formatNumber(start_s, 1)} – ${formatNumber(end_s, 1)} s`;
    return el("li", {}, button({ class: "button moment", "data-start": start_s, "aria-label": t("reason.go_to", { stretch, share: formatPercent(share, 0) }) }, () => goTo(start_s), ltr(stretch), " ", ltr(el("b", {}, formatPercent(share, 0)))));
  });
  return el("ol", { class: "moments" }, items);
}

/**
 * How baseline, signal and measurements add up, what each wave adds, and a bar for each of the
 * largest measurements.
 */
function renderContributions({ measurements, measurement_groups, baseline_log_odds, signal_contribution, measurement_contribution, log_odds }) {
  if (!measurements?.length) return null;
  const named = measurements.filter(({ name }) => name !== OTHERS);
  const highest = Math.max(...named.map(({ contribution }) => Math.abs(contribution)), 1e-9);
  const sum = t("reason.sum", { baseline: signed(baseline_log_odds), signal: signed(signal_contribution), measured: signed(measurement_contribution), total: signed(log_odds) });
  return el(
    "div",
    { class: "contributions" },
    el("h3", {}, t("reason.measurements")),
    el(
      "table",
      {},
      el("caption", { class: "visually-hidden" }, t("reason.measurements")),
      el("thead", { class: "visually-hidden" }, el("tr", {}, ["measurements.column_name", "measurements.column_value", "reason.column_adds"].map((key) => el("th", { scope: "col" }, t(key))))),
      el("tbody", {}, measurements.map((entry) => renderContribution(entry, highest))),
    ),
    el("p", { class: "by-group" }, Object.entries(measurement_groups ?? {}).map(([group, adds]) => el("span", {}, t(`reason.groups.${group}`), " ", ltr(el("b", {}, signed(adds)))))),
    el("p", { class: "hint" }, sum),
  );
}

function renderContribution(entry, highest) {
  const { name, lead, contribution } = entry;
  const fill = el("span", { class: "share-fill" });
  // The sum of hundreds of small ones is no bar among the others.
  fill.style.width = name === OTHERS ? 0 : `${(100 * Math.abs(contribution)) / highest}%`;
  return el(
    "tr",
    { "data-measurement": name, class: contribution < 0 ? "against" : null },
    el("th", { scope: "row" }, nameOf(name), lead ? [" ", has(`reason.territories.${lead}`) ? t(`reason.territories.${lead}`) : ltr(lead)] : null),
    el("td", { class: "number" }, name === OTHERS ? "" : valueOf(entry)),
    el("td", { class: "number" }, el("span", { class: "share", "aria-hidden": "true" }, fill), ltr(signed(contribution))),
  );
}

/** Words for a measurement; one of several leads together ends in Mean, Min or Max. */
function nameOf(name) {
  if (has(`reason.measured.${name}`)) return t(`reason.measured.${name}`);
  const [stem, kind] = [name.slice(0, name.lastIndexOf("_")), name.slice(name.lastIndexOf("_") + 1)];
  return has(`reason.kinds.${kind}`) ? `${t(`reason.measured.${stem}`)}, ${t(`reason.kinds.${kind}`)}` : measurementName(name);
}

function valueOf({ name, value, unit }) {
  if (value === null) return t("measurements.not_measured");
  if (name === "sex_female") return t(value ? "measurements.limit_female" : "measurements.limit_male");
  if (name === "age_years") return ltr(formatNumber(value, 0));
  const sign = { ms: "ms", mV: "mV", "mV*ms": "mV·ms" }[unit] ?? unitOf(name, { unit });
  const digits = unit === "mV" || (unit === "1" && !Number.isInteger(value)) ? 2 : digitsOf(name);
  return ltr(sign ? withUnit(formatNumber(value, digits), sign) : formatNumber(value, digits));
}

/** A number with its sign, by which it speaks for or against. */
const signed = (value) => leftToRight(`${value < 0 ? "−" : "+"}${formatNumber(Math.abs(value), 2)}`);

function renderNotes({ method, raising_share, note, messages }) {
  const raising = raising_share === undefined ? "" : `${t("reason.raising", { share: formatPercent(raising_share, 0) })} `;
  return [
    el("p", { class: "hint" }, raising, t("reason.meaning")),
    el("p", { class: "hint" }, t("reason.method"), " ", said("bdi", {}, method, messages), note ? [". ", said("bdi", {}, note, messages)] : null),
  ];
}
