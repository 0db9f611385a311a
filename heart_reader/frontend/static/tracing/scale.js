// Pixels per millimetre. A browser's millimetre is 96/25.4 CSS pixels, which no screen has to obey: it can be measured with a ruler once.

const STORAGE_KEY = "heart_reader.px_per_mm";
const CSS_PX_PER_MM = 96 / 25.4;
const PLAUSIBLE = [2, 12];

let pxPerMm = remembered() ?? CSS_PX_PER_MM;

/** CSS pixels that make one millimetre of this screen. */
export const truePxPerMm = () => pxPerMm;

/** Whether a ruler has been held to this screen. */
export const isCalibrated = () => pxPerMm !== CSS_PX_PER_MM;

/** Take the ruler's word for it: `drawnPx` CSS pixels were `measuredMm` millimetres. False if that cannot be. */
export function calibrate(drawnPx, measuredMm) {
  const measured = drawnPx / measuredMm;
  if (!(measured >= PLAUSIBLE[0] && measured <= PLAUSIBLE[1])) return false;
  pxPerMm = measured;
  remember(measured);
  return true;
}

/** Largest scale at which `widthMm` fits into `availablePx`; a large box is a whole number of device pixels, so that the grid is even. */
export function fitPxPerMm(availablePx, widthMm, devicePixelRatio) {
  const perLargeBox = Math.max(1, Math.floor((availablePx / widthMm) * devicePixelRatio * 5 + 1e-6));
  return perLargeBox / 5 / devicePixelRatio;
}

function remembered() {
  try {
    const value = Number(localStorage.getItem(STORAGE_KEY));
    return value >= PLAUSIBLE[0] && value <= PLAUSIBLE[1] ? value : null;
  } catch {
    return null;
  }
}

function remember(value) {
  try {
    localStorage.setItem(STORAGE_KEY, String(value));
  } catch {
    // Storage may be forbidden; the measure then holds for this visit.
  }
}
