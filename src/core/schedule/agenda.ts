/**
 * Which slip has its turn when: by wall time where a due time decides, by monotonic time where a
 * lease or a pause does.
 */
import type { ScheduleTime } from './contract.ts';
import { DueHeap } from './due-heap.ts';
import type { Slip } from './slip.ts';

/** Before all that waits for a due time: it had its turn once already. */
const FIRST_MS = 0;

export class Agenda {
  readonly #due = new DueHeap<Slip>();
  readonly #pauses = new DueHeap<Slip>();
  readonly #unheard = new Set<Slip>();

  get unheardCount(): number {
    return this.#unheard.size;
  }

  /** Nothing is to be done with it. */
  clear(slip: Slip): void {
    if (slip.stage === 'paused') this.#pauses.remove(slip);
    else this.#due.remove(slip);
    this.#unheard.delete(slip);
    slip.stage = 'still';
  }

  due(slip: Slip, wallMs: number): void {
    this.clear(slip);
    slip.stage = 'due';
    this.#due.set(slip, wallMs);
  }

  pause(slip: Slip, untilMs: number): void {
    this.clear(slip);
    slip.stage = 'paused';
    this.#pauses.set(slip, untilMs);
  }

  ripe(slip: Slip): void {
    this.clear(slip);
    slip.stage = 'ripe';
    this.#due.set(slip, FIRST_MS);
  }

  /** It keeps its place for when somebody can handle it. */
  unheard(slip: Slip): void {
    this.clear(slip);
    slip.stage = 'unheard';
    this.#unheard.add(slip);
  }

  busy(slip: Slip): void {
    this.clear(slip);
    slip.stage = 'busy';
  }

  /** It has a turn at that wall time although it is busy. */
  alarm(slip: Slip, wallMs: number): void {
    this.busy(slip);
    this.#due.set(slip, wallMs);
  }

  /** Those that nobody could handle have their turns again. */
  hearAgain(): void {
    for (const slip of this.#unheard) {
      slip.stage = 'ripe';
      this.#due.set(slip, slip.atMs);
    }
    this.#unheard.clear();
  }

  /** Ends the pauses that are over. */
  ripen(nowMs: number): void {
    for (let slip = this.#pauses.first; slip !== undefined; slip = this.#pauses.first) {
      if (slip.atMs > nowMs) return;
      this.ripe(slip);
    }
  }

  takeDue(wallMs: number): Slip | undefined {
    return this.#due.takeDue(wallMs);
  }

  /** When the next pause is over, in monotonic time. */
  get pauseEndMs(): number {
    return this.#pauses.first?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** When to look at what is due next, at the latest after `rereadMs`: the wall clock may step. */
  dueLookMs({ nowMs, wallMs }: ScheduleTime, rereadMs: number): number {
    const { first } = this.#due;
    if (first === undefined) return Number.POSITIVE_INFINITY;
    return nowMs + Math.min(Math.max(0, first.atMs - wallMs), rereadMs);
  }
}
