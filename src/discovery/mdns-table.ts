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

export class MdnsTable {
  /** In the order in which they were last heard of. */
  readonly #entries = new Map<string, Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /** Takes what a sender says of a node in the place of what it said before. */
  note(heard: HeardAnnouncement, sender: string, nowMs: number): void {
    const { node, addresses, cluster, ttl } = heard;
    const key = `${sender} ${cluster ?? ''} ${node}`;
    this.#entries.delete(key);
    if (ttl <= 0) return;
    if (this.#entries.size >= MDNS_NODES_MAX) this.#makeRoom(nowMs);
    const untilMs = nowMs + Math.min(ttl, MDNS_TTL_SECONDS_MAX) * 1_000;
    this.#entries.set(key, { node, addresses, cluster, sender, untilMs });
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
  }

  /** Those that are over; if there is none, the oldest of the sender that has the most. */
  #makeRoom(nowMs: number): void {
    for (const [key, { untilMs }] of this.#entries) {
      if (untilMs <= nowMs) this.#entries.delete(key);
    }
    if (this.#entries.size < MDNS_NODES_MAX) return;
    const counts = new Map<string, number>();
    for (const { sender } of this.#entries.values()) {
      counts.set(sender, (counts.get(sender) ?? 0) + 1);
    }
    const most = Math.max(...counts.values());
    for (const [key, { sender }] of this.#entries) {
      if (counts.get(sender) !== most) continue;
      this.#entries.delete(key);
      return;
    }
  }
}
