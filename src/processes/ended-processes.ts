/**
 * Why processes ended, of the last ones of a node: who watches one too late is told that there is
 * no such process, and a supervisor has to know more than that.
 */
import { ENDED_PROCESSES_KEPT_MAX, ENDED_REASON_BYTES_MAX } from '../limits.ts';
import { boundedReason } from './exit-reason.ts';
import type { Value } from './processes.ts';

export class EndedProcesses {
  /** By serial, the oldest end first. */
  readonly #reasons = new Map<number, Value>();

  get size(): number {
    return this.#reasons.size;
  }

  /** Keeps the reason, or its summary where it is long. */
  add(serial: number, reason: Value): void {
    this.#reasons.set(serial, boundedReason(reason, ENDED_REASON_BYTES_MAX));
    if (this.#reasons.size <= ENDED_PROCESSES_KEPT_MAX) return;
    const [oldest] = this.#reasons.keys();
    if (oldest !== undefined) this.#reasons.delete(oldest);
  }

  /** Undefined when it runs, has never run, or ended too long ago. */
  reasonOf(serial: number): Value | undefined {
    return this.#reasons.get(serial);
  }
}
