/**
 * The search for a path that works: all candidates are asked at once, and asked again while none
 * has answered. An answer is what the library validates, and a datagram that came over that very
 * path since: one that was validated long ago proves nothing.
 */
import { BarrelError } from '../../errors.ts';
import type { Timers } from '../../host/host.ts';
import { type Settlement, settlement } from '../../settlement.ts';
import { PROBE_AGAIN_MS, PROBE_AGAIN_MS_MAX } from '../path-limits.ts';
import type { NativeConnection } from './native.ts';
import { canReach, isSamePair, type PathPair } from './path-pair.ts';

export interface PathProbeOptions {
  readonly native: NativeConnection;
  readonly timers: Timers;
  /** Asks for a flush. */
  readonly wake: () => void;
}

interface Candidate {
  readonly pair: PathPair;
  /** Datagrams that had come over it before. */
  readonly received: number;
}

export class PathProbe {
  readonly #options: PathProbeOptions;
  readonly #candidates: readonly Candidate[];
  readonly #outcome: Settlement<PathPair> = settlement<PathPair>();
  #timer: Disposable | undefined;

  constructor(options: PathProbeOptions, pairs: readonly PathPair[]) {
    this.#options = options;
    this.#candidates = pairs
      .filter(canReach)
      .map((pair) => ({ pair, received: this.#received(pair) }));
    this.#ask(PROBE_AGAIN_MS);
  }

  /** The first that answered. Rejects with ERR_PATH_NOT_VALIDATED. */
  get outcome(): Promise<PathPair> {
    return this.#outcome.promise;
  }

  /** Something may have come over one of them. */
  check(): void {
    const { native } = this.#options;
    for (const { pair, received } of this.#candidates) {
      if (this.#received(pair) <= received) continue;
      if (!native.isPathValidated(pair.local, pair.remote)) continue;
      this.stop();
      this.#outcome.resolve(pair);
      return;
    }
  }

  fail(why: string): void {
    this.stop();
    this.#outcome.reject(new BarrelError('ERR_PATH_NOT_VALIDATED', why));
  }

  stop(): void {
    this.#timer?.[Symbol.dispose]();
  }

  #ask(againMs: number): void {
    let why = 'the peer cannot be reached from that address';
    let asked = 0;
    for (const { pair } of this.#candidates) {
      try {
        this.#options.native.probePath(pair.local, pair.remote);
        asked += 1;
      } catch (error) {
        // `OutOfIdentifiers` or `Done`: the connection has had as many paths as it may have.
        why = `no room for another path: ${error instanceof Error ? error.message : String(error)}`;
      }
    }
    if (asked === 0) {
      this.fail(why);
      return;
    }
    this.#options.wake();
    const nextMs = Math.min(2 * againMs, PROBE_AGAIN_MS_MAX);
    this.#timer = this.#options.timers.after(againMs, () => this.#ask(nextMs));
  }

  #received(pair: PathPair): number {
    const known = this.#options.native
      .pathStats()
      .find(({ localHost, peerHost }) => isSamePair(pair, { local: localHost, remote: peerHost }));
    return known?.recv ?? 0;
  }
}
