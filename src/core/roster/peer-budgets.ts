/** Bounds what one peer can ask of this node, each by itself. */
import { TokenBucket } from '../membership/token-bucket.ts';
import type { NodeName } from '../names.ts';

/** Peers with a bucket of their own; above it the oldest begins anew. */
const PEERS_MAX = 256;

export interface PeerRate {
  readonly burst: number;
  readonly perSecond: number;
}

const RATE_DEFAULT: PeerRate = { burst: 64, perSecond: 32 };

export class PeerBudgets {
  readonly #rate: PeerRate;
  readonly #buckets = new Map<NodeName, TokenBucket>();

  constructor(rate: PeerRate = RATE_DEFAULT) {
    this.#rate = rate;
  }

  /** True when the peer may ask once more. */
  take(peer: NodeName, nowMs: number): boolean {
    let bucket = this.#buckets.get(peer);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#rate.burst, this.#rate.perSecond, nowMs);
      this.#buckets.set(peer, bucket);
      for (const oldest of this.#buckets.keys()) {
        if (this.#buckets.size <= PEERS_MAX) break;
        this.#buckets.delete(oldest);
      }
    }
    return bucket.take(nowMs);
  }
}
