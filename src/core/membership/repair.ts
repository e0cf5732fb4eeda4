/**
 * Repair (HyParView, section 4.3): while the active view has free places, random spares are asked,
 * a few at a time. When no spare is left to ask, the driver is, ever more seldom.
 */
import type { HyParViewConfig } from './config.ts';
import type { NeighborPriority } from './messages.ts';
import type { Outbox } from './outbox.ts';
import type { PeerBook } from './peer-book.ts';
import { pick, type Randomness } from './randomness.ts';

const HELP_PAUSE_MS_MIN = 2_000;
const HELP_PAUSE_MS_MAX = 30_000;

export interface RepairOptions {
  readonly config: HyParViewConfig;
  readonly random: Randomness;
  readonly outbox: Outbox;
  readonly book: PeerBook;
}

export class Repair {
  readonly #config: HyParViewConfig;
  readonly #random: Randomness;
  readonly #outbox: Outbox;
  readonly #book: PeerBook;
  #helpPauseMs = HELP_PAUSE_MS_MIN;
  #helpDueMs = Number.NEGATIVE_INFINITY;

  constructor({ config, random, outbox, book }: RepairOptions) {
    this.#config = config;
    this.#random = random;
    this.#outbox = outbox;
    this.#book = book;
  }

  /** A neighbour is lost: help may be asked for at once. */
  expedite(): void {
    this.#helpPauseMs = HELP_PAUSE_MS_MIN;
    this.#helpDueMs = this.#outbox.nowMs;
  }

  /** Asks as many spares as there are free places and free attempts. */
  run(): void {
    const { active, attempts } = this.#book;
    const { activeSize, repairAttemptsMax } = this.#config;
    const candidates = this.#book.candidates();
    while (active.size + attempts.size < activeSize && attempts.size < repairAttemptsMax) {
      const candidate = pick(this.#random, candidates);
      if (candidate === undefined) break;
      candidates.splice(candidates.indexOf(candidate), 1);
      this.#book.attempt(candidate, this.#priority());
    }
    if (active.size < activeSize && attempts.size === 0) this.#askForHelp();
  }

  /** One urgent request at a time: each may cost the other end a neighbour. */
  #priority(): NeighborPriority {
    const urgentBelow = this.#config.activeSize >= 3 ? 2 : 1;
    if (this.#book.active.size >= urgentBelow) return 'low';
    for (const attempt of this.#book.attempts.values()) if (attempt.ask !== 'low') return 'low';
    return 'high';
  }

  #askForHelp(): void {
    if (this.#outbox.nowMs < this.#helpDueMs) return;
    this.#helpDueMs = this.#outbox.nowMs + this.#helpPauseMs;
    this.#helpPauseMs = Math.min(this.#helpPauseMs * 2, HELP_PAUSE_MS_MAX);
    this.#outbox.push({ kind: 'needCandidates' });
  }
}
