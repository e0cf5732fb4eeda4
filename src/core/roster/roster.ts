/**
 * Who is alive, everywhere the same. Each node tells of itself; neighbours tell when it dies; what
 * changes a node's roster is passed on to all its neighbours but the one it came from, and a new
 * neighbour gets the whole. A node that hears of its own death refutes it.
 */
import { REFUTATION_LEAP_MAX, ROSTER_BATCH_MAX, ROSTER_ENTRIES_MAX } from '../../limits.ts';
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import type { RosterEffect, RosterInput } from './contract.ts';
import {
  type AliveEntry,
  type GoneEntry,
  type MemberRecord,
  nextRefutation,
  type RosterEntry,
  supersedes,
} from './entry.ts';

/** How long the dead and the left are remembered, so that late word of them finds them known. */
const GONE_KEPT_MS = 3_600_000;

export interface RosterOptions {
  /** @default ROSTER_ENTRIES_MAX */
  readonly entriesMax?: number;
}

/** The roster of one node. No clock, no links: facts in, effects out. */
export class Roster {
  readonly #self: { readonly node: NodeName; readonly incarnation: bigint };
  readonly #entriesMax: number;
  readonly #entries = new Map<NodeName, RosterEntry>();
  /** When each of the dead and left became so here, oldest first. */
  readonly #goneSinceMs = new Map<NodeName, number>();
  readonly #neighbors = new Set<NodeName>();
  #effects: RosterEffect[] = [];
  /** What changed during this input, to be passed on together. */
  #news: RosterEntry[] = [];
  #mustReassert = false;
  #nowMs = 0;

  constructor(
    self: { readonly node: NodeName; readonly incarnation: bigint },
    options: RosterOptions = {},
  ) {
    this.#self = self;
    this.#entriesMax = options.entriesMax ?? ROSTER_ENTRIES_MAX;
  }

  /** All that is known, the dead and left of the last hour included, this node too. */
  get entries(): readonly RosterEntry[] {
    return [...this.#entries.values()];
  }

  /** The living, this node included while it is announced. */
  get alive(): readonly AliveEntry[] {
    return this.entries.filter((entry) => entry.status === 'alive');
  }

  /**
   * Everything that is known, in batches, for a new neighbour; read as it is taken. What changes
   * meanwhile is seen here or reaches the neighbour as news. It ends even if the roster grows as
   * fast as it is read: those that came since are behind those that were there.
   */
  *exchange(): IterableIterator<readonly RosterEntry[]> {
    let batch: RosterEntry[] = [];
    let left = this.#entries.size;
    for (const entry of this.#entries.values()) {
      if (left === 0) break;
      left -= 1;
      batch.push(entry);
      if (batch.length < ROSTER_BATCH_MAX) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }

  get(node: NodeName): RosterEntry | undefined {
    return this.#entries.get(node);
  }

  /** True when that very start of the node is known as alive. */
  isAlive(node: NodeName, incarnation: bigint): boolean {
    const entry = this.#entries.get(node);
    return entry?.status === 'alive' && entry.incarnation === incarnation;
  }

  /**
   * Applies one input at a monotonic time in milliseconds; returns its effects in the order in
   * which the driver must carry them out. Never throws for what a peer sent.
   */
  handle(input: RosterInput, nowMs: number): readonly RosterEffect[] {
    this.#nowMs = nowMs;
    switch (input.kind) {
      case 'announce':
        this.#announce(input.record);
        break;
      case 'update':
        this.#update(input.record);
        break;
      case 'leave':
        this.#leave();
        break;
      case 'neighborUp':
        this.#neighbors.add(input.node);
        break;
      case 'neighborDown':
        this.#neighbors.delete(input.node);
        break;
      case 'received':
        for (const entry of input.entries) this.#hear(entry);
        this.#passOn(input.from);
        break;
      case 'suspectDead':
        this.#declareDead(input.node, input.incarnation);
        break;
      case 'tick':
        this.#forget();
        break;
      default:
        unreachable(input);
    }
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  // This node's own entry

  #announce(record: MemberRecord): void {
    const known = this.#entries.get(this.#self.node);
    this.#mustReassert = known !== undefined && known.status !== 'alive';
    this.#assertSelf(record, known === undefined ? 0 : nextRefutation(known.refutation));
  }

  #update(record: MemberRecord): void {
    const known = this.#entries.get(this.#self.node);
    if (known?.status === 'alive') this.#assertSelf(record, nextRefutation(known.refutation));
  }

  #assertSelf(record: MemberRecord, refutation: number): void {
    this.#store({ ...this.#self, refutation, status: 'alive', record });
    this.#passOn();
  }

