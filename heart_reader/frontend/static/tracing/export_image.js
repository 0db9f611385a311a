// The tracing on paper: an image with settings, model and notice, and the part of a printed page.

import { el } from "../dom.js";
import { t } from "../i18n.js";
import { allowedLayout, isRows, lowerSheet, ON_IMAGE, ON_PRINT, planSheet } from "./layout.js";
import { drawPaper, line, THEMES, write } from "./paper.js";
import { makeView } from "./sheet_canvas.js";
import { drawSeconds, drawTraces, RELEVANCE_MM } from "./trace.js";

const IMAGE_PX_PER_MM = 10;
const PRINT_PX_PER_MM = 12;
// What a cardiograph prints, whatever the screen shows.
const PRINTED = { layout: "3x4-rhythm", speed: 25 };
const LEAST_WIDTH_MM = 160;
const CALIPER = "#17405e";

/** One tracing on a canvas; `state` is the `imageState` of the view. */
function drawImage(state, pxPerMm) {
  const options = allowed(state.options, state.waveform);
  const widthMm = isRows(options.layout) && state.widthMm ? Math.max(LEAST_WIDTH_MM, state.widthMm) : undefined;
  const sheet = planSheet(options, state.waveform.leadNames, (name) => state.waveform.extent(name), ON_IMAGE, widthMm);
  const { canvas, pen, view } = drawSheet({ ...state, options }, sheet, pxPerMm);
  if (state.calipers) drawCalipers(pen, view, state);
  drawTexts(pen, view, state);
  return canvas;
}

const allowed = (options, { durationS }) => ({ ...options, layout: allowedLayout(options.layout, options.speed, durationS) });

function drawSheet(state, sheet, pxPerMm) {
  const canvas = el("canvas", { width: Math.round(sheet.width * pxPerMm), height: Math.round(sheet.height * pxPerMm) });
  const view = makeView({ ...state, sheet, scale: pxPerMm, devicePixelRatio: pxPerMm / 4, theme: "paper" });
  const pen = canvas.getContext("2d", { alpha: false });
  drawPaper(pen, view);
  drawTraces(pen, view);
  drawSeconds(pen, view);
  return { canvas, pen, view };
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
  const canvas = drawImage(state, IMAGE_PX_PER_MM);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error(t("tracing.image_failed")))), "image/png");
  });
}

/**
 * The tracing for the printer in true millimetres, at most `heightMm` high, in columns if it fills
 * them.
 */
export function renderPrinted(state, heightMm, layout = PRINTED.layout) {
  const options = allowed({ ...state.options, ...PRINTED, layout }, state.waveform);
  const whole = planSheet(options, state.waveform.leadNames, (name) => state.waveform.extent(name), ON_PRINT);
  const sheet = lowerSheet(whole, heightMm);
  const { canvas } = drawSheet({ ...state, options, stressed: null }, sheet, PRINT_PX_PER_MM);
  canvas.style.width = `${sheet.width}mm`;
  canvas.style.height = `${sheet.height}mm`;
  return canvas;
}
