// What the model says, in the order in which it should be read: what to be careful about, then the words, then the numbers.

import { el } from "./dom.js";
import { renderTimeline } from "./timeline.js";

const LAY_NAMES = {
  NORM: "Normal ECG",
  MI: "Myocardial infarction",
  STTC: "ST/T change",
  CD: "Conduction disturbance",
  HYP: "Hypertrophy",
};
const LEVEL_NAMES = {
  all: "All statements",
  diagnostic: "Diagnostic statements",
  subdiagnostic: "Diagnostic subclasses",
  superdiagnostic: "Diagnostic superclasses",
  form: "Form of the complexes",
  rhythm: "Rhythm",
};
const DECISIONS = { present: "Present", absent: "Absent", uncertain: "Uncertain" };
const BANDS = { high: "High", medium: "Medium", low: "Low", unrated: "Not rated" };
const VERDICTS = { good: "Good", limited: "Limited", poor: "Poor" };
const RULES = {
  any_likelihood: "Any likelihood counts as present",
  likelihood_50: "A likelihood of at least 50 % counts as present",
};
const USUAL_DURATION_S = 10.5;

/** Fill `place` with a reading; `model` is the model card or null. */
export function renderReading(place, reading, model, download) {
  const [level, ...others] = Object.keys(reading.levels);
  place.replaceChildren(
    el(
      "section",
      { class: "card answer", "aria-labelledby": "reading-heading" },
      el("header", { class: "card-head" }, el("h2", { id: "reading-heading" }, "Reading"), downloadButton(download)),
      renderWarnings(reading.warnings),
      renderQuality(reading.quality),
      el("p", { class: "summary" }, reading.summary),
      renderBands(reading),
      el("div", { id: "classes" }, renderLevel(reading.levels[level], level)),
      el("p", { class: "hint" }, "Absence of all of these classes is no proof of a normal heart."),
      renderTimelineDetails(reading, level),
      others.length ? renderOthers(reading, others) : null,
    ),
    renderModel(reading, model, level),
  );
}

function downloadButton(download) {
  const button = el("button", { type: "button", class: "button", id: "download" }, "Download as JSON");
  button.addEventListener("click", download);
  return button;
}

function renderWarnings(warnings) {
  if (!warnings.length) return null;
  return el(
    "div",
    { class: "warnings", id: "warnings" },
    el("h3", {}, warnings.length === 1 ? "Warning" : `${warnings.length} warnings`),
    el("ul", {}, warnings.map((text) => el("li", {}, sentence(text)))),
  );
}

function renderQuality({ verdict, n_usable_leads, n_leads }) {
  return el(
    "p",
    { class: `quality quality-${verdict}` },
    el("strong", {}, `Signal: ${VERDICTS[verdict] ?? verdict}`),
    ` · ${n_usable_leads} of ${n_leads} leads usable`,
  );
}

/** What the words of the summary and of the decisions mean; only those that are used. */
function renderBands({ bands, decision_rule }) {
  const used = Object.entries(bands).filter(([, { classes }]) => Object.keys(classes).length);
  return el(
    "details",
    { class: "bands", id: "bands" },
    el("summary", {}, "What these words mean"),
    el("dl", {}, used.map(([name, { definition }]) => [el("dt", {}, BANDS[name] ?? name), el("dd", {}, definition)]).flat()),
    el("p", { class: "hint" }, decision_rule),
  );
}

function renderLevel(classes, level) {
  const names = Object.keys(classes);
  const zoned = names.some((name) => classes[name].zone);
  return el(
    "table",
    { class: "classes" },
    el("caption", { class: "visually-hidden" }, LEVEL_NAMES[level] ?? level),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("th", { scope: "col" }, "Label"),
        el("th", { scope: "col", colspan: 2 }, "Probability that the label applies"),
        el("th", { scope: "col", class: "number" }, "Threshold"),
        el("th", { scope: "col" }, "Decision"),
      ),
    ),
    el("tbody", {}, names.map((name) => renderClass(name, classes[name]))),
    el("tfoot", { "aria-hidden": "true" }, el("tr", {}, el("td"), el("td", {}, renderScale()), el("td", { colspan: 3, class: "legend" }, renderLegend(zoned)))),
  );
}

function renderClass(name, entry) {
  const lay = LAY_NAMES[name];
  const highest = entry.maximum === undefined ? null : el("small", {}, `highest ${percent(entry.maximum)}`);
  return el(
    "tr",
    { "data-class": name, "data-decision": entry.decision },
    el("th", { scope: "row" }, lay ? [lay, " ", el("abbr", { class: "code" }, name)] : name),
    el("td", { class: "bar-cell" }, renderBar(entry)),
    el("td", { class: "number value" }, percent(entry.probability), highest),
    el("td", { class: "number" }, entry.threshold === null ? "none" : percent(entry.threshold), entry.zone ? el("small", {}, zoneText(entry.zone)) : null),
    el("td", {}, renderDecision(entry.decision)),
  );
}

