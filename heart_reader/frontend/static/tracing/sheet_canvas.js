// Two canvases on top of each other: the paper, rarely drawn, and the traces, which move with time.

import { drawPaper, loadFonts, THEMES } from "./paper.js";
import { drawSeconds, drawTraces } from "./trace.js";

/** How a sheet lies on a canvas, in device pixels; `scale` is those of a millimetre. */
export function makeView({ sheet, waveform, options, startS, scale, devicePixelRatio, offsetX = 0, offsetY = 0, theme, reason, stressed, words, marks }) {
  const colours = THEMES[theme];
  const overlay = options.layout === "overlay";
  const pxPerS = options.speed * scale;
  return {
    sheet, waveform, scale, offsetX, offsetY, colours, reason, words, stressed, marks, pxPerS,
    pxPerMm: scale / devicePixelRatio,
    filter: options.filter,
    gain: options.gain,
    speed: options.speed,
    startPx: Math.round(startS * pxPerS),
    centreS: startS + sheet.traceWidth / options.speed / 2,
    recorded: (lead) => waveform.has(lead),
    // Where all leads share one row, the chosen one lies on top and only its name is written.
    ordered: (strips) => (overlay ? [...strips].sort((a, b) => Number(a.lead === stressed) - Number(b.lead === stressed)) : strips),
    named: (strips) => (overlay ? strips.filter(({ lead }) => lead === stressed) : strips),
    colourOf: ({ lead }) => (overlay && lead !== stressed ? colours.behind : colours.trace),
  };
}

export class SheetCanvas {
  constructor(paper, traces) {
    this.paper = paper;
    this.traces = traces;
    this.paperPen = paper.getContext("2d", { alpha: false });
    this.tracePen = traces.getContext("2d");
    this.drawn = null;
  }

  /**
   * Draw a view of `width` by `height` device pixels; only what differs from the last one is drawn.
   */
  draw(view, width, height) {
    const last = this.drawn;
    const resized = this.resize(width, height, view.scale / view.pxPerMm);
    const samePaper = !resized && last && ["sheet", "scale", "offsetX", "offsetY", "colours", "words", "stressed"].every((key) => last[key] === view[key]);
    if (!samePaper) drawPaper(this.paperPen, view);
    this.redraw(view);
    this.drawn = view;
  }

  /** Load the fonts before they are needed. */
  loadFonts() {
    if (this.drawn === null) loadFonts(this.paperPen);
  }

  resize(width, height, devicePixelRatio) {
    if (this.paper.width === width && this.paper.height === height) return false;
    for (const canvas of [this.paper, this.traces]) {
      canvas.width = width;
      canvas.height = height;
      canvas.style.width = `${width / devicePixelRatio}px`;
      canvas.style.height = `${height / devicePixelRatio}px`;
    }
    return true;
  }

  redraw(view) {
    this.tracePen.setTransform(1, 0, 0, 1, 0, 0);
    this.tracePen.clearRect(0, 0, this.traces.width, this.traces.height);
    drawTraces(this.tracePen, view);
    drawSeconds(this.tracePen, view);
  }
}
