// What the model says below the tracing: the words, the classes with their numbers, the ranking,
// the measurements, the model.

import { el, ltr } from "./dom.js";
import { className, levelName, nameAndCode } from "./classes.js";
import { renderFindings, renderDecision, renderBar } from "./findings.js";
import { formatPercent, t } from "./i18n.js";
import { renderMeasurements } from "./measurements.js";
import { said } from "./messages.js";

const READERS = ["lay", "clinical"];
let reader = "lay";

/**
 * Fill `place` with the reading of a recording; `model` is the description of its reader or null,
 * `explain` asks for a reason.
 */
export function renderReading(place, { reading, labels, model }, explain) {
  const [level, ...others] = Object.keys(reading.levels);
  const view = { reading, reader, explain, tree: model?.statement_tree ?? {} };
  const again = () => renderReading(place, { reading, labels, model }, explain);
  const side = el("div", { class: "side" });
  place.replaceChildren(
    el(
      "section",
      { class: "card answer", "aria-labelledby": "reading-heading" },
      el("header", { class: "card-head" }, el("h2", { id: "reading-heading" }, t("reading.heading")), readerSwitch(again)),
      renderTruth(labels, reading),
      renderSummary(reading),
      renderBands(reading),
      el("div", { id: "classes" }, renderFindings(level, Object.keys(reading.levels[level]), view)),
      el("p", { class: "hint" }, t("reading.no_proof"), " ", calibrationNote(model)),
      renderScreens(reading, view),
      renderRanked(reading),
      others.length ? renderOthers(others, view) : null,
    ),
    side,
  );
  // They lie below what a screen shows: after the frame that draws tracing and findings.
  requestAnimationFrame(() => setTimeout(async () => {
    const measured = renderMeasurements(reading);
    side.replaceChildren(measured);
    const { renderModel } = await import("./model_panel.js");
    if (measured.parentNode === side) measured.after(renderModel(reading, model, level));
    if (!reading.device_report) return;
    const { renderRecorder } = await import("./recorder.js");
    const card = renderRecorder(reading);
    if (card && measured.parentNode === side) measured.after(card);
  }));
}

/** Whom the explanations are for; the choice holds for the tab. */
function readerSwitch(again) {
  const choices = READERS.map((name) => {
    const input = el("input", { type: "radio", name: "reader", value: name, checked: name === reader });
    input.addEventListener("change", () => {
      reader = name;
      again();
      /** @type {HTMLElement} */ (document.querySelector(`input[name=reader][value=${name}]`)).focus();
    });
    return el("label", {}, input, el("span", {}, t(`reader.${name}`)));
  });
  return el("fieldset", { class: "switch" }, el("legend", { class: "visually-hidden" }, t("reader.legend")), choices);
}

/**
 * The classes by band, every one with its number; the headline, with which a summary begins, stands
 * above the tracing.
 */
function renderSummary({ summary, messages }) {
  const [, ...sentences] = messages[summary].values.sentences;
  return el("p", { class: "summary" }, sentences.map((sentence) => [said("span", {}, sentence, messages), " "]).flat());
}

/** What the words of the summary and of the decisions mean; only those that are used. */
function renderBands({ bands, decision_rule, messages }) {
  const used = Object.entries(bands).filter(([, { classes }]) => Object.keys(classes).length);
  return el(
    "details",
    { class: "bands", id: "bands" },
    el("summary", {}, t("bands.heading")),
    el("dl", {}, used.map(([name, { definition }]) => [el("dt", {}, t(`bands.${name}`)), said("dd", {}, definition, messages)]).flat()),
    said("p", { class: "hint" }, decision_rule, messages),
  );
}

function calibrationNote(model) {
  const counts = model?.uncertainty;
  if (!counts?.n_positive?.length) return t("reading.calibrated");
  return t("reading.calibrated_on", { count: counts.n_positive[0] + counts.n_negative[0] });
}

/** Questions of yes or no beside the levels, each with what it presupposes. */
function renderScreens({ screens, levels, messages }, view) {
  const names = Object.keys(screens ?? {});
  if (!names.length) return null;
  const asked = Object.fromEntries(names.map((name) => [name, screens[name].classes]));
  const beside = { ...view, reading: { ...view.reading, levels: { ...levels, ...asked } } };
  const details = el("details", { class: "more", id: "screens" }, el("summary", {}, t("screens.heading")));
  const render = (name) => [el("h3", {}, levelName(name)), said("p", { class: "hint" }, screens[name].presupposes, messages), renderFindings(name, Object.keys(asked[name]), beside)];
  details.addEventListener("toggle", () => details.append(...names.map(render).flat()), { once: true });
  return details;
}

/** The statements that are most probable, whatever class they belong to. */
function renderRanked({ ranked }) {
  if (!ranked.length) return null;
  const items = ranked.map((entry) =>
    el(
      "li",
      { "data-class": entry.name },
      el("span", { class: "ranked-name" }, nameAndCode(entry.name, entry.level)),
      renderBar(entry),
      el("span", { class: "number" }, ltr(formatPercent(entry.probability))),
      renderDecision(entry.decision),
    ),
  );
  return el("details", { class: "more", id: "ranked", open: true }, el("summary", {}, t("ranked.heading")), el("ol", { class: "ranked" }, items));
}

function renderOthers(others, view) {
  return el(
    "details",
    { class: "more", id: "others" },
    el("summary", {}, t("others.heading")),
    el("p", { class: "hint" }, t("others.hint")),
    others.map((level) => renderOtherLevel(level, view)),
  );
}

function renderOtherLevel(level, view) {
  const classes = view.reading.levels[level];
  const known = (name) => Number(classes[name].threshold !== null);
  const ranked = Object.keys(classes).sort((a, b) => known(b) - known(a) || classes[b].probability - classes[a].probability);
  const details = el("details", { class: "level" }, el("summary", {}, levelName(level), " ", el("span", { class: "count" }, String(ranked.length))));
  // A table of seventy rows is built when somebody wants to see it.
  details.addEventListener("toggle", () => details.append(renderFindings(level, ranked, { ...view, flat: true })), { once: true });
  return details;
}

/** What a simulated sample was made to show, against what was read. */
function renderTruth(labels, { levels }) {
  if (!labels?.length) return null;
  const items = labels.map((label) => {
    const level = Object.keys(levels).find((name) => Object.hasOwn(levels[name], label));
    const decision = level === undefined ? null : levels[level][label].decision;
    const outcome = decision === null ? "unread" : { present: "found", absent: "missed", uncertain: "open" }[decision];
    const share = level === undefined ? null : [" ", ltr(formatPercent(levels[level][label].probability))];
    return el("li", { class: `truth-${outcome}` }, el("strong", {}, className(label, level)), " ", ltr(el("span", { class: "code" }, label)), " – ", t(`truth.${outcome}`), share);
  });
  return el("div", { class: "truth", id: "truth" }, el("h3", {}, t("truth.heading")), el("ul", {}, items));
}