  #leave(): void {
    const known = this.#entries.get(this.#self.node);
    if (known === undefined || known.status === 'left') return;
    this.#store({ ...known, refutation: nextRefutation(known.refutation), status: 'left' });
    this.#passOn();
  }

  /** Others may be mistaken about this node; it alone knows. */
  #hearOfSelf(heard: RosterEntry): void {
    if (heard.incarnation > this.#self.incarnation) {
      this.#effects.push({ kind: 'superseded', incarnation: heard.incarnation });
      return;
    }
    const known = this.#entries.get(this.#self.node);
    if (known === undefined || !supersedes(heard, known) || leaps(heard, known)) return;
    this.#store({ ...known, refutation: nextRefutation(heard.refutation) });
    this.#mustReassert ||= known.status === 'alive' && heard.status !== 'alive';
  }

  // Other nodes' entries

  #hear(heard: RosterEntry): void {
    if (heard.node === this.#self.node) {
      this.#hearOfSelf(heard);
      return;
    }
    const known = this.#entries.get(heard.node);
    if (known !== undefined && (!supersedes(heard, known) || leaps(heard, known))) return;
    if (known === undefined && !this.#makeRoom(heard)) return;
    this.#store(withRecord(heard, known));
    this.#tell(heard, known);
  }

  #declareDead(node: NodeName, incarnation: bigint): void {
    if (node === this.#self.node) return;
    const known = this.#entries.get(node);
    const refutation = known?.incarnation === incarnation ? known.refutation : 0;
    this.#hear({ node, incarnation, refutation, status: 'dead' });
    this.#passOn();
  }

  #store(entry: RosterEntry): void {
    this.#entries.set(entry.node, entry);
    this.#goneSinceMs.delete(entry.node);
    if (entry.status !== 'alive') this.#goneSinceMs.set(entry.node, this.#nowMs);
    this.#news.push(entry);
  }

  /** One event for each change of what the user sees; a restart is two. */
  #tell(heard: RosterEntry, known: RosterEntry | undefined): void {
    const { node, incarnation } = heard;
    const wasAlive = known?.status === 'alive';
    const isSameStart = known?.incarnation === incarnation;
    if (wasAlive && !(isSameStart && heard.status === 'alive')) {
      const reason = isSameStart && heard.status === 'left' ? 'left' : 'failed';
      this.#emit({ type: 'memberDown', node, incarnation: known.incarnation, reason });
    }
    if (heard.status !== 'alive') return;
    const type = wasAlive && isSameStart ? 'memberUpdated' : 'memberUp';
    this.#emit({ type, node, incarnation, record: heard.record });
  }

  #emit(event: Extract<RosterEffect, { kind: 'emit' }>['event']): void {
    this.#effects.push({ kind: 'emit', event });
  }

  // Spreading

  /** Sends what changed to all neighbours but the one that it came from. */
  #passOn(except?: NodeName): void {
    const news = this.#news;
    this.#news = [];
    const own = news.filter((entry) => entry.node === this.#self.node);
    for (const neighbor of this.#neighbors) {
      // What this node says of itself answers the one that it came from, too.
      this.#send(neighbor, neighbor === except ? own : news);
    }
    // Behind the entry that says that this node lives: the others drop what a dead one owns.
    if (this.#mustReassert) this.#effects.push({ kind: 'reassert' });
    this.#mustReassert = false;
  }

  #send(to: NodeName, entries: readonly RosterEntry[]): void {
    for (let start = 0; start < entries.length; start += ROSTER_BATCH_MAX) {
      const batch = entries.slice(start, start + ROSTER_BATCH_MAX);
      this.#effects.push({ kind: 'send', to, entries: batch });
    }
  }

  // Bounds

  /** Drops the dead and left whose time is over. */
  #forget(): void {
    for (const [node, sinceMs] of this.#goneSinceMs) {
      if (this.#nowMs - sinceMs < GONE_KEPT_MS) break;
      if (node !== this.#self.node) this.#drop(node);
    }
  }

  /** A full roster forgets who is gone longest; it takes in no dead, and no living without room. */
  #makeRoom(heard: RosterEntry): boolean {
    if (this.#entries.size < this.#entriesMax) return true;
    if (heard.status !== 'alive') return false;
    for (const node of this.#goneSinceMs.keys()) {
      if (node === this.#self.node) continue;
      this.#drop(node);
      return true;
    }
    this.#effects.push({ kind: 'refused', node: heard.node });
    return false;
  }

  #drop(node: NodeName): void {
    this.#entries.delete(node);
    this.#goneSinceMs.delete(node);
  }
}

/**
 * True for a refutation so far above the known one that no honest node has come to it: a forged one
 * at the bound of the numbers could never be refuted.
 */
function leaps(heard: RosterEntry, known: RosterEntry): boolean {
  const isSameStart = heard.incarnation === known.incarnation;
  return isSameStart && heard.refutation > known.refutation + REFUTATION_LEAP_MAX;
}

/** Word of a death comes without a record: the one that is known stays, to dial the node again. */
function withRecord(heard: RosterEntry, known: RosterEntry | undefined): RosterEntry {
  if (heard.status === 'alive' || heard.record !== undefined) return heard;
  if (known?.record === undefined || known.incarnation !== heard.incarnation) return heard;
  const gone: GoneEntry = { ...heard, record: known.record };
  return gone;
}
