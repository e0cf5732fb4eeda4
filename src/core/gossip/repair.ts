/**
 * Fault tolerance and tree repair (paper, section of that name): announced broadcasts that do not
 * come are asked for, and the link on which they then come joins the tree.
 */
import { GOSSIP_HOPS_MAX } from '../../limits.ts';
import { idBatches, nextHops } from './announcements.ts';
import type { GossipMessage } from './messages.ts';
import type { Heard } from './missing-table.ts';
import type { Neighbor } from './neighbor.ts';
import type { OriginLog } from './origin-log.ts';
import type { Start } from './origins.ts';
import type { GossipParts } from './parts.ts';

type MessageOf<K extends GossipMessage['kind']> = Extract<GossipMessage, { kind: K }>;

export class TreeRepair {
  readonly #parts: GossipParts;

  constructor(parts: GossipParts) {
    this.#parts = parts;
  }

  /** IHAVE: a timer starts for what is not there (paper, "Fault tolerance and tree repair"). */
  onIhave(from: Neighbor, { groups }: MessageOf<'ihave'>): void {
    for (const group of groups) {
      if (group.origin === this.#parts.self.node || this.#parts.origins.isStale(group)) continue;
      for (const [at, sequence] of group.sequences.entries()) {
        const log =
          this.#parts.origins.find(group) ??
          this.#parts.origins.hear(group, this.#parts.outbox.nowMs);
        if (log?.has(sequence) === true) continue;
        const hops = group.hops[at] ?? GOSSIP_HOPS_MAX;
        const heard = { neighbor: from, hops, heardMs: this.#parts.outbox.nowMs, isUrgent: false };
        if (!this.announce(log, sequence, heard)) this.#parts.outbox.count('announcementsDropped');
      }
    }
  }

  /** Notes an announcement; false when it is dropped at a bound. */
  announce(log: OriginLog | undefined, sequence: number, heard: Heard): boolean {
    if (log === undefined) return false;
    log.activeMs = heard.heardMs;
    this.#parts.outbox.wake('sweep', heard.heardMs + this.#parts.config.sweepPeriodMs);
    return this.#parts.missing.announce(log, sequence, heard);
  }

  /** What is overdue is asked for: the announcer becomes eager, on both sides. */
  askForMissing(): void {
    for (const [neighbor, entries] of this.#parts.missing.takeDue(this.#parts.outbox.nowMs)) {
      for (const { log } of entries) this.#parts.sets.of(log).graft(neighbor);
      for (const groups of idBatches(entries)) {
        this.#parts.outbox.send(neighbor.node, { kind: 'graft', groups });
      }
    }
  }

  /**
   * GRAFT. Deviation from the paper: what is not there is answered too, so that the asker moves on
   * at once. A congested neighbour gets no payload; it is told again once it is drained.
   */
  onGraft(from: Neighbor, { groups, origin }: MessageOf<'graft'>): void {
    if (groups.length === 0) {
      this.#parts.sets
        .of(origin === undefined ? undefined : this.#parts.origins.of(origin))
        .graft(from);
      return;
    }
    const unknown: { log: Start; sequence: number }[] = [];
    for (const group of groups) {
      const log = this.#parts.origins.find(group);
      this.#parts.sets.of(log).graft(from);
      for (const sequence of group.sequences) {
        const held = log?.held?.get(sequence);
        if (held !== undefined && !from.isCongested) {
          const { broadcast } = held;
          const hops = nextHops(broadcast.hops);
          const copy = { ...broadcast, hops };
          this.#parts.outbox.send(from.node, { kind: 'gossip', broadcast: copy, isShaping: false });
        } else {
          unknown.push({ log: log ?? group, sequence });
          if (held !== undefined) from.isOwedDigest = true;
        }
      }
    }
    for (const batch of idBatches(unknown)) {
      this.#parts.outbox.send(from.node, { kind: 'unknown', groups: batch });
    }
  }

  onUnknown(from: Neighbor, { groups }: MessageOf<'unknown'>): void {
    for (const group of groups) {
      const missing = this.#parts.origins.find(group)?.missing;
      for (const sequence of group.sequences) {
        const entry = missing?.get(sequence);
        if (entry !== undefined)
          this.#parts.missing.onUnknown(entry, from, this.#parts.outbox.nowMs);
      }
    }
    this.askForMissing();
  }
}
