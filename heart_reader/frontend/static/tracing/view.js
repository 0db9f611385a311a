// The tracing of one recording: everything inside its section of the page, and what the rest of the
// page may ask of it.

import { el, save } from "../dom.js";
import { formatNumber, t } from "../i18n.js";
import { Calipers } from "./calipers.js";
import { modelText, settingText, stretchText, titleText } from "./captions.js";
import { renderPng, renderPrinted } from "./export_image.js";
import { filterFits } from "./filters.js";
import { listenForGestures } from "./gestures.js";
import { pressKey } from "./keys.js";
import { chooseRhythm, orderLeads, recordedName, STANDARD_LEADS } from "./leads.js";
import { allowedLayout, columnsFit, isRows } from "./layout.js";
import { FILTERS, GAINS, GROUPS, LAYOUTS, mergeOptions, nextOf, SPEEDS, startingOptions } from "./options.js";
import { Overview } from "./overview.js";
import { THEMES } from "./paper.js";
import { renderLegend, ribbonOf } from "./ribbon.js";
import { renderRuler } from "./ruler.js";
import { makeView, SheetCanvas } from "./sheet_canvas.js";
import { Toolbar, wordsOf } from "./toolbar.js";
import { Viewport } from "./viewport.js";

const TOLD_AFTER_MS = 150;
// Setting and visible time below the sheet, and the edge of the card.
const BELOW_SHEET_PX = 34;
// Height of the line of settings below a printed tracing.
const PRINTED_SETTING_MM = 5;
// A page of one column is scrolled anyway.
const NARROW_PX = 940;

const NOT_JOINED = Object.freeze({ overview: null, marks: null, time: null });

let count = 0;

export class TracingView {
  /** @type {import("../waveform.js").Waveform} */
  waveform = null;
  reading = null;
  reason = null;
  theme = "paper";
  roomPx = Infinity;
  chosen = { ...startingOptions() };
  viewport = new Viewport();
  words = null;
  frame = null;
  telling = 0;
  /** What a long recording puts in the place of the overview, and over the traces. */
  joined = NOT_JOINED;

  /**
   * Build a tracing in `container`; `onOptionsChange` is called with what a person chose or moved
   * to.
   * @param {HTMLElement} container
   * @param {(options: import("./options.js").TracingOptions) => void} onOptionsChange
   */
  constructor(container, onOptionsChange = () => {}) {
    count += 1;
    this.container = container;
    this.onOptionsChange = onOptionsChange;
    this.prefix = `tracing-${count}`;
    this.build();
    this.listen();
  }

  build() {
    this.canvases = [el("canvas", { class: "tracing-paper", role: "img" }), el("canvas", { class: "tracing-traces", "aria-hidden": "true" })];
    const layer = el("div", { class: "tracing-calipers" });
    this.sheet = el("div", { class: "tracing-sheet", tabindex: 0, role: "application", dir: "ltr", "aria-describedby": `${this.prefix}-hint` }, this.canvases, layer);
    this.live = el("div", { class: "visually-hidden", role: "status" });
    this.stretch = el("p", { class: "facts tracing-stretch" });
    this.settingLine = el("p", { class: "tracing-setting", dir: "ltr" });
    this.legend = el("p", { class: "tracing-legend", hidden: true });
    this.ruler = el("div", { hidden: true });
    this.place = el("div", { class: "tracing-frame" }, this.sheet, el("div", { class: "tracing-foot" }, this.settingLine, this.stretch), this.legend);
    this.toolbar = new Toolbar(this.prefix, this);
    this.overview = new Overview((startS) => this.goTo(startS));
    const heading = el("h2", { id: `${this.prefix}-heading`, class: "visually-hidden", "data-i18n": "tracing.heading" }, t("tracing.heading"));
    this.container.setAttribute("aria-labelledby", heading.id);
    this.container.classList.add("tracing");
    this.container.replaceChildren(
      heading,
      this.toolbar.element,
      this.ruler,
      el("p", { id: `${this.prefix}-hint`, class: "visually-hidden", "data-i18n": "tracing.hint" }, t("tracing.hint")),
      this.place,
      this.overview.element,
      this.live,
    );
    this.drawing = new SheetCanvas(...this.canvases);
    this.calipers = new Calipers(layer, this.live, this.viewport);
    this.noteWords();
  }

  listen() {
    listenForGestures(this.sheet, {
      pan: (dx, dy) => this.pan(dx, dy),
      panEnd: () => this.report(),
      zoom: (factor, x, y) => this.zoomBy(factor, x, y),
      measures: () => this.calipers.active,
      measure: (from, to) => this.calipers.measure(from, to),
      measureEnd: () => this.calipers.speak(this.calipers.text()),
    });
    this.sheet.addEventListener("keydown", (event) => {
      if (event.target === this.sheet && this.waveform !== null && pressKey(event, this)) event.preventDefault();
    });
    // It also reports changes of the height, which the sheet itself makes.
    new ResizeObserver(() => this.place.clientWidth !== this.viewport.screenWidth && this.draw()).observe(this.place);
    window.addEventListener("resize", () => {
      this.measureRoom();
      this.draw();
    });
  }

