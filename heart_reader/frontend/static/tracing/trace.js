// The traces. Columns of pixels are counted from the start of the recording, wherever it is moved
// to.

import { line, lineWidth, write } from "./paper.js";

const STRESSED_MM = 0.45;
// Relevance below the first limit is not drawn; above it, ever thicker and stronger bands.
const RELEVANCE_LIMITS = [0.2, 0.4, 0.6, 0.8];
export const RELEVANCE_MM = [1, 1.7, 2.4, 3.2];
const LEAST_SECOND_PX = 44;
// Two points of a column that are closer than this are one.
const LEAST_STEP_PX = 0.5;

/**
 * Draw the strips of a view (see `makeView`); `startPx` is the device pixel of the recording at the
 * left
 * edge of the traces.
 */
export function drawTraces(pen, view) {
  const { sheet, scale, offsetX, offsetY } = view;
  pen.setTransform(1, 0, 0, 1, -offsetX, -offsetY);
  pen.lineJoin = "bevel";
  pen.lineCap = "butt";
  const origin = Math.round(sheet.traceX * scale);
  for (const row of sheet.rows) {
    for (const strip of view.ordered(row.strips)) {
      if (!view.recorded(strip.lead)) continue;
      const left = Math.round(strip.x * scale);
      const right = Math.round((strip.x + strip.durationS * view.speed) * scale);
      if (right <= offsetX || left >= offsetX + pen.canvas.width) continue;
      const points = tracePoints(strip, row, view, left - origin, right - origin, origin);
      if (view.reason) drawRelevance(pen, points, strip, view, origin);
      strokeTrace(pen, points, view.colourOf(strip), lineWidth(scale, view.stressed === strip.lead ? STRESSED_MM : undefined));
    }
  }
  view.marks?.(pen, view);
}

const buffer = { x: new Float64Array(4096), y: new Float64Array(4096), count: 0 };

function push(x, y) {
  if (buffer.count === buffer.x.length) {
    for (const axis of ["x", "y"]) {
      const larger = new Float64Array(2 * buffer.count);
      larger.set(buffer[axis]);
      buffer[axis] = larger;
    }
  }
  buffer.x[buffer.count] = x;
  buffer.y[buffer.count] = y;
  buffer.count += 1;
}

/**
 * Points of a strip: every sample, or the extremes of each column of pixels where samples are
 * denser.
 */
function tracePoints(strip, row, view, left, right, origin) {
  const { waveform, pxPerS, startPx, scale } = view;
  const values = waveform.filteredLead(strip.lead, view.filter);
  const perPx = waveform.fs / pxPerS;
  const unit = (strip.sign * view.gain * scale) / 1000;
  const base = row.y * scale + unit * waveform.restAt(strip.lead, view.centreS);
  const shift = origin - startPx;
  const [first, last] = [Math.max(0, left + startPx), right + startPx];
  buffer.count = 0;
  if (perPx <= 2) everySample(values, waveform.first, first, last, perPx, shift, base, unit);
  else lowestAndHighest(values, waveform.first, first, last, perPx, shift, base, unit);
  return buffer;
}

// `held` is the sample of the recording that the values begin with.

function everySample(values, held, first, last, perPx, shift, base, unit) {
  const end = Math.min(held + values.length - 1, Math.floor(last * perPx));
  for (let index = Math.max(held, Math.ceil(first * perPx)); index <= end; index += 1) push(index / perPx + shift, base - unit * values[index - held]);
}

function lowestAndHighest(values, held, first, last, perPx, shift, base, unit) {
  for (let column = Math.max(first, Math.floor(held / perPx)); column < last; column += 1) {
    const end = Math.min(values.length, Math.ceil((column + 1) * perPx) - held);
    let index = Math.max(0, Math.ceil(column * perPx) - held);
    if (index >= end) break;
    let [low, high] = [index, index];
    for (index += 1; index < end; index += 1) {
      if (values[index] < values[low]) low = index;
      else if (values[index] > values[high]) high = index;
    }
    const x = column + shift + 0.5;
    push(x, base - unit * values[Math.min(low, high)]);
    if (Math.abs(unit * (values[high] - values[low])) > LEAST_STEP_PX) push(x, base - unit * values[Math.max(low, high)]);
  }
}

/**
 * Stroke a trace of `width` device pixels. A line of one pixel is drawn many times faster than a
 * wider one, so two or three of them side by side
 * stand for widths up to three.
 */
function strokeTrace(pen, points, colour, width) {
  if (width === 1 || width > 3) {
    stroke(pen, points, 0, points.count, colour, width);
    return;
  }
  const path = new Path2D();
  for (let index = 0; index < points.count; index += 1) path.lineTo(points.x[index], points.y[index]);
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  const reach = (width - 1) / 2;
  for (const [x, y] of [[-reach, -reach], [reach, -reach], [0, reach]]) {
    pen.translate(x, y);
    pen.stroke(path);
    pen.translate(-x, -y);
  }
}

function stroke(pen, points, from, to, colour, width) {
  pen.beginPath();
  for (let index = from; index < to; index += 1) pen.lineTo(points.x[index], points.y[index]);
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.stroke();
}

/** A band under the trace, thicker and stronger where the moment counted more. */
function drawRelevance(pen, points, strip, view, origin) {
  const { reason, pxPerS, startPx, scale, colours } = view;
  const values = reason.values[reason.leadNames.indexOf(strip.lead)];
  if (!values) return;
  const levelAt = (x) => {
    const relevance = values[Math.floor(((x - origin + startPx) / pxPerS - (reason.startS ?? 0)) * reason.fs)] ?? 0;
    return RELEVANCE_LIMITS.filter((limit) => relevance >= limit).length;
  };
  pen.lineCap = "round";
  pen.lineJoin = "round";
  let from = 0;
  let level = points.count ? levelAt(points.x[0]) : 0;
  for (let index = 1; index <= points.count; index += 1) {
    const next = index < points.count ? levelAt(points.x[index]) : -1;
    if (next === level) continue;
    if (level > 0) stroke(pen, points, Math.max(0, from - 1), index, colours.relevance[level - 1], RELEVANCE_MM[level - 1] * scale);
    [from, level] = [index, next];
  }
  pen.lineCap = "butt";
  pen.lineJoin = "bevel";
}

/** Seconds along the foot of the traces. */
export function drawSeconds(pen, view) {
  const { sheet, scale, pxPerS, startPx, pxPerMm, offsetX, offsetY } = view;
  pen.setTransform(1, 0, 0, 1, -offsetX, -offsetY);
  const perSecond = (pxPerS * pxPerMm) / scale;
  const every = [1, 2, 5, 10].find((seconds) => seconds * perSecond >= LEAST_SECOND_PX) ?? 20;
  const y = sheet.height - sheet.room.foot + 1;
  const last = Math.min(view.waveform.durationS, startPx / pxPerS + sheet.traceWidth / view.speed);
  for (let second = Math.max(0, Math.ceil(startPx / pxPerS / every - 1e-9)) * every; second <= last + 1e-9; second += every) {
    const x = sheet.traceX + (second - startPx / pxPerS) * view.speed;
    line(pen, [[x, y - 0.8], [x, y + 0.6]], view, { colour: view.colours.text });
    write(pen, view.words.seconds(second), x, y + 3.6, view, { size: 2.6, align: "center" });
  }
}
