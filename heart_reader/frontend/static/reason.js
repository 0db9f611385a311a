// Why a finding was read as it was: the share of each lead, and the moments that counted most.

import { button, el, ltr } from "./dom.js";
import { className } from "./classes.js";
import { formatNumber, formatPercent, t } from "./i18n.js";
import { said } from "./messages.js";

const MOMENTS = 4;

/** Fill `place` with an explanation; `goTo` moves the tracing to a second, `close` ends it. */
export function renderReason(place, explanation, { goTo, close }) {
  const name = className(explanation.finding, explanation.level);
  const heading = el("h2", { id: "reason-heading", tabindex: -1 }, t("reason.heading", { name, share: formatPercent(explanation.probability) }));
  place.replaceChildren(
    el("header", { class: "card-head" }, heading, button({ class: "button quiet", id: "close-reason" }, close, t("reason.close"))),
    el(
      "div",
      { class: "reason-body" },
      el("div", {}, el("h3", {}, t("reason.leads")), renderLeads(explanation)),
      el("div", {}, el("h3", {}, t("reason.moments")), renderMoments(explanation, goTo), renderNotes(explanation)),
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

/** The windows with the largest shares, in the order of their weight; each moves the tracing there. */
function renderMoments({ windows }, goTo) {
  const ranked = [...windows].sort((a, b) => b.share - a.share).slice(0, MOMENTS);
  const items = ranked.map(({ start_s, end_s, share }) => {
    const stretch = `${formatNumber(start_s, 1)} – ${formatNumber(end_s, 1)} s`;
    return el("li", {}, button({ class: "button moment", "data-start": start_s, "aria-label": t("reason.go_to", { stretch, share: formatPercent(share, 0) }) }, () => goTo(start_s), ltr(stretch), " ", ltr(el("b", {}, formatPercent(share, 0)))));
  });
  return el("ol", { class: "moments" }, items);
}

function renderNotes({ method, raising_share, note, messages }) {
  const raising = raising_share === undefined ? "" : `${t("reason.raising", { share: formatPercent(raising_share, 0) })} `;
  return [
    el("p", { class: "hint" }, raising, t("reason.meaning")),
    el("p", { class: "hint" }, t("reason.method"), " ", said("bdi", {}, method, messages), note ? [". ", said("bdi", {}, note, messages)] : null),
  ];
}
