// One row for each hour of a long recording.

import { button, el, ltr } from "../dom.js";
import { formatNumber, t } from "../i18n.js";
import { lengthText, timeText } from "./time.js";

const RATES = ["mean_bpm", "lowest_bpm", "highest_bpm"];
const CLASSES = ["S", "V", "F", "Q"];
const SPANS = ["atrial_fibrillation_s", "noise_s"];

/** The table; `goTo(startS)` moves the tracing, null for paper. */
export function renderHours({ long }, goTo = null) {
  const classes = CLASSES.filter((name) => long.beats.counts[name] > 0);
  const columns = ["start_s", "n_beats", ...RATES, ...classes, "pauses", ...SPANS];
  const head = columns.map((name) => el("th", { scope: "col" }, CLASSES.includes(name) ? ltr(name) : t(`long.hours.${name}`)));
  const cell = (hour, name) => {
    const value = hour[name];
    const text = value === null || value === undefined ? "–" : SPANS.includes(name) ? (value > 0 ? lengthText(value) : "0") : formatNumber(value);
    return el("td", { class: "number" }, ltr(text));
  };
  const row = (hour) => {
    const time = ltr(timeText(hour.start_s, long.duration_s));
    const first = goTo === null ? time : button({ class: "long-hour" }, () => goTo(hour.start_s), time);
    return el("tr", {}, el("th", { scope: "row" }, first), columns.slice(1).map((name) => cell(hour, name)));
  };
  return el("table", { class: "long-hours" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, long.hours.map(row)));
}
