/** Means, quantiles and histograms of what an experiment measured. */

/** 0 for no values. */
export function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return values.length === 0 ? 0 : sum / values.length;
}

/** The value at that share of the values in order, the nearest above; 0 for no values. */
export function quantile(values: readonly number[], share: number): number {
  return atShare(Float64Array.from(values).sort(), share);
}

/** Shares at which a cumulative distribution is drawn: each hundredth, and the tail closer. */
const SHARES: readonly number[] = [
  ...Array.from({ length: 100 }, (_, percent) => percent / 100),
  0.995,
  0.999,
  1,
];

/** Points of the cumulative distribution: the value, and the share of values up to it. */
export function cumulative(values: readonly number[]): [number, number][] {
  const sorted = Float64Array.from(values).sort();
  return SHARES.map((share) => [atShare(sorted, share), share]);
}

function atShare(sorted: Float64Array, share: number): number {
  const at = Math.ceil(share * sorted.length) - 1;
  return sorted[Math.min(Math.max(at, 0), sorted.length - 1)] ?? 0;
}

/** The largest, of any number of values; -infinity for none. */
export function largest(values: Iterable<number>): number {
  let found = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > found) found = value;
  return found;
}

/** How often each integer occurs, from the least to the largest, as points of a curve. */
export function histogram(values: readonly number[]): [number, number][] {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const keys = [...counts.keys()].sort((a, b) => a - b);
  const points: [number, number][] = [];
  for (let at = keys[0] ?? 0; at <= (keys.at(-1) ?? -1); at += 1) {
    points.push([at, counts.get(at) ?? 0]);
  }
  return points;
}

/** A histogram whose counts are shares of all values. */
export function distribution(values: readonly number[]): [number, number][] {
  return histogram(values).map(([at, count]) => [at, count / values.length]);
}
