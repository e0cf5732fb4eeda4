/**
 * One of 4,096 parts of a store, by a hash of the key: the unit in which stores that differ much
 * are compared. The digest is the exclusive or of the ids, so that it follows a change at once.
 */
import type { Entry } from './entry.ts';

export const BUCKETS = 4_096;

/** Of one key: 24 bits, the first 12 of which are the number of the bucket. */
export type KeyHash = number;

/**
 * FNV-1a (Fowler, Noll, Vo) over the bytes of the key, its top 24 bits. Part of the protocol. It
 * begins with a secret of the cluster, so that nobody outside can aim keys at one bucket.
 */
export class KeyHasher {
  readonly #basis: number;

  /** Of the secret, 4 bytes are taken. */
  constructor(secret: Uint8Array) {
    this.#basis = new DataView(secret.buffer, secret.byteOffset).getInt32(0);
  }

  hash(key: string): KeyHash {
    let hash = 0x811c9dc5 ^ this.#basis;
    for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    // The last bytes alone do not reach the top bits.
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    return (hash ^ (hash >>> 13)) >>> 8;
  }
}

/** The number of the bucket in which keys of that hash are. */
export function bucketOf(hash: KeyHash): number {
  return hash >>> 12;
}

export class Bucket {
  readonly entries: Map<string, Entry> = new Map();
  readonly #words = new Int32Array(4);

  /** Adds an id of 16 characters, or takes it away. */
  toggle(id: string): void {
    for (let word = 0; word < 4; word += 1) {
      const at = 4 * word;
      const bits =
        id.charCodeAt(at) |
        (id.charCodeAt(at + 1) << 8) |
        (id.charCodeAt(at + 2) << 16) |
        (id.charCodeAt(at + 3) << 24);
      this.#words[word] = (this.#words[word] ?? 0) ^ bits;
    }
  }

  digest(): Uint8Array {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    for (let word = 0; word < 4; word += 1) view.setInt32(4 * word, this.#words[word] ?? 0, true);
    return bytes;
  }
}
