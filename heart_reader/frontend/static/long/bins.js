// From the lists of a reading to as much as a screen has pixels. Beats are many, so each function
// goes through them once.

/** Index of the first value that is not below `value` in a list that rises. */
export function firstFrom(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Rate between two moments as at most `most` points `{ timeS, mean, low, high }`; steps without a
 * rate give points with null, where a line ends. Groups begin at multiples of their length, so that
 * they do not flicker while the part that is shown moves.
 */
export function trendPoints({ step_s: stepS, mean_bpm: mean, lowest_bpm: low, highest_bpm: high }, fromS, toS, most) {
  const last = Math.min(mean.length, Math.ceil(toS / stepS) + 1);
  const first = Math.max(0, Math.floor(fromS / stepS) - 1);
  const size = Math.max(1, Math.ceil((last - first) / most));
  const points = [];
  for (let start = first - (first % size); start < last; start += size) {
    const end = Math.min(mean.length, start + size);
    const point = { timeS: ((start + end) / 2) * stepS, mean: null, low: null, high: null };
    let [sum, count] = [0, 0];
    for (let index = start; index < end; index += 1) {
      if (mean[index] === null) continue;
      sum += mean[index];
      count += 1;
      if (point.low === null || low[index] < point.low) point.low = low[index];
      if (point.high === null || high[index] > point.high) point.high = high[index];
    }
    if (count) point.mean = sum / count;
    points.push(point);
  }
  return points;
}

const [SUPRAVENTRICULAR, VENTRICULAR, FUSION] = ["S", "V", "F"].map((name) => name.charCodeAt(0));

/**
 * RR intervals in cells of `columns` of time and `rows` of length, the longest in the first row:
 * how many normal ones each cell has, (rows * columns,), and the cells of "S" and "V". Fusion
 * counts as ventricular, what is not classified as normal. An interval belongs to the beat that
 * ends it; those longer than `mostS` lie on the edge, as gaps should be seen.
 */
export function rrDensity({ times_s: times, classes }, fromS, toS, columns, rows, mostS) {
  const cells = { N: new Uint16Array(rows * columns), S: [], V: [] };
  const [perS, perRr] = [columns / (toS - fromS), rows / mostS];
  const end = firstFrom(times, toS);
  for (let index = Math.max(1, firstFrom(times, fromS)); index < end; index += 1) {
    const column = Math.min(columns - 1, Math.floor((times[index] - fromS) * perS));
    const row = rows - 1 - Math.min(rows - 1, Math.floor((times[index] - times[index - 1]) * perRr));
    const cell = row * columns + column;
    const code = classes.charCodeAt(index);
    if (code === SUPRAVENTRICULAR) cells.S.push(cell);
    else if (code === VENTRICULAR || code === FUSION) cells.V.push(cell);
    else cells.N[cell] += 1;
  }
  return cells;
}

/** How many beats of one class each column of time has, (columns,). */
export function classCounts({ times_s: times, classes }, name, fromS, toS, columns) {
  const counts = new Uint16Array(columns);
  const end = firstFrom(times, toS);
  for (let index = classes.indexOf(name, firstFrom(times, fromS)); index >= 0 && index < end; index = classes.indexOf(name, index + 1)) {
    counts[Math.min(columns - 1, Math.floor(((times[index] - fromS) / (toS - fromS)) * columns))] += 1;
  }
  return counts;
}

/** Lowest and highest of one lead in each column of time, NaN where there is nothing. */
export function envelopeColumns({ step_s: stepS, lowest_mv: lowest, highest_mv: highest }, lead, fromS, toS, columns) {
  const [low, high] = [new Float32Array(columns).fill(NaN), new Float32Array(columns).fill(NaN)];
  const perColumn = (toS - fromS) / columns;
  for (let column = 0; column < columns; column += 1) {
    const start = Math.floor((fromS + column * perColumn) / stepS);
    const end = Math.max(start + 1, Math.ceil((fromS + (column + 1) * perColumn) / stepS));
    for (let index = Math.max(0, start); index < Math.min(end, lowest[lead].length); index += 1) {
      if (lowest[lead][index] === null) continue;
      if (!(lowest[lead][index] >= low[column])) low[column] = lowest[lead][index];
      if (!(highest[lead][index] <= high[column])) high[column] = highest[lead][index];
    }
  }
  return { low, high };
}

/** Value below which `share` of the numbers lie; null among them does not count. */
export function quantile(values, share, otherwise = 0) {
  const sorted = Float32Array.from(values.filter((value) => value !== null)).sort();
  return sorted.length ? sorted[Math.floor(share * (sorted.length - 1))] : otherwise;
}
