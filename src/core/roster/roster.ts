/**
 * Who is alive, everywhere the same. Each node tells of itself; its neighbours suspect it when they
 * hear nothing of it, and it refutes; only a suspect dies. Every word goes to all by broadcast, and
 * neighbours compare digests for what a broadcast missed.
 *
 * After Lifeguard (Dadgar, Phillips, Currey, 2018) and SWIM (Das, Gupta, Motivala, 2002). Deviation
 * from the papers: only neighbours probe a node, its refutations are counted apart from its starts,
 * and word of a death counts only for who has suspected the node for a while.
 */
import { type Randomness, vary } from '../membership/randomness.ts';
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import type { Hearing, RosterEffect, RosterInput, RosterTimer } from './contract.ts';
import { DigestExchange } from './digest-exchange.ts';
import {
  type DeadEntry,
  isLiving,
  isSameWord,
  type LivingEntry,
  leaps,
  type RosterEntry,
  type SuspectEntry,
  supersedes,
  withRecord,
} from './entry.ts';
import { EntryBook } from './entry-book.ts';
import { memberEvents } from './member-events.ts';
import { Newcomer } from './newcomer.ts';
import { isNews, NEWS_HELD_MS, News } from './news.ts';
import { ORPHANS_DELAY_MS, orphansOf } from './orphans.ts';
import { OwnEntry, type RosterSelf } from './own-entry.ts';
import { ROSTER_DEFAULTS, type RosterConfig } from './roster-config.ts';
import { RosterOutbox } from './roster-outbox.ts';
import { Stalls } from './stalls.ts';
import { Suspects } from './suspects.ts';
import { suspecters } from './suspicion.ts';

export type { RosterSelf } from './own-entry.ts';
export type { RosterConfig } from './roster-config.ts';

const SWEEP_PERIOD_MS = 60_000;
/** Suspicions that run out at about the same time are one broadcast. */
const EXPIRY_STEP_MS = 50;

export interface RosterOptions {
  readonly random: Randomness;
  /** How slow this node itself is, 0 for not at all: its suspicions last so much longer. */
  readonly health?: (() => number) | undefined;
  readonly config?: Partial<RosterConfig> | undefined;
}

/** The roster of one node. No clock, no links: facts in, effects out. */
export class Roster {
  readonly config: RosterConfig;
  readonly #self: RosterSelf;
  readonly #random: Randomness;
  readonly #book: EntryBook;
  readonly #suspects: Suspects;
  readonly #exchange: DigestExchange;
  readonly #outbox: RosterOutbox = new RosterOutbox();
  readonly #own: OwnEntry;
  readonly #news: News = new News();
  readonly #newcomer: Newcomer = new Newcomer();
  readonly #stalls: Stalls = new Stalls();
  /** Who went since the orphans were last looked for. */
  readonly #goneLately = new Set<NodeName>();
  /** As it was when this input came: then nothing that a neighbour says is news. */
  #isNew = true;

  constructor(self: RosterSelf, { random, health = () => 0, config = {} }: RosterOptions) {
    this.#self = { node: self.node, incarnation: self.incarnation };
    this.#random = random;
    this.config = { ...ROSTER_DEFAULTS, ...config };
    const book = new EntryBook(self.node, this.config.entriesMax);
    this.#book = book;
    this.#own = new OwnEntry({ self: this.#self, book, outbox: this.#outbox, random });
    this.#suspects = new Suspects({ self: self.node, times: this.config, book, health });
    this.#exchange = new DigestExchange({ book, outbox: this.#outbox, random });
  }

