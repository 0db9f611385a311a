// The class of each beat above its QRS in the uppermost row of the tracing.

import { textMm, write } from "../tracing/paper.js";
import { firstFrom } from "./bins.js";
import { COLOURS, themeOf } from "./palette.js";

const SIZE_MM = 2.8;
const AROUND_S = 0.08;
const ABOVE_MM = 1.2;
const LEAST_BETWEEN_PX = 15;

/** A function that writes the beats of `long` over the traces of a view (see `makeView`). */
export function beatMarks({ beats: { times_s: times, classes } }) {
  return (pen, view) => {
    const { sheet, pxPerS, startPx, speed, scale } = view;
    const startS = startPx / pxPerS;
    const colours = COLOURS[themeOf(view.colours)].beats;
    const least = (LEAST_BETWEEN_PX * scale) / view.pxPerMm / pxPerS;
    const end = firstFrom(times, startS + sheet.traceWidth / speed);
    for (let index = firstFrom(times, startS); index < end; index += 1) {
      const name = classes[index];
      // Where there is no room for all, the usual ones give way.
      if (name === "N" && times[index] - (times[index - 1] ?? -Infinity) < least) continue;
      const x = sheet.traceX + (times[index] - startS) * speed;
      write(pen, name, x, heightAt(times[index], x, view), view, { size: SIZE_MM, weight: name === "N" ? 400 : 700, colour: colours[name] ?? view.colours.text, align: "center" });
    }
  };
}

/** Just above what the trace reaches about this beat, in millimetres from the top of the sheet. */
function heightAt(timeS, x, { sheet, waveform, filter, gain, centreS, pxPerMm }) {
  const [row] = sheet.rows;
  const strip = row.strips.findLast((one) => one.x <= x) ?? row.strips[0];
  const lowest = textMm(SIZE_MM, pxPerMm);
  if (!waveform.has(strip.lead)) return Math.max(lowest, row.top);
  const values = waveform.filteredLead(strip.lead, filter);
  const [from, to] = [timeS - AROUND_S, timeS + AROUND_S].map((edge) => Math.round(edge * waveform.fs) - waveform.first);
  let most = -Infinity;
  for (let index = Math.max(0, from); index < Math.min(values.length, to); index += 1) most = Math.max(most, strip.sign * values[index]);
  const up = Number.isFinite(most) ? ((most - strip.sign * waveform.restAt(strip.lead, centreS)) / 1000) * gain : 0;
  return Math.max(lowest, row.y - Math.max(0, up) - ABOVE_MM);
}
