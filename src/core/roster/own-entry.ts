/**
 * What a node says of itself, and how it answers what others say of it: it alone raises its
 * refutation, and so has the last word.
 */
import { ACTIVE_SIZE_MAX } from '../../limits.ts';
import type { Randomness } from '../membership/randomness.ts';
import type { NodeName } from '../names.ts';
import {
  isLiving,
  leaps,
  type MemberRecord,
  nextRefutation,
  type RosterEntry,
  supersedes,
} from './entry.ts';
import type { EntryBook } from './entry-book.ts';
import { isOrphan } from './orphans.ts';
import { OwnNeighbors } from './own-neighbors.ts';
import type { RosterOutbox } from './roster-outbox.ts';

export interface RosterSelf {
  readonly node: NodeName;
  readonly incarnation: bigint;
}

export interface OwnEntryOptions {
  readonly self: RosterSelf;
  readonly book: EntryBook;
  readonly outbox: RosterOutbox;
  readonly random: Randomness;
}

export class OwnEntry {
  readonly #self: RosterSelf;
  readonly #book: EntryBook;
  readonly #outbox: RosterOutbox;
  readonly #random: Randomness;
  readonly #neighbors: OwnNeighbors = new OwnNeighbors();
  /** The refutation of the last own death for which everything was asserted again. */
  #answeredDeath = -1;

  constructor({ self, book, outbox, random }: OwnEntryOptions) {
    this.#self = self;
    this.#book = book;
    this.#outbox = outbox;
    this.#random = random;
  }

  announce(record: MemberRecord): void {
    const known = this.#entry;
    this.#outbox.mustReassert = known !== undefined && !isLiving(known);
    this.#assert(record, known === undefined ? 0 : nextRefutation(known.refutation));
  }

  update(record: MemberRecord): void {
    const known = this.#entry;
    if (known?.status === 'alive') this.#assert(record, nextRefutation(known.refutation));
  }

  leave(): void {
    const known = this.#entry;
    if (known === undefined || known.status === 'left') return;
    this.#say({ ...known, refutation: nextRefutation(known.refutation), status: 'left' });
  }

  /** The first neighbour after a time alone: what was said meanwhile reached nobody. */
  repeat(): void {
    const own = this.#entry;
    if (own?.status === 'alive') this.#outbox.broadcast(own);
  }

  /** Others may be mistaken about this node; it alone knows. */
  hear(heard: RosterEntry): void {
    if (heard.incarnation > this.#self.incarnation) {
      this.#outbox.push({ kind: 'superseded', incarnation: heard.incarnation });
      return;
    }
    const known = this.#entry;
    if (known === undefined || leaps(heard, known)) return;
    if (known.status === 'alive') this.#answerDeath(heard);
    if (!supersedes(heard, known)) return;
    this.#say({ ...known, refutation: nextRefutation(heard.refutation) });
    if (known.status === 'alive' && heard.status !== 'alive') {
      this.#outbox.push({ kind: 'refuted' });
    }
  }

  /** Whoever said so dropped what this node owns, also when the refutation was there first. */
  #answerDeath(heard: RosterEntry): void {
    if (heard.status !== 'dead' || heard.incarnation !== this.#self.incarnation) return;
    if (heard.refutation <= this.#answeredDeath) return;
    this.#answeredDeath = heard.refutation;
    this.#outbox.mustReassert = true;
  }

  changeNeighbors(neighbors: readonly NodeName[]): void {
    const told = neighbors.slice(0, ACTIVE_SIZE_MAX);
    this.#neighbors.change(told, this.#outbox.nowMs, this.#random.float());
    this.#planTelling();
  }

  /** A member went: if it was the last of the neighbours told of, others are told sooner. */
  onGone(node: NodeName): void {
    if (this.#neighbors.told.includes(node)) this.#planTelling();
  }

  /** The time to tell of the neighbours has come, or was moved. */
  tellNeighbors(): void {
    const own = this.#entry;
    if (own?.status !== 'alive' || this.#neighbors.isTold) return;
    if (this.#tellingMs > this.#outbox.nowMs) this.#planTelling();
    else this.#assert(own.record, nextRefutation(own.refutation));
  }

  #planTelling(): void {
    if (this.#neighbors.isTold || this.#entry?.status !== 'alive') return;
    this.#outbox.wake('neighbors', Math.max(0, this.#tellingMs - this.#outbox.nowMs));
  }

  get #tellingMs(): number {
    const isOrphaned = isOrphan(this.#book, this.#neighbors.told);
    return this.#neighbors.dueMs(this.#book.livingCount, isOrphaned);
  }

  #assert(record: MemberRecord, refutation: number): void {
    this.#neighbors.markTold(this.#outbox.nowMs);
    const told = { ...record, neighbors: this.#neighbors.told };
    this.#say({ ...this.#self, refutation, status: 'alive', record: told });
  }

  #say(entry: RosterEntry): void {
    this.#book.store(entry, this.#outbox.nowMs);
    this.#outbox.broadcast(entry);
  }

  get #entry(): RosterEntry | undefined {
    return this.#book.get(this.#self.node);
  }
}
