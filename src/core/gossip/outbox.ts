/** Collects the effects of one input, in order, and counts what goes out and what is dropped. */
import type { NodeName } from '../names.ts';
import type { GossipEffect, GossipTimer } from './contract.ts';
import type { GossipKind, GossipMessage } from './messages.ts';

/** What happened since the start, to be read as metrics. */
export interface GossipCounts {
  readonly sent: Readonly<Record<GossipKind, number>>;
  readonly received: Readonly<Record<GossipKind, number>>;
  /** Broadcasts delivered, own ones included. */
  readonly delivered: number;
  /** Payloads that were known already. */
  readonly duplicates: number;
  /** Frames of nodes that are no neighbours. */
  readonly strangers: number;
  /** Broadcasts of an earlier start of their origin, or of this node under another number. */
  readonly stale: number;
  /** Broadcasts that `accepts` refused. */
  readonly refused: number;
  /** Broadcasts of further origins, dropped since as many as may be are known. */
  readonly originsRefused: number;
  /** Announcements dropped at a bound. */
  readonly announcementsDropped: number;
  /** Payloads that left the cache early, for room. */
  readonly payloadsEvicted: number;
  readonly lost: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type CountName = Exclude<keyof GossipCounts, 'sent' | 'received'>;

function perKind(): Record<GossipKind, number> {
  return { gossip: 0, ihave: 0, graft: 0, prune: 0, unknown: 0, digest: 0 };
}

export class Outbox {
  /** The time of the input that is being handled. */
  nowMs = 0;
  readonly #sent = perKind();
  readonly #received = perKind();
  readonly #counts: Mutable<Omit<GossipCounts, 'sent' | 'received'>> = {
    delivered: 0,
    duplicates: 0,
    strangers: 0,
    stale: 0,
    refused: 0,
    originsRefused: 0,
    announcementsDropped: 0,
    payloadsEvicted: 0,
    lost: 0,
  };
  readonly #generations: Record<GossipTimer['kind'], number> = { announce: 0, graft: 0, sweep: 0 };
  readonly #dueMs: Record<GossipTimer['kind'], number> = {
    announce: Number.POSITIVE_INFINITY,
    graft: Number.POSITIVE_INFINITY,
    sweep: Number.POSITIVE_INFINITY,
  };
  #effects: GossipEffect[] = [];

  get counts(): GossipCounts {
    return { sent: { ...this.#sent }, received: { ...this.#received }, ...this.#counts };
  }

  count(name: CountName, by = 1): void {
    this.#counts[name] += by;
  }

  countReceived(kind: GossipKind): void {
    this.#received[kind] += 1;
  }

  push(effect: GossipEffect): void {
    this.#effects.push(effect);
  }

  send(to: NodeName, message: GossipMessage): void {
    this.#sent[message.kind] += 1;
    this.#effects.push({ kind: 'send', to, message });
  }

  lose(origin: NodeName, count: number): void {
    if (count === 0) return;
    this.#counts.lost += count;
    this.#effects.push({ kind: 'lost', origin, count });
  }

  /** Schedules the timer unless it fires by then anyway: one of each kind counts at a time. */
  wake(kind: GossipTimer['kind'], atMs: number): void {
    if (atMs >= this.#dueMs[kind]) return;
    this.#dueMs[kind] = atMs;
    this.#generations[kind] += 1;
    const timer = { kind, generation: this.#generations[kind] };
    this.#effects.push({ kind: 'schedule', timer, delayMs: Math.max(0, atMs - this.nowMs) });
  }

  /** False for a timer that another one replaced; else the next one may be scheduled. */
  claim({ kind, generation }: GossipTimer): boolean {
    if (generation !== this.#generations[kind]) return false;
    this.#dueMs[kind] = Number.POSITIVE_INFINITY;
    return true;
  }

  /** What was collected; the outbox is empty afterwards. */
  take(): readonly GossipEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
