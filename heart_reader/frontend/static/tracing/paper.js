// The paper of a tracing: grid, calibration pulses, lead names, marks between columns, and the
// texts of an image.

import { shownName } from "./leads.js";

export const THEMES = {
  paper: {
    ground: "#FFF4F4", thin: "#FFC0C0", thick: "#E0A0A0", trace: "#000000", behind: "#8f8488", text: "#1d2328", missing: "#5c5257",
    relevance: ["#f8c471", "#f39c35", "#ea6f3a", "#e0483a"],
  },
  dark: {
    ground: "#0b1014", thin: "#152a24", thick: "#224a3c", trace: "#00df80", behind: "#4b8f73", text: "#e3ebe7", missing: "#a9b7b1",
    relevance: ["#4a3572", "#633c95", "#7f42b0", "#9b45c4"],
  },
};
const FONT = '"Segoe UI", -apple-system, Roboto, "Helvetica Neue", Arial, "Noto Sans Arabic", sans-serif';
const LINE_MM = 0.3;
const GRID_MM = { thin: 0.14, thick: 0.2 };
const LEAST_TEXT_PX = 12;
const WEIGHTS = [400, 700];

/**
 * Width of a line on the paper in device pixels; near one pixel it is one, which is drawn much
 * faster.
 */
export function lineWidth(scale, mm = LINE_MM) {
  const width = mm * scale;
  return width < 1.4 ? 1 : width;
}

/** Height of a letter in millimetres: that of the paper, but never too small for the screen. */
export function textMm(sizeMm, pxPerMm) {
  return Math.max(sizeMm, LEAST_TEXT_PX / pxPerMm);
}

/**
 * Draw all that stays while time runs. A `view` says how a sheet lies on a canvas: `{ sheet, scale,
 * pxPerMm, offsetX, offsetY, colours, words }`,
 * scale in device pixels per millimetre, offsets in device pixels.
 */
export function drawPaper(pen, view) {
  const { sheet, colours, offsetX, offsetY } = view;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.fillStyle = colours.ground;
  pen.fillRect(0, 0, pen.canvas.width, pen.canvas.height);
  pen.translate(-offsetX, -offsetY);
  drawGrid(pen, view);
  for (const row of sheet.rows) {
    drawPulse(pen, sheet.pulse, row.y, view);
    if (row.strips.some((strip) => strip.x > sheet.traceX)) for (const x of sheet.marks) drawMark(pen, x, row.y, view);
    for (const strip of view.named(row.strips)) drawName(pen, strip, row, view);
  }
}

function drawGrid(pen, { sheet, scale, colours }) {
  const [right, bottom] = [Math.round(sheet.width * scale), Math.round(sheet.height * scale)];
  for (const { every, kind } of [{ every: 1, kind: "thin" }, { every: 5, kind: "thick" }]) {
    // A box of two pixels is a smear: the large ones are enough then.
    if (every * scale < 2.4) continue;
    const width = Math.max(1, Math.round(GRID_MM[kind] * scale));
    pen.fillStyle = colours[kind];
    // Whole device pixels: a grid line is a line, not a smear.
    for (let mm = 0; mm <= sheet.width; mm += every) pen.fillRect(Math.round(mm * scale), 0, width, bottom);
    for (let mm = 0; mm <= sheet.height; mm += every) pen.fillRect(0, Math.round(mm * scale), right, width);
  }
}

function drawPulse(pen, { x, lead, width, height }, y, view) {
  const tops = [[0, 0], [lead, 0], [lead, height], [lead + width, height], [lead + width, 0], [2 * lead + width, 0]];
  line(pen, tops.map(([right, up]) => [x + right, y - up]), view);
}

function drawMark(pen, x, y, view) {
  for (const end of [-1, 1]) line(pen, [[x, y + end * 2.5], [x, y + end * 6.5]], view);
}

function drawName(pen, strip, row, view) {
  const { sheet, colours, pxPerMm } = view;
  const size = sheet.room.label;
  const height = textMm(size, pxPerMm);
  // Above whatever this lead reaches, so that its name never lies on its trace.
  const [x, y] = sheet.labelX === null ? [strip.x + 1.8, row.y - Math.max(strip.up, 1) - 1.2] : [sheet.labelX, row.y + 0.35 * height];
  const most = sheet.labelX === null ? Infinity : sheet.pulse.x - sheet.labelX;
  write(pen, shownName(strip.name), x, y, view, { size, weight: 700, most });
  if (!view.recorded(strip.lead)) write(pen, view.words.missing, strip.x + 3, row.y + 1, view, { size: 2.9, colour: colours.missing });
}

/** Stroke a line through points in millimetres. */
export function line(pen, points, { scale, colours }, { colour = colours.trace, mm = LINE_MM } = {}) {
  pen.beginPath();
  const half = lineWidth(scale, mm) <= 1 ? 0.5 : 0;
  for (const [x, y] of points) pen.lineTo(Math.round(x * scale) + half, Math.round(y * scale) + half);
  pen.lineWidth = lineWidth(scale, mm);
  pen.strokeStyle = colour;
  pen.stroke();
}

/** Load what writing needs, by writing once. */
export function loadFonts(pen) {
  const view = { scale: 1, pxPerMm: 1, colours: THEMES.paper };
  for (const weight of WEIGHTS) write(pen, "aVR 1.0", 0, 0, view, { size: LEAST_TEXT_PX, weight });
}

/** Write at a point in millimetres, with a rim of paper that keeps the grid out of the letters. */
export function write(pen, text, x, y, { scale, pxPerMm, colours }, { size, weight = 400, colour = colours.text, align = "left", most = Infinity }) {
  const height = textMm(size, pxPerMm) * scale;
  pen.font = `${weight} ${height}px ${FONT}`;
  pen.textAlign = align;
  pen.direction = "ltr";
  const limit = Number.isFinite(most) ? [most * scale] : [];
  pen.lineWidth = 0.28 * height;
  pen.lineJoin = "round";
  pen.strokeStyle = colours.ground;
  pen.strokeText(text, x * scale, y * scale, ...limit);
  pen.fillStyle = colour;
  pen.fillText(text, x * scale, y * scale, ...limit);
}