  /** All that is known, the dead and left of the last hour included, this node too. */
  get entries(): readonly RosterEntry[] {
    return [...this.#book.values()];
  }

  /** The members, suspect ones and this node included while it is announced. */
  get alive(): readonly LivingEntry[] {
    return this.entries.filter(isLiving);
  }

  /** Those that died within the last hour and whose addresses are known, the latest first. */
  get recentlyDead(): readonly DeadEntry[] {
    return this.#book.recentlyDead;
  }

  /** Entries, without a copy. */
  get size(): number {
    return this.#book.size;
  }

  /** Members, without a copy. */
  get livingCount(): number {
    return this.#book.livingCount;
  }

  /** The entries without a copy: to be read before the next input. */
  values(): IterableIterator<RosterEntry> {
    return this.#book.values();
  }

  get(node: NodeName): RosterEntry | undefined {
    return this.#book.get(node);
  }

  /** True when that very start of the node is a member, suspect or not. */
  isAlive(node: NodeName, incarnation: bigint): boolean {
    const entry = this.#book.get(node);
    return isLiving(entry) && entry.incarnation === incarnation;
  }

  /** True for a member of whatever start, suspect or not. */
  isMember(node: NodeName): boolean {
    return isLiving(this.#book.get(node));
  }

  /** True for a member that somebody has given up. */
  isSuspect(node: NodeName): boolean {
    return this.#book.get(node)?.status === 'suspect';
  }

  /** True while the time of a suspicion of that node runs here. */
  hasSuspicion(node: NodeName): boolean {
    return this.#suspects.get(node) !== undefined;
  }

  /** The entries in these buckets, in batches, read as they are taken; it ends in any case. */
  entriesIn(buckets: readonly number[]): IterableIterator<readonly RosterEntry[]> {
    return this.#book.entriesIn(buckets);
  }

  /**
   * Applies one input at a monotonic time in milliseconds; returns its effects in the order in
   * which the driver must carry them out. Never throws for what a peer sent.
   */
  handle(input: RosterInput, nowMs: number): readonly RosterEffect[] {
    this.#outbox.nowMs = nowMs;
    this.#outbox.wake('sweep', SWEEP_PERIOD_MS);
    switch (input.kind) {
      case 'announce':
        this.#own.announce(input.record);
        break;
      case 'update':
        this.#own.update(input.record);
        break;
      case 'leave':
        this.#own.leave();
        break;
      case 'neighborsChanged':
        this.#exchange.retain(input.neighbors);
        this.#own.changeNeighbors(input.neighbors);
        break;
      case 'neighborUp':
        this.#onNeighborUp(input.node);
        break;
      case 'heard':
        this.#isNew = this.#newcomer.isNew(this.#book.size, nowMs);
        for (const entry of input.entries) this.#hear(entry, input.by);
        break;
      case 'messageReceived':
        this.#newcomer.onDigest(input.message.entryCount);
        this.#exchange.onDigest(input.from, input.message);
        break;
      case 'suspect':
        this.#suspect(input.node, input.incarnation);
        break;
      case 'timerFired':
        this.#onTimer(input.timer);
        break;
      default:
        unreachable(input);
    }
    return this.#outbox.take(input.kind === 'leave');
  }

  #onNeighborUp(node: NodeName): void {
    this.#newcomer.onNeighborUp(this.#outbox.nowMs);
    const wasAlone = this.#exchange.neighborCount === 0;
    this.#exchange.onNeighborUp(node);
    this.#outbox.wake('repair', vary(this.#random, this.config.repairPeriodMs));
    if (wasAlone) this.#own.repeat();
  }

  // Other nodes' entries

  #hear(heard: RosterEntry, by: Hearing): void {
    if (heard.node === this.#self.node) {
      this.#own.hear(heard);
      return;
    }
    const known = this.#book.get(heard.node);
    if (known === undefined || !leaps(heard, known)) this.#weigh(heard, known, by);
    if (by === 'broadcast') this.#onHeardByAll(heard);
  }

  #weigh(heard: RosterEntry, known: RosterEntry | undefined, by: Hearing): void {
    if (known !== undefined && !supersedes(heard, known)) {
      if (heard.status === 'suspect') this.#confirm(heard, heard.by);
      return;
    }
    const entry = withRecord(heard, known);
    // Without the record there is nobody to suspect.
    if (entry.status === 'suspect' && !isLiving(entry)) return;
    if (known === undefined && !this.#makeRoom(entry)) return;
    if (by === 'exchange' && isNews(entry, known)) this.#hold(entry.node);
    if (entry.status === 'suspect') this.#open(entry, { isByRule: entry.by.length === 0 });
    else if (entry.status === 'dead') this.#hearDeath(entry, known);
    else this.#store(entry);
  }

  /** Others may not know it either: it goes to all, unless they hear of it meanwhile. */
  #hold(node: NodeName): void {
    if (this.#isNew) return;
    this.#news.add(node, this.#outbox.nowMs);
    this.#outbox.wake('news', NEWS_HELD_MS);
  }

  #makeRoom(heard: RosterEntry): boolean {
    if (this.#book.makeRoom(heard)) return true;
    if (isLiving(heard)) this.#outbox.push({ kind: 'refused', node: heard.node });
    return false;
  }

  /** All know it by now, or more than that. */
  #onHeardByAll(heard: RosterEntry): void {
    const known = this.#book.get(heard.node);
    if (known !== undefined && supersedes(known, heard)) return;
    if (this.#news.drop(heard.node)) this.#suspects.restart(heard.node, this.#outbox.nowMs);
  }

