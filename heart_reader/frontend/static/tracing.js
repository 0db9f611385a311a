// The tracing card: which layout, which ten seconds, redrawn whenever its width changes.

import { byId } from "./dom.js";
import { MIN_COLUMNS_S, PAGE_S, pixelsPerMm, planSheet, RHYTHM_LEADS, STANDARD_LEADS } from "./layout.js";
import { drawPaper, settingText } from "./paper.js";

export class Tracing {
  constructor() {
    this.card = byId("tracing");
    this.canvas = byId("paper");
    this.slider = byId("position-slider");
    this.layouts = Object.fromEntries([...this.card.querySelectorAll("input[name=layout]")].map((input) => [input.value, input]));
    this.preferred = "3x4";
    this.waveform = null;
    for (const input of Object.values(this.layouts)) {
      input.addEventListener("change", () => {
        this.preferred = input.value;
        this.draw();
      });
    }
    this.slider.addEventListener("input", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(byId("sheet"));
    this.watchPixelRatio();
  }

  show(waveform, recordId) {
    this.waveform = waveform;
    this.recordId = recordId;
    const { durationS, leadNames } = waveform;
    const standard = STANDARD_LEADS.filter((lead) => leadNames.includes(lead));
    const columnsFit = durationS >= MIN_COLUMNS_S;
    this.layouts["3x4"].disabled = !columnsFit;
    this.layouts["3x4"].parentElement.title = columnsFit ? "" : `Four columns of 2.5 s need at least ${MIN_COLUMNS_S} s`;
    // A few leads, or leads of other names, are easier to find one below the other.
    const rows = !columnsFit || standard.length < 6 || standard.length < leadNames.length;
    this.layouts[rows ? "12x1" : this.preferred].checked = true;
    const rhythm = RHYTHM_LEADS.find((lead) => leadNames.includes(lead)) ?? "II";
    this.layouts["3x4"].nextElementSibling.textContent = `3 × 4 + ${rhythm}`;
    this.slider.value = 0;
    this.slider.max = Math.max(0, Math.ceil(durationS - PAGE_S));
    byId("position").hidden = durationS <= PAGE_S + 0.05;
    this.card.hidden = false;
    this.draw();
  }

  hide() {
    this.waveform = null;
    this.card.hidden = true;
  }

  draw() {
    if (this.waveform === null || this.card.hidden) return;
    const { durationS, leadNames, fs } = this.waveform;
    const layout = this.layouts["3x4"].checked ? "3x4" : "12x1";
    const startS = Math.min(Number(this.slider.value), Math.max(0, durationS - PAGE_S));
    const endS = Math.min(startS + PAGE_S, durationS);
    const stretch = `${startS.toFixed(1)} to ${endS.toFixed(1)} s of ${durationS.toFixed(1)} s`;
    const ratio = window.devicePixelRatio || 1;
    drawPaper(this.canvas, planSheet(layout, leadNames), this.waveform, {
      startS,
      pxPerMm: pixelsPerMm(byId("sheet").clientWidth, ratio),
      devicePixelRatio: ratio,
      title: `${shorten(this.recordId)}   ${stretch}   ${fs} Hz`,
    });
    byId("position-text").textContent = stretch;
    this.slider.setAttribute("aria-valuetext", stretch);
    const missing = STANDARD_LEADS.filter((lead) => !leadNames.includes(lead));
    const absent = missing.length ? ` Not recorded: ${missing.join(", ")}.` : "";
    this.canvas.setAttribute("aria-label", `ECG tracing, layout ${layout}, ${stretch}, ${settingText(fs)}.${absent}`);
  }

  /** A window moved to a screen of another density, or a zoom, changes the pixels but not always the width. */
  watchPixelRatio() {
    const query = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    query.addEventListener("change", () => { this.draw(); this.watchPixelRatio(); }, { once: true });
  }
}

function shorten(text) {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
