// A long recording at a glance: one lead, the part that is shown, and the classes from window to
// window.

import { el } from "../dom.js";
import { t } from "../i18n.js";
import { renderTimeline } from "./timeline.js";
import { THEMES } from "./paper.js";

const HEIGHT = 44;
const INSET = 3;
const STEP_S = 1;
// A usual recording is a few windows that say the same.
const USUAL_DURATION_S = 10.5;

export class Overview {
  canvas = el("canvas", { "aria-hidden": "true" });
  window = el("div", { class: "overview-window", role: "slider", tabindex: 0, "aria-orientation": "horizontal", "aria-valuemin": 0 });
  strip = el("div", { class: "overview-strip" }, this.canvas, this.window);
  name = el("span", { class: "timeline-name" });
  classes = el("div", { class: "overview-classes" });
  /** @type {import("../waveform.js").Waveform} */
  waveform = null;
  reading = null;
  drawn = null;
  startS = 0;
  spanS = 0;

  /** `goTo(startS)` moves the sheet. */
  constructor(goTo) {
    this.goTo = goTo;
    this.element = el("div", { class: "tracing-overview", dir: "ltr", hidden: true }, el("div", { class: "timeline-row" }, this.name, this.strip), this.classes);
    this.window.addEventListener("keydown", (event) => this.press(event));
    this.listenForPointer();
  }

  show(waveform, reading) {
    Object.assign(this, { waveform, reading, drawn: null });
    this.relabel();
  }

  relabel() {
    this.window.setAttribute("aria-label", t("tracing.position"));
    const level = this.reading?.levels ? Object.values(this.reading.levels)[0] : null;
    const windows = this.reading?.timeline ?? [];
    const thresholds = level ? Object.fromEntries(Object.entries(level).map(([name, entry]) => [name, entry.threshold])) : {};
    this.classes.replaceChildren(...(windows.length > 1 && this.waveform.durationS > USUAL_DURATION_S ? [renderTimeline(windows, thresholds, this.waveform.durationS)] : []));
  }

  /**
   * Show the lead and where the sheet is; hidden where the sheet shows everything, and where only a
   * part of the signal is here.
   */
  update({ lead, startS, spanS, width, theme, words }) {
    const { durationS } = this.waveform;
    this.element.hidden = durationS <= spanS + 0.05 || this.waveform.held < this.waveform.nTimes;
    if (this.element.hidden) return;
    this.spanS = spanS;
    this.startS = startS;
    this.name.textContent = lead;
    const ratio = window.devicePixelRatio || 1;
    // The width of the frame stands for its own, which would have to be laid out first, at each
    // step of a pan.
    const key = [lead, theme, width, ratio].join();
    if (key !== this.drawn) this.draw(lead, theme, ratio);
    this.drawn = key;
    this.window.style.left = `${(100 * startS) / durationS}%`;
    this.window.style.width = `${(100 * Math.min(spanS, durationS - startS)) / durationS}%`;
    this.window.setAttribute("aria-valuemax", String(Math.max(0, durationS - spanS).toFixed(2)));
    this.window.setAttribute("aria-valuenow", startS.toFixed(2));
    this.window.setAttribute("aria-valuetext", words);
  }

  draw(lead, theme, ratio) {
    const [width, height] = [Math.round(this.strip.clientWidth * ratio), Math.round(HEIGHT * ratio)];
    Object.assign(this.canvas, { width, height });
    const pen = this.canvas.getContext("2d", { alpha: false });
    const colours = THEMES[theme];
    pen.fillStyle = colours.ground;
    pen.fillRect(0, 0, width, height);
    const values = this.waveform.lead(lead);
    const { up, down } = this.waveform.extent(lead);
    const scale = (height - 2 * INSET * ratio) / Math.max(1, up + down);
    pen.fillStyle = colours.trace;
    for (let x = 0; x < width; x += 1) {
      // One sample back, so that columns meet.
      const [from, to] = [Math.max(0, Math.floor((x * values.length) / width) - 1), Math.floor(((x + 1) * values.length) / width)];
      const rest = this.waveform.restAt(lead, (x / width) * this.waveform.durationS);
      let [low, high] = [Infinity, -Infinity];
      for (let index = from; index < to; index += 1) {
        if (values[index] < low) low = values[index];
        if (values[index] > high) high = values[index];
      }
      const top = INSET * ratio + scale * (up - (high - rest));
      pen.fillRect(x, top, 1, Math.max(ratio, scale * (high - low)));
    }
  }

  press(event) {
    const page = this.spanS;
    const moves = { ArrowLeft: -STEP_S, ArrowDown: -STEP_S, ArrowRight: STEP_S, ArrowUp: STEP_S, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
    if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.goTo(this.startS + moves[event.key]);
  }

  /** The window follows the finger by its middle. */
  listenForPointer() {
    const follow = (event) => {
      const box = this.strip.getBoundingClientRect();
      this.goTo(((event.clientX - box.left) / box.width) * this.waveform.durationS - this.spanS / 2);
    };
    this.strip.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.strip.setPointerCapture(event.pointerId);
      follow(event);
    });
    this.strip.addEventListener("pointermove", (event) => {
      if (this.strip.hasPointerCapture(event.pointerId)) follow(event);
    });
  }
}
