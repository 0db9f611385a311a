// The reason for a finding as the tracing draws it: relevance from 0 to 1 over time, lead by lead.

import { el } from "../dom.js";
import { t } from "../i18n.js";
import { decodeBytes } from "../waveform.js";
import { RELEVANCE_MM } from "./trace.js";

/**
 * From the server's explanation (base64 of uint8, leads first) to `{ finding, leadNames, fs,
 * startS, values }`.
 */
export function ribbonOf({ finding, lead_names, fs, start_s, n_times, relevance }) {
  const bytes = decodeBytes(relevance);
  const values = lead_names.map((_, lead) => Float32Array.from(bytes.subarray(lead * n_times, (lead + 1) * n_times), (value) => value / 255));
  return { finding, leadNames: lead_names, fs, startS: start_s, values };
}

/** What the bands mean: four of them, ever thicker. */
export function renderLegend({ finding }, colours, pxPerMm) {
  const samples = RELEVANCE_MM.map((mm, index) => {
    const sample = el("i");
    sample.style.height = `${mm * pxPerMm}px`;
    sample.style.background = colours.relevance[index];
    return sample;
  });
  return [el("span", { class: "legend-samples", "aria-hidden": "true" }, samples), el("span", {}, t("tracing.reason_legend", { finding }))];
}
