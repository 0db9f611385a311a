// Pixels per millimetre. A browser's millimetre is 96/25.4 CSS pixels; a ruler can correct it.

import { store, stored } from "../storage.js";

const CSS_PX_PER_MM = 96 / 25.4;

const isPlausible = (value) => value >= 2 && value <= 12;

let pxPerMm = isPlausible(Number(stored("px_per_mm"))) ? Number(stored("px_per_mm")) : CSS_PX_PER_MM;

/** CSS pixels that make one millimetre of this screen. */
export const truePxPerMm = () => pxPerMm;

/**
 * Take the ruler's word for it: `drawnPx` CSS pixels were `measuredMm` millimetres. False if that
 * cannot be.
 */
export function calibrate(drawnPx, measuredMm) {
  const measured = drawnPx / measuredMm;
  if (!isPlausible(measured)) return false;
  pxPerMm = measured;
  store("px_per_mm", String(measured));
  return true;
}

/** Largest scale at which `widthMm` fits; a large box is a whole number of device pixels. */
export function fitPxPerMm(availablePx, widthMm, devicePixelRatio) {
  const perLargeBox = Math.max(1, Math.floor((availablePx / widthMm) * devicePixelRatio * 5 + 1e-6));
  return perLargeBox / 5 / devicePixelRatio;
}
