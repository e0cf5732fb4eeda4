/**
 * Broadcasts that neighbours announced and that have not come: when to ask, and whom (paper,
 * section "Fault tolerance and tree repair"). Announcers are asked in turn; when all were asked
 * in vain the entry waits for another one until it is too old.
 */
import { GOSSIP_ANNOUNCERS_MAX, GOSSIP_GRAFTS_MAX, GOSSIP_MISSING_MAX } from '../../limits.ts';
import type { LinkFacts } from '../link-facts.ts';
import type { PlumtreeConfig } from './config.ts';
import type { Neighbor } from './neighbor.ts';
import type { OriginLog } from './origin-log.ts';

export interface Announcer {
  readonly neighbor: Neighbor;
  readonly hops: number;
  readonly heardMs: number;
}

export interface Missing {
  readonly log: OriginLog;
  readonly sequence: number;
  readonly sinceMs: number;
  readonly announcers: Announcer[];
  /** How many of `announcers`, from the first, were asked. */
  asked: number;
  /** Whose answer is awaited. */
  askedOf: Neighbor | undefined;
  /** When the next one is asked; infinite while there is none. */
  dueMs: number;
}

export interface Heard extends Announcer {
  /** The payload is on no way here: ask at once. */
  readonly isUrgent: boolean;
}

/** What a payload may be late and still count as on its way: a broken branch costs three of it. */
const LATENESS_MS_MAX = 200;

export class MissingTable {
  readonly #links: LinkFacts;
  readonly #config: PlumtreeConfig;
  readonly #entries = new Set<Missing>();
  /** Near the longest of late. */
  #latenessMs = 0;
  /** No entry is due before. */
  #nextDueMs = Number.POSITIVE_INFINITY;

  constructor(links: LinkFacts, config: PlumtreeConfig) {
    this.#links = links;
    this.#config = config;
  }

  get size(): number {
    return this.#entries.size;
  }

  get nextDueMs(): number {
    return this.#nextDueMs;
  }

  get isFull(): boolean {
    return this.#entries.size >= GOSSIP_MISSING_MAX;
  }

  /** A payload came by the tree so long after it was announced: asking waits longer than that. */
  onLate(lateMs: number): void {
    const capped = Math.min(lateMs, LATENESS_MS_MAX);
    this.#latenessMs =
      capped > this.#latenessMs ? capped : this.#latenessMs + (capped - this.#latenessMs) / 64;
  }

  /** Notes an announcement of what is not there; false when it is dropped at a bound. */
  announce(log: OriginLog, sequence: number, heard: Heard): boolean {
    const { neighbor, hops, heardMs: nowMs, isUrgent } = heard;
    const entry = log.missing?.get(sequence) ?? this.#open(log, sequence, nowMs);
    if (entry === undefined || entry.announcers.length >= GOSSIP_ANNOUNCERS_MAX) return false;
    if (entry.announcers.some((announcer) => announcer.neighbor === neighbor)) return true;
    entry.announcers.push({ neighbor, hops, heardMs: nowMs });
    if (entry.announcers.length === 1) {
      this.#due(entry, isUrgent ? nowMs : nowMs + this.#timeout1(neighbor));
    } else if (entry.dueMs === Number.POSITIVE_INFINITY) {
      this.#due(entry, nowMs);
    }
    return true;
  }

  remove(entry: Missing): void {
    this.#entries.delete(entry);
    entry.log.missing?.delete(entry.sequence);
  }

  /** Takes what is due, by the neighbour that is to be asked for it now. */
  takeDue(nowMs: number): Map<Neighbor, Missing[]> {
    const asks = new Map<Neighbor, Missing[]>();
    let left = GOSSIP_GRAFTS_MAX;
    this.#nextDueMs = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries) {
      if (entry.dueMs <= nowMs) {
        if (left === 0) entry.dueMs = nowMs + this.#config.retryTimeoutMs;
        else if (this.#ask(entry, asks, nowMs)) left -= 1;
      }
      this.#nextDueMs = Math.min(this.#nextDueMs, entry.dueMs);
    }
    return asks;
  }

