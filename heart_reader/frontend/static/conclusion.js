// What a reading comes to: normal, abnormal or undecided, the headline, its lines by group, and what yielded to something stronger.

import { el, ltr } from "./dom.js";
import { className } from "./classes.js";
import { formatList, formatPercent, t } from "./i18n.js";
import { said } from "./messages.js";

const MARKS = { normal: "●", abnormal: "▲", undecided: "◆" };
const GROUPS = ["rhythm", "conduction", "axis", "infarction", "st_t", "hypertrophy", "other"];

/** "normal", "abnormal" or "undecided"; a server that concludes nothing has decided nothing. */
export const kindOf = ({ conclusion }) => (conclusion && conclusion.kind in MARKS ? conclusion.kind : "undecided");

/** The kind in words, with its mark for those who do not see the colour. */
export function renderKind(reading) {
  const kind = kindOf(reading);
  return [el("span", { class: "conclusion-mark", "aria-hidden": "true" }, MARKS[kind]), " ", t(`conclusion.${kind}`)];
}

/** Banner and headline, the lines in their groups, and beneath them what is not stated and why. */
export function renderConclusion(reading) {
  const kind = kindOf(reading);
  return el(
    "section",
    { id: "conclusion", class: `conclusion conclusion-${kind}`, "data-kind": kind, "aria-labelledby": "conclusion-kind" },
    el("p", { class: "conclusion-title" }, el("strong", { id: "conclusion-kind" }, renderKind(reading)), el("span", { class: "hint" }, t("conclusion.not_proof"))),
    renderHeadline(reading),
    renderLines(reading),
    renderYielded(reading),
  );
}

export function renderHeadline({ conclusion, messages, ...reading }) {
  const attributes = { class: "headline" };
  return conclusion ? said("p", attributes, conclusion.headline, messages) : el("p", attributes, summarySentences(reading).join(" "));
}

/** Lines by group, in the order in which an ECG is reported. */
export function renderLines({ conclusion, messages }) {
  const lines = conclusion?.lines ?? [];
  if (!lines.length) return null;
  const present = GROUPS.filter((group) => lines.some((line) => line.group === group));
  const ofGroup = (group) => lines.filter((line) => line.group === group).map((line) => renderLine(line, messages));
  return el("dl", { class: "lines" }, present.map((group) => el("div", {}, el("dt", {}, t(`conclusion.group_${group}`)), el("dd", {}, ofGroup(group)))));
}

function renderLine({ text, codes, probability }, messages) {
  const number = probability === null ? null : [" ", ltr(el("b", {}, formatPercent(probability, 0)))];
  return el("span", { class: "line" }, said("span", {}, text, messages), codes.length ? [" ", el("bdi", { dir: "ltr", class: "code" }, codes.join(" "))] : null, number);
}

export function renderYielded({ conclusion, messages }) {
  const yielded = conclusion?.yielded ?? [];
  if (!yielded.length) return null;
  return el("ul", { class: "yielded", "aria-label": t("conclusion.yielded") }, yielded.map(({ text, probability }) => el("li", {}, said("span", {}, text, messages), " ", ltr(formatPercent(probability, 0)))));
}

/** The bands of a reading as sentences, every class with its number. */
export function summarySentences({ bands, quality }) {
  const named = (classes) => formatList(Object.entries(classes).map(([name, probability]) => `${className(name)} (${formatPercent(probability)})`));
  if (quality.verdict === "poor") return [t("summary.poor"), t("summary.unrated", { list: named(bands.unrated.classes) })];
  const filled = (name) => Object.keys(bands[name].classes).length > 0;
  const sentences = ["medium", "low", "unrated"].filter(filled).map((name) => t(`summary.${name}`, { list: named(bands[name].classes) }));
  return [filled("high") ? t("summary.high", { list: named(bands.high.classes) }) : t("summary.no_high"), ...sentences];
}
