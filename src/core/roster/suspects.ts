/** The suspicions that are open on this node, and which of them have run out. */
import type { NodeName } from '../names.ts';
import type { SuspectEntry } from './entry.ts';
import { isLiving } from './entry.ts';
import type { EntryBook } from './entry-book.ts';
import { deadlineMs, type Suspicion, type SuspicionTimes } from './suspicion.ts';

/** A suspicion is looked at anew by then: who could have confirmed it may be gone meanwhile. */
const LOOK_MS_MAX = 2_000;

export interface SuspectsOptions {
  readonly self: NodeName;
  readonly times: SuspicionTimes;
  readonly book: EntryBook;
  /** This node's slowness: 0 for none. */
  readonly health: () => number;
}

export interface Expiry {
  /** Suspects whose time is over. */
  readonly expired: readonly SuspectEntry[];
  /** When to look again; undefined when nobody else is suspect. */
  readonly nextMs: number | undefined;
}

export class Suspects {
  readonly #self: NodeName;
  readonly #times: SuspicionTimes;
  readonly #book: EntryBook;
  readonly #health: () => number;
  /** One for each suspect in the book, at most. */
  readonly #suspicions = new Map<NodeName, Suspicion>();

  constructor({ self, times, book, health }: SuspectsOptions) {
    this.#self = self;
    this.#times = times;
    this.#book = book;
    this.#health = health;
  }

  get(node: NodeName): Suspicion | undefined {
    return this.#suspicions.get(node);
  }

  open(node: NodeName, suspicion: Suspicion): void {
    this.#suspicions.set(node, suspicion);
  }

  /** The time of an open one begins now. */
  restart(node: NodeName, nowMs: number): void {
    const suspicion = this.#suspicions.get(node);
    if (suspicion !== undefined) suspicion.startedMs = nowMs;
  }

  close(node: NodeName): void {
    this.#suspicions.delete(node);
  }

  /** Nobody is blamed for the time in which this node stood still. */
  shift(byMs: number): void {
    for (const suspicion of this.#suspicions.values()) suspicion.startedMs += byMs;
  }

  /** When to look at the suspect next. */
  lookMs(entry: SuspectEntry, nowMs: number): number {
    const suspicion = this.#suspicions.get(entry.node);
    if (suspicion === undefined) return nowMs;
    return Math.min(this.#deadlineMs(entry, suspicion), nowMs + LOOK_MS_MAX);
  }

  expire(nowMs: number): Expiry {
    const expired: SuspectEntry[] = [];
    let nextMs: number | undefined;
    for (const [node, suspicion] of this.#suspicions) {
      const entry = this.#book.get(node);
      if (entry?.status !== 'suspect') continue;
      if (this.#deadlineMs(entry, suspicion) <= nowMs) expired.push(entry);
      else nextMs = Math.min(nextMs ?? Number.POSITIVE_INFINITY, this.lookMs(entry, nowMs));
    }
    return { expired, nextMs };
  }

  #deadlineMs(entry: SuspectEntry, suspicion: Suspicion): number {
    const silentConfirmers = this.#silentConfirmers(entry);
    const stretch = 1 + this.#health();
    return deadlineMs(this.#times, this.#self, { suspicion, entry, silentConfirmers, stretch });
  }

  /** Its living neighbours; one that never told of any has just begun, and hardly has more. */
  #silentConfirmers({ node, by, record }: SuspectEntry): number {
    const neighbors = record?.neighbors ?? [];
    return neighbors.filter((neighbor) => {
      return neighbor !== node && !by.includes(neighbor) && this.#isWell(neighbor);
    }).length;
  }

  #isWell(node: NodeName): boolean {
    const entry = this.#book.get(node);
    return isLiving(entry) && entry.status === 'alive';
  }
}