  /** The neighbour has not got it: the next one is due at once. */
  onUnknown(entry: Missing, neighbor: Neighbor, nowMs: number): void {
    const at = entry.announcers.findIndex((announcer) => announcer.neighbor === neighbor);
    if (at >= 0) this.#forget(entry, at, nowMs);
  }

  /** The neighbour is gone, and with it what it announced. */
  onNeighborDown(neighbor: Neighbor, nowMs: number): void {
    for (const entry of this.#entries) this.onUnknown(entry, neighbor, nowMs);
  }

  /** Removes and returns what is older than `sinceMs`. */
  takeOld(sinceMs: number): Missing[] {
    const old: Missing[] = [];
    for (const entry of this.#entries) {
      // Entries stand in the order in which they came.
      if (entry.sinceMs >= sinceMs) break;
      old.push(entry);
    }
    for (const entry of old) this.remove(entry);
    return old;
  }

  /** Removes all of an origin up to a sequence number; returns how many no gap accounts for. */
  removeUpTo(log: OriginLog, sequence: number): number {
    let count = 0;
    for (const entry of log.missing?.values() ?? []) {
      if (entry.sequence > sequence) continue;
      this.remove(entry);
      if (entry.sequence < log.owedFrom) count += 1;
    }
    return count;
  }

  #open(log: OriginLog, sequence: number, nowMs: number): Missing | undefined {
    if (this.isFull) return undefined;
    const dueMs = Number.POSITIVE_INFINITY;
    const state = { announcers: [], asked: 0, askedOf: undefined, dueMs };
    const entry: Missing = { log, sequence, sinceMs: nowMs, ...state };
    this.#entries.add(entry);
    log.missing ??= new Map();
    log.missing.set(sequence, entry);
    return entry;
  }

  #ask(entry: Missing, asks: Map<Neighbor, Missing[]>, nowMs: number): boolean {
    const next = entry.announcers[entry.asked];
    if (next === undefined) {
      entry.dueMs = Number.POSITIVE_INFINITY;
      return false;
    }
    const { neighbor } = next;
    entry.asked += 1;
    entry.askedOf = neighbor;
    entry.dueMs = nowMs + this.#timeout2(neighbor);
    const asked = asks.get(neighbor);
    if (asked === undefined) asks.set(neighbor, [entry]);
    else asked.push(entry);
    return true;
  }

  #forget(entry: Missing, at: number, nowMs: number): void {
    const [announcer] = entry.announcers.splice(at, 1);
    if (at < entry.asked) entry.asked -= 1;
    const isAnswered = announcer?.neighbor === entry.askedOf;
    if (isAnswered) entry.askedOf = undefined;
    if (entry.announcers.length === entry.asked) {
      if (entry.askedOf === undefined) entry.dueMs = Number.POSITIVE_INFINITY;
    } else if (isAnswered) {
      this.#due(entry, nowMs);
    }
  }

  #due(entry: Missing, atMs: number): void {
    entry.dueMs = atMs;
    this.#nextDueMs = Math.min(this.#nextDueMs, atMs);
  }

  /** Long enough for the payload to come by the tree, which is often the longer way. */
  #timeout1({ node }: Neighbor): number {
    const { graftTimeoutMs, graftRoundTrips, latenessFactor } = this.#config;
    return Math.max(
      graftTimeoutMs,
      graftRoundTrips * (this.#links.rttMs(node) ?? 0),
      latenessFactor * this.#latenessMs,
    );
  }

  /** About one round trip: the announcer has the payload at hand. */
  #timeout2({ node }: Neighbor): number {
    return Math.max(this.#config.retryTimeoutMs, 1.5 * (this.#links.rttMs(node) ?? 0));
  }
}
