/** What the broadcast core holds and counts, as metrics of the node: read when somebody asks. */
import type { Plumtree } from '../core/gossip/plumtree.ts';
import type { Meter } from '../host/meter.ts';

/** Registers them; a counter of the core is never counted twice. */
export function meterGossip(meter: Meter, gossip: Plumtree): void {
  const gauge = (name: string, read: () => number): void =>
    meter.gauge(`barrel_gossip_${name}`, read);
  gauge('eager_peers', () => gossip.eagerPeers.length);
  gauge('lazy_peers', () => gossip.lazyPeers.length);
  gauge('cached_payloads', () => gossip.cachedCount);
  gauge('cached_bytes', () => gossip.cachedBytes);
  gauge('missing', () => gossip.missingCount);
  gauge('origins', () => gossip.originCount);
  gauge('delivered_total', () => gossip.counts.delivered);
  gauge('duplicates_total', () => gossip.counts.duplicates);
  gauge('lost_total', () => gossip.counts.lost);
  gauge('refused_total', () => gossip.counts.refused);
  gauge('payloads_evicted_total', () => gossip.counts.payloadsEvicted);
  gauge('announcements_dropped_total', () => gossip.counts.announcementsDropped);
  for (const kind of KINDS) {
    gauge(`frames_total{direction="sent",kind="${kind}"}`, () => gossip.counts.sent[kind]);
    gauge(`frames_total{direction="received",kind="${kind}"}`, () => gossip.counts.received[kind]);
  }
}

const KINDS = ['gossip', 'ihave', 'graft', 'prune', 'unknown', 'digest'] as const;
