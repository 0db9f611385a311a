// The signal of a recording that is too long to be loaded whole: a part about what is shown.

import { partOf } from "../waveform.js";

const KEPT = 6;

export class SignalParts {
  kept = new Map();
  wanted = null;
  asking = null;

  /**
   * `waveform` holds the first part; `fetch(part, signal)` answers another one; `changed()` is
   * called when it is there, `waiting(yes)` when it is waited for and no more, `failed(error)` if
   * it does not come.
   */
  constructor(waveform, { fetch, changed, waiting, failed }) {
    this.waveform = waveform;
    this.acts = { fetch, changed, waiting, failed };
    this.lengthS = waveform.held / waveform.fs;
  }

  /**
   * Hold the part about what is shown. Parts overlap by half, so that its neighbourhood is there
   * too.
   */
  need(startS, spanS) {
    const { waveform, kept, lengthS } = this;
    if (waveform.held === waveform.nTimes) return;
    const stepS = lengthS / 2;
    const last = Math.max(0, Math.ceil((waveform.durationS - lengthS) / stepS));
    const wanted = Math.min(last, Math.max(0, Math.round((startS + spanS / 2 - stepS) / stepS)));
    if (wanted === this.wanted) return;
    this.stop();
    this.wanted = wanted;
    if (kept.has(wanted)) this.take(kept.get(wanted));
    else if (wanted === 0 && waveform.first === 0) kept.set(0, { first: 0, values: waveform.values });
    else this.load(wanted, wanted * stepS, startS, spanS).catch((error) => error.name === "AbortError" || this.acts.failed(error));
  }

  async load(wanted, fromS, startS, spanS) {
    const asking = new AbortController();
    this.asking = asking;
    const { waveform, acts } = this;
    const [heldS, untilS] = [waveform.first / waveform.fs, (waveform.first + waveform.held) / waveform.fs];
    // What is still there is looked at meanwhile.
    acts.waiting(startS < heldS || startS + spanS > untilS);
    try {
      const part = partOf(await acts.fetch({ start_s: fromS, duration_s: this.lengthS }, asking.signal));
      if (this.kept.size >= KEPT) this.kept.delete(this.kept.keys().next().value);
      this.kept.set(wanted, part);
      if (this.wanted === wanted) this.take(part);
    } catch (error) {
      if (this.asking === asking) this.wanted = null;
      throw error;
    } finally {
      if (this.asking === asking) acts.waiting(false);
    }
  }

  take(part) {
    this.waveform.hold(part);
    this.acts.changed();
  }

  /** No part is waited for any more. */
  stop() {
    if (this.asking !== null) this.acts.waiting(false);
    this.asking?.abort();
    this.asking = null;
  }
}
