// What is printed: a page with conclusion, measurements and tracing, and the reasons on a second
// one if asked.

import { byId, el, isolated, ltr } from "./dom.js";
import { levelName, nameAndCode } from "./classes.js";
import { renderConclusion } from "./conclusion.js";
import { formatNumber, formatPercent, language, t } from "./i18n.js";
import { measurementName, measurementNames, unitOf, withUnit } from "./measurements.js";
import { capital, said } from "./messages.js";
import { cautions, facts, renderQuality } from "./overview.js";
import { renderRhythm } from "./rhythm.js";
import { renderVitals } from "./vitals.js";

// Height of A4 landscape less its margins; Letter is higher.
const PAGE_MM = 198;
const LEAST_TRACING_MM = 90;
const CSS_PX_PER_MM = 96 / 25.4;
const TITLE_MM = 6;
// Of a long recording the words say more, and further tracings follow.
const LEAST_STRETCH_MM = 50;
// Three of them and their titles fill a page.
const [EXCERPT_MM, ON_A_PAGE] = [54, 3];
// Statements of a finer level on the second page.
const MOST_STATEMENTS = 24;

/**
 * Fill the printed pages; `drawTracing(heightMm, part)` answers the tracing for what the words
 * leave of the page. What is printed of a long recording has pages of its own.
 */
export function preparePrint(entry, drawTracing, withReasons, long = null) {
  const place = byId("printed");
  const { reading } = entry;
  const tracing = el("div", { class: "printed-tracing" });
  place.replaceChildren(
    el(
      "section",
      { class: "printed-page" },
      renderHead(entry),
      el("div", { class: "printout" }, renderVitals(reading), renderConclusion(reading), renderRhythm(reading)),
      renderCautions(reading),
      tracing,
      renderFoot(reading),
    ),
  );
  const words = place.firstChild.getBoundingClientRect().height / CSS_PX_PER_MM;
  const shown = long?.shownFirst() ?? null;
  const room = PAGE_MM - words - 1 - (shown ? TITLE_MM : 0);
  tracing.append(...drawTracing(Math.max(shown ? LEAST_STRETCH_MM : LEAST_TRACING_MM, room), shown));
  if (shown) tracing.prepend(renderTitle(shown, reading));
  if (long) {
    place.append(el("section", { class: "printed-page" }, renderHead(entry), ...long.toPrint(), renderFoot(reading)));
    const excerpts = long.excerpts();
    for (let first = 0; first < excerpts.length; first += ON_A_PAGE) place.append(renderExcerpts(entry, excerpts.slice(first, first + ON_A_PAGE), drawTracing));
  }
  if (withReasons) place.append(renderReasons(entry));
}

const renderTitle = ({ title }, { messages }) => said("h2", { class: "printed-title" }, title, messages, capital);

function renderExcerpts(entry, excerpts, drawTracing) {
  const { reading } = entry;
  const drawn = excerpts.map((part) => [part, drawTracing(EXCERPT_MM, part)]);
  const [, [, setting]] = drawn[0];
  return el(
    "section",
    { class: "printed-page" },
    renderHead(entry),
    drawn.map(([part, [canvas]]) => el("div", { class: "printed-tracing" }, renderTitle(part, reading), canvas)),
    setting,
    renderFoot(reading),
  );
}

export const clearPrint = () => byId("printed").replaceChildren();

function renderHead({ reading, source }) {
  const files = source.kind === "files" ? source.files.map(({ name }) => name).join(" + ") : reading.record_id;
  const printed = new Intl.DateTimeFormat(`${language()}-u-nu-latn-ca-gregory`, { dateStyle: "medium", timeStyle: "short" }).format(new Date());
  return el("header", { class: "printed-head" }, el("h1", {}, isolated(files)), el("p", { class: "facts" }, facts(reading)), renderQuality(reading), el("p", { class: "printed-date" }, t("printed.date", { date: printed })));
}

function renderCautions(reading) {
  const found = cautions(reading);
  return found.length ? el("p", { class: "printed-cautions" }, found.map((text) => ["! ", said("span", {}, text, reading.messages, capital), " "]).flat()) : null;
}

function renderFoot({ model }) {
  return el("footer", { class: "printed-foot" }, el("strong", {}, t("notice")), el("span", { dir: "ltr" }, `heart_reader · ${model.name} · ${model.checkpoint_sha256.slice(0, 16)}`));
}

function renderReasons(entry) {
  const { reading } = entry;
  const [level] = Object.keys(reading.levels);
  return el(
    "section",
    { class: "printed-page printed-reasons" },
    renderHead(entry),
    el("div", { class: "printed-columns" }, renderClasses(level, Object.entries(reading.levels[level])), renderClasses("all", mostProbable(reading.levels.all ?? {})), renderAllMeasured(reading)),
    renderFoot(reading),
  );
}

const mostProbable = (classes) => Object.entries(classes).filter(([, { threshold }]) => threshold !== null).sort(([, a], [, b]) => b.probability - a.probability).slice(0, MOST_STATEMENTS);

function renderClasses(level, classes) {
  if (!classes.length) return null;
  const limit = (threshold) => (threshold === null ? "–" : ltr(formatPercent(threshold)));
  const rows = classes.map(([name, { probability, threshold, decision }]) =>
    el("tr", {}, el("th", { scope: "row" }, nameAndCode(name, level)), el("td", {}, ltr(formatPercent(probability))), el("td", {}, limit(threshold)), el("td", {}, t(`decisions.${decision}`))),
  );
  const columns = [levelName(level), t("printed.probability"), t("reading.threshold_legend"), t("reading.decision")];
  return el("table", {}, el("thead", {}, el("tr", {}, columns.map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, rows));
}

function renderAllMeasured(reading) {
  const { measurements, messages } = reading;
  const rows = measurementNames(measurements).map((name) => {
    const { value, reason } = measurements[name];
    const digits = Number.isInteger(value) || Math.abs(value) >= 10 ? 0 : 2;
    const text = value === null ? t("measurements.not_measured") : ltr(withUnit(formatNumber(value, digits), unitOf(name, measurements[name])));
    return el("tr", {}, el("th", { scope: "row" }, measurementName(name)), el("td", {}, text), el("td", {}, reason ? said("span", {}, reason, messages) : null));
  });
  return rows.length ? el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col", colspan: 3 }, t("measurements.heading")))), el("tbody", {}, rows)) : null;
}
