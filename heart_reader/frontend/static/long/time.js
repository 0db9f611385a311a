// Time and length as a long recording has them: Latin digits, from left to right in each language.

import { formatNumber } from "../i18n.js";

const two = (value) => String(value).padStart(2, "0");

/** "0:12:05" from the start of the recording; a recording of less than an hour has no hours. */
export function timeText(timeS, durationS, digits = 0) {
  const scale = 10 ** digits;
  const units = Math.max(0, Math.round(timeS * scale));
  const whole = Math.floor(units / scale);
  const part = digits ? `.${String(units % scale).padStart(digits, "0")}` : "";
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, two(whole % 60)];
  return durationS >= 3600 ? `${hours}:${two(minutes)}:${seconds}${part}` : `${minutes + 60 * hours}:${seconds}${part}`;
}

/** "2.4 s", "4:05 min", "2:15 h". */
export function lengthText(lengthS) {
  if (lengthS < 59.95) return `${formatNumber(lengthS, 1)} s`;
  const [larger, smaller, unit] = lengthS < 3599.5 ? [60, 1, "min"] : [3600, 60, "h"];
  const units = Math.round(lengthS / smaller);
  const per = larger / smaller;
  return `${Math.floor(units / per)}:${two(units % per)} ${unit}`;
}

export const rateText = (bpm) => (bpm === null || bpm === undefined ? "–" : `${formatNumber(bpm)}/min`);

const TICKS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200];

/** Round times between two, at most `most` of them. */
export function ticks(fromS, toS, most) {
  const every = TICKS_S.find((step) => (toS - fromS) / step <= most) ?? 86400;
  const first = Math.ceil(fromS / every - 1e-9);
  const count = Math.max(0, Math.floor(toS / every + 1e-9) - first + 1);
  return Array.from({ length: count }, (_, index) => (first + index) * every);
}
