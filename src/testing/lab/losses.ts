/** Frames that get lost: on a link they come late, as datagrams not at all. */
import type { Randomness } from '../../core/membership/randomness.ts';

/** RFC 9002, section 6.2.1, at a constant round trip: its variance is 0 and this is left. */
const PROBE_TIMEOUT_ADDED_MS = 26;
/** Frames are lost so often in a row at most. */
const LOSSES_IN_A_ROW_MAX = 8;

export class Losses {
  readonly #random: Randomness;
  readonly #share: number;

  /** @param share chance of a loss, 0 to 1. */
  constructor(random: Randomness, share: number) {
    this.#random = random;
    this.#share = share;
  }

  get areLikely(): boolean {
    return this.#share > 0;
  }

  /** True when this frame is lost. */
  strikes(): boolean {
    return this.#share > 0 && this.#random.float() < this.#share;
  }

  /** How late a frame on a link is: a probe time-out, doubled for each loss in a row. */
  latenessMs(roundTripMs: number): number {
    let timeoutMs = roundTripMs + PROBE_TIMEOUT_ADDED_MS;
    let lateMs = 0;
    for (let losses = 0; losses < LOSSES_IN_A_ROW_MAX && this.strikes(); losses += 1) {
      lateMs += timeoutMs;
      timeoutMs *= 2;
    }
    return lateMs;
  }
}