function renderBar({ probability, threshold, zone, decision }) {
  const fill = el("span", { class: `bar-fill ${decision}` });
  fill.style.width = `${100 * probability}%`;
  const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("span", { class: "bar-track" }, fill));
  if (zone) {
    const part = el("span", { class: "zone" });
    part.style.left = `${100 * zone[0]}%`;
    part.style.width = `${100 * (zone[1] - zone[0])}%`;
    bar.append(part);
  }
  if (threshold !== null) {
    const tick = el("span", { class: "tick" });
    tick.style.left = `${100 * threshold}%`;
    bar.append(tick);
  }
  return bar;
}

function renderLegend(zoned) {
  const threshold = [el("span", { class: "tick-sample" }), "threshold"];
  return zoned ? [...threshold, el("span", { class: "zone-sample" }), "uncertain zone"] : [...threshold, ", chosen on validation records"];
}

function renderScale() {
  return el("span", { class: "scale" }, ["0", "25", "50", "75", "100 %"].map((text) => el("span", {}, text)));
}

function renderDecision(decision) {
  return el("span", { class: `decision ${decision}` }, DECISIONS[decision] ?? decision);
}

function renderTimelineDetails(reading, level) {
  if (reading.timeline.length < 2) return null;
  const thresholds = Object.fromEntries(Object.entries(reading.levels[level]).map(([name, entry]) => [name, entry.threshold]));
  return el(
    "details",
    { class: "more", id: "timeline", open: reading.duration_s > USUAL_DURATION_S },
    el("summary", {}, `Over time (${reading.timeline.length} windows)`),
    renderTimeline(reading.timeline, thresholds, reading.duration_s),
  );
}

function renderOthers(reading, others) {
  return el(
    "details",
    { class: "more", id: "others" },
    el("summary", {}, "Other levels"),
    el("p", { class: "hint" }, "Ranked by probability; the codes are SCP-ECG statements. Classes too rare to choose a threshold for come last, and are never more than uncertain."),
    others.map((level) => renderOtherLevel(level, reading.levels[level])),
  );
}

function renderOtherLevel(level, classes) {
  const known = ({ threshold }) => Number(threshold !== null);
  const ranked = Object.entries(classes).sort(([, a], [, b]) => known(b) - known(a) || b.probability - a.probability);
  return el(
    "details",
    { class: "level" },
    el("summary", {}, `${LEVEL_NAMES[level] ?? level} `, el("span", { class: "count" }, String(ranked.length))),
    renderLevel(Object.fromEntries(ranked), level),
  );
}

function renderModel(reading, model, level) {
  const facts = [
    ["Name", reading.model.name],
    ["Trained on", trainedOn(model)],
    ["Classes in training", classCounts(model, level)],
    ["Label rule", RULES[reading.model.label_rule] ?? reading.model.label_rule],
    ["Validation AUROC", validationAuroc(model, level)],
    ["Parameters", model?.n_parameters?.toLocaleString("en") ?? null],
    ["Checkpoint", el("code", {}, reading.model.checkpoint_sha256.slice(0, 16))],
  ].filter(([, value]) => value !== null && value !== undefined);
  return el(
    "aside",
    { class: "card model", "aria-labelledby": "model-heading" },
    el("h2", { id: "model-heading" }, "Model"),
    el("dl", {}, facts.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value)))),
    el("p", { class: "hint" }, reading.notice),
  );
}

function trainedOn(model) {
  const source = model?.data?.source;
  if (source === undefined) return null;
  const counts = model.data.counts?.train ?? null;
  return counts === null ? String(source) : `${source}, ${Number(counts).toLocaleString("en")} records`;
}

/** How common each class was in training: a rare class is known less well. */
function classCounts(model, level) {
  const counts = Object.entries(model?.data?.train_positives?.[level] ?? {});
  return counts.length ? counts.map(([name, count]) => `${name} ${count.toLocaleString("en")}`).join(" · ") : null;
}

function validationAuroc(model, level) {
  const value = model?.metrics?.[level]?.macro_auroc;
  return typeof value === "number" ? `${value.toFixed(3)} macro (optimistic: this split chose the weights)` : null;
}

function percent(value) {
  if (value > 0 && value < 0.001) return "< 0.1 %";
  if (value < 1 && value > 0.999) return "> 99.9 %";
  return `${(100 * value).toFixed(1)} %`;
}

/** An end at 0 or 1 is open: validation held too few cases to limit the zone there. */
function zoneText([low, high]) {
  if (low === high) return "no uncertain zone";
  if (low <= 0 && high >= 1) return "always uncertain";
  if (low <= 0) return `uncertain up to ${percent(high)}`;
  if (high >= 1) return `uncertain from ${percent(low)}`;
  return `uncertain ${(100 * low).toFixed(1)} to ${percent(high)}`;
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
