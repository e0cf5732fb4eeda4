/**
 * Lazy push (paper, section "Gossip and tree construction": the paper leaves open when IHAVEs go
 * out and lets them share messages). Here each waits a few milliseconds for others to the same
 * neighbour, and a frame takes at most 64.
 */
import { GOSSIP_HOPS_MAX, GOSSIP_IDS_MAX } from '../../limits.ts';
import type { PlumtreeConfig } from './config.ts';
import type { AnnouncedGroup, IdGroup } from './messages.ts';
import type { Neighbor } from './neighbor.ts';
import type { OriginLog } from './origin-log.ts';
import type { Start } from './origins.ts';
import type { Outbox } from './outbox.ts';
import type { Held } from './payload-cache.ts';

export class Announcements {
  readonly #config: PlumtreeConfig;
  readonly #outbox: Outbox;

  constructor(config: PlumtreeConfig, outbox: Outbox) {
    this.#config = config;
    this.#outbox = outbox;
  }

  /**
   * Puts a broadcast into the neighbour's next batch. A congested neighbour is announced a bounded
   * number; what is above it the digest names that it gets once it is drained.
   */
  add(neighbor: Neighbor, held: Held): void {
    if (neighbor.isCongested) {
      if (neighbor.congestedIds >= this.#config.congestedIdsMax) {
        neighbor.isOwedDigest = true;
        this.#outbox.count('announcementsDropped');
        return;
      }
      neighbor.congestedIds += 1;
    }
    neighbor.announcements.push(held);
    if (neighbor.announcements.length >= GOSSIP_IDS_MAX) this.flush(neighbor);
    else this.#outbox.wake('announce', this.#outbox.nowMs + this.#config.announceDelayMs);
  }

  flush(neighbor: Neighbor): void {
    const { announcements } = neighbor;
    if (announcements.length === 0) return;
    neighbor.announcements = [];
    this.#outbox.send(neighbor.node, { kind: 'ihave', groups: announcedGroups(announcements) });
  }
}

/** What a copy counts once it crossed one link more. */
export function nextHops(hops: number): number {
  return Math.min(hops + 1, GOSSIP_HOPS_MAX);
}

function announcedGroups(announcements: readonly Held[]): readonly AnnouncedGroup[] {
  const groups = new Map<OriginLog, { sequences: number[]; hops: number[] }>();
  for (const { log, broadcast } of announcements) {
    let group = groups.get(log);
    if (group === undefined) {
      group = { sequences: [], hops: [] };
      groups.set(log, group);
    }
    group.sequences.push(broadcast.id.sequence);
    group.hops.push(nextHops(broadcast.hops));
  }
  const named: AnnouncedGroup[] = [];
  for (const [{ origin, incarnation }, { sequences, hops }] of groups) {
    named.push({ origin, incarnation, sequences, hops });
  }
  return named;
}

/** Ids by their origins, in messages of at most 64. */
export function idBatches(
  ids: readonly { readonly log: Start; readonly sequence: number }[],
): readonly (readonly IdGroup[])[] {
  const batches: (readonly IdGroup[])[] = [];
  for (let at = 0; at < ids.length; at += GOSSIP_IDS_MAX) {
    const sequencesOf = new Map<Start, number[]>();
    for (const { log, sequence } of ids.slice(at, at + GOSSIP_IDS_MAX)) {
      const sequences = sequencesOf.get(log);
      if (sequences === undefined) sequencesOf.set(log, [sequence]);
      else sequences.push(sequence);
    }
    const groups: IdGroup[] = [];
    for (const [{ origin, incarnation }, sequences] of sequencesOf) {
      groups.push({ origin, incarnation, sequences });
    }
    batches.push(groups);
  }
  return batches;
}
