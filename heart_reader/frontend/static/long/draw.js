// A long recording on a canvas: lanes of episodes, trend of the rate, RR intervals of every beat,
// where beats of each class are, and the envelope of a lead, all on one axis of time.

import { classCounts, envelopeColumns, firstFrom, quantile, rrDensity, trendPoints } from "./bins.js";
import { COLOURS, kindColour, kindTile } from "./palette.js";
import { ticks, timeText } from "./time.js";
import { kindsOf } from "./words.js";

const FONT = '"Segoe UI", -apple-system, Roboto, "Helvetica Neue", Arial, sans-serif';
const GAP = 5;
const AXIS = 18;
const LANE = 14;
const BEAT_LANE = 14;
const LEAST_SPAN_PX = 2;
const TICK_PX = 76;
// Intervals beyond it are pauses, which have a lane of their own.
const LONGEST_RR_S = 2;
const RR_LINES_S = [0.5, 1, 1.5];
const FEW_PER_PX = 5;
const SHOWN_BEATS = ["S", "V", "F"];

/**
 * Where each strip stands, in CSS pixels, and the limits of the axes: `{ strips: [{ name, top,
 * height }], height, bpm, mv }`; `small` is a screen with little room.
 */
export function planStrips(long, small = false) {
  const strips = [];
  let top = 0;
  const add = (name, height, gap = GAP) => {
    strips.push({ name, top, height });
    top += height + gap;
  };
  for (const kind of kindsOf(long)) add(`kind ${kind}`, LANE, 2);
  if (strips.length) top += GAP - 2;
  add("trend", small ? 84 : 112);
  add("rr", small ? 64 : 84);
  for (const name of SHOWN_BEATS) if (long.beats.counts[name] > 0) add(`beat ${name}`, BEAT_LANE, 2);
  if (long.envelope?.leads.length) add("envelope", small ? 34 : 42, 0);
  const { trend, envelope } = long;
  const tens = (bpm, round) => Math.max(0, round(bpm / 10) * 10);
  return {
    strips,
    height: top + AXIS,
    bpm: [tens(quantile(trend.lowest_bpm, 0.002, 40) - 3, Math.floor), tens(quantile(trend.highest_bpm, 0.998, 120) + 3, Math.ceil)],
    mv: envelope?.leads.length ? [quantile(envelope.lowest_mv[0], 0.02, -1), quantile(envelope.highest_mv[0], 0.98, 1)] : null,
  };
}

/**
 * Draw all strips. `look` is `{ width, ratio, theme, fromS, toS, chosen }`: CSS pixels, device
 * pixels per CSS pixel, the part of the recording, and the index of an episode or null.
 */
export function drawLong(pen, long, plan, look) {
  const colours = COLOURS[look.theme];
  const view = { ...look, colours, long, plan, x: (timeS) => ((timeS - look.fromS) / (look.toS - look.fromS)) * look.width };
  pen.setTransform(look.ratio, 0, 0, look.ratio, 0, 0);
  pen.fillStyle = colours.ground;
  pen.fillRect(0, 0, look.width, plan.height);
  const times = ticks(look.fromS, look.toS, Math.max(2, look.width / TICK_PX));
  for (const strip of plan.strips) {
    const [name, of] = strip.name.split(" ");
    pen.fillStyle = colours.lane;
    pen.fillRect(0, strip.top, look.width, strip.height);
    pen.fillStyle = colours.grid;
    for (const timeS of times) pen.fillRect(Math.round(view.x(timeS)), strip.top, 1, strip.height);
    STRIPS[name](pen, strip, view, of);
  }
  drawAxis(pen, plan, times, view);
}

const STRIPS = {
  kind: drawEpisodes,
  trend: drawTrend,
  rr: drawIntervals,
  beat: drawBeats,
  envelope: drawEnvelope,
};

function drawEpisodes(pen, { top, height }, view, kind) {
  const { long, theme, ratio, chosen, x, width, colours } = view;
  pen.fillStyle = pen.createPattern(kindTile(kind, theme, ratio), "repeat");
  pen.fillStyle.setTransform(new DOMMatrix().scale(1 / ratio));
  for (const episode of long.episodes) if (episode.kind === kind) fillSpan(pen, episode, x, width, top, height);
  const marked = chosen === null ? null : long.episodes[chosen];
  if (marked?.kind !== kind) return;
  const [left, right] = edges(marked, x);
  pen.strokeStyle = colours.chosen;
  pen.lineWidth = 2;
  pen.strokeRect(left - 2, top + 1, right - left + 4, height - 2);
}

/** Left and right of an episode; a short one is still seen. */
function edges({ start_s: startS, end_s: endS }, x) {
  const [left, right] = [x(startS), x(endS)];
  const missing = Math.max(0, LEAST_SPAN_PX - (right - left));
  return [left - missing / 2, right + missing / 2];
}

function fillSpan(pen, episode, x, width, top, height) {
  const [left, right] = edges(episode, x);
  if (right > 0 && left < width) pen.fillRect(Math.max(0, left), top, Math.min(width, right) - Math.max(0, left), height);
}

