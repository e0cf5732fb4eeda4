/**
 * How many elements differ, judged from symbols that are not decoded yet, and how many symbols it
 * takes to decode so many.
 */
import { coverage } from './index-sequence.ts';

/**
 * An estimate of the number of elements under the counts of symbols 0 and up, an element of one set
 * counted 1 and of the other -1. Symbol 0 covers all: its count is their net number exactly. The
 * count of symbol i varies around that number times its coverage p, with the variance d p (1 - p)
 * for d elements, whatever their signs are. So each symbol gives d once, and their mean has a
 * relative deviation of about sqrt(2 / symbols): 0.5 for 8 symbols, 0.14 for 96. It errs to
 * neither side, but where nearly all elements are of one set: those are at least the net number,
 * and the estimate is 1.2 times (8 symbols) or 1.1 times (32) too high on average.
 */
export function estimateDifferences(counts: Int32Array): number {
  const net = counts[0] ?? 0;
  let sum = 0;
  for (let i = 1; i < counts.length; i += 1) {
    const p = coverage(i);
    const deviation = (counts[i] ?? 0) - net * p;
    sum += (deviation * deviation) / (p * (1 - p));
  }
  const mean = Math.round(sum / Math.max(1, counts.length - 1));
  return Math.max(Math.abs(net), mean);
}

/** Deviations of an estimate that symbols are asked for beforehand. */
const MARGIN_DEVIATIONS = 3;

/**
 * What an estimate from so many counts is multiplied with, so that too few symbols are asked for in
 * about 3 cases of 1,000: measured with 96 counts, 2 to 400 differences on both sides.
 */
export function marginOf(counts: number): number {
  return 1 + MARGIN_DEVIATIONS * Math.sqrt(2 / Math.max(2, counts));
}

/** Differences, and the symbols with which 995 of 1,000 such are decoded: measured. */
const NEEDED: readonly (readonly [differences: number, symbols: number])[] = [
  [0, 1],
  [1, 1],
  [2, 12],
  [4, 21],
  [8, 34],
  [16, 51],
  [32, 80],
  [64, 128],
  [100, 180],
  [200, 328],
  [400, 620],
  [800, 1_190],
  [1_400, 2_030],
];
/** For each difference above the table. */
const SYMBOLS_PER_DIFFERENCE = 1.43;

/** Symbols in all with which `differences` elements are decoded in about 995 cases of 1,000. */
export function symbolsFor(differences: number): number {
  let [fromDifferences, fromSymbols] = [0, 1];
  for (const [toDifferences, toSymbols] of NEEDED) {
    if (differences <= toDifferences) {
      const share = (differences - fromDifferences) / Math.max(1, toDifferences - fromDifferences);
      return Math.ceil(fromSymbols + share * (toSymbols - fromSymbols));
    }
    [fromDifferences, fromSymbols] = [toDifferences, toSymbols];
  }
  return Math.ceil(fromSymbols + SYMBOLS_PER_DIFFERENCE * (differences - fromDifferences));
}
