// A long recording on paper: its sentences, the overview of the whole, the first events, the hours.

import { el, ltr } from "../dom.js";
import { t } from "../i18n.js";
import { capital, said } from "../messages.js";
import { drawLong, planStrips } from "./draw.js";
import { episodeFacts } from "./events.js";
import { renderHours } from "./hours.js";
import { stripName } from "./overview.js";
import { kindName, kindsOf } from "./words.js";

const WIDTH_PX = 1000;
const RATIO = 3;
const MOST_OF_A_KIND = 6;
const MOST_EVENTS = 18;

/** Elements for a printed page. */
export function printLong(reading) {
  const { long, messages } = reading;
  return [
    el("ul", { class: "printed-sentences" }, long.summary.map((sentence) => said("li", {}, sentence, messages, capital))),
    renderStrips(reading),
    el("div", { class: "printed-long-columns" }, renderFirst(reading), long.hours.length ? renderHours(reading) : null),
  ];
}

function renderStrips(reading) {
  const { long } = reading;
  const plan = planStrips(long, true);
  const canvas = el("canvas", { width: WIDTH_PX * RATIO, height: Math.round(plan.height * RATIO) });
  drawLong(canvas.getContext("2d", { alpha: false, willReadFrequently: true }), long, plan, { width: WIDTH_PX, ratio: RATIO, theme: "paper", fromS: 0, toS: long.duration_s, chosen: null });
  const names = plan.strips.map(({ name, top, height }) => {
    const label = el("span", { dir: "auto" }, stripName(name, reading));
    label.style.top = `${(100 * (top + height / 2)) / plan.height}%`;
    return label;
  });
  return el("div", { class: "printed-strips", dir: "ltr" }, el("div", {}, names), canvas);
}

/** The longest of each kind, in the order of the kinds. */
function renderFirst(reading) {
  const { long } = reading;
  const length = (one) => one.end_s - one.start_s;
  const shown = kindsOf(long).flatMap((kind) => long.episodes.filter((one) => one.kind === kind).sort((a, b) => length(b) - length(a)).slice(0, MOST_OF_A_KIND)).slice(0, MOST_EVENTS);
  if (!shown.length) return null;
  const row = (episode) => el("tr", {}, el("th", { scope: "row" }, kindName(episode.kind, reading)), episodeFacts(episode, long).map((fact) => el("td", { class: "number" }, fact)));
  const heading = [t("long.events"), " ", ltr(`(${shown.length} / ${long.episodes.length})`)];
  return el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col", colspan: 4 }, heading))), el("tbody", {}, shown.map(row)));
}
