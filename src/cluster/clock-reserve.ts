/**
 * Keeps the bound on disk above the stamps of a running clock, so that its next start can begin
 * above all of them. The bound is moved ahead before the clock comes near, and only by a clock that
 * is used: an idle node writes nothing.
 */
import { earlierStamp, laterStamp, packStamp, type Stamp } from '../core/clock/stamp.ts';
import type { Host } from '../host/host.ts';
import type { Counter } from '../host/meter.ts';
import {
  CLOCK_RESERVE_COUNTED_MS,
  CLOCK_RESERVE_MS,
  CLOCK_SAVE_RETRY_MS,
  CLOCK_SKEW_MS_MAX,
} from '../limits.ts';
import type { ClockBound } from './clock-bound.ts';

/** How far above the clock the bound is. */
interface Margin {
  /** Above the wall clocks that drive it. */
  readonly driven: Stamp;
  /** But no further than this above the own wall clock: others would refuse the next start. */
  readonly ceiling: Stamp;
  /**
   * Above the last stamp in any case. A clock that has started ahead of time only counts until
   * time has come up. More than a little would let a node run away that crashes again and again.
   */
  readonly counted: Stamp;
}

const FULL: Margin = {
  driven: packStamp(CLOCK_RESERVE_MS, 0),
  ceiling: packStamp(CLOCK_SKEW_MS_MAX, 0),
  counted: packStamp(CLOCK_RESERVE_COUNTED_MS, 0),
};
const LOW: Margin = {
  driven: packStamp(CLOCK_RESERVE_MS / 2, 0),
  ceiling: packStamp(CLOCK_SKEW_MS_MAX - CLOCK_RESERVE_MS / 2, 0),
  counted: packStamp(CLOCK_RESERVE_COUNTED_MS / 2, 0),
};

/** Where a clock has come to. */
export interface ClockReading {
  /** Of the machine's wall clock, with counter 0. */
  readonly wall: Stamp;
  /** The greatest stamp minted or taken. */
  readonly last: Stamp;
}

export interface ClockReserveOptions {
  readonly host: Pick<Host, 'clock' | 'logger' | 'meter'>;
  readonly bound: ClockBound;
  /** What the bound has on disk; 0 for a first start. */
  readonly saved: Stamp;
}

export class ClockReserve {
  readonly #options: ClockReserveOptions;
  readonly #failures: Counter;
  readonly #uncovered: Counter;
  /** On disk for certain. */
  #saved: Stamp;
  /** The greatest stamp of a wall clock, this machine's or another's, since the start. */
  #driven: Stamp = 0n;
  #wall: Stamp = 0n;
  #last: Stamp = 0n;
  #saving: Promise<void> | undefined;
  /** Set while saving fails. */
  #retryAtMs: number | undefined;

  constructor(options: ClockReserveOptions) {
    const { meter } = options.host;
    this.#options = options;
    this.#saved = options.saved;
    this.#failures = meter.counter('barrel_clock_save_failed_total');
    this.#uncovered = meter.counter('barrel_clock_uncovered_total');
  }

  /** Resolves when the first reserve of a clock is on disk, or the attempt has failed. */
  async start({ wall, last }: ClockReading): Promise<void> {
    this.#wall = wall;
    this.#driven = wall;
    this.#last = last;
    this.#saving = this.#extend();
    await this.#saving;
  }

  /**
   * The clock has moved, also because of `remote` if that is not 0. Begins a save in this call when
   * little is left.
   */
  cover({ wall, last }: ClockReading, remote: Stamp): void {
    this.#wall = wall;
    this.#last = last;
    this.#driven = laterStamp(this.#driven, laterStamp(wall, remote));
    if (last > this.#saved) this.#uncovered.value += 1;
    if (this.#saving === undefined && this.#isLow() && !this.#isPausing()) {
      this.#saving = this.#extend();
    }
  }

  /** Waits until all that was covered so far is below what is on disk. False when that fails. */
  async covered(): Promise<boolean> {
    const last = this.#last;
    while (this.#saved < last) {
      this.#saving ??= this.#extend();
      await this.#saving;
      if (this.#retryAtMs !== undefined) return this.#saved >= last;
    }
    return true;
  }

  /** Gives back what is left of the reserve: the clock goes on no more. */
  async close(): Promise<void> {
    await this.#saving;
    if (this.#last !== this.#saved) await this.#save(this.#last);
  }

  #isLow(): boolean {
    return this.#above(LOW) > this.#saved;
  }

  #above({ driven, ceiling, counted }: Margin): Stamp {
    const byTime = earlierStamp(this.#driven + driven, this.#wall + ceiling);
    return laterStamp(byTime, this.#last + counted);
  }

  #isPausing(): boolean {
    return this.#retryAtMs !== undefined && this.#nowMs() < this.#retryAtMs;
  }

  /** Once more when the clock has jumped meanwhile. */
  async #extend(): Promise<void> {
    do {
      await this.#save(this.#above(FULL));
    } while (this.#isLow() && this.#retryAtMs === undefined);
    this.#saving = undefined;
  }

  async #save(bound: Stamp): Promise<void> {
    const { bound: disk, host } = this.#options;
    try {
      await disk.save(bound);
    } catch (error) {
      this.#failures.value += 1;
      if (this.#retryAtMs === undefined) {
        host.logger.error('the bound of the clock cannot be saved', { error });
      }
      this.#retryAtMs = this.#nowMs() + CLOCK_SAVE_RETRY_MS;
      return;
    }
    this.#saved = bound;
    if (this.#retryAtMs === undefined) return;
    this.#retryAtMs = undefined;
    host.logger.info('the bound of the clock is saved again');
  }

  #nowMs(): number {
    return this.#options.host.clock.monotonicMs();
  }
}