  #store(entry: RosterEntry): void {
    const known = this.#book.get(entry.node);
    this.#book.store(entry, this.#outbox.nowMs);
    if (entry.status !== 'suspect') this.#suspects.close(entry.node);
    if (!isLiving(entry)) this.#onGone(entry.node);
    for (const event of memberEvents(entry, known)) this.#outbox.push({ kind: 'emit', event });
  }

  #onGone(node: NodeName): void {
    this.#goneLately.add(node);
    this.#outbox.wake('orphans', ORPHANS_DELAY_MS);
    this.#own.onGone(node);
  }

  // Suspicion

  /** This node's own detector gave it up; said also when others did so before. */
  #suspect(node: NodeName, incarnation: bigint): void {
    const known = this.#book.get(node);
    const self = this.#self.node;
    if (node === self || !isLiving(known) || known.incarnation !== incarnation) return;
    const suspicion: SuspectEntry = { ...known, status: 'suspect', by: [self] };
    if (known.status === 'suspect') {
      if (!this.#confirm(suspicion, [self])) return;
    } else this.#open(suspicion, {});
    this.#outbox.broadcast(suspicion);
  }

  /** True when somebody is new among those who gave it up. */
  #confirm(heard: RosterEntry, by: readonly NodeName[]): boolean {
    const known = this.#book.get(heard.node);
    if (known?.status !== 'suspect' || !isSameWord(known, heard)) return false;
    const all = suspecters([...known.by, ...by], known.node);
    if (all.length === known.by.length) return false;
    const entry: SuspectEntry = { ...known, by: all };
    const suspicion = this.#suspects.get(entry.node);
    if (suspicion?.isByRule === true) {
      // The suspect hears of it only now.
      suspicion.isByRule = false;
      suspicion.startedMs = this.#outbox.nowMs;
    }
    this.#book.store(entry, this.#outbox.nowMs);
    this.#watch(entry);
    return true;
  }

  #open(
    heard: SuspectEntry,
    { isByRule = false, isDeathHeard = false }: { isByRule?: boolean; isDeathHeard?: boolean },
  ): void {
    const entry: SuspectEntry = { ...heard, by: suspecters(heard.by, heard.node) };
    const startedMs = this.#outbox.nowMs;
    this.#suspects.open(entry.node, { startedMs, isByRule, isDeathHeard });
    this.#store(entry);
    this.#watch(entry);
  }

  /**
   * A death counts once its node was suspect here for a while: it may come from the other half of
   * a split, together with the suspicion or without it, and the node must have time to refute.
   */
  #hearDeath(heard: RosterEntry, known: RosterEntry | undefined): void {
    if (!isLiving(known) || known.incarnation !== heard.incarnation) {
      this.#store(heard);
      return;
    }
    const suspicion = this.#suspects.get(heard.node);
    if (suspicion === undefined || !isSameWord(heard, known) || known.status !== 'suspect') {
      // What is told to all gets an author, who says DEAD in the end.
      const by = this.#news.has(heard.node) ? [this.#self.node] : [];
      const entry: SuspectEntry = { ...heard, status: 'suspect', by };
      this.#open(entry, { isDeathHeard: true });
    } else if (this.#outbox.nowMs - suspicion.startedMs >= this.config.suspicionMinMs / 2) {
      this.#store(heard);
    } else {
      suspicion.isDeathHeard = true;
      this.#watch(known);
    }
  }

  #watch(entry: SuspectEntry): void {
    const { nowMs } = this.#outbox;
    const delayMs = this.#suspects.lookMs(entry, nowMs) - nowMs;
    this.#outbox.wake('suspicion', Math.max(EXPIRY_STEP_MS, delayMs));
  }

  #expire(): void {
    const { nowMs } = this.#outbox;
    const { expired, nextMs } = this.#suspects.expire(nowMs);
    let wakeMs = nextMs;
    for (const entry of expired) {
      // Nobody else has heard of it yet.
      if (this.#news.has(entry.node)) {
        wakeMs = Math.min(wakeMs ?? Number.POSITIVE_INFINITY, nowMs + NEWS_HELD_MS);
      } else this.#declare(entry);
    }
    if (wakeMs === undefined) return;
    this.#outbox.wake('suspicion', Math.max(EXPIRY_STEP_MS, wakeMs - nowMs));
  }

  #declare({ by, ...entry }: SuspectEntry): void {
    const dead: RosterEntry = { ...entry, status: 'dead' };
    this.#store(dead);
    if (by.includes(this.#self.node)) this.#outbox.broadcast(dead);
  }

  #suspectOrphans(): void {
    for (const entry of orphansOf(this.#book, this.#goneLately)) {
      if (entry.node === this.#self.node) continue;
      this.#open({ ...entry, status: 'suspect', by: [] }, { isByRule: true });
    }
    this.#goneLately.clear();
  }

  // Timers

  #onTimer(timer: RosterTimer): void {
    const latenessMs = this.#outbox.takeTimer(timer);
    if (latenessMs === undefined) return;
    const stallMs = this.#stalls.notice(latenessMs, this.#outbox.nowMs);
    if (stallMs > 0) this.#suspects.shift(stallMs);
    switch (timer.kind) {
      case 'suspicion':
        this.#expire();
        break;
      case 'neighbors':
        this.#own.tellNeighbors();
        break;
      case 'news':
        this.#tellNews();
        break;
      case 'orphans':
        this.#suspectOrphans();
        break;
      case 'repair':
        this.#exchange.repair();
        this.#outbox.wake('repair', vary(this.#random, this.config.repairPeriodMs));
        break;
      case 'sweep':
        this.#book.forget(this.#outbox.nowMs);
        this.#outbox.wake('sweep', SWEEP_PERIOD_MS);
        break;
      default:
        unreachable(timer.kind);
    }
  }

  #tellNews(): void {
    const { nowMs } = this.#outbox;
    for (const node of this.#news.take(nowMs)) {
      const entry = this.#book.get(node);
      if (entry === undefined) continue;
      this.#outbox.broadcast(entry);
      // The suspect's time to refute begins when it can hear of it.
      this.#suspects.restart(node, nowMs);
    }
    if (!this.#news.isEmpty) this.#outbox.wake('news', NEWS_HELD_MS);
  }
}
