// The signal of a reading: leads first, in microvolts, at the rate it was uploaded with.

export class Waveform {
  constructor({ fs, lead_names, n_times, data }) {
    this.fs = fs;
    this.leadNames = lead_names;
    this.nTimes = n_times;
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    // Little-endian whatever the machine is.
    const view = new DataView(bytes.buffer);
    this.values = new Int16Array(bytes.length / 2);
    for (let index = 0; index < this.values.length; index += 1) this.values[index] = view.getInt16(2 * index, true);
  }

  get durationS() {
    return this.nTimes / this.fs;
  }

  has(lead) {
    return this.leadNames.includes(lead);
  }

  /** Microvolts of one lead as a view, (n_times,). */
  lead(name) {
    const row = this.leadNames.indexOf(name);
    return this.values.subarray(row * this.nTimes, (row + 1) * this.nTimes);
  }
}
