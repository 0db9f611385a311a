// The signal of a reading: leads first, in microvolts, at the rate it was uploaded with. Of a very
// long one, a part.

import { filtered } from "./tracing/filters.js";

const BLOCK_S = 10;
// Enough of them to know how far a lead goes.
const MOST_BLOCKS = 24;
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export class Waveform {
  constructor(answer) {
    this.fs = answer.fs;
    this.leadNames = answer.lead_names;
    this.nTimes = answer.n_times;
    this.excerpts = answer.excerpts ?? [];
    this.hold(partOf(answer));
  }

  /** An excerpt of it, in its few leads, as a part of the whole. */
  excerpt(index) {
    return new Waveform({ ...this.excerpts[index], n_times: this.nTimes });
  }

  /** Whether all between two seconds is held. */
  holds(fromS, toS) {
    return this.first <= fromS * this.fs && Math.min(this.nTimes, toS * this.fs) <= this.first + this.held;
  }

  /** Have a part of the signal in the place of the one before. */
  hold({ first, values }) {
    this.first = first;
    this.values = values;
    this.held = values.length / this.leadNames.length;
    this.shown = new Map();
    this.blocks = new Map();
  }

  get nBlocks() {
    return Math.max(1, Math.floor(this.durationS / BLOCK_S));
  }

  get durationS() {
    return this.nTimes / this.fs;
  }

  has(lead) {
    return this.leadNames.includes(lead);
  }

  /** Microvolts of one lead as a view, (held,): of the whole, or of a part from `first` on. */
  lead(name) {
    const row = this.leadNames.indexOf(name);
    return this.values.subarray(row * this.held, (row + 1) * this.held);
  }

  /**
   * Microvolts of one lead as a display filter shows them, (held,); kept, since every pan asks
   * again.
   */
  filteredLead(name, filter) {
    const key = `${filter} ${name}`;
    if (!this.shown.has(key)) this.shown.set(key, filtered(this.lead(name), this.fs, filter));
    return this.shown.get(key);
  }

  /**
   * How far one lead goes above and below its rest, in microvolts; stretches with an artefact do
   * not count in a long recording.
   */
  extent(name) {
    const [from, to] = [this.first, this.first + this.held].map((time) => Math.floor((time / this.nTimes) * this.nBlocks));
    const every = Math.ceil((to - from) / MOST_BLOCKS) || 1;
    const blocks = [];
    for (let index = from; index < Math.max(to, from + 1); index += every) blocks.push(this.block(name, index));
    const usual = (key) => blocks.map((block) => block[key]).sort((a, b) => a - b)[Math.floor(0.95 * (blocks.length - 1))];
    return { up: usual("up"), down: usual("down") };
  }

  /** Median of one lead about second `timeS` in microvolts, on which its trace is placed. */
  restAt(name, timeS) {
    const index = Math.floor((timeS / this.durationS) * this.nBlocks);
    return this.block(name, Math.min(this.nBlocks - 1, Math.max(0, index))).rest;
  }

  /** Median and reach of one part of one lead. */
  block(name, index) {
    const key = `${index} ${name}`;
    if (!this.blocks.has(key)) {
      const [from, to] = [index, index + 1].map((edge) => Math.max(0, Math.floor((edge * this.nTimes) / this.nBlocks) - this.first));
      this.blocks.set(key, reachOf(this.lead(name).subarray(from, to)));
    }
    return this.blocks.get(key);
  }
}

/**
 * Median of whole microvolts, and how far they go above and below it; counting them is many times
 * faster than sorting them.
 */
function reachOf(values) {
  if (!values.length) return { rest: 0, up: 0, down: 0 };
  let [low, high] = [values[0], values[0]];
  for (let index = 1; index < values.length; index += 1) {
    if (values[index] < low) low = values[index];
    else if (values[index] > high) high = values[index];
  }
  const counts = new Uint32Array(high - low + 1);
  for (let index = 0; index < values.length; index += 1) counts[values[index] - low] += 1;
  let step = 0;
  for (let left = (values.length >> 1) - counts[0]; left >= 0; left -= counts[step]) step += 1;
  const rest = low + step;
  return { rest, up: high - rest, down: rest - low };
}

/** What an answer of the server holds of a signal. */
export const partOf = ({ start = 0, data }) => ({ first: start, values: decodeInt16(data) });

function decodeInt16(base64) {
  const bytes = decodeBytes(base64);
  if (LITTLE_ENDIAN) return new Int16Array(bytes.buffer);
  const view = new DataView(bytes.buffer);
  return Int16Array.from({ length: bytes.length / 2 }, (_, index) => view.getInt16(2 * index, true));
}

/** Bytes of base64; newer browsers do it themselves, thirty times faster. */
export function decodeBytes(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  return Uint8Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
}
