// Calipers: two lines across time, two across amplitude, their differences, and the march-out.

import { el } from "../dom.js";
import { formatNumber, t } from "../i18n.js";

const STEP_S = 0.01;
const FINE_S = 0.002;
const LARGE_S = 0.2;
const STEP_MV = 0.05;
const FINE_MV = 0.01;
const LARGE_MV = 0.5;
const SPOKEN_AFTER_MS = 400;
const LEAST_MARCH_PX = 4;
const CLEAR_OF_VALUE_PX = 90;
const MOST_MARCHES = 200;

export class Calipers {
  active = false;
  marching = false;
  /** Seconds `a` and `b`, millivolts `c` and `d` above the baseline of `row`. */
  at = null;
  march = el("div", { class: "march", "aria-hidden": "true" });
  value = el("output", { class: "caliper-value", "aria-hidden": "true" });
  /** @type {Record<string, HTMLElement>} */
  lines = {};
  speaking = 0;

  /** `layer` lies over the canvas; `live` is a live region; `viewport` says where things are. */
  constructor(layer, live, viewport) {
    this.layer = layer;
    this.live = live;
    this.viewport = viewport;
    for (const name of ["a", "b", "c", "d", "pair"]) {
      const across = name === "c" || name === "d";
      const line = el("div", { class: `caliper caliper-${name === "pair" ? "pair" : across ? "level" : "moment"}`, role: "slider", tabindex: 0, "aria-orientation": across ? "vertical" : "horizontal" });
      line.addEventListener("keydown", (event) => this.press(event, name));
      this.listenForDrag(line, name);
      this.lines[name] = line;
    }
    const { a, b, pair, c, d } = this.lines;
    this.layer.replaceChildren(this.march, a, b, pair, c, d, this.value);
    this.layer.hidden = true;
  }

  toggle(active = !this.active) {
    this.active = active;
    this.layer.hidden = !active;
    if (active && this.at === null) this.reset();
    this.place();
    this.speak(active ? this.text() : t("tracing.calipers_off"));
  }

  toggleMarch(marching = !this.marching) {
    this.marching = marching;
    if (marching && !this.active) this.toggle(true);
    this.place();
  }

  /** Forget where the lines stood: another recording or another sheet. */
  forget() {
    this.at = null;
    if (this.active) this.reset();
  }

  /** One second and one millivolt in the middle of what is seen. */
  reset() {
    const { viewport } = this;
    const [left, right] = [viewport.timeAt(0.35 * viewport.width), viewport.timeAt(0.9 * viewport.width)];
    const row = Math.max(0, viewport.sheet.rows.findIndex(({ y }) => viewport.yAt(y) > CLEAR_OF_VALUE_PX));
    const a = Math.round(left * 10) / 10;
    this.at = { a, b: Math.min(a + 1, right), c: 0, d: 1, row };
  }

  /** Measure from one point to another, in pixels. */
  measure(from, to) {
    const { viewport } = this;
    const row = viewport.rowAt(from.y);
    this.at = { a: viewport.timeAt(from.x), b: viewport.timeAt(to.x), c: viewport.mvAt(from.y, row), d: viewport.mvAt(to.y, row), row };
    this.place();
  }

  /** `{ ms, perMinute, mv }` between the lines; no rate where they meet. */
  difference() {
    const { a, b, c, d } = this.at;
    const ms = Math.round(Math.abs(b - a) * 1000);
    return { ms, perMinute: ms > 0 ? 60000 / ms : null, mv: d - c };
  }

  text() {
    if (this.at === null) return "";
    const { ms, perMinute, mv } = this.difference();
    const rate = perMinute === null || perMinute > 999 ? "–" : formatNumber(perMinute);
    return t("tracing.caliper_value", { ms, rate, mv: formatNumber(mv, 2) });
  }

  place() {
    if (!this.active || this.at === null || !this.viewport.sheet) return;
    const { viewport, at, lines } = this;
    const [xa, xb] = [viewport.xAt(at.a), viewport.xAt(at.b)];
    lines.a.style.transform = `translateX(${xa}px)`;
    lines.b.style.transform = `translateX(${xb}px)`;
    at.row = Math.min(at.row, viewport.sheet.rows.length - 1);
    for (const name of ["c", "d"]) lines[name].style.transform = `translateY(${viewport.yOf(at[name], at.row)}px)`;
    lines.pair.style.transform = `translateX(${Math.min(xa, xb)}px)`;
    lines.pair.style.width = `${Math.abs(xb - xa)}px`;
    this.value.textContent = this.text();
    const half = this.value.offsetWidth / 2;
    const middle = Math.min(viewport.width - half - 4, Math.max(half + 4, (xa + xb) / 2));
    this.value.style.transform = `translateX(${middle - half}px)`;
    this.placeMarch();
    this.describe();
  }

