/** How long a run of hostile bytes is, and from which seed: `bench/fuzz.mjs` sets it. */

/** Of each part; a short run where nobody asks for more. */
export function fuzzCount(short: number): number {
  const { BARREL_FUZZ_COUNT: count = short } = process.env;
  return Number(count);
}

/** The same in every run where nobody asks for another one. */
export function fuzzSeed(): number {
  const { BARREL_FUZZ_SEED: seed = 1 } = process.env;
  return Number(seed);
}
