/** Bounds what one peer can ask of this node, each by itself. */
import { TokenBucket } from '../membership/token-bucket.ts';
import type { NodeName } from '../names.ts';

/** Peers with a bucket of their own; above it the oldest begins anew. */
const PEERS_MAX = 256;

const BURST = 64;
const PER_SECOND = 32;

export class PeerBudgets {
  readonly #buckets = new Map<NodeName, TokenBucket>();

  /** True when the peer may ask once more. */
  take(peer: NodeName, nowMs: number): boolean {
    let bucket = this.#buckets.get(peer);
    if (bucket === undefined) {
      bucket = new TokenBucket(BURST, PER_SECOND, nowMs);
      this.#buckets.set(peer, bucket);
      for (const oldest of this.#buckets.keys()) {
        if (this.#buckets.size <= PEERS_MAX) break;
        this.#buckets.delete(oldest);
      }
    }
    return bucket.take(nowMs);
  }
}
