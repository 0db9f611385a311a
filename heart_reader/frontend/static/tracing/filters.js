// Filters for the eye. They run on a copy, forward and backward so that no wave moves; the model
// never sees them.
//
// References: Gustafsson, "Determining the initial states in forward-backward filtering", IEEE
// Trans. Signal Process. 44 (1996); Kligfield et al., "Recommendations for the standardization and
// interpretation of the electrocardiogram: part I", Circulation 115 (2007).

// Raises the cut-off of a second-order Butterworth, so that running it twice has its -3 dB point
// there.
const TWICE = (Math.SQRT2 - 1) ** -0.25;
const NOTCH_Q = 20;
const SETTLE_S = 1.5;

const DESIGNS = {
  150: { hz: 150, design: lowPass },
  40: { hz: 40, design: lowPass },
  notch50: { hz: 50, design: notch },
  notch60: { hz: 60, design: notch },
};

/** Whether a rate of `fs` Hz holds what the filter would take away. */
export function filterFits(name, fs) {
  return name === "off" || DESIGNS[name].hz < fs / 2;
}

/**
 * `samples` without what `name` takes away, as a new array of the same length; the same array for
 * "off".
 */
export function filtered(samples, fs, name) {
  if (name === "off" || !filterFits(name, fs) || samples.length < 2) return samples;
  const { hz, design } = DESIGNS[name];
  const coefficients = design(hz, fs);
  const margin = Math.min(samples.length - 1, Math.ceil(SETTLE_S * fs));
  const padded = reflectOddly(samples, margin);
  passForward(padded, coefficients);
  padded.reverse();
  passForward(padded, coefficients);
  padded.reverse();
  return Float32Array.from(padded.subarray(margin, margin + samples.length));
}

function lowPass(hz, fs) {
  const k = Math.tan((Math.PI * hz) / fs) * TWICE;
  const norm = 1 / (1 + Math.SQRT2 * k + k * k);
  return { b0: k * k * norm, b1: 2 * k * k * norm, b2: k * k * norm, a1: 2 * (k * k - 1) * norm, a2: (1 - Math.SQRT2 * k + k * k) * norm };
}

function notch(hz, fs) {
  const w = (2 * Math.PI * hz) / fs;
  const alpha = Math.sin(w) / (2 * NOTCH_Q);
  const norm = 1 / (1 + alpha);
  return { b0: norm, b1: -2 * Math.cos(w) * norm, b2: norm, a1: -2 * Math.cos(w) * norm, a2: (1 - alpha) * norm };
}

/**
 * The signal continued beyond both ends, turned about its end points: no step for the filter to
 * ring at.
 */
function reflectOddly(samples, margin) {
  const { length } = samples;
  const padded = new Float64Array(length + 2 * margin);
  padded.set(samples, margin);
  for (let index = 1; index <= margin; index += 1) {
    padded[margin - index] = 2 * samples[0] - samples[index];
    padded[margin + length - 1 + index] = 2 * samples[length - 1] - samples[length - 1 - index];
  }
  return padded;
}

/**
 * One pass in place, begun as if the first value had been there for ever (both designs leave a
 * constant alone).
 */
function passForward(values, { b0, b1, b2, a1, a2 }) {
  const rest = values[0];
  let [s1, s2] = [(1 - b0) * rest, (b2 - a2) * rest];
  for (let index = 0; index < values.length; index += 1) {
    const x = values[index];
    const y = b0 * x + s1;
    s1 = b1 * x - a1 * y + s2;
    s2 = b2 * x - a2 * y;
    values[index] = y;
  }
}
