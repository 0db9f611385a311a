// The rhythm as it was measured: its name or why there is none, what was found beside it, and the
// numbers it rests on.

import { el, ltr } from "./dom.js";
import { formatNumber, formatPercent, has, t } from "./i18n.js";
import { unitOf, withUnit } from "./measurements.js";
import { capital, said } from "./messages.js";

// What each rhythm rests on, and what is shown where none was decided.
const EVIDENCE = {
  sinus: ["p_share", "pr_sd_ms", "rr_cv"],
  atrial_fibrillation: ["rr_cv", "p_share", "fibrillation_share"],
  atrial_flutter: ["flutter_rate_bpm", "flutter_ratio", "rr_cv"],
  paced: ["spikes_per_beat", "spike_share", "rr_cv"],
};
const USUAL_EVIDENCE = ["rr_cv", "p_share", "atrial_rate_bpm"];
const SHARES = /_share$|^rr_cv$/;

/** The card of the rhythm; null where nothing was measured. */
export function renderRhythm({ rhythm, messages }) {
  if (!rhythm) return null;
  return el(
    "section",
    { id: "rhythm", class: "rhythm", "aria-labelledby": "rhythm-heading", "data-rhythm": rhythm.name ?? "undecided" },
    el("h3", { id: "rhythm-heading" }, t("rhythm.heading")),
    el("p", { class: "rhythm-name" }, rhythm.name === null ? t("rhythm.undecided") : t(`rhythm.names.${rhythm.name}`)),
    rhythm.reason ? said("p", { class: "rhythm-reason" }, rhythm.reason, messages, capital) : null,
    rhythm.findings.length ? el("ul", { class: "rhythm-findings" }, rhythm.findings.map((name) => el("li", {}, t(`rhythm.findings.${name}`)))) : null,
    renderEvidence(rhythm),
  );
}

function renderEvidence({ name, values }) {
  // Spikes are seen either as such or smeared: the way that they were not seen says nothing.
  const says = (key) => typeof values[key]?.value === "number" && !(key.startsWith("spike") && values[key].value === 0);
  const wanted = (EVIDENCE[name] ?? USUAL_EVIDENCE).filter((key) => says(key) && has(`reason.measured.${key}`));
  if (!wanted.length) return null;
  return el("dl", { class: "evidence" }, wanted.map((key) => [el("dt", {}, t(`reason.measured.${key}`)), el("dd", {}, ltr(evidenceText(key, values[key])))]).flat());
}

function evidenceText(key, entry) {
  if (SHARES.test(key)) return formatPercent(entry.value, 0);
  const unit = unitOf(key, entry);
  return unit ? withUnit(formatNumber(entry.value), unit) : formatNumber(entry.value, 1);
}
