// A long recording at a glance, and the way to any moment of it: a cursor that says time and rate,
// a window over the part that the tracing shows.

import { button, el, ltr } from "../dom.js";
import { t } from "../i18n.js";
import { drawLong, planStrips } from "./draw.js";
import { rateText, timeText } from "./time.js";
import { kindName, rhythmName } from "./words.js";

const LEAST_WINDOW_PX = 7;
// Wider than it looks, for fingers.
const LEAST_GRIP_PX = 24;
const SMALL_PX = 560;
const TWO_LINES_PX = 30;
const ZOOM_STEP = 3;
const LEAST_RANGE_S = 60;
const MOVE_PX = 4;
const LARGE_PX = 40;
const WHEEL_PER_PX = 0.003;
const STEP_S = 1;

export class LongOverview {
  cursorS = null;
  startS = 0;
  spanS = 0;
  theme = "paper";
  chosen = null;
  frame = null;

  /** `goTo(startS)` moves the tracing to begin there. */
  constructor(reading, goTo) {
    this.reading = reading;
    this.long = reading.long;
    this.goTo = goTo;
    this.range = [0, this.long.duration_s];
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.window = el("div", { class: "long-window", role: "slider", tabindex: 0, "aria-orientation": "horizontal", "aria-valuemin": 0 }, el("i"));
    this.line = el("div", { class: "long-cursor", hidden: true });
    this.surface = el("div", { class: "long-surface", role: "slider", tabindex: 0, "aria-orientation": "horizontal", "aria-valuemin": 0, "aria-valuemax": Math.round(this.long.duration_s) });
    this.plot = el("div", { class: "long-plot" }, this.canvas, this.surface, this.line, this.window);
    this.names = el("div", { class: "long-names" });
    this.readout = el("p", { class: "long-readout", "aria-hidden": "true" });
    this.zooms = el("div", { class: "tool-group" });
    this.element = el("div", { class: "long-overview" }, el("div", { class: "long-bar" }, this.readout, this.zooms), el("div", { class: "long-strips", dir: "ltr" }, this.names, this.plot));
    this.listen();
    this.relabel();
    this.resizing = new ResizeObserver(() => this.drawSoon());
    this.resizing.observe(this.plot);
  }

  /** Say everything in the language of the page. */
  relabel() {
    this.surface.setAttribute("aria-label", t("long.cursor"));
    this.window.setAttribute("aria-label", t("tracing.position"));
    const zoom = (key, sign, act) => button({ class: "button tool", "data-zoom": key, "aria-label": t(`long.${key}`), title: t(`long.${key}`) }, act, sign);
    this.zooms.replaceChildren(
      zoom("zoom_out", "−", () => this.zoomBy(1 / ZOOM_STEP)),
      button({ class: "button tool", "data-zoom": "whole" }, () => this.showRange(0, Infinity), t("long.whole")),
      zoom("zoom_in", "+", () => this.zoomBy(ZOOM_STEP)),
    );
    this.planned = null;
    this.say();
    this.drawSoon();
  }

  // What the tracing tells.

  /** The tracing moved, or has another theme. */
  update({ startS, spanS, theme, words }) {
    const moved = startS !== this.startS;
    if (theme !== this.theme) this.drawSoon();
    Object.assign(this, { startS, spanS, theme });
    if (moved) this.follow();
    this.placeWindow();
    const { duration_s: durationS } = this.long;
    this.window.setAttribute("aria-valuemax", Math.max(0, durationS - spanS).toFixed(2));
    this.window.setAttribute("aria-valuenow", startS.toFixed(2));
    this.window.setAttribute("aria-valuetext", words);
    if (this.cursorS === null) this.say();
  }

  /** Keep the window within an enlarged part. */
  follow() {
    const [fromS, toS] = this.range;
    if (this.startS >= fromS && this.startS + this.spanS <= toS) return;
    const middle = this.startS + this.spanS / 2;
    this.showRange(middle - (toS - fromS) / 2, middle + (toS - fromS) / 2);
  }

  /** Mark the episode of this index; null for none. */
  choose(index) {
    this.chosen = index;
    this.drawSoon();
  }

