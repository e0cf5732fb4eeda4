/** Collects the effects of one input, what is to be broadcast together, and keeps the timers. */
import type { NodeName } from '../names.ts';
import { inBatches } from './batches.ts';
import type { RosterEffect, RosterTimer } from './contract.ts';
import { type RosterEntry, withoutRecord } from './entry.ts';
import type { RosterMessage } from './messages.ts';
import { TimerBook } from './timer-book.ts';

export class RosterOutbox {
  /** The time of the input that is being handled. */
  nowMs = 0;
  /** This node was taken for dead: its owner's word goes behind the entry that says it lives. */
  mustReassert = false;
  readonly #timers = new TimerBook<RosterTimer['kind']>();
  #effects: RosterEffect[] = [];
  #outgoing: RosterEntry[] = [];

  push(effect: RosterEffect): void {
    this.#effects.push(effect);
  }

  send(to: NodeName, message: RosterMessage): void {
    this.#effects.push({ kind: 'send', to, message });
  }

  /** To all, with all else that this input gives to say; only the living carry their record. */
  broadcast(entry: RosterEntry): void {
    this.#outgoing.push(withoutRecord(entry));
  }

  /** Sets the timer, unless it fires by then anyway. */
  wake(kind: RosterTimer['kind'], delayMs: number): void {
    const timer = this.#timers.advance(kind, this.nowMs + delayMs);
    if (timer !== undefined) this.#effects.push({ kind: 'schedule', timer, delayMs });
  }

  /** By how much a timer that fired was late; undefined for one of an old generation. */
  takeTimer(timer: RosterTimer): number | undefined {
    return this.#timers.take(timer, this.nowMs);
  }

  /** What was collected; the outbox is empty afterwards. `toAll`: a last word. */
  take(toAll: boolean): readonly RosterEffect[] {
    for (const entries of inBatches(this.#outgoing)) {
      this.#effects.push({ kind: 'broadcast', entries, toAll });
    }
    if (this.mustReassert) this.#effects.push({ kind: 'reassert' });
    const effects = this.#effects;
    this.#effects = [];
    this.#outgoing = [];
    this.mustReassert = false;
    return effects;
  }
}
