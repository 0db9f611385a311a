// Where everything stands on the paper, in millimetres.
//
// A sheet is rows of strips; a strip is one lead over one part of time. Time runs evenly from the
// left edge of the traces to the right, through every column, so that x gives the second in each
// layout.

import { chooseRhythm, orderLeads, recordedName, STANDARD_LEADS } from "./leads.js";

// Margin before the pulse of a row for the name of its lead, in heights of the letters.
const LABEL_WIDTHS = 2.5;
const PULSE = { lead: 2.5, durationS: 0.2 };
const PAGE_MM = 250;
// Rows of these layouts; the leads fill one column after the other.
const ROWS_PER_COLUMN = { "3x4-rhythm": 3, "3x4": 3, "6x2": 6 };
// Below this part of a page the last column would be empty or a sliver.
const LEAST_PART_OF_PAGE = 0.85;
// Closest that rows may come, and how far a row may grow towards its neighbours.
const ROOM = { columns: { up: 12, down: 7, most: 32 }, rows: { up: 8, down: 5, most: 32 } };
const GAP = 1.5;
// Room around the rows, and height of the lead names. An image also carries title, settings and
// notice.
export const ON_SCREEN = { head: 3, foot: 6, label: 3.6, margin: 5 };
export const ON_IMAGE = { head: 12, foot: 24, label: 3.6, margin: 5 };
// Both A4 and Letter take ten seconds in true millimetres, with narrow margins.
export const ON_PRINT = { head: 1, foot: 5, label: 3.2, margin: 3 };

/** Seconds of a whole page. */
export const pageSeconds = (speed) => PAGE_MM / speed;

/** Millimetres of a whole page, margins and pulse included: what "fit" fits. */
export function pageWidthMm(layout, speed, room) {
  return traceX(isRows(layout), speed, room) + PAGE_MM + room.margin;
}

/** Layouts without columns go on to the right as far as there is screen. */
export const isRows = (layout) => !(layout in ROWS_PER_COLUMN);

/** The layout that a recording allows: columns of a short one would be empty. */
export function allowedLayout(layout, speed, durationS) {
  return isRows(layout) || columnsFit(speed, durationS) ? layout : "12x1";
}

export const columnsFit = (speed, durationS) => durationS >= LEAST_PART_OF_PAGE * pageSeconds(speed);

/** Shortest recording for columns, in seconds. */
export const columnsNeedS = (speed) => LEAST_PART_OF_PAGE * pageSeconds(speed);

/**
 * Plan a sheet.
 *
 * `options` are those of the tracing, `extentOf(name)` the reach of a lead in microvolts, `room`
 * what surrounds the rows, `widthMm` the width there
 * is for layouts without columns.
 */
export function planSheet(options, recorded, extentOf, room = ON_SCREEN, widthMm = pageWidthMm(options.layout, options.speed, room)) {
  const { layout, speed, gain } = options;
  const rows = isRows(layout);
  const x = traceX(rows, speed, room);
  const width = rows ? widthMm : pageWidthMm(layout, speed, room);
  const frame = { x, width: width - x - room.margin, speed };
  const { strips, leads, marks } = rows ? planRows(options, recorded, frame) : planColumns(options, recorded, frame);
  const reach = (one) => reachMm(one, gain, recorded, extentOf);
  const placed = placeRows(strips.map((row) => row.map(reach)), gain, layout === "12x1" ? ROOM.rows : ROOM.columns, room.head, rows ? 0 : room.label);
  const present = new Set(leads.map(recordedName));
  return {
    width,
    height: placed.bottom + room.foot,
    room,
    traceX: x,
    traceWidth: frame.width,
    rows: placed.rows,
    marks,
    pulse: { x: x - 2 * PULSE.lead - PULSE.durationS * speed, lead: PULSE.lead, width: PULSE.durationS * speed, height: gain },
    labelX: rows ? room.margin - 2 : null,
    unplaced: options.group === "standard" && layout !== "single" ? STANDARD_LEADS.filter((name) => !present.has(name)) : [],
  };
}

/** Millimetres from the left edge of a sheet to the first sample. */
export function traceX(rows, speed, { label, margin }) {
  return (rows ? margin - 2 + LABEL_WIDTHS * label : margin) + 2 * PULSE.lead + PULSE.durationS * speed;
}

