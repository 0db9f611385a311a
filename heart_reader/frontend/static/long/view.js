// What stands above the tracing of a recording of more than a minute: what it says in sentences,
// the overview, the events, the hours. Loaded with the first such recording.

import { fetchPart } from "../api.js";
import { el, ltr } from "../dom.js";
import { t } from "../i18n.js";
import { capital, said } from "../messages.js";
import { listenForKeys } from "../shortcuts.js";
import { renderTimeline } from "../tracing/timeline.js";
import { beatMarks } from "./beat_marks.js";
import { EventList } from "./events.js";
import { renderHours } from "./hours.js";
import { LongOverview } from "./overview.js";
import { SignalParts } from "./parts.js";
import { printLong } from "./print.js";
import { lengthText, timeText } from "./time.js";
import { kindName } from "./words.js";

// An episode that is longer than the sheet begins at this part of it.
const ONSET_SHARE = 0.2;
// So many leads have a row each on paper.
const FEW_LEADS = 3;
const CLASSES = ["N", "S", "V", "F", "Q"];

/** Keys of the events, as the page's help shows them. */
const KEYS = [
  { keys: ["N"], label: "long.next" },
  { keys: ["B"], label: "long.previous" },
  { keys: ["←", "→"], label: "long.keys.cursor" },
  { keys: ["Enter"], label: "long.keys.jump" },
  { keys: ["+", "−", "0"], label: "long.keys.zoom" },
  { keys: ["↑", "↓"], label: "long.keys.list" },
];

let current = null;
listenForKeys(["n", "b"].map((key) => ({ key, label: () => "", act: () => current?.step(key === "n" ? 1 : -1) })));

/** Load the styles; answers once they are there. */
export function loadStyles() {
  if (document.getElementById("long-styles")) return Promise.resolve();
  const link = el("link", { id: "long-styles", rel: "stylesheet", href: "static/long/long.css" });
  const loaded = new Promise((resolve, reject) => {
    link.addEventListener("load", resolve);
    link.addEventListener("error", () => reject(new Error(link.href)));
  });
  document.head.append(link);
  return loaded;
}

export class LongView {
  keys = KEYS;

  /**
   * Fill `place` for the reading of an entry; `tracing` shows what is chosen, `say(text)` and
   * `fail(error)` tell the person what is waited for and what did not come.
   */
  constructor(place, { reading, source, waveform }, tracing, { say, fail }) {
    this.place = place;
    this.reading = reading;
    this.tracing = tracing;
    this.parts = new SignalParts(waveform, {
      fetch: (part, signal) => fetchPart(source, part, signal),
      changed: () => tracing.drawSoon(),
      waiting: (yes) => say(yes ? t("long.loading") : ""),
      failed: fail,
    });
    this.overview = new LongOverview(reading, (startS) => tracing.goTo(startS));
    this.events = new EventList(reading, (index) => this.show(index));
    this.live = el("p", { class: "visually-hidden", role: "status" });
    current = this;
    this.render();
    place.hidden = false;
    tracing.join({ overview: this, marks: beatMarks(reading.long), time: (timeS, digits) => timeText(timeS, reading.long.duration_s, digits) });
  }

  /** Give the tracing back. */
  close() {
    if (current === this) current = null;
    this.parts.stop();
    this.overview.resizing.disconnect();
    this.place.hidden = true;
    this.place.replaceChildren();
  }

  render() {
    const { reading, place } = this;
    const { long, messages } = reading;
    place.replaceChildren(
      el("header", { class: "card-head" }, el("h2", { id: "long-heading" }, t("long.heading")), el("p", { class: "facts" }, this.facts())),
      el("div", { class: "long-body" }, el("ul", { class: "long-summary" }, long.summary.map((sentence) => said("li", {}, sentence, messages, capital))), el("div", { class: "long-columns" }, el("div", { class: "long-column" }, this.overview.element, this.legend()), this.events.element), this.renderHours(), this.renderClasses()),
      this.live,
    );
  }

  relabel() {
    this.overview.relabel();
    this.events.relabel();
    this.render();
  }

