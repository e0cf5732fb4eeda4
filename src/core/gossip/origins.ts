/**
 * The logs of all origins. One that is known by announcements only is a rumour: it takes the place
 * of an earlier start of its origin when a first broadcast of it is accepted, not before, so that
 * nobody's word alone silences a node.
 */
import { GOSSIP_ORIGINS_MAX } from '../../limits.ts';
import type { NodeName } from '../names.ts';
import { OriginLog } from './origin-log.ts';

export interface Start {
  readonly origin: NodeName;
  readonly incarnation: bigint;
}

/** How often logs are looked through for one to give up while there is no room. */
const ROOM_SEARCH_MS = 1_000;

export class Origins {
  readonly #quietMs: number;
  readonly #logs = new Map<NodeName, OriginLog>();
  readonly #rumours = new Map<NodeName, OriginLog>();
  #searchedMs = Number.NEGATIVE_INFINITY;

  /** For room, a log is dropped when it was quiet for `quietMs`. */
  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  get size(): number {
    return this.#logs.size;
  }

  proven(): IterableIterator<OriginLog> {
    return this.#logs.values();
  }

  rumours(): IterableIterator<OriginLog> {
    return this.#rumours.values();
  }

  of(origin: NodeName): OriginLog | undefined {
    return this.#logs.get(origin);
  }

  find({ origin, incarnation }: Start): OriginLog | undefined {
    const log = this.#logs.get(origin);
    if (log?.incarnation === incarnation) return log;
    const rumour = this.#rumours.get(origin);
    return rumour?.incarnation === incarnation ? rumour : undefined;
  }

  /** True when a later start of the origin is known for sure. */
  isStale({ origin, incarnation }: Start): boolean {
    const log = this.#logs.get(origin);
    return log !== undefined && incarnation < log.incarnation;
  }

  /** The log of what was announced; undefined when a later rumour stands or there is no room. */
  hear(start: Start, nowMs: number): OriginLog | undefined {
    const known = this.find(start);
    if (known !== undefined) return known;
    const { origin, incarnation } = start;
    if (this.#rumours.has(origin) || this.#rumours.size >= GOSSIP_ORIGINS_MAX) return undefined;
    const rumour = new OriginLog(origin, incarnation, nowMs);
    this.#rumours.set(origin, rumour);
    return rumour;
  }

  /** The log for an accepted broadcast; undefined when there is no room for its origin. */
  prove(start: Start, nowMs: number): OriginLog | undefined {
    const { origin, incarnation } = start;
    const known = this.#logs.get(origin);
    if (known?.incarnation === incarnation) return known;
    if (known === undefined && !this.#makeRoom(nowMs)) return undefined;
    const log = this.find(start) ?? new OriginLog(origin, incarnation, nowMs);
    this.#rumours.delete(origin);
    this.#logs.set(origin, log);
    return log;
  }

  drop(log: OriginLog): void {
    if (this.#logs.get(log.origin) === log) this.#logs.delete(log.origin);
    if (this.#rumours.get(log.origin) === log) this.#rumours.delete(log.origin);
  }

  #makeRoom(nowMs: number): boolean {
    if (this.#logs.size < GOSSIP_ORIGINS_MAX) return true;
    if (nowMs - this.#searchedMs < ROOM_SEARCH_MS) return false;
    this.#searchedMs = nowMs;
    for (const log of this.#logs.values()) {
      if ((log.held?.size ?? 0) > 0 || nowMs - log.activeMs < this.#quietMs) continue;
      if ((log.missing?.size ?? 0) === 0) this.#logs.delete(log.origin);
    }
    return this.#logs.size < GOSSIP_ORIGINS_MAX;
  }
}
