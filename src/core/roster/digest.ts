/**
 * The roster in 1 KiB: 256 buckets by name, each the exclusive or of the hashes of its entries. Two
 * nodes that compare them see where they differ and send each other only that. A change of an
 * entry costs two hashes, however long the roster is.
 */
import type { NodeName } from '../names.ts';
import { RANK, type RosterEntry } from './entry.ts';
import { finish, hashText, mix } from './mix32.ts';

export const DIGEST_BUCKETS = 256;

const WORD = 2 ** 32;
const BIG_WORD = 2n ** 32n;

/** The bucket of a name, 0 to 255. */
export function bucketOf(node: NodeName): number {
  return hashText(node) % DIGEST_BUCKETS;
}

export class BucketDigest {
  readonly #buckets = new Uint32Array(DIGEST_BUCKETS);

  /** Takes in an entry that was not there, or takes out one that was. */
  toggle(entry: RosterEntry): void {
    const name = hashText(entry.node);
    const bucket = name % DIGEST_BUCKETS;
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) ^ hashEntry(name, entry);
  }

  /** A copy: it stays as it is now. */
  snapshot(): Uint32Array {
    return this.#buckets.slice();
  }

  /** The buckets that differ, rising. */
  differing(others: Uint32Array): readonly number[] {
    const buckets: number[] = [];
    for (let i = 0; i < DIGEST_BUCKETS; i += 1) {
      if (this.#buckets[i] !== others[i]) buckets.push(i);
    }
    return buckets;
  }
}

/** Of what decides the order; who suspects and what a node tells of itself follow from it. */
function hashEntry(name: number, { incarnation, refutation, status }: RosterEntry): number {
  let hash = mix(name, Number(incarnation % BIG_WORD));
  hash = mix(hash, Number(incarnation / BIG_WORD));
  hash = mix(hash, refutation % WORD);
  hash = mix(hash, Math.floor(refutation / WORD));
  return finish(mix(hash, RANK[status]));
}