  placeMarch() {
    const { viewport, at } = this;
    const step = Math.abs(viewport.xAt(at.b) - viewport.xAt(at.a));
    const lines = [];
    if (this.marching && step >= LEAST_MARCH_PX) {
      const from = viewport.xAt(Math.min(at.a, at.b));
      const first = Math.ceil((viewport.sheet.traceX - viewport.offset.x) * viewport.pxPerMm - from) / step;
      for (let count = Math.ceil(first); from + count * step <= viewport.width && lines.length < MOST_MARCHES; count += 1) {
        const line = el("i");
        line.style.transform = `translateX(${from + count * step}px)`;
        if (count !== 0 && count !== 1) lines.push(line);
      }
    }
    this.march.replaceChildren(...lines);
  }

  /** Where the lines are and what they say, for an image of the sheet. */
  drawn() {
    return this.active && this.at !== null ? { ...this.at, text: this.text(), marching: this.marching } : null;
  }

  describe() {
    const { at, lines } = this;
    const text = this.text();
    for (const name of ["a", "b"]) this.describeLine(lines[name], t(`tracing.caliper_${name}`), at[name], t("tracing.at_second", { s: formatNumber(at[name], 3) }), text);
    for (const name of ["c", "d"]) this.describeLine(lines[name], t(`tracing.caliper_${name}`), at[name], t("tracing.at_level", { mv: formatNumber(at[name], 2) }), text);
    this.describeLine(lines.pair, t("tracing.caliper_pair"), Math.min(at.a, at.b), "", text);
  }

  describeLine(line, label, now, place, text) {
    const most = Math.max(this.viewport.waveform.durationS, now);
    const attributes = { "aria-label": label, "aria-valuenow": now.toFixed(3), "aria-valuemin": Math.min(0, now).toFixed(3), "aria-valuemax": most.toFixed(3), "aria-valuetext": place ? `${place}. ${text}` : text };
    for (const [name, value] of Object.entries(attributes)) line.setAttribute(name, value);
  }

  move(name, dS, dMv) {
    const { at, viewport } = this;
    const kept = (value) => Math.min(viewport.waveform.durationS, Math.max(0, value));
    if (name === "pair") {
      const by = Math.min(viewport.waveform.durationS - Math.max(at.a, at.b), Math.max(-Math.min(at.a, at.b), dS));
      at.a += by;
      at.b += by;
    } else if (name === "c" || name === "d") at[name] = viewport.onSheet(at[name] + dMv, at.row);
    else at[name] = kept(at[name] + dS);
    this.place();
  }

  press(event, name) {
    const across = name === "c" || name === "d";
    const [less, more] = across ? ["ArrowDown", "ArrowUp"] : ["ArrowLeft", "ArrowRight"];
    const sign = { [less]: -1, [more]: 1, PageDown: -1, PageUp: 1 }[event.key];
    if (!sign || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const large = event.key.startsWith("Page");
    const seconds = large ? LARGE_S : event.shiftKey ? FINE_S : STEP_S;
    const millivolts = large ? LARGE_MV : event.shiftKey ? FINE_MV : STEP_MV;
    this.move(name, sign * seconds, sign * millivolts);
    this.speak(this.text());
  }

  listenForDrag(line, name) {
    let last = null;
    line.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.stopPropagation();
      last = { x: event.clientX, y: event.clientY };
      line.setPointerCapture(event.pointerId);
    });
    line.addEventListener("pointermove", (event) => {
      if (last === null) return;
      const { viewport } = this;
      const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
      last = { x: event.clientX, y: event.clientY };
      this.move(name, dx / viewport.pxPerMm / viewport.options.speed, -dy / viewport.pxPerMm / viewport.options.gain);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      line.addEventListener(end, () => {
        if (last !== null) this.speak(this.text());
        last = null;
      });
    }
  }

  /** Say it once the hand rests, not at every step. */
  speak(text) {
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => { this.live.textContent = text; }, SPOKEN_AFTER_MS);
  }
}