  // What a person does.

  get width() {
    return this.plot.clientWidth;
  }

  xOf(timeS) {
    return ((timeS - this.range[0]) / (this.range[1] - this.range[0])) * this.width;
  }

  timeAt(x) {
    return this.kept(this.range[0] + (x / Math.max(1, this.width)) * (this.range[1] - this.range[0]));
  }

  kept = (timeS) => Math.min(this.long.duration_s, Math.max(0, timeS));

  /** Move the tracing so that a moment is in its middle. */
  centre = (timeS) => this.goTo(Math.max(0, timeS - this.spanS / 2));

  showRange(fromS, toS) {
    const { duration_s: durationS } = this.long;
    const span = Math.min(durationS, Math.max(Math.min(durationS, LEAST_RANGE_S), toS - fromS));
    const start = Math.max(0, Math.min(fromS, durationS - span));
    this.range = [start, start + span];
    this.drawSoon();
  }

  /** Enlarge about the cursor, or about what the tracing shows. */
  zoomBy(factor, middle = this.cursorS ?? this.startS + this.spanS / 2) {
    const [fromS, toS] = this.range;
    const share = Math.min(1, Math.max(0, (middle - fromS) / (toS - fromS)));
    const span = (toS - fromS) / factor;
    this.showRange(middle - share * span, middle + (1 - share) * span);
  }

  setCursor(timeS) {
    this.cursorS = timeS;
    this.line.hidden = timeS === null;
    if (timeS !== null) this.line.style.transform = `translateX(${this.xOf(timeS)}px)`;
    this.say();
  }