  /** Length and beats. */
  facts() {
    const { duration_s: durationS, beats, n_beats: count } = this.reading.long;
    const counts = CLASSES.filter((name) => beats.counts[name] > 0).map((name) => `${name} ${beats.counts[name]}`);
    return [ltr(lengthText(durationS)), " · ", t("long.beats", { count }), " · ", ltr(counts.join(", "))];
  }

  /** What the letters mean that stand beside beats. */
  legend() {
    const { counts } = this.reading.long.beats;
    const letters = CLASSES.filter((name) => counts[name] > 0).map((name) => el("span", {}, el("b", { dir: "ltr" }, name), " ", t(`long.classes.${name}`)));
    return el("div", { class: "hint" }, el("p", { class: "long-letters" }, letters), el("p", {}, t("long.hint")));
  }

  renderHours() {
    if (!this.reading.long.hours.length) return null;
    const table = el("div", { class: "wide", tabindex: 0, role: "region", "aria-labelledby": "long-hours-heading" }, renderHours(this.reading, (startS) => this.jump(startS)));
    return el("details", { class: "long-more" }, el("summary", { id: "long-hours-heading" }, t("long.hours.heading")), table);
  }

  /** The classes from window to window, drawn when they are asked for. */
  renderClasses() {
    const { levels, timeline, duration_s: durationS } = this.reading;
    if (timeline.length < 2) return null;
    const thresholds = Object.fromEntries(Object.entries(Object.values(levels)[0]).map(([name, { threshold }]) => [name, threshold]));
    const place = el("div", { dir: "ltr" });
    const details = el("details", { class: "long-more" }, el("summary", {}, t("long.timeline")), place);
    details.addEventListener("toggle", () => place.childElementCount || place.append(renderTimeline(timeline, thresholds, durationS)), { once: true });
    return details;
  }

  // As the overview of the tracing.

  update(state) {
    this.overview.update(state);
    this.parts.need(state.startS, state.spanS);
    this.events.setTheme(state.theme);
  }

  // What a person does.

  jump(startS) {
    this.tracing.goTo(startS);
    this.reveal();
  }

  /** Show an episode in the middle of the tracing, or its beginning if it is longer than that. */
  show(index) {
    const { start_s: startS, end_s: endS, kind } = this.reading.long.episodes[index];
    const { spanS } = this.overview;
    this.tracing.goTo(Math.max(0, endS - startS < (1 - 2 * ONSET_SHARE) * spanS ? (startS + endS - spanS) / 2 : startS - ONSET_SHARE * spanS));
    this.events.mark(index);
    this.overview.choose(index);
    this.reveal();
    this.live.textContent = [kindName(kind, this.reading), timeText(startS, this.reading.long.duration_s), lengthText(endS - startS)].join(", ");
  }

  step(by) {
    this.events.step(by, this.overview.startS + this.overview.spanS / 2);
  }

  /** The tracing on the screen, if it is not there yet. */
  reveal() {
    this.tracing.sheet.scrollIntoView({ block: "nearest" });
  }

  /**
   * The quiet stretch, as a part to print, where the tracing stands at the beginning; null where
   * a person has gone elsewhere.
   */
  shownFirst() {
    const quiet = this.excerptAt(0);
    if (quiet === null || this.tracing.chosen.startS > 0) return null;
    const { startS, durationS } = quiet;
    const { waveform } = this.parts;
    return waveform.holds(startS, startS + durationS) ? { ...quiet, waveform, layout: waveform.leadNames.length > FEW_LEADS ? undefined : quiet.layout } : quiet;
  }

  /** The gravest episodes, as parts to print. */
  excerpts() {
    return (this.reading.long.excerpts ?? []).map((_, index) => this.excerptAt(index)).slice(1).filter((part) => part !== null);
  }

  excerptAt(index) {
    const [facts, signal] = [this.reading.long.excerpts?.[index], this.parts.waveform.excerpts[index]];
    if (!facts || !signal) return null;
    return { startS: facts.start_s, durationS: facts.duration_s, title: facts.title, waveform: this.parts.waveform.excerpt(index), layout: "12x1" };
  }

  /** What is printed of it. */
  toPrint() {
    return printLong(this.reading);
  }
}
