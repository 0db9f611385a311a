// The conclusion: its kind and headline, its lines by group, and what yielded to something
// stronger.

import { el, ltr } from "./dom.js";
import { formatPercent, t } from "./i18n.js";
import { said } from "./messages.js";

const MARKS = { normal: "●", abnormal: "▲", undecided: "◆" };
const GROUPS = ["rhythm", "conduction", "axis", "infarction", "st_t", "hypertrophy", "other"];

/** The kind in words, with its mark for those who do not see the colour. */
export function renderKind({ conclusion: { kind } }) {
  return [el("span", { class: "conclusion-mark", "aria-hidden": "true" }, MARKS[kind]), " ", t(`conclusion.${kind}`)];
}

/** Banner and headline, the lines in their groups, and beneath them what is not stated and why. */
export function renderConclusion(reading) {
  const { messages, conclusion } = reading;
  const { kind } = conclusion;
  return el(
    "section",
    { id: "conclusion", class: `conclusion conclusion-${kind}`, "data-kind": kind, "aria-labelledby": "conclusion-kind" },
    el("p", { class: "conclusion-title" }, el("strong", { id: "conclusion-kind" }, renderKind(reading)), el("span", { class: "hint" }, t("conclusion.not_proof"))),
    said("p", { class: "headline" }, conclusion.headline, messages),
    renderLines(reading),
    renderYielded(reading),
  );
}

/** Lines by group, in the order in which an ECG is reported. */
function renderLines({ conclusion: { lines }, messages }) {
  if (!lines.length) return null;
  const present = GROUPS.filter((group) => lines.some((line) => line.group === group));
  const ofGroup = (group) => lines.filter((line) => line.group === group).map((line) => renderLine(line, messages));
  return el("dl", { class: "lines" }, present.map((group) => el("div", {}, el("dt", {}, t(`conclusion.group_${group}`)), el("dd", {}, ofGroup(group)))));
}

function renderLine({ text, codes, probability }, messages) {
  const number = probability === null ? null : [" ", ltr(el("b", {}, formatPercent(probability, 0)))];
  return el("span", { class: "line" }, said("span", {}, text, messages), codes.length ? [" ", el("bdi", { dir: "ltr", class: "code" }, codes.join(" "))] : null, number);
}

function renderYielded({ conclusion: { yielded }, messages }) {
  if (!yielded.length) return null;
  return el("ul", { class: "yielded", "aria-label": t("conclusion.yielded") }, yielded.map(({ text, probability }) => el("li", {}, said("span", {}, text, messages), " ", ltr(formatPercent(probability, 0)))));
}
