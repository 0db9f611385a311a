// Which part of which sheet is on screen, and at what scale. Lengths in CSS pixels from the top
// left corner of the canvas, in seconds, or in millimetres of the sheet, as their names say.

import { allowedLayout, isRows, ON_SCREEN, pageWidthMm, planSheet, traceX } from "./layout.js";
import { ZOOM } from "./options.js";
import { textMm } from "./paper.js";
import { fitPxPerMm, truePxPerMm } from "./scale.js";

// A screen lower than this part of a sheet is scrolled rather than filled with a tracing too small
// to read.
const LEAST_ROOM_PX_PER_MM = 1.8;
const LEAST_SHARE_OF_SCREEN = 0.8;

export class Viewport {
  /** Millimetres of the sheet beyond the left and upper edge. */
  offset = { x: 0, y: 0 };
  planned = { key: null, sheet: null, waveform: null };
  /** @type {import("./options.js").TracingOptions} */
  options;
  /** @type {import("../waveform.js").Waveform} */
  waveform;
  sheet = null;
  screenWidth = 0;
  pxPerMm = 1;
  width = 0;
  height = 0;

  /**
   * Lay the sheet out for `options` in `width` pixels; `startS` and the offset are kept within what
   * there is. `roomPx` is the height in which
   * the columns of a page are to be seen as a whole.
   */
  update(options, waveform, width, screenHeight, devicePixelRatio, roomPx = Infinity) {
    const layout = allowedLayout(options.layout, options.speed, waveform.durationS);
    const pageMm = pageWidthMm(layout, options.speed, ON_SCREEN);
    let fit = fitPxPerMm(width, pageMm, devicePixelRatio);
    Object.assign(this, { options: { ...options, layout }, waveform, screenWidth: width, pxPerMm: fit });
    if (!isRows(layout) && Number.isFinite(roomPx)) {
      const { height } = this.plan();
      fit = fitPxPerMm(Math.min(width, (pageMm * Math.max(roomPx, LEAST_ROOM_PX_PER_MM * height)) / height), pageMm, devicePixelRatio);
    }
    this.pxPerMm = options.zoom === "fit" ? fit : truePxPerMm() * options.zoom;
    this.sheet = this.plan(width / this.pxPerMm);
    this.width = Math.min(width, Math.round(this.sheet.width * this.pxPerMm));
    const most = Math.max(this.sheet.height * Math.min(fit, this.pxPerMm), LEAST_SHARE_OF_SCREEN * screenHeight);
    this.height = Math.round(Math.min(this.sheet.height * this.pxPerMm, most));
    this.moveTo(options.startS, this.offset.x, this.offset.y);
  }

  plan(widthMm = undefined) {
    const { layout, speed, gain, rhythmLead, group } = this.options;
    const label = textMm(ON_SCREEN.label, this.pxPerMm);
    const key = [layout, speed, gain, rhythmLead, group, label, isRows(layout) ? widthMm : ""].join();
    if (key !== this.planned.key || this.planned.waveform !== this.waveform) {
      const room = { ...ON_SCREEN, label, foot: 3.2 + textMm(2.6, this.pxPerMm) };
      const extentOf = (name) => this.waveform.extent(name);
      this.planned = { key, waveform: this.waveform, sheet: planSheet(this.options, this.waveform.leadNames, extentOf, room, isRows(layout) ? widthMm : undefined) };
    }
    return this.planned.sheet;
  }

  /** Seconds that the traces of the sheet cover. */
  get spanS() {
    return this.sheet.traceWidth / this.options.speed;
  }

  get lastStartS() {
    return Math.max(0, this.waveform.durationS - this.spanS);
  }

  get startS() {
    return this.options.startS;
  }

  moveTo(startS, x, y) {
    this.options.startS = clamp(startS, 0, this.lastStartS);
    this.offset = {
      x: clamp(x, 0, this.sheet.width - this.width / this.pxPerMm),
      y: clamp(y, 0, this.sheet.height - this.height / this.pxPerMm),
    };
  }

  /** Move what is looked at by pixels: first over the sheet, then on through the recording. */
  pan(dx, dy) {
    const { x, y } = this.offset;
    const wanted = x + dx / this.pxPerMm;
    const reached = clamp(wanted, 0, this.sheet.width - this.width / this.pxPerMm);
    this.moveTo(this.startS + (wanted - reached) / this.options.speed, reached, y + dy / this.pxPerMm);
  }

  /**
   * Options and offset that show the same point under (x, y) at `factor` times the scale; "fit" is
   * a scale of its own.
   */
  zoomed(factor, x, y) {
    const zoom = clamp((this.pxPerMm * factor) / truePxPerMm(), ZOOM.least, ZOOM.most);
    const pxPerMm = truePxPerMm() * zoom;
    const [mmX, mmY] = [this.offset.x + x / this.pxPerMm, this.offset.y + y / this.pxPerMm];
    const rows = isRows(this.options.layout);
    // Lead names take more of a small sheet than of a large one.
    const traceAt = traceX(rows, this.options.speed, { ...ON_SCREEN, label: textMm(ON_SCREEN.label, pxPerMm) });
    const startS = rows ? this.timeAt(x) - (x / pxPerMm - traceAt) / this.options.speed : this.startS;
    return { changes: { zoom, startS: Math.max(0, startS) }, offset: { x: rows ? 0 : Math.max(0, mmX - x / pxPerMm), y: Math.max(0, mmY - y / pxPerMm) } };
  }

  timeAt(x) {
    return this.startS + (x / this.pxPerMm + this.offset.x - this.sheet.traceX) / this.options.speed;
  }

  xAt(timeS) {
    return (this.sheet.traceX + (timeS - this.startS) * this.options.speed - this.offset.x) * this.pxPerMm;
  }

  /** Pixels from the top for a height of the sheet. */
  yAt(mm) {
    return (mm - this.offset.y) * this.pxPerMm;
  }

  /** Index of the row whose band holds a point. */
  rowAt(y) {
    const mm = y / this.pxPerMm + this.offset.y;
    return Math.max(0, this.sheet.rows.findLastIndex(({ top }) => top <= mm));
  }

  /** Millivolts above the baseline of a row, and back. */
  mvAt(y, row) {
    return (this.sheet.rows[row].y - this.offset.y - y / this.pxPerMm) / this.options.gain;
  }

  yOf(mv, row) {
    return this.yAt(this.sheet.rows[row].y - mv * this.options.gain);
  }

  /** The millivolts nearest to these that lie on the sheet. */
  onSheet(mv, row) {
    const { y } = this.sheet.rows[row];
    return clamp(mv, (y - this.sheet.height) / this.options.gain, y / this.options.gain);
  }

  /** Whether there is more above or below than the screen shows. */
  get scrolls() {
    return this.height < Math.floor(this.sheet.height * this.pxPerMm) - 1;
  }
}

function clamp(value, least, most) {
  return Math.max(least, Math.min(Math.max(least, most), value));
}
