/**
 * What a slot costs a member of weight 1, by the rank that the member gives it: `-ln(1 - u)` of a
 * `u` in the middle of the rank's share, so that costs are spread as exponential random numbers
 * are. The least of some such costs, each divided by a weight, falls to each member in proportion
 * to its weight (weighted rendezvous hashing).
 */

/** Of the series: what is left out is below the last bit. */
const LAST_TERM = 25;

/** The last ones that were worked out: nodes of one process mostly have rings of one size. */
let last = new Float64Array();

/**
 * Costs of the ranks 0 to `ringSize - 1`, growing, not to be changed. The same on every machine, to
 * the last bit.
 */
export function rankCosts(ringSize: number): Float64Array {
  if (last.length !== ringSize) last = workedOut(ringSize);
  return last;
}

function workedOut(ringSize: number): typeof last {
  const costs = new Float64Array(ringSize);
  for (let rank = 0; rank < ringSize; rank += 1) {
    costs[rank] = negativeLog((ringSize - rank - 0.5) / ringSize);
  }
  return costs;
}

/**
 * `-ln x` for 0 < x <= 1, by operations alone that IEEE 754 defines to the last bit: `Math.log` may
 * differ between platforms.
 */
function negativeLog(x: number): number {
  let halvings = 0;
  let m = x;
  for (; m < 0.75; m *= 2) halvings += 1;
  const z = (m - 1) / (m + 1);
  let sum = 0;
  for (let k = LAST_TERM; k >= 1; k -= 2) sum = sum * z * z + 1 / k;
  return halvings * Math.LN2 - 2 * z * sum;
}