  // What the page asks.

  /** Show a recording from its beginning, but for what `options` say. */
  show(waveform, reading, options = {}) {
    Object.assign(this, { waveform, reading });
    this.chosen = mergeOptions(this.chosen, { startS: 0, ...options });
    this.viewport.offset = { x: 0, y: 0 };
    this.container.hidden = false;
    this.overview.show(waveform, reading);
    this.measureRoom();
    this.draw();
    this.calipers.forget();
    this.calipers.place();
  }

  hide() {
    Object.assign(this, { waveform: null, reading: null, reason: null, joined: NOT_JOINED });
    this.closeRuler();
    this.container.hidden = true;
  }

  /** What an address can hold: layout, speed, gain, rhythmLead, filter, group, startS, zoom. */
  get options() {
    return { ...this.chosen, startS: Math.round(100 * this.chosen.startS) / 100 };
  }

  /** Speed, gain, filter and bandwidth as they stand below the sheet; empty without a recording. */
  get setting() {
    return this.waveform === null ? "" : settingText(this.viewport, this.shown, this.stressed);
  }

  setOptions(options) {
    this.chosen = mergeOptions(this.chosen, options);
    this.draw();
  }

  /** The answer of the server to why, or null: it is drawn as a ribbon under the traces. */
  setReason(explanation) {
    this.reason = explanation === null ? null : ribbonOf(explanation);
    this.draw();
  }

  /**
   * Let another overview, which is asked to `update` as this one's is, stand for its own until it
   * is hidden; `marks(pen, view)` draws over the traces, `time(second, digits)` writes a moment.
   */
  join(joined) {
    this.joined = joined;
    this.overview.element.hidden = true;
    this.draw();
  }

  setTheme(theme) {
    this.theme = theme === "dark" ? "dark" : "paper";
    this.container.dataset.paper = this.theme;
    this.draw();
  }

  goTo(startS) {
    this.chosen.startS = Math.max(0, startS);
    this.draw();
    this.report();
  }

  /**
   * The tracing for a printed page, at most `heightMm` high, with its settings below it; `part` is
   * `{ startS, waveform, layout }` of another part than that on the screen.
   */
  toPrint(heightMm, part = null) {
    const setting = settingText(this.viewport, { ...this.shown, layout: "3x4-rhythm", speed: 25 }, null);
    const state = this.imageState();
    const options = part && { ...state.options, rhythmLead: chooseRhythm(this.chosen.rhythmLead, part.waveform.leadNames) };
    const printed = renderPrinted(part ? { ...state, ...part, options, reason: null } : state, heightMm - PRINTED_SETTING_MM, part?.layout);
    return [printed, el("p", { class: "tracing-setting", dir: "ltr" }, setting)];
  }

  relabel() {
    this.noteWords();
    if (this.waveform === null) return;
    this.overview.relabel();
    this.measureRoom();
    this.draw();
    this.calipers.place();
  }

  // What a person does.

  change(changes) {
    this.chosen = mergeOptions(this.chosen, changes);
    this.draw();
    this.report();
  }

  /** Choose the next value of an option that this recording allows, and say it. */
  advance(option) {
    const { fs, durationS, leadNames } = this.waveform;
    const values = {
      layout: LAYOUTS.filter((value) => isRows(value) || columnsFit(this.chosen.speed, durationS)),
      filter: FILTERS.filter((value) => filterFits(value, fs)),
      rhythmLead: leadNames,
      group: GROUPS,
      speed: SPEEDS,
      gain: GAINS,
    }[option];
    const next = nextOf(values, this.shown[option]);
    this.change({ [option]: next });
    this.live.textContent = wordsOf(option, next);
  }

  /** Pan by CSS pixels; answers whether anything moved. */
  pan(dx, dy) {
    const before = [this.viewport.startS, this.viewport.offset.x, this.viewport.offset.y];
    this.viewport.pan(dx, dy);
    const after = [this.viewport.startS, this.viewport.offset.x, this.viewport.offset.y];
    if (after.every((value, index) => Math.abs(value - before[index]) < 1e-9)) return false;
    this.chosen.startS = this.viewport.startS;
    this.drawSoon();
    return true;
  }

  panBy(mmX, mmY) {
    this.pan(mmX * this.viewport.pxPerMm, mmY * this.viewport.pxPerMm);
    this.report();
  }

  zoomBy(factor, x = this.viewport.width / 2, y = 0) {
    const { changes, offset } = this.viewport.zoomed(factor, x, y);
    this.viewport.offset = offset;
    this.change(changes);
  }

  toggleCalipers(active) {
    this.calipers.toggle(active);
    this.draw();
  }

  toggleMarch() {
    this.calipers.toggleMarch();
    this.draw();
  }

  /** Save the tracing as an image on paper, with its settings, its model and the notice. */
  async saveImage() {
    save(await renderPng(this.imageState()), "image/png", `${this.reading.record_id.replace(/[^\w.-]+/g, "_")}.png`);
  }

