// What happened in a long recording: the longest and fastest first, then each kind with its count.

import { button, el, ltr } from "../dom.js";
import { t } from "../i18n.js";
import { kindTile } from "./palette.js";
import { lengthText, rateText, timeText } from "./time.js";
import { kindName, kindsOf } from "./words.js";

const MOST_AT_ONCE = 200;
const UNFOLDED = 8;
const SWATCH = { width: 20, height: 11 };
const lengthOf = ({ start_s: startS, end_s: endS }) => endS - startS;
const ORDERS = {
  time: (a, b) => a.start_s - b.start_s,
  length: (a, b) => lengthOf(b) - lengthOf(a),
  rate: (a, b) => (b.bpm ?? -1) - (a.bpm ?? -1),
};

export class EventList {
  order = "time";
  chosen = null;
  theme = "paper";
  /** Groups that a person opened or closed. */
  folded = new Map();

  /** `choose(index)` is called with the episode that a person chose. */
  constructor(reading, choose) {
    this.reading = reading;
    this.long = reading.long;
    this.choose = choose;
    this.element = el("section", { class: "long-events", "aria-labelledby": "long-events-heading" });
    this.inTime = this.long.episodes.map((_, index) => index).sort((a, b) => ORDERS.time(this.long.episodes[a], this.long.episodes[b]));
    this.element.addEventListener("keydown", (event) => this.press(event));
    this.relabel();
  }

  relabel() {
    const count = this.long.episodes.length;
    const heading = el("h3", { id: "long-events-heading" }, t("long.events"), " ", el("span", { class: "count" }, ltr(`(${count})`)));
    if (!count) return void this.element.replaceChildren(el("div", { class: "part-head" }, heading), el("p", { class: "hint" }, t("long.no_events")));
    const select = el("select", { id: "long-order", class: "quiet", "aria-label": t("long.order") }, Object.keys(ORDERS).map((name) => el("option", { value: name }, t(`long.orders.${name}`))));
    select.value = this.order;
    select.addEventListener("change", () => {
      this.order = select.value;
      this.list();
    });
    this.groups = el("div", { class: "long-groups" });
    const step = (key, by, sign) => button({ class: "button tool", "data-step": key, "aria-label": t(`long.${key}`), title: t(`long.${key}`) }, () => this.step(by), sign);
    this.element.replaceChildren(
      el("div", { class: "part-head" }, heading, el("div", { class: "long-order" }, select, el("div", { class: "tool-group" }, step("previous", -1, "‹"), step("next", 1, "›")))),
      this.groups,
    );
    this.list();
  }

  list() {
    this.groups.replaceChildren(...[this.renderFirsts(), ...kindsOf(this.long).map((kind) => this.renderGroup(kind))].filter(Boolean));
    this.mark(this.chosen);
  }

  /** The longest fibrillation, the longest pause, the fastest run. */
  renderFirsts() {
    const named = Object.entries(this.long.longest ?? {}).filter(([, index]) => index !== null && index !== undefined);
    if (!named.length) return null;
    const items = named.map(([name, index]) => this.renderItem(index, name === "fastest_run" ? t("long.fastest_run") : t("long.longest", { kind: kindName(name, this.reading) })));
    return el("ol", { class: "long-firsts", "aria-label": t("long.first") }, items);
  }

  renderGroup(kind) {
    const { episodes } = this.long;
    const indices = this.inTime.filter((index) => episodes[index].kind === kind);
    if (this.order !== "time") indices.sort((a, b) => ORDERS[this.order](episodes[a], episodes[b]));
    const items = el("ol");
    const show = () => {
      const from = items.childElementCount;
      items.append(...indices.slice(from, from + MOST_AT_ONCE).map((index) => this.renderItem(index)));
      further.hidden = items.childElementCount >= indices.length;
      this.mark(this.chosen);
    };
    const further = button({ class: "button small", hidden: true }, show, t("long.further"));
    const open = this.folded.get(kind) ?? indices.length <= UNFOLDED;
    const details = el("details", { open, "data-kind": kind }, el("summary", {}, this.swatch(kind), kindName(kind, this.reading), " ", el("span", { class: "count" }, ltr(`(${indices.length})`))), items, further);
    details.addEventListener("toggle", () => {
      this.folded.set(kind, details.open);
      if (details.open && !items.childElementCount) show();
    });
    if (open) show();
    return details;
  }

  swatch(kind) {
    const ratio = window.devicePixelRatio || 1;
    const canvas = el("canvas", { class: "long-swatch", "aria-hidden": "true", width: Math.round(SWATCH.width * ratio), height: Math.round(SWATCH.height * ratio) });
    const pen = canvas.getContext("2d");
    pen.fillStyle = pen.createPattern(kindTile(kind, this.theme, ratio), "repeat");
    pen.fillRect(0, 0, canvas.width, canvas.height);
    return canvas;
  }

  /** One episode; `name` where it stands outside of its group. */
  renderItem(index, name = null) {
    return el(
      "li",
      {},
      button({ class: "long-event", "data-episode": index }, () => this.choose(index), name === null ? null : el("span", { class: "long-event-name" }, name), ...episodeFacts(this.long.episodes[index], this.long)),
    );
  }

  setTheme(theme) {
    if (theme === this.theme) return;
    this.theme = theme;
    if (this.groups) this.list();
  }

  /** Mark the episode of this index and make it the one that the keyboard comes to. */
  mark(index) {
    this.chosen = index;
    for (const list of this.element.querySelectorAll("ol")) {
      const items = [...list.querySelectorAll("button")];
      const current = items.find((item) => Number(item.dataset.episode) === index) ?? items[0];
      for (const item of items) {
        item.tabIndex = item === current ? 0 : -1;
        if (Number(item.dataset.episode) === index) item.setAttribute("aria-current", "true");
        else item.removeAttribute("aria-current");
      }
    }
    // Within the list only: the page stays where it is.
    const shown = this.element.querySelector("details [aria-current]");
    if (shown && this.groups.scrollHeight > this.groups.clientHeight) {
      const [box, own] = [this.groups.getBoundingClientRect(), shown.getBoundingClientRect()];
      if (own.top < box.top || own.bottom > box.bottom) this.groups.scrollTop += own.top - box.top - box.height / 3;
    }
  }

  /** The next or the previous episode in time, counted from the chosen one or from `timeS`. */
  step(by, timeS = null) {
    const { episodes } = this.long;
    if (!episodes.length) return;
    const place = this.inTime.indexOf(this.chosen);
    const after = timeS === null ? 0 : this.inTime.filter((index) => episodes[index].start_s < timeS).length;
    const next = place >= 0 ? place + by : by > 0 ? after : after - 1;
    this.choose(this.inTime[(next + this.inTime.length) % this.inTime.length]);
  }

  /** Arrow keys move through a list, which is one stop of the Tab key. */
  press(event) {
    const item = event.target.closest?.(".long-event");
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const items = [...item.closest("ol").querySelectorAll("button")];
    const at = items.indexOf(item);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    items[Math.min(items.length - 1, Math.max(0, to))].focus();
  }
}

/** Time, length and rate of an episode, each an element. */
export function episodeFacts(episode, { duration_s: durationS }) {
  const facts = [timeText(episode.start_s, durationS), lengthText(lengthOf(episode)), episode.bpm === null || episode.bpm === undefined ? "" : rateText(episode.bpm)];
  return facts.map((text) => ltr(text));
}
