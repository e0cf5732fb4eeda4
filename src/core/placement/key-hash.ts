/**
 * From keys to partitions: XXH64, seed 0, over the key's canonical bytes, its low 32 bits modulo
 * the size of the ring. This is wire contract: every node has to say the same, on any machine.
 */
import { type Key, readKeyBytes } from '../wire/key.ts';

/** XXH64 with seed 0. Whoever loads it passes it in. */
export interface KeyHash {
  /** The low 32 bits, 0 to 2^32 - 1. */
  low(bytes: Uint8Array): number;
  /** All bits as 16 hex digits, the highest first. */
  hex(bytes: Uint8Array): string;
}

/** The low 32 bits of the hash of a key. @throws ERR_VALUE for what is no key. */
export function keyHash(key: Key, hash: KeyHash): number {
  return readKeyBytes(key, hash.low);
}
