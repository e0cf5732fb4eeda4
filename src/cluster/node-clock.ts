/**
 * The hybrid logical clock of a node: the pure clock, fed with the machine's wall clock, counted,
 * and kept above its past over restarts.
 */
import { compareStamps, isStamp, type Stamp, wallMsOf } from '../core/clock/stamp.ts';
import {
  refusalOf,
  refusedStamp,
  StampClock,
  type StampRefusal,
  wallStamp,
} from '../core/clock/stamp-clock.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { CLOCK_SKEW_MS_MAX, CLOCK_WARNING_PERIOD_MS } from '../limits.ts';
import type { ClockBound } from './clock-bound.ts';
import { ClockReserve } from './clock-reserve.ts';

/** From here on it is said that the clock is far ahead. */
const AHEAD_MS_WARNED = CLOCK_SKEW_MS_MAX * 0.8;

/**
 * Orders events across nodes without coordination. A timestamp is one bigint of 64 bits: 48 of
 * wall-clock milliseconds since 1970, then 16 of a counter. Greater means later: what could have
 * been caused by an event has a greater timestamp, if each node passes what it receives to
 * `update`. Two nodes may make the same timestamp; add the node's name where that matters.
 */
export interface HybridClock {
  /**
   * A timestamp greater than all that this node made or took before, also when the machine's clock
   * is set back, and also before a restart if the node has a `dataDir`. @throws ERR_CLOSED.
   */
  now(): bigint;
  /**
   * Moves past a timestamp received from elsewhere: returns one greater than it and than all
   * before.
   * @throws ERR_VALUE when it is no bigint of 64 bits, or more than 60 s ahead of this machine's
   * clock; the clock is as before. ERR_CLOSED.
   */
  update(remote: bigint): bigint;
  /** -1 when `a` is the earlier one, 1 when it is the later one, 0 when they are the same. */
  compare(a: bigint, b: bigint): -1 | 0 | 1;
  /** The wall clock of a timestamp, to print it. @throws ERR_VALUE when it is no timestamp. */
  wallTime(timestamp: bigint): Date;
}

export interface NodeClockOptions {
  readonly host: Pick<Host, 'clock' | 'logger' | 'meter'>;
  /** Undefined: nothing is kept, and a start goes by the machine's clock alone. */
  readonly bound: ClockBound | undefined;
}

/**
 * What is guaranteed over a restart, however the machine's clock was set meanwhile: a start makes
 * only stamps greater than each one that an earlier start had made or taken while it was below the
 * bound on disk. That bound is 10 s ahead of time and moves while the clock is used, so that
 * leaves out only the stamps between a jump over the bound (the first use after more than 5 s
 * without one, a wall clock set ahead, a stamp taken from a node that is further ahead) and the
 * end of the save that begins in the same call: one write to disk. They are counted, and whoever
 * waits for `covered()` before it tells anybody has no such window. While saving fails there is no
 * guarantee for stamps above the bound. Nor is there one when the bound itself is lost or damaged.
 */
export class NodeClock implements HybridClock {
  readonly #host: NodeClockOptions['host'];
  readonly #clock: StampClock;
  readonly #reserve: ClockReserve | undefined;
  readonly #counts: NodeClockCounts;
  readonly #warnedOfDrift = new Period();
  readonly #warnedOfLead = new Period();
  #closing: Promise<void> | undefined;

