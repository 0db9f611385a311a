// The tracing on its own: an image, and pages for the printer. Always on paper, always with its settings, its model and the notice.

import { el } from "../dom.js";
import { t } from "../i18n.js";
import { allowedLayout, isRows, ON_IMAGE, planSheet, splitSheet } from "./layout.js";
import { drawPaper, line, THEMES, write } from "./paper.js";
import { makeView } from "./sheet_canvas.js";
import { drawSeconds, drawTraces, RELEVANCE_MM } from "./trace.js";

const IMAGE_PX_PER_MM = 10;
const PRINT_PX_PER_MM = 8;
// A4 landscape less its margins and the line at its foot.
const PRINT_HEIGHT_MM = 176;
const LEAST_WIDTH_MM = 160;
const CALIPER = "#17405e";

/** Canvases of one tracing: `state` holds `{ waveform, options, startS, reason, stressed, words, title, setting, model, calipers, widthMm }`. */
function drawPages(state, pxPerMm, heightMm = Infinity) {
  const { waveform, startS } = state;
  const options = { ...state.options, layout: allowedLayout(state.options.layout, state.options.speed, waveform.durationS) };
  const widthMm = isRows(options.layout) && state.widthMm ? Math.max(LEAST_WIDTH_MM, state.widthMm) : undefined;
  const whole = planSheet(options, waveform.leadNames, (name) => waveform.extent(name), ON_IMAGE, widthMm);
  return splitSheet(whole, heightMm).map((sheet) => {
    const canvas = el("canvas", { width: Math.round(sheet.width * pxPerMm), height: Math.round(sheet.height * pxPerMm) });
    const view = makeView({ ...state, sheet, options, startS, scale: pxPerMm, devicePixelRatio: pxPerMm / 4, theme: "paper" });
    const pen = canvas.getContext("2d", { alpha: false });
    drawPaper(pen, view);
    drawTraces(pen, view);
    drawSeconds(pen, view);
    if (state.calipers) drawCalipers(pen, view, state);
    drawTexts(pen, view, state);
    return { canvas, sheet };
  });
}

function drawTexts(pen, view, { title, setting, model, reason }) {
  const { sheet } = view;
  const most = sheet.width - 10;
  write(pen, title, 5, 6.5, view, { size: 3.2, weight: 600, most });
  const foot = sheet.height;
  if (reason) drawLegend(pen, view, reason, foot - 15);
  write(pen, setting, 5, foot - 11, view, { size: 3, most });
  write(pen, model, 5, foot - 6.8, view, { size: 3, most });
  write(pen, t("notice"), 5, foot - 2.6, view, { size: 3, weight: 700, most });
}

function drawLegend(pen, view, reason, y) {
  THEMES.paper.relevance.forEach((colour, index) => {
    line(pen, [[5 + 7 * index, y - 1], [11 + 7 * index, y - 1]], view, { colour, mm: RELEVANCE_MM[index] });
  });
  write(pen, t("tracing.reason_legend", { finding: reason.finding }), 35, y, view, { size: 3, most: view.sheet.width - 40 });
}

function drawCalipers(pen, view, { calipers, startS }) {
  const { sheet, speed } = view;
  const [top, bottom] = [sheet.room.head - 2, sheet.height - sheet.room.foot];
  const xAt = (timeS) => sheet.traceX + (timeS - startS) * speed;
  const inside = (x) => x >= sheet.traceX && x <= sheet.width;
  const across = (x, mm) => inside(x) && line(pen, [[x, top], [x, bottom]], view, { colour: CALIPER, mm });
  const [first, second] = [xAt(Math.min(calipers.a, calipers.b)), xAt(Math.max(calipers.a, calipers.b))];
  for (const x of [first, second]) across(x, 0.4);
  const step = second - first;
  const start = first - Math.floor((first - sheet.traceX) / step) * step;
  if (calipers.marching && step > 1) for (let x = start; x < sheet.width; x += step) across(x, 0.15);
  for (const mv of [calipers.c, calipers.d]) {
    const y = sheet.rows[calipers.row].y - mv * view.gain;
    line(pen, [[sheet.traceX, y], [sheet.width - 5, y]], view, { colour: CALIPER, mm: 0.4 });
  }
  write(pen, calipers.text, Math.max(sheet.traceX, first) + 1, top + 1.5, view, { size: 3, weight: 700, colour: CALIPER });
}

/** One PNG of the tracing, as a Blob. */
export function renderPng(state) {
  const [{ canvas }] = drawPages(state, IMAGE_PX_PER_MM);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error(t("tracing.image_failed")))), "image/png");
  });
}

/** Pages for the printer, in millimetres of the paper, as elements. */
export function renderPrintPages(state) {
  const pages = drawPages({ ...state, calipers: null, widthMm: null }, PRINT_PX_PER_MM, PRINT_HEIGHT_MM);
  return pages.map(({ canvas, sheet }) => {
    canvas.style.width = `${sheet.width}mm`;
    canvas.style.height = `${sheet.height}mm`;
    return el("div", { class: "tracing-page" }, canvas);
  });
}
