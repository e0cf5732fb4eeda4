/**
 * Replicas that are kept on disk and hosted nowhere. After a day they leave the replica set:
 * tombstones wait for them no longer, and one that returns takes what it lacks from the others.
 * Since when one is away stands in `replicas`, so that the day goes on whoever restarts meanwhile.
 */
import { ABSENCES_MAX } from '../../limits.ts';
import { packStamp, wallMsOf } from '../clock/stamp.ts';
import type { Randomness } from '../membership/randomness.ts';
import type { StampSource, StoreWrite } from './contract.ts';
import { type Hosts, type Kept, keptWrite, replicasKey } from './hosts.ts';

const ABSENCE_MS_MAX = 86_400_000;
/** A node says nothing of an absence before it has seen it for so long: most are restarts. */
const NOTICE_MS = 1_800_000;
/** Longer at random: one node speaks first, and the others find that it is said. */
const SPREAD_MS = 1_800_000;
const CHECK_PERIOD_MS = 60_000;

/** As this start of the node sees it. */
interface Absence {
  readonly sinceMs: number;
  readonly spreadMs: number;
}

export interface AbsenceTime {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export class Absences {
  readonly #random: Randomness;
  readonly #clock: StampSource;
  readonly #seen = new Map<string, Absence>();
  #nextMs = 0;

  constructor({ random, clock }: { readonly random: Randomness; readonly clock: StampSource }) {
    this.#random = random;
    this.#clock = clock;
  }

  /** What is to be said in `replicas` now: who is away, and who was for too long. */
  due(hosts: Hosts, now: AbsenceTime): readonly StoreWrite[] {
    if (now.monotonicMs < this.#nextMs) return [];
    this.#nextMs = now.monotonicMs + CHECK_PERIOD_MS;
    const absent = new Map<string, Kept>();
    for (const { store, kept } of hosts.allKept()) {
      if (absent.size >= ABSENCES_MAX) break;
      if (hosts.isUp(store, kept.replica)) continue;
      absent.set(replicasKey(store, kept.replica.node), kept);
    }
    for (const key of this.#seen.keys()) if (!absent.has(key)) this.#seen.delete(key);
    return [...absent].flatMap(([key, kept]) => this.#word(key, kept, now) ?? []);
  }

  #word(key: string, { replica, awaySince }: Kept, now: AbsenceTime): StoreWrite | undefined {
    const seen = this.#see(key, now.monotonicMs);
    const seenMs = now.monotonicMs - seen.sinceMs;
    if (seenMs < NOTICE_MS + seen.spreadMs) return undefined;
    if (awaySince === undefined) {
      // By the clock that all nodes share: this one's wall clock may be wrong.
      const sinceMs = Math.max(0, Math.floor(wallMsOf(this.#clock.now()) - seenMs));
      return keptWrite(key, { replica, awaySince: packStamp(sinceMs, 0) });
    }
    const isOver = now.wallMs - wallMsOf(awaySince) >= ABSENCE_MS_MAX + seen.spreadMs;
    return isOver ? { key, value: undefined } : undefined;
  }

  #see(key: string, monotonicMs: number): Absence {
    const seen = this.#seen.get(key) ?? {
      sinceMs: monotonicMs,
      spreadMs: this.#random.float() * SPREAD_MS,
    };
    this.#seen.set(key, seen);
    return seen;
  }
}
