/**
 * How long a frame takes between two nodes, one way: the same for a pair in both directions and for
 * a whole run, worked out from the seed instead of stored.
 */

/** One-way delay in milliseconds between two nodes, by their numbers. */
export type Latency = (a: number, b: number) => number;

/** Uniform between two bounds. */
export function uniformLatency(range: LatencyRange, seed: number): Latency {
  const { lowMs, highMs } = range;
  return (a, b) => lowMs + (highMs - lowMs) * pairFraction(a, b, seed);
}

export interface LatencyRange {
  readonly lowMs: number;
  readonly highMs: number;
}

/**
 * Nodes spread evenly over regions: half a region's round trip one way, plus up to a tenth of it
 * that is the pair's own.
 * @param roundTripsMs symmetric, by region and region.
 */
export function regionLatency(roundTripsMs: readonly (readonly number[])[], seed: number): Latency {
  const count = roundTripsMs.length;
  return (a, b) => {
    const oneWayMs = (roundTripsMs[a % count]?.[b % count] ?? 0) / 2;
    return oneWayMs * (1 + 0.1 * pairFraction(a, b, seed));
  };
}

/** In [0, 1), and the same for (a, b) and (b, a). */
function pairFraction(a: number, b: number, seed: number): number {
  const low = Math.min(a, b);
  const high = Math.max(a, b);
  let hash = Math.imul(low + 1, 0x9e37_79b1) ^ Math.imul(high + 1, 0x85eb_ca77) ^ seed;
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb_352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846c_a68b);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
