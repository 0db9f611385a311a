// The controls above the sheet.

import { el } from "../dom.js";
import { t } from "../i18n.js";
import { filterFits } from "./filters.js";
import { allowedLayout, columnsFit, columnsNeedS, isRows } from "./layout.js";
import { chooseRhythm } from "./leads.js";
import { FILTERS, GAINS, GROUPS, LAYOUTS, SPEEDS, ZOOM } from "./options.js";

const CHOICES = { layout: LAYOUTS, group: GROUPS, rhythmLead: [], speed: SPEEDS, gain: GAINS, filter: FILTERS };
const UNITS = { speed: "mm/s", gain: "mm/mV" };
const NUMERIC = new Set(["speed", "gain"]);

const leftToRight = (text) => `\u2066${text}\u2069`;

/** Words of one value of one option. */
export function wordsOf(option, value) {
  if (option in UNITS) return leftToRight(`${value} ${UNITS[option]}`);
  return option === "rhythmLead" ? t("tracing.rhythm_lead", { lead: value }) : t(`tracing.${option}.${value}`);
}

export class Toolbar {
  /** `prefix` keeps the ids of two tracings on one page apart. */
  constructor(prefix, view) {
    this.view = view;
    this.selects = {};
    for (const option of Object.keys(CHOICES)) this.selects[option] = this.select(prefix, option);
    this.buttons = {
      zoomOut: this.button("zoom_out", "−", () => view.zoomBy(1 / ZOOM.step)),
      fit: this.button("fit", null, () => view.change({ zoom: "fit" })),
      trueSize: this.button("true_size", "1:1", () => view.change({ zoom: 1 })),
      zoomIn: this.button("zoom_in", "+", () => view.zoomBy(ZOOM.step)),
      calipers: this.button("calipers", null, () => view.toggleCalipers()),
      march: this.button("march", null, () => view.toggleMarch()),
      ruler: this.button("ruler", null, () => view.openRuler()),
      image: this.button("image", null, () => view.saveImage()),
    };
    const { zoomOut, fit, trueSize, zoomIn, calipers, march, ruler, image } = this.buttons;
    const group = (...children) => el("div", { class: "tool-group" }, ...children);
    this.element = el(
      "div",
      { class: "tracing-tools", role: "group", "aria-label": t("tracing.tools"), "data-i18n-aria-label": "tracing.tools" },
      Object.values(this.selects).map(({ field }) => field),
      el("div", { class: "tool-buttons" }, group(zoomOut, fit, trueSize, zoomIn), group(calipers, march), group(ruler, image)),
    );
  }

  select(prefix, option) {
    const id = `${prefix}-${option}`;
    const label = `tracing.${option}_label`;
    const input = el("select", { id, "data-option": option, title: t(label), "data-i18n-title": label });
    input.addEventListener("change", () => this.view.change({ [option]: NUMERIC.has(option) ? Number(input.value) : input.value }));
    const field = el("div", { class: "tool-field" }, el("label", { for: id, class: "visually-hidden", "data-i18n": label }, t(label)), input);
    return { input, field };
  }

  button(name, sign, act) {
    const key = `tracing.${name}`;
    const attributes = sign === null ? { "data-i18n": key } : { "data-i18n-aria-label": key, "aria-label": t(key), title: t(key), "data-i18n-title": key };
    const button = el("button", { type: "button", class: "button tool", "data-tool": name, ...attributes }, sign ?? t(key));
    button.addEventListener("click", act);
    return button;
  }

  /** Offer what this recording allows and show what is chosen; a pan changes nothing here. */
  update({ options, waveform, active, marching, words }) {
    const { startS, ...kept } = options;
    const state = [waveform, words, active, marching, ...Object.values(kept)];
    if (this.shown?.every((value, index) => value === state[index])) return;
    this.shown = state;
    const { durationS, fs, leadNames } = waveform;
    const offers = { ...CHOICES, rhythmLead: leadNames };
    const allowed = {
      layout: (value) => isRows(value) || columnsFit(options.speed, durationS),
      filter: (value) => filterFits(value, fs),
    };
    for (const [option, values] of Object.entries(offers)) fill(this.selects[option].input, option, values, options[option], allowed[option] ?? null);
    const { layout, filter, rhythmLead } = this.selects;
    rhythmLead.input.value = chooseRhythm(options.rhythmLead, leadNames);
    layout.input.value = allowedLayout(options.layout, options.speed, durationS);
    if (!filterFits(options.filter, fs)) filter.input.value = "off";
    layout.input.title = columnsFit(options.speed, durationS) ? t("tracing.layout_label") : t("tracing.columns_need", { s: columnsNeedS(options.speed) });
    for (const [button, pressed] of [["calipers", active], ["march", marching], ["fit", options.zoom === "fit"], ["trueSize", options.zoom === 1]]) {
      this.buttons[button].setAttribute("aria-pressed", String(pressed));
    }
  }
}

function fill(select, option, values, chosen, allowed = null) {
  const words = values.map((value) => [String(value), wordsOf(option, value), allowed !== null && !allowed(value)]);
  const key = JSON.stringify(words);
  if (select.dataset.offers !== key) {
    select.replaceChildren(...words.map(([value, text, disabled]) => el("option", { value, disabled }, text)));
    select.dataset.offers = key;
  }
  select.value = String(chosen);
}