  listen() {
    const { surface, plot } = this;
    this.window.addEventListener("keydown", (event) => this.pressWindow(event));
    surface.addEventListener("keydown", (event) => this.press(event));
    surface.addEventListener("focus", () => this.cursorS === null && this.setCursor(this.startS + this.spanS / 2));
    surface.addEventListener("blur", () => this.setCursor(null));
    const xIn = (event) => event.clientX - plot.getBoundingClientRect().left;
    let grip = null;
    plot.addEventListener("pointermove", (event) => {
      this.setCursor(this.timeAt(xIn(event)));
      if (grip !== null) this.goTo(Math.max(0, this.timeAt(xIn(event) - grip) - this.spanS / 2));
    });
    plot.addEventListener("pointerleave", () => document.activeElement !== surface && this.setCursor(null));
    plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      plot.setPointerCapture(event.pointerId);
      const x = xIn(event);
      // The window is held where it was gripped; elsewhere it comes to the finger.
      const held = event.target === this.window;
      grip = held ? x - this.xOf(this.startS + this.spanS / 2) : 0;
      if (!held) this.centre(this.timeAt(x));
    });
    for (const end of ["pointerup", "pointercancel"]) plot.addEventListener(end, () => { grip = null; });
    plot.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY * WHEEL_PER_PX), this.timeAt(xIn(event)));
    }, { passive: false });
  }

  /** Arrow keys move the cursor, Enter the tracing to it. */
  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { duration_s: durationS } = this.long;
    const px = (this.range[1] - this.range[0]) / Math.max(1, this.width);
    const step = (event.shiftKey ? 1 : MOVE_PX) * px;
    const moves = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step, PageUp: -LARGE_PX * px, PageDown: LARGE_PX * px, Home: -durationS, End: durationS };
    const acts = { Enter: () => this.centre(this.cursorS), " ": () => this.centre(this.cursorS), "+": () => this.zoomBy(ZOOM_STEP), "-": () => this.zoomBy(1 / ZOOM_STEP), 0: () => this.showRange(0, Infinity) };
    if (!(event.key in moves) && !(event.key in acts)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key in acts) return void acts[event.key]();
    const timeS = this.kept((this.cursorS ?? this.startS) + moves[event.key]);
    const [fromS, toS] = this.range;
    if (timeS < fromS || timeS > toS) this.showRange(timeS - (toS - fromS) / 2, timeS + (toS - fromS) / 2);
    this.setCursor(timeS);
  }

  pressWindow(event) {
    const moves = { ArrowLeft: -STEP_S, ArrowDown: -STEP_S, ArrowRight: STEP_S, ArrowUp: STEP_S, PageUp: -this.spanS, PageDown: this.spanS, Home: -Infinity, End: Infinity };
    if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.goTo(Math.max(0, this.startS + moves[event.key]));
  }

  // Words.

  /** Time, rate, rhythm and episodes at the cursor, or in the middle of what the tracing shows. */
  factsAt(timeS) {
    const { trend, episodes, duration_s: durationS } = this.long;
    const index = Math.min(trend.mean_bpm.length - 1, Math.floor(timeS / trend.step_s));
    const [low, high] = [trend.lowest_bpm[index], trend.highest_bpm[index]];
    const range = low === null || low === undefined || low === high ? "" : ` (${Math.round(low)}–${Math.round(high)})`;
    const rhythm = rhythmName(trend.rhythm?.[index]);
    const margin = 1.5 * ((this.range[1] - this.range[0]) / Math.max(1, this.width));
    const kinds = new Set(episodes.filter(({ start_s: startS, end_s: endS }) => startS - margin <= timeS && timeS <= endS + margin).map(({ kind }) => kindName(kind, this.reading)));
    return [timeText(timeS, durationS), `${rateText(trend.mean_bpm[index])}${range}`, ...new Set([rhythm, ...kinds].filter(Boolean))];
  }

  say() {
    const timeS = this.cursorS ?? this.startS + this.spanS / 2;
    const [time, rate, ...words] = this.factsAt(timeS);
    this.readout.replaceChildren(ltr(el("b", {}, time)), " · ", ltr(rate), ...words.flatMap((word) => [" · ", word]));
    this.surface.setAttribute("aria-valuenow", timeS.toFixed(1));
    this.surface.setAttribute("aria-valuetext", [time, rate, ...words].join(", "));
  }

  // Drawing.

  drawSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const { width, canvas, long } = this;
    if (width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    const small = width < SMALL_PX;
    if (this.planned?.small !== small) this.plan(small);
    const { height } = this.planned;
    const [wide, tall] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== wide || canvas.height !== tall) Object.assign(canvas, { width: wide, height: tall });
    this.plot.style.height = `${height}px`;
    const [fromS, toS] = this.range;
    drawLong(canvas.getContext("2d", { alpha: false, willReadFrequently: true }), long, this.planned, { width, ratio, theme: this.theme, fromS, toS, chosen: this.chosen });
    this.placeWindow();
    if (this.cursorS !== null) this.setCursor(this.cursorS);
  }

  plan(small) {
    this.planned = { small, ...planStrips(this.long, small) };
    this.names.replaceChildren(...this.planned.strips.map(({ name, top, height }) => {
      const text = stripName(name, this.reading);
      const label = el("span", { title: text, class: height < TWO_LINES_PX ? "low" : null }, el("bdi", {}, text));
      label.style.top = `${top}px`;
      label.style.height = `${height}px`;
      return label;
    }));
  }

  placeWindow() {
    if (this.width === 0) return;
    const [left, right] = [this.xOf(this.startS), this.xOf(Math.min(this.long.duration_s, this.startS + this.spanS))];
    const wide = Math.max(LEAST_WINDOW_PX, right - left);
    const gripped = Math.max(LEAST_GRIP_PX, wide);
    const middle = Math.min(this.width - wide / 2, Math.max(wide / 2, (left + right) / 2));
    this.window.style.width = `${gripped}px`;
    this.window.style.transform = `translateX(${middle - gripped / 2}px)`;
    /** @type {HTMLElement} */ (this.window.firstChild).style.width = `${wide}px`;
  }
}

/** What is written beside a strip. */
export function stripName(name, reading) {
  const [strip, of] = name.split(" ");
  if (strip === "kind") return kindName(of, reading);
  if (strip === "beat") return t("long.beats_of", { class: of });
  return strip === "envelope" ? reading.long.envelope.leads[0] : t(`long.strips.${strip}`);
}
