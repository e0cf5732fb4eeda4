/** The timers that come again and again: one of each kind at a time, told apart by generation. */
import type { MembershipTimer } from './contract.ts';
import type { Outbox } from './outbox.ts';

export type TickTimer = Exclude<MembershipTimer, { kind: 'request' }>;

export class Ticks {
  readonly #outbox: Outbox;
  readonly #generations = new Map<TickTimer['kind'], number>();

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** Sets the timer of that kind; the one that was set before is void. */
  schedule(kind: TickTimer['kind'], delayMs: number): void {
    const generation = this.#outbox.nextSerial();
    this.#generations.set(kind, generation);
    this.#outbox.push({ kind: 'schedule', timer: { kind, generation }, delayMs });
  }

  /** True for the timer of its kind that was set last. */
  isCurrent({ kind, generation }: TickTimer): boolean {
    return this.#generations.get(kind) === generation;
  }

  clear(): void {
    this.#generations.clear();
  }
}
