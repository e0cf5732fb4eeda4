/** Bounds a rate for each network, in a table that is bounded itself. */
import { TokenBucket } from '../../core/membership/token-bucket.ts';
import { NETWORKS_MAX } from './door-limits.ts';

export interface Rate {
  readonly atOnce: number;
  readonly perSecond: number;
}

export class NetworkBuckets {
  readonly #rate: Rate;
  readonly #networksMax: number;
  /** The one that was used longest ago first. */
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #shared: TokenBucket;

  constructor(rate: Rate, networksMax: number = NETWORKS_MAX) {
    this.#rate = rate;
    this.#networksMax = networksMax;
    this.#shared = this.#bucket(Number.NEGATIVE_INFINITY);
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one; false where there is none. Of too many networks the new ones share one bucket. */
  take(network: string, nowMs: number): boolean {
    const known = this.#buckets.get(network);
    if (known === undefined && !this.#makeRoom(nowMs)) return this.#shared.take(nowMs);
    const bucket = known ?? this.#bucket(nowMs);
    this.#buckets.delete(network);
    this.#buckets.set(network, bucket);
    return bucket.take(nowMs);
  }

  /** Forgets one that would be as new; a network that still owes is never forgotten. */
  #makeRoom(nowMs: number): boolean {
    if (this.#buckets.size < this.#networksMax) return true;
    for (const [network, bucket] of this.#buckets) {
      if (bucket.isFull(nowMs)) this.#buckets.delete(network);
      break;
    }
    return this.#buckets.size < this.#networksMax;
  }

  #bucket(nowMs: number): TokenBucket {
    return new TokenBucket(this.#rate.atOnce, this.#rate.perSecond, nowMs);
  }
}
