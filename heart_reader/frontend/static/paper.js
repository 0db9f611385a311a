// Drawing a planned sheet on a canvas.

import { CALIBRATION, MM_PER_MV, MM_PER_S } from "./layout.js";

const COLOURS = { paper: "#FFF4F4", thin: "#FFC0C0", thick: "#E0A0A0", trace: "#000000", text: "#1d2328", missing: "#5c5257" };
const NOTICE = "Research use only. Not a medical device. Do not use for diagnosis or treatment.";
const FONT = '"Segoe UI", -apple-system, Roboto, "Helvetica Neue", Arial, sans-serif';
// A rate below this cannot carry the 150 Hz of a diagnostic recording.
const DIAGNOSTIC_FS = 300;
const TRACE_MM = 0.3;

/** What a person must know to measure on the sheet. */
export function settingText(fs) {
  const reduced = fs < DIAGNOSTIC_FS ? `  ·  reduced bandwidth (up to ${formatNumber(fs / 2)} Hz)` : "";
  return `${MM_PER_S} mm/s  ${MM_PER_MV} mm/mV  ·  display filter off${reduced}`;
}

/** Draw `sheet` from second `startS` of `waveform` on. */
export function drawPaper(canvas, sheet, waveform, { startS, pxPerMm, devicePixelRatio, title }) {
  const scale = pxPerMm * devicePixelRatio;
  canvas.width = Math.round(sheet.width * scale);
  canvas.height = Math.round(sheet.height * scale);
  canvas.style.width = `${canvas.width / devicePixelRatio}px`;
  canvas.style.height = `${canvas.height / devicePixelRatio}px`;
  const pen = canvas.getContext("2d", { alpha: false });
  drawGrid(pen, sheet, scale, devicePixelRatio);
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.lineJoin = "round";
  for (const row of sheet.rows) {
    drawCalibration(pen, row.y);
    drawMarks(pen, row);
    for (const strip of row.strips) drawStrip(pen, row, strip, waveform, startS, pxPerMm);
  }
  drawTexts(pen, sheet, pxPerMm, title, settingText(waveform.fs));
}

function drawGrid(pen, sheet, scale, devicePixelRatio) {
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.fillStyle = COLOURS.paper;
  pen.fillRect(0, 0, pen.canvas.width, pen.canvas.height);
  const thin = Math.max(1, Math.round(0.8 * devicePixelRatio));
  // Whole device pixels: a grid line is a line, not a smear.
  for (const [every, colour] of [[1, COLOURS.thin], [5, COLOURS.thick]]) {
    pen.fillStyle = colour;
    for (let mm = 0; mm <= sheet.width; mm += every) pen.fillRect(Math.round(mm * scale), 0, thin, pen.canvas.height);
    for (let mm = 0; mm <= sheet.height; mm += every) pen.fillRect(0, Math.round(mm * scale), pen.canvas.width, thin);
  }
}

function drawCalibration(pen, y) {
  const { x, lead, width, height } = CALIBRATION;
  stroke(pen, [[x, y], [x + lead, y], [x + lead, y - height], [x + lead + width, y - height], [x + lead + width, y], [x + 2 * lead + width, y]]);
}

function drawMarks(pen, row) {
  for (const x of row.marks) {
    for (const end of [-1, 1]) stroke(pen, [[x, row.y + end * 3], [x, row.y + end * 7]]);
  }
}

function drawStrip(pen, row, strip, waveform, startS, pxPerMm) {
  if (waveform.has(strip.lead)) drawTrace(pen, row.y, strip, waveform, startS);
  else write(pen, "not recorded", strip.x + 12, row.labelY, pxPerMm, { size: 2.9, colour: COLOURS.missing });
  write(pen, strip.lead, strip.x + 1, row.labelY, pxPerMm, { size: 3.3, weight: 700, halo: true });
}

function drawTrace(pen, y, strip, waveform, startS) {
  const values = waveform.lead(strip.lead);
  const { fs } = waveform;
  const page = values.subarray(Math.floor(startS * fs), Math.ceil((startS + 10) * fs) + 1);
  // The trace is placed on its median. That moves it as a whole and filters nothing.
  const rest = median(page);
  const first = Math.max(0, Math.ceil((startS + strip.startS) * fs));
  const last = Math.min(values.length - 1, Math.floor((startS + strip.startS + strip.durationS) * fs));
  pen.beginPath();
  for (let index = first; index <= last; index += 1) {
    const x = strip.x + (index / fs - startS - strip.startS) * MM_PER_S;
    pen.lineTo(x, y - ((values[index] - rest) / 1000) * MM_PER_MV);
  }
  pen.lineWidth = TRACE_MM;
  pen.strokeStyle = COLOURS.trace;
  pen.stroke();
}

function stroke(pen, points) {
  pen.beginPath();
  for (const [x, y] of points) pen.lineTo(x, y);
  pen.lineWidth = TRACE_MM;
  pen.strokeStyle = COLOURS.trace;
  pen.stroke();
}

function drawTexts(pen, sheet, pxPerMm, title, setting) {
  const absent = sheet.unplaced.length ? `  ·  ${sheet.unplaced.join(", ")} not recorded` : "";
  write(pen, title + absent, 5, 6.2, pxPerMm, { size: 3, weight: 600, halo: true });
  write(pen, setting, 5, sheet.height - 7, pxPerMm, { size: 3, halo: true });
  write(pen, NOTICE, 5, sheet.height - 2.4, pxPerMm, { size: 3, halo: true });
}

function write(pen, text, x, y, pxPerMm, { size, weight = 400, colour = COLOURS.text, halo = false }) {
  // Never below 10 px on screen, whatever the scale of the paper.
  const height = Math.max(size, 10 / pxPerMm);
  pen.font = `${weight} ${height}px ${FONT}`;
  pen.textBaseline = "alphabetic";
  if (halo) {
    pen.lineWidth = 0.9;
    pen.strokeStyle = COLOURS.paper;
    pen.strokeText(text, x, y);
  }
  pen.fillStyle = colour;
  pen.fillText(text, x, y);
}

function median(values) {
  const sorted = Int16Array.from(values).sort();
  return sorted.length ? sorted[sorted.length >> 1] : 0;
}

function formatNumber(value) {
  return Number(value.toFixed(2)).toString();
}
