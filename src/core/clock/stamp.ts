/**
 * A stamp of the hybrid logical clock: 48 bits of wall milliseconds above a 16-bit counter, in one
 * bigint. Stamps are ordered as numbers, and so are their 8 bytes, most significant first.
 */
import { BarrelError } from '../../errors.ts';

export type Stamp = bigint;

export const STAMP_MAX: Stamp = 2n ** 64n - 1n;
export const STAMP_WALL_MS_MAX = 281_474_976_710_655;
export const STAMP_COUNTER_MAX = 65_535;
export const STAMP_BYTES = 8;

const COUNTER_BITS = 16n;
const COUNTER_MASK = 0xffffn;

/** @throws ERR_VALUE unless both are integers in their range. */
export function packStamp(wallMs: number, counter: number): Stamp {
  if (!isWithin(wallMs, STAMP_WALL_MS_MAX) || !isWithin(counter, STAMP_COUNTER_MAX)) {
    throw new BarrelError('ERR_VALUE', `no stamp has wall ${wallMs} and counter ${counter}`);
  }
  return (BigInt(wallMs) << COUNTER_BITS) | BigInt(counter);
}

/** Milliseconds since 1970. */
export function wallMsOf(stamp: Stamp): number {
  return Number(stamp >> COUNTER_BITS);
}

export function counterOf(stamp: Stamp): number {
  return Number(stamp & COUNTER_MASK);
}

/** -1 when `a` is the earlier one. */
export function compareStamps(a: Stamp, b: Stamp): -1 | 0 | 1 {
  if (a < b) return -1;
  return a > b ? 1 : 0;
}

export function earlierStamp(a: Stamp, b: Stamp): Stamp {
  return a < b ? a : b;
}

export function laterStamp(a: Stamp, b: Stamp): Stamp {
  return a > b ? a : b;
}

/** True for a bigint of 64 bits: each of them is a stamp. */
export function isStamp(value: unknown): value is Stamp {
  return typeof value === 'bigint' && value >= 0n && value <= STAMP_MAX;
}

/** The 8 bytes whose order is that of the stamps. @throws ERR_VALUE for what is no stamp. */
export function stampBytes(stamp: Stamp): Uint8Array {
  if (!isStamp(stamp)) throw new BarrelError('ERR_VALUE', `${stamp} is no stamp`);
  const bytes = new Uint8Array(STAMP_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, stamp);
  return bytes;
}

/** The stamp that has these bytes; undefined unless there are 8. */
export function stampOfBytes(bytes: Uint8Array): Stamp | undefined {
  if (bytes.byteLength !== STAMP_BYTES) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, STAMP_BYTES).getBigUint64(0);
}

function isWithin(n: number, max: number): boolean {
  return Number.isInteger(n) && n >= 0 && n <= max;
}