function drawTrend(pen, { top, height }, view) {
  const { long, colours, x, width, theme, plan } = view;
  const [low, high] = plan.bpm;
  const y = (bpm) => top + height * (1 - (Math.min(high, Math.max(low, bpm)) - low) / (high - low));
  // Fibrillation stands behind the rate that it makes.
  pen.globalAlpha = 0.16;
  pen.fillStyle = kindColour("atrial_fibrillation", theme);
  for (const episode of long.episodes) if (episode.kind === "atrial_fibrillation") fillSpan(pen, episode, x, width, top, height);
  pen.globalAlpha = 1;
  const step = [10, 20, 25, 50, 100].find((one) => ((high - low) / one) * 22 <= height) ?? 100;
  const ruled = Array.from({ length: Math.ceil((high - low) / step) }, (_, index) => (Math.floor(low / step) + 1 + index) * step).filter((bpm) => bpm < high);
  pen.fillStyle = colours.grid;
  for (const bpm of ruled) pen.fillRect(0, Math.round(y(bpm)), width, 1);
  const points = trendPoints(long.trend, view.fromS, view.toS, width);
  for (const stretch of unbroken(points)) {
    pen.fillStyle = colours.band;
    pen.globalAlpha = 0.8;
    pen.beginPath();
    for (const point of stretch) pen.lineTo(x(point.timeS), y(point.high));
    for (const point of stretch.toReversed()) pen.lineTo(x(point.timeS), y(point.low));
    pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = colours.line;
    pen.lineWidth = 1.5;
    pen.lineJoin = "round";
    pen.beginPath();
    for (const point of stretch) pen.lineTo(x(point.timeS), y(point.mean));
    if (stretch.length === 1) pen.lineTo(x(stretch[0].timeS) + 1, y(stretch[0].mean));
    pen.stroke();
  }
  for (const bpm of ruled) letter(pen, String(bpm), width - 3, y(bpm) + 4, colours, "right");
}

/** Points in rows without a gap. */
function unbroken(points) {
  const stretches = [];
  let open = false;
  for (const point of points) {
    if (point.mean !== null && open) stretches.at(-1).push(point);
    if (point.mean !== null && !open) stretches.push([point]);
    open = point.mean !== null;
  }
  return stretches;
}

function letter(pen, text, x, y, colours, align) {
  pen.font = `12px ${FONT}`;
  pen.textAlign = align;
  pen.direction = "ltr";
  pen.lineWidth = 3;
  pen.lineJoin = "round";
  pen.strokeStyle = colours.ground;
  pen.strokeText(text, x, y);
  pen.fillStyle = colours.text;
  pen.fillText(text, x, y);
}

/**
 * Every RR interval as a point: normal beats in grey, darker where there are more, the others in
 * the colour of their class on top.
 */
function drawIntervals(pen, { top, height }, view) {
  const { long, colours, width, ratio, fromS, toS } = view;
  const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (columns < 1) return;
  const cells = rrDensity(long.beats, fromS, toS, columns, rows, LONGEST_RR_S);
  const image = pen.getImageData(0, Math.round(top * ratio), columns, rows);
  // Points of a few beats are larger, those of many a density.
  const few = countBetween(long.beats.times_s, fromS, toS) < FEW_PER_PX * width;
  const normal = rgb(colours.beats.N);
  const size = (px) => Math.max(1, Math.round(px * ratio));
  for (let cell = 0; cell < cells.N.length; cell += 1) {
    if (cells.N[cell] > 0) dot(image, cell, normal, size(few ? 2 : 0.7), Math.min(1, (few ? 0.7 : 0.45) + 0.2 * (cells.N[cell] - 1)));
  }
  for (const name of ["S", "V"]) for (const cell of cells[name]) dot(image, cell, rgb(colours.beats[name]), size(few ? 3 : 2), 1);
  pen.putImageData(image, 0, Math.round(top * ratio));
  for (const rr of RR_LINES_S) letter(pen, `${rr} s`, width - 3, top + height * (1 - rr / LONGEST_RR_S) + 4, colours, "right");
}

const countBetween = (times, fromS, toS) => firstFrom(times, toS) - firstFrom(times, fromS);

const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

function dot({ data, width, height }, cell, colour, size, alpha) {
  const [row, column] = [Math.floor(cell / width), cell % width];
  for (let y = row; y < Math.min(height, row + size); y += 1) {
    for (let x = column; x < Math.min(width, column + size); x += 1) {
      const at = 4 * (y * width + x);
      for (let part = 0; part < 3; part += 1) data[at + part] += alpha * (colour[part] - data[at + part]);
    }
  }
}

/** How many beats of a class there are: a bar for each column, higher where there are more. */
function drawBeats(pen, { top, height }, { long, colours, width, fromS, toS }, name) {
  const columns = Math.max(1, Math.floor(width));
  const counts = classCounts(long.beats, name, fromS, toS, columns);
  const most = counts.reduce((highest, count) => Math.max(highest, count), 1);
  pen.fillStyle = colours.beats[name];
  for (let column = 0; column < columns; column += 1) {
    if (counts[column] === 0) continue;
    const tall = height * (0.4 + 0.6 * (counts[column] / most));
    pen.fillRect(column, top + height - tall, 1.2, tall);
  }
}

function drawEnvelope(pen, { top, height }, { long, plan, colours, width, fromS, toS }) {
  const columns = Math.max(1, Math.floor(width));
  const { low, high } = envelopeColumns(long.envelope, 0, fromS, toS, columns);
  const [least, most] = plan.mv;
  const scale = (height - 4) / Math.max(0.2, most - least);
  pen.fillStyle = colours.signal;
  pen.save();
  pen.beginPath();
  pen.rect(0, top, width, height);
  pen.clip();
  for (let column = 0; column < columns; column += 1) {
    if (!Number.isNaN(low[column])) pen.fillRect(column, top + 2 + (most - high[column]) * scale, 1, Math.max(1, (high[column] - low[column]) * scale));
  }
  pen.restore();
}

function drawAxis(pen, plan, times, view) {
  const { colours, x, width, long } = view;
  for (const timeS of times) {
    const at = x(timeS);
    const align = at < 24 ? "left" : at > width - 24 ? "right" : "center";
    letter(pen, timeText(timeS, long.duration_s), align === "left" ? Math.max(1, at) : Math.min(width - 1, at), plan.height - 4, colours, align);
  }
}
