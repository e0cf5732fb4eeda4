/**
 * Fencing tokens: the numbers of terms. One bigint of 63 bits, so that it fits a signed integer of
 * 64: 40 bits of a counter above 23 bits that tell the node and its start.
 *
 * The counter is the time of the hybrid clock in units of 4 ms since 2020, and at least one more
 * than the greatest one that is known for the name. So it grows also where nothing is known of
 * earlier terms, as after a restart of all nodes; it lasts until 2159. The clock is moved up to the
 * counter: whoever has heard of a term makes greater ones only, and of two statements of the
 * greatest token the later one says the greater, but for terms made without a word between them.
 */
import { packStamp, type Stamp, wallMsOf } from '../clock/stamp.ts';
import type { NodeName } from '../names.ts';
import { finish, hashText, mix } from '../roster/mix32.ts';
import type { StampSource } from '../store/contract.ts';

/** The number of a term. Greater means later. */
export type FenceToken = bigint;

const COUNTER_BITS = 40n;
const TAG_BITS = 23n;
const TAG_MASK = 0x7f_ffff;
const COUNTER_MAX = (1n << COUNTER_BITS) - 1n;
export const FENCE_TOKEN_MAX: FenceToken = (1n << (COUNTER_BITS + TAG_BITS)) - 1n;

const EPOCH_MS = 1_577_836_800_000;
const UNIT_MS = 4;

/** One start of one node. */
export interface TermHolder {
  readonly node: NodeName;
  readonly incarnation: bigint;
}

/**
 * A token above `highest`, and above all that this clock has heard of. Undefined when no counter is
 * left.
 */
export function mintToken(
  clock: StampSource,
  holder: TermHolder,
  highest: FenceToken,
): FenceToken | undefined {
  const byTime = counterAt(clock.now()) + 1n;
  const byHighest = counterOf(highest) + 1n;
  const counter = byTime > byHighest ? byTime : byHighest;
  if (counter > COUNTER_MAX) return undefined;
  clock.observe(startOf(counter));
  return packToken(counter, tagOf(holder));
}

export function packToken(counter: bigint, tag: number): FenceToken {
  return (counter << TAG_BITS) | BigInt(tag & TAG_MASK);
}

export function counterOf(token: FenceToken): bigint {
  return token >> TAG_BITS;
}

/**
 * Two starts may have the same tag, one pair of eight million. Should they make the same counter
 * too, which only those can that have not heard of each other, the tokens are equal: then neither
 * counts, see `Election`.
 */
export function tagOf({ node, incarnation }: TermHolder): number {
  const low = Number(BigInt.asUintN(32, incarnation));
  const high = Number(BigInt.asUintN(32, incarnation >> 32n));
  return finish(mix(mix(hashText(node), low), high)) & TAG_MASK;
}

export function laterToken(a: FenceToken, b: FenceToken): FenceToken {
  return a > b ? a : b;
}

function counterAt(stamp: Stamp): bigint {
  return BigInt(Math.max(0, Math.floor((wallMsOf(stamp) - EPOCH_MS) / UNIT_MS)));
}

/** The first stamp of the counter's time. */
function startOf(counter: bigint): Stamp {
  return packStamp(Number(counter) * UNIT_MS + EPOCH_MS, 0);
}
