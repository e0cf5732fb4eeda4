/**
 * The hybrid logical clock (Kulkarni, Demirbas, Madappa, Avva, Leone: Logical Physical Clocks,
 * OPODIS 2014): stamps that grow with causality and stay close to the wall clock.
 *
 * With wall and counter in one number, the rules of the paper (figure 5) are one line. A new stamp
 * is the greatest of three: the wall clock with counter 0, the last stamp + 1, and the received
 * stamp + 1. A full counter carries into the wall part by itself.
 *
 * Deviation from the paper: a received stamp that is too far ahead is refused. That is measured
 * from the wall clock and not from the last stamp, so that a clock which others have pulled ahead
 * lets itself be pulled no further. Where the wall clock itself was set back, stamps still grow:
 * they stay ahead by the step, and others refuse them until the wall clock has come up to 60 s.
 */
import { BarrelError } from '../../errors.ts';
import { CLOCK_SKEW_MS_MAX, CLOCK_WALL_MS_MAX } from '../../limits.ts';
import { isStamp, laterStamp, packStamp, STAMP_MAX, type Stamp, wallMsOf } from './stamp.ts';

/** Why a stamp from elsewhere was not taken. */
export type StampRefusal = 'malformed' | 'drift';

/**
 * The latest stamp to go on from: no wall clock that is believed leads so far, and it leaves more
 * stamps than a machine can count.
 */
export const LEAST_STAMP_MAX: Stamp = (STAMP_MAX / 4n) * 3n;

export class StampClock {
  #last: Stamp;

  /**
   * @param least the clock's stamps are greater than this one.
   * @throws ERR_VALUE when it is no stamp, or later than `LEAST_STAMP_MAX`.
   */
  constructor(least: Stamp = 0n) {
    if (!isStamp(least) || least > LEAST_STAMP_MAX) {
      throw new BarrelError('ERR_VALUE', `a clock cannot go on from ${least}`);
    }
    this.#last = least;
  }

  /** The greatest stamp that was minted or taken from elsewhere. */
  get last(): Stamp {
    return this.#last;
  }

  /** A stamp greater than all before, whatever the wall clock says. */
  now(wallMs: number): Stamp {
    this.#last = laterStamp(wallStamp(wallMs), this.#last + 1n);
    return this.#last;
  }

  /**
   * A stamp greater than `remote` and than all before.
   * @throws ERR_VALUE when `remote` is no stamp, or its wall part is more than 60 s ahead of the
   * wall clock: the clock is as before.
   */
  update(remote: Stamp, wallMs: number): Stamp {
    const refusal = refusalOf(remote, wallMs);
    if (refusal !== undefined) throw refusedStamp(refusal);
    this.#last = laterStamp(this.#last, remote);
    return this.now(wallMs);
  }

  /** The next stamps will be greater than `remote`. False where `update` throws. */
  observe(remote: Stamp, wallMs: number): boolean {
    if (refusalOf(remote, wallMs) !== undefined) return false;
    this.#last = laterStamp(this.#last, remote);
    return true;
  }

  /** How far the last stamp is ahead of the wall clock; below 0 when it is behind. */
  aheadMs(wallMs: number): number {
    return wallMsOf(this.#last) - believedMs(wallMs);
  }
}

/** Why no clock with that wall clock takes the stamp; undefined when it does. */
export function refusalOf(remote: unknown, wallMs: number): StampRefusal | undefined {
  if (!isStamp(remote)) return 'malformed';
  return wallMsOf(remote) - believedMs(wallMs) > CLOCK_SKEW_MS_MAX ? 'drift' : undefined;
}

export function refusedStamp(refusal: StampRefusal): BarrelError {
  const why = refusal === 'drift' ? 'a stamp too far ahead of the wall clock' : 'not a stamp';
  return new BarrelError('ERR_VALUE', why);
}

/** The first stamp of that millisecond. */
export function wallStamp(wallMs: number): Stamp {
  return packStamp(believedMs(wallMs), 0);
}

/** An impossible reading counts as none: as long as it lasts, the clock only counts. */
function believedMs(wallMs: number): number {
  return wallMs >= 0 && wallMs <= CLOCK_WALL_MS_MAX ? Math.floor(wallMs) : 0;
}
