/**
 * How a durable store keeps a value: behind four bytes of CRC32 over the key and the value. The
 * database does not look at its own checksums when it reads, so a flipped byte would go unnoticed.
 */
import { crc32 } from 'node:zlib';
import type { StoredItem, StoreOperation } from './durable-store.ts';

const SEAL_BYTES = 4;

/** One change as it is written: in memory of its own, whatever its owner does meanwhile. */
export interface SealedOperation {
  readonly key: Uint8Array;
  /** The value behind its checksum; undefined removes the key. */
  readonly sealed: Uint8Array | undefined;
}

export function sealOperation({ key, value }: StoreOperation): SealedOperation {
  if (value === undefined) return { key: Buffer.from(key), sealed: undefined };
  const sealed = Buffer.allocUnsafe(SEAL_BYTES + value.length);
  sealed.writeUInt32BE(checksum(key, value), 0);
  sealed.set(value, SEAL_BYTES);
  return { key: Buffer.from(key), sealed };
}

/** What was sealed, as a view of `sealed`; damaged when it is not what was sealed under the key. */
export function unsealValue(key: Uint8Array, sealed: Uint8Array): StoredItem {
  if (sealed.length < SEAL_BYTES) return { kind: 'damaged', key };
  const value = sealed.subarray(SEAL_BYTES);
  const expected = new DataView(sealed.buffer, sealed.byteOffset, SEAL_BYTES).getUint32(0);
  return checksum(key, value) === expected
    ? { kind: 'value', key, value }
    : { kind: 'damaged', key };
}

function checksum(key: Uint8Array, value: Uint8Array): number {
  return crc32(value, crc32(key));
}
