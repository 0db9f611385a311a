// Where everything stands on the paper, in millimetres. 1 s is 25 mm and 1 mV is 10 mm, whatever the screen.

export const MM_PER_S = 25;
export const MM_PER_MV = 10;
export const PAGE_S = 10;
export const STANDARD_LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"];
export const RHYTHM_LEADS = ["II", "V1", "V5"];

// Below this the fourth column of a 3 x 4 sheet would be empty or a sliver.
export const MIN_COLUMNS_S = 8.5;

const MARGIN = 5;
export const CALIBRATION = { x: MARGIN, lead: 2.5, width: 5, height: MM_PER_MV };
const TRACE_X = 15;
// Room above the first row for R waves of almost 3 mV.
const HEAD = 15;
const FOOT = 10;
const WIDTH = TRACE_X + PAGE_S * MM_PER_S + MARGIN;
const COLUMNS = 4;
const COLUMN_S = PAGE_S / COLUMNS;
const ROWS_3X4 = { pitch: 30, baseline: 15, label: 11 };
const ROWS_12X1 = { pitch: 15, baseline: 10, label: 4 };

/** Plan a sheet: its size, its rows of strips, the marks between columns, the leads without a row. A strip is one lead over one stretch of time. */
export function planSheet(name, leadNames) {
  return name === "3x4" ? planColumns(leadNames) : planRows(leadNames);
}

function planColumns(leadNames) {
  const rows = [0, 1, 2].map((row) =>
    Array.from({ length: COLUMNS }, (_, column) => strip(STANDARD_LEADS[3 * column + row], column * COLUMN_S, COLUMN_S)),
  );
  const rhythm = RHYTHM_LEADS.find((lead) => leadNames.includes(lead)) ?? "II";
  rows.push([strip(rhythm, 0, PAGE_S)]);
  return sheet(rows, ROWS_3X4);
}

function planRows(leadNames) {
  const further = leadNames.filter((lead) => !STANDARD_LEADS.includes(lead));
  // A recording of two leads is two rows, not two among ten empty ones; the sheet still says what is not there.
  const standard = leadNames.length < STANDARD_LEADS.length / 2 ? STANDARD_LEADS.filter((lead) => leadNames.includes(lead)) : STANDARD_LEADS;
  const rows = [...further, ...standard].map((lead) => [strip(lead, 0, PAGE_S)]);
  return { ...sheet(rows, ROWS_12X1), unplaced: STANDARD_LEADS.filter((lead) => !standard.includes(lead)) };
}

function strip(lead, startS, durationS) {
  return { lead, startS, durationS, x: TRACE_X + startS * MM_PER_S };
}

function sheet(rows, { pitch, baseline, label }) {
  return {
    width: WIDTH,
    unplaced: [],
    height: HEAD + rows.length * pitch + FOOT,
    rows: rows.map((strips, index) => ({
      y: HEAD + index * pitch + baseline,
      labelY: HEAD + index * pitch + baseline - label,
      strips,
      marks: strips.slice(1).map(({ x }) => x),
    })),
  };
}

/** Pixels per millimetre for a width: a large box is a whole number of device pixels, so that the grid is even. */
export function pixelsPerMm(availableCssPx, devicePixelRatio, minimum = 2.6) {
  const perLargeBox = Math.floor((Math.max(availableCssPx / WIDTH, minimum) * devicePixelRatio * 5) + 1e-6);
  return perLargeBox / 5 / devicePixelRatio;
}
