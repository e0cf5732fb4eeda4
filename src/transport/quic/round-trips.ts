/** The round-trip time of a connection, asked of the library now and then. */
import type { Clock } from '../../host/host.ts';
import type { NativeConnection } from './native.ts';

const SAMPLE_MS = 1_000;
/** Stands for a round trip below a millisecond: the library counts whole ones. */
const RTT_MS_MIN = 0.5;

export class RoundTrips {
  readonly #native: NativeConnection;
  readonly #clock: Clock;
  #ms = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  constructor(native: NativeConnection, clock: Clock) {
    this.#native = native;
    this.#clock = clock;
  }

  /** Smoothed. What was last known of a connection that is not `open`. */
  ms(isOpen: boolean): number {
    const now = this.#clock.monotonicMs();
    if (!isOpen || now - this.#atMs <= SAMPLE_MS) return this.#ms;
    const path = this.#native.pathStats().find(({ active }) => active);
    this.#ms = path === undefined ? 0 : Math.max(path.rtt, RTT_MS_MIN);
    this.#atMs = now;
    return this.#ms;
  }
}