function planRows(options, recorded, { x, width, speed }) {
  const leads = options.layout === "single" ? [chooseRhythm(options.rhythmLead, recorded)] : orderLeads(options.group, recorded);
  const strips = leads.map((lead) => strip(lead, 0, width / speed, x));
  return { leads, marks: [], strips: options.layout === "overlay" ? [strips] : strips.map((one) => [one]) };
}

function planColumns(options, recorded, { x, width, speed }) {
  const leads = orderLeads(options.group, recorded);
  const perColumn = ROWS_PER_COLUMN[options.layout];
  const columns = Math.ceil(leads.length / perColumn);
  const columnMm = width / columns;
  const strips = Array.from({ length: Math.min(perColumn, leads.length) }, () => []);
  leads.forEach((lead, index) => {
    const column = Math.floor(index / perColumn);
    strips[index % perColumn].push(strip(lead, (column * columnMm) / speed, columnMm / speed, x + column * columnMm));
  });
  if (options.layout === "3x4-rhythm") strips.push([strip(chooseRhythm(options.rhythmLead, recorded), 0, width / speed, x)]);
  const marks = Array.from({ length: columns - 1 }, (_, index) => x + (index + 1) * columnMm);
  return { leads, marks, strips };
}

function strip(name, startS, durationS, x) {
  return { name, lead: recordedName(name), sign: name.startsWith("-") ? -1 : 1, startS, durationS, x };
}

/**
 * Give each row the room that its own leads and their names take, in whole millimetres. Two rows
 * stand as far apart as the deepest trace of one
 * and the tallest below it in the same column ask for: what lies beside each other needs no room
 * between.
 */
function placeRows(rows, gain, least, head, label) {
  const upOf = (one) => Math.min(least.most, Math.max(least.up, one.up + label) + GAP);
  const downOf = (one) => Math.min(least.most, Math.max(least.down, one.down) + GAP);
  const sharesTime = (one, other) => one.startS < other.startS + other.durationS - 1e-9 && other.startS < one.startS + one.durationS - 1e-9;
  const placed = [];
  for (const strips of rows) {
    const [up, down] = [Math.max(gain + GAP, ...strips.map(upOf)), Math.max(...strips.map(downOf))];
    const above = placed.at(-1);
    const between = above && Math.max(gain + GAP + least.down, ...strips.flatMap((one) => above.strips.filter((other) => sharesTime(one, other)).map((other) => downOf(other) + upOf(one))));
    const y = Math.ceil(above ? above.y + between : head + up);
    // The band of a row begins where that of the one above ends, in proportion to what both reach.
    const top = above ? above.y + Math.round(((y - above.y) * above.down) / (above.down + up)) : head;
    if (above) above.bottom = top;
    placed.push({ top, y, bottom: y + Math.ceil(down), down, strips });
  }
  return { rows: placed, bottom: placed.at(-1).bottom };
}

/** A strip with how far its trace goes above and below the baseline, in millimetres. */
function reachMm(one, gain, recorded, extentOf) {
  if (!recorded.includes(one.lead)) return { ...one, up: 0, down: 0 };
  const { up, down } = extentOf(one.lead);
  const [above, below] = one.sign > 0 ? [up, down] : [down, up];
  return { ...one, up: (above / 1000) * gain, down: (below / 1000) * gain };
}

/**
 * The sheet in at most `heightMm`: rows move together, and tall traces reach over their neighbours.
 */
export function lowerSheet(sheet, heightMm) {
  const excess = sheet.height - heightMm;
  const { rows } = sheet;
  if (excess <= 0) return sheet;
  const [first, last] = [rows[0], rows.at(-1)];
  const [above, spread] = [first.y - first.top, last.y - first.y];
  // A single row has only its own margins to give.
  const share = rows.length > 1 ? Math.max(0.3, (spread - excess) / spread) : 1;
  const yOf = (row) => first.top + above + share * (row.y - first.y);
  const moved = rows.map((row) => ({ ...row, top: yOf(row) - share * (row.y - row.top), y: yOf(row), bottom: yOf(row) + share * (row.bottom - row.y) }));
  return { ...sheet, rows: moved, height: heightMm };
}