  private constructor(
    host: NodeClockOptions['host'],
    clock: StampClock,
    reserve: ClockReserve | undefined,
  ) {
    this.#host = host;
    this.#clock = clock;
    this.#reserve = reserve;
    this.#counts = {
      drift: host.meter.counter('barrel_clock_drift_refused_total'),
      malformed: host.meter.counter('barrel_clock_malformed_total'),
    };
    host.meter.gauge('barrel_clock_ahead_ms', () =>
      Math.max(clock.aheadMs(host.clock.wallMs()), 0),
    );
  }

  /**
   * Goes on from the bound, and reserves the first 10 s; when that cannot be saved, the clock runs
   * all the same. @throws ERR_STORE when the bound cannot be read.
   */
  static async open({ host, bound }: NodeClockOptions): Promise<NodeClock> {
    if (bound === undefined) return new NodeClock(host, new StampClock(), undefined);
    const saved = (await bound.load()) ?? 0n;
    const clock = new StampClock(saved);
    const reserve = new ClockReserve({ host, bound, saved });
    const wallMs = host.clock.wallMs();
    await reserve.start({ wall: wallStamp(wallMs), last: saved });
    const opened = new NodeClock(host, clock, reserve);
    opened.#warnOfLead(wallMs);
    return opened;
  }

  now(): Stamp {
    this.#throwIfClosed();
    const wallMs = this.#host.clock.wallMs();
    const stamp = this.#clock.now(wallMs);
    this.#moved(wallMs, 0n);
    return stamp;
  }

  update(remote: Stamp): Stamp {
    this.#throwIfClosed();
    const wallMs = this.#host.clock.wallMs();
    const refusal = refusalOf(remote, wallMs);
    if (refusal !== undefined) {
      this.#refused(remote, refusal, wallMs);
      throw refusedStamp(refusal);
    }
    const stamp = this.#clock.update(remote, wallMs);
    this.#moved(wallMs, remote);
    return stamp;
  }

  /**
   * For stamps that arrive with data: the next stamp will be greater than `remote`. False, counted
   * and without effect, where `update` throws ERR_VALUE. Never throws, not after `close` either.
   * A stamp that was refused for drift is taken once time has come up to it.
   */
  observe(remote: Stamp): boolean {
    const wallMs = this.#host.clock.wallMs();
    const refusal = refusalOf(remote, wallMs);
    if (refusal !== undefined) {
      this.#refused(remote, refusal, wallMs);
      return false;
    }
    if (this.#clock.observe(remote, wallMs) && this.#closing === undefined) {
      this.#moved(wallMs, remote);
    }
    return true;
  }

  compare(a: Stamp, b: Stamp): -1 | 0 | 1 {
    return compareStamps(a, b);
  }

  wallTime(timestamp: Stamp): Date {
    if (!isStamp(timestamp)) throw refusedStamp('malformed');
    return new Date(wallMsOf(timestamp));
  }

  /** The greatest stamp that this clock has made or taken, or its bound at the start. */
  get last(): Stamp {
    return this.#clock.last;
  }

  /**
   * Resolves when every start to come makes greater stamps than all until now: at once, mostly.
   * False when that cannot be: the bound cannot be saved, or this node keeps nothing.
   */
  async covered(): Promise<boolean> {
    return (await this.#reserve?.covered()) ?? false;
  }

  /** No more stamps. The next start goes on from the last one, not from the bound. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#reserve?.close() ?? Promise.resolve();
    return this.#closing;
  }

  #moved(wallMs: number, remote: Stamp): void {
    this.#reserve?.cover({ wall: wallStamp(wallMs), last: this.#clock.last }, remote);
    this.#warnOfLead(wallMs);
  }

  #refused(remote: Stamp, refusal: StampRefusal, wallMs: number): void {
    this.#counts[refusal].value += 1;
    if (refusal !== 'drift' || !this.#warnedOfDrift.isOver(this.#nowMs())) return;
    this.#host.logger.warn('a stamp is refused: its clock is too far ahead of this machine’s', {
      aheadMs: wallMsOf(remote) - wallMs,
    });
  }

  #warnOfLead(wallMs: number): void {
    const aheadMs = this.#clock.aheadMs(wallMs);
    if (aheadMs < AHEAD_MS_WARNED || !this.#warnedOfLead.isOver(this.#nowMs())) return;
    const { logger } = this.#host;
    if (aheadMs <= CLOCK_SKEW_MS_MAX) {
      logger.warn('the hybrid clock is far ahead of the machine’s clock', { aheadMs });
    } else {
      logger.error('other nodes refuse the stamps of this one: its clock is ahead', { aheadMs });
    }
  }

  #nowMs(): number {
    return this.#host.clock.monotonicMs();
  }

  #throwIfClosed(): void {
    if (this.#closing !== undefined) throw new BarrelError('ERR_CLOSED', 'the node is closed');
  }
}

type NodeClockCounts = Readonly<Record<StampRefusal, { value: number }>>;

/** Keeps warnings of one kind apart. */
class Period {
  #endMs = Number.NEGATIVE_INFINITY;

  /** True once, then not again for a minute. */
  isOver(nowMs: number): boolean {
    if (nowMs < this.#endMs) return false;
    this.#endMs = nowMs + CLOCK_WARNING_PERIOD_MS;
    return true;
  }
}
