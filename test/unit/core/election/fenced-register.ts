/**
 * A register that leaders increment: each reads it, and writes one more when the answer is there,
 * both under the fence of its term. What it accepts has to be one history: a write is one more than
 * what stands there, or an increment is lost.
 */
import { FenceGuard } from '../../../../src/leaders/fence-guard.ts';

export class FencedRegister {
  readonly #guard = new FenceGuard();
  /** Sentences that say which histories are none. */
  readonly faults: string[] = [];
  value: number = 0;
  refused: number = 0;

  /** Undefined for one whose time is over. */
  read(fence: bigint): number | undefined {
    if (this.#guard.accept(fence)) return this.value;
    this.refused += 1;
    return undefined;
  }

  /** False for one whose time is over. */
  write(fence: bigint, value: number): boolean {
    const highest = this.#guard.highest;
    if (!this.#guard.accept(fence)) {
      this.refused += 1;
      return false;
    }
    if (fence < highest) this.faults.push(`${fence} is accepted after ${highest}`);
    if (value !== this.value + 1) this.faults.push(`${value} is written over ${this.value}`);
    this.value = value;
    return true;
  }
}
