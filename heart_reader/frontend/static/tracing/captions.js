// What is written beside a tracing, and on an image of it.

import { formatNumber, isolate, t } from "../i18n.js";
import { recordedName } from "./leads.js";

// A rate below this cannot carry the 150 Hz of a diagnostic recording.
const DIAGNOSTIC_FS = 300;
const LONGEST_NAME = 60;
const SEPARATOR = "  ·  ";

/**
 * Which seconds of how many the sheet shows; `time(second, digits)` writes those of a long
 * recording in its own way.
 */
export function stretchText({ startS, spanS, waveform }, time = null) {
  const end = Math.min(startS + spanS, waveform.durationS);
  if (time) return t("tracing.stretch", { from: time(startS, 1), to: time(end, 1), of: time(waveform.durationS, 0) });
  return t("tracing.stretch", { from: formatNumber(startS, 1), to: `${formatNumber(end, 1)} s`, of: `${formatNumber(waveform.durationS, 1)} s` });
}

/** What a person must know to measure on the sheet. */
export function settingText({ waveform, sheet }, { speed, gain, filter, layout, group }, stressed) {
  const { fs, leadNames } = waveform;
  const parts = [`${speed} mm/s  ${gain} mm/mV`, t(`tracing.filter_note.${filter}`), t("tracing.rate", { fs: formatNumber(fs, fs % 1 ? 2 : 0) })];
  if (fs < DIAGNOSTIC_FS) parts.push(t("tracing.reduced_bandwidth", { hz: formatNumber(fs / 2, fs % 2 ? 1 : 0) }));
  if (layout !== "single" && group !== "standard") parts.push(t(`tracing.group.${group}`));
  if (layout === "overlay") parts.push(t("tracing.overlay_note", { lead: stressed }));
  const absent = sheet.unplaced.filter((lead) => !leadNames.includes(recordedName(lead)));
  if (absent.length) parts.push(t("tracing.not_recorded", { leads: absent.join(", ") }));
  return parts.map(isolate).join(SEPARATOR);
}

/** Whose recording it is, as far as the file says, and which part of it. */
export function titleText({ record_id: id, age, sex }, stretch) {
  const name = id.length > LONGEST_NAME ? `${id.slice(0, LONGEST_NAME - 1)}…` : id;
  const person = [age === null || age === undefined ? null : t("record.age", { count: age }), sex ? t(`record.${sex}`) : null];
  return [name, ...person, stretch].filter(Boolean).map(isolate).join(SEPARATOR);
}

/** Which model read it. */
export function modelText({ model }) {
  return t("tracing.model", { name: model.name, hash: model.checkpoint_sha256.slice(0, 16) });
}
