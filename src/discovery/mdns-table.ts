/**
 * Nodes that a network has told of. Each sender has entries of its own, so that nobody replaces
 * what another has said, and one that floods loses its own entries first.
 */
import type { Address, NodeName } from '../core/names.ts';
import { MDNS_NODES_MAX, MDNS_TTL_SECONDS_MAX } from './discovery-limits.ts';
import type { HeardAnnouncement } from './mdns-records.ts';

interface Entry {
  readonly node: NodeName;
  readonly addresses: readonly Address[];
  readonly cluster: string | undefined;
  readonly sender: string;
  readonly untilMs: number;
}

const PURGE_PERIOD_MS = 1_000;

export class MdnsTable {
  /** In the order in which they were last heard of. */
  readonly #entries = new Map<string, Entry>();
  /** How many entries each sender has. */
  readonly #counts = new Map<string, number>();
  #purgedMs = Number.NEGATIVE_INFINITY;

  get size(): number {
    return this.#entries.size;
  }

  /** Takes what a sender says of a node in the place of what it said before. */
  note(heard: HeardAnnouncement, sender: string, nowMs: number): void {
    const { node, addresses, cluster, ttl } = heard;
    const key = `${sender} ${cluster ?? ''} ${node}`;
    this.#delete(key);
    if (ttl <= 0) return;
    if (this.#entries.size >= MDNS_NODES_MAX) this.#makeRoom(nowMs);
    const untilMs = nowMs + Math.min(ttl, MDNS_TTL_SECONDS_MAX) * 1_000;
    this.#entries.set(key, { node, addresses, cluster, sender, untilMs });
    this.#counts.set(sender, (this.#counts.get(sender) ?? 0) + 1);
  }

  /** What is known of a node, or of all, in that cluster; those heard of last come first. */
  known(nowMs: number, of: { node?: NodeName; cluster?: string | undefined } = {}): Entry[] {
    const { node, cluster } = of;
    return [...this.#entries.values()]
      .filter((entry) => entry.untilMs > nowMs)
      .filter((entry) => node === undefined || entry.node === node)
      .filter((entry) => cluster === undefined || entry.cluster === cluster)
      .reverse();
  }

  clear(): void {
    this.#entries.clear();
    this.#counts.clear();
  }

  /** Those that are over; if there is none, the oldest of the sender that has the most. */
  #makeRoom(nowMs: number): void {
    if (nowMs - this.#purgedMs >= PURGE_PERIOD_MS) {
      this.#purgedMs = nowMs;
      for (const [key, { untilMs }] of this.#entries) if (untilMs <= nowMs) this.#delete(key);
    }
    if (this.#entries.size < MDNS_NODES_MAX) return;
    const most = Math.max(...this.#counts.values());
    for (const [key, { sender }] of this.#entries) {
      if (this.#counts.get(sender) !== most) continue;
      this.#delete(key);
      return;
    }
  }

  #delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    const left = (this.#counts.get(entry.sender) ?? 1) - 1;
    if (left === 0) this.#counts.delete(entry.sender);
    else this.#counts.set(entry.sender, left);
  }
}