  openRuler() {
    if (!this.ruler.hidden) return this.closeRuler();
    this.ruler.replaceChildren(renderRuler(this.prefix, () => { this.closeRuler(); this.change({ zoom: 1 }); }));
    this.ruler.hidden = false;
    return this.ruler.querySelector("input").focus();
  }

  closeRuler() {
    this.ruler.hidden = true;
    this.ruler.replaceChildren();
  }

  /** Report to the page where the sheet is now, once it rests. */
  report() {
    clearTimeout(this.telling);
    this.telling = setTimeout(() => this.onOptionsChange(this.options), TOLD_AFTER_MS);
  }

  // Drawing.

  drawSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    if (this.waveform === null || this.container.hidden || this.place.clientWidth === 0) return;
    const ratio = window.devicePixelRatio || 1;
    const { viewport, waveform } = this;
    viewport.update(this.shown, waveform, this.place.clientWidth, window.innerHeight, ratio, this.roomPx);
    this.chosen.startS = viewport.startS;
    const scale = viewport.pxPerMm * ratio;
    const state = { ...this.state(), sheet: viewport.sheet, options: viewport.options, scale, devicePixelRatio: ratio, theme: this.theme };
    const offsetX = Math.round(viewport.offset.x * scale);
    const offsetY = Math.round(viewport.offset.y * scale);
    this.drawing.draw(makeView({ ...state, offsetX, offsetY }), Math.round(viewport.width * ratio), Math.round(viewport.height * ratio));
    this.sheet.classList.toggle("scrolls", viewport.scrolls || this.calipers.active);
    this.sheet.style.width = `${viewport.width}px`;
    this.calipers.place();
    this.describe();
  }

  /** Measure the height that the first screen leaves for the sheet: not at every pan. */
  measureRoom() {
    if (this.container.hidden) return;
    const top = this.place.getBoundingClientRect().top + window.scrollY;
    this.roomPx = window.innerWidth > NARROW_PX ? window.innerHeight - top - BELOW_SHEET_PX : Infinity;
  }

  /** The options as this recording allows them. */
  get shown() {
    const { fs, durationS, leadNames } = this.waveform;
    const { layout, speed, filter, rhythmLead } = this.chosen;
    return { ...this.chosen, layout: allowedLayout(layout, speed, durationS), filter: filterFits(filter, fs) ? filter : "off", rhythmLead: chooseRhythm(rhythmLead, leadNames) };
  }

  state() {
    const { waveform, reason, words, shown, stressed } = this;
    return { waveform, options: shown, startS: shown.startS, reason, stressed, words, marks: this.joined.marks };
  }

  /**
   * The lead in front where all share one row: the chosen one, or the first of a group without it.
   */
  get stressed() {
    const { layout, group, rhythmLead } = this.shown;
    if (layout !== "overlay") return null;
    const leads = orderLeads(group, this.waveform.leadNames).map(recordedName).filter((lead) => this.waveform.has(lead));
    return leads.includes(rhythmLead) ? rhythmLead : leads[0];
  }

  noteWords() {
    // The first number loads tables, the first letters a font: not when a recording waits to be
    // drawn.
    formatNumber(0, 1);
    this.drawing.loadFonts();
    this.words = { missing: t("tracing.missing"), seconds: (second) => this.joined.time?.(second, 0) ?? t("tracing.at_second", { s: second }) };
  }

  describe() {
    const { viewport, waveform, theme, calipers } = this;
    const stretch = stretchText(viewport, this.joined.time);
    const { setting } = this;
    this.stretch.textContent = stretch;
    // Text that is written again is laid out again, even if it is the same; a pan changes nothing
    // here.
    if (this.settingLine.textContent !== setting) this.settingLine.textContent = setting;
    const missing = STANDARD_LEADS.filter((lead) => !waveform.has(lead));
    const parts = [t("tracing.sheet"), wordsOf("layout", viewport.options.layout), stretch, setting, missing.length ? t("tracing.not_recorded", { leads: missing.join(", ") }) : ""];
    this.canvases[0].setAttribute("aria-label", parts.filter(Boolean).join(", "));
    this.sheet.setAttribute("aria-label", t("tracing.sheet"));
    this.legend.hidden = this.reason === null;
    if (this.reason) this.legend.replaceChildren(...renderLegend(this.reason, THEMES[theme], viewport.pxPerMm));
    this.toolbar.update({ options: this.chosen, waveform, active: calipers.active, marching: calipers.marching, words: this.words });
    (this.joined.overview ?? this.overview).update({ lead: this.shown.rhythmLead, startS: viewport.startS, spanS: viewport.spanS, width: viewport.screenWidth, theme, words: stretch });
  }

  imageState() {
    const { reading, viewport } = this;
    return {
      ...this.state(),
      startS: viewport.startS,
      title: titleText(reading, stretchText(viewport, this.joined.time)),
      setting: this.setting,
      model: modelText(reading),
      calipers: this.calipers.drawn(),
      widthMm: viewport.sheet.width,
    };
  }
}
