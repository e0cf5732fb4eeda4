/** The overlay of a cluster: its core with what it looks at, its driver with who hears of it. */
import type { LinkFacts } from '../core/link-facts.ts';
import type { PeerDescriptor } from '../core/membership/peer.ts';
import type { Address } from '../core/names.ts';
import { Overlay } from '../core/overlay/overlay.ts';
import { isOfTheFuture } from '../identity/incarnation.ts';
import type { TaggedBroadcasts } from './broadcasts.ts';
import type { ClusterOptions } from './cluster-options.ts';
import type { ControlSender } from './control-sender.ts';
import type { Dialler } from './dialler.ts';
import type { LinkTable } from './link-table.ts';
import { OverlayDriver, type OverlayDriverOptions } from './overlay-driver.ts';
import type { NodeRef } from './ports.ts';

export interface OverlayParts
  extends Pick<ClusterOptions, 'host' | 'membership' | 'suspicion' | 'onStale'>,
    Pick<OverlayDriverOptions, 'onNeighbor' | 'onMember' | 'onExchange' | 'onReassert'> {
  readonly self: NodeRef;
  readonly heartbeatMs: number;
  /** What this node advertises now. */
  readonly addresses: () => readonly Address[];
  readonly facts: LinkFacts;
  readonly links: Pick<LinkTable, 'get'>;
  readonly control: ControlSender;
  readonly broadcasts: TaggedBroadcasts;
  readonly dialler: Pick<Dialler, 'toNode'>;
}

export function overlayDriver(parts: OverlayParts): OverlayDriver {
  const { host, facts, links, control, broadcasts, dialler } = parts;
  const { onNeighbor, onMember, onExchange, onReassert, onStale } = parts;
  return new OverlayDriver({
    host,
    core: overlayCore(parts, facts),
    link: (node) => links.get(node),
    control,
    connect: async ({ node, addresses: hints }, relaying, signal) =>
      void (await dialler.toNode(node, { hints, relaying, signal })),
    onNeighbor,
    onMember,
    onBroadcast: (broadcast) => broadcasts.deliver(broadcast),
    onExchange,
    onReassert,
    onSuperseded: (start) => onStale(start),
  });
}

function overlayCore(parts: OverlayParts, links: LinkFacts): Overlay {
  const { host, self, addresses, broadcasts, membership, suspicion, heartbeatMs } = parts;
  const peer: PeerDescriptor = {
    ...self,
    get addresses() {
      return addresses();
    },
    ageMs: 0,
  };
  return new Overlay(peer, {
    random: host.random,
    links,
    accepts: (broadcast) => broadcasts.accepts(broadcast),
    isPlausible: (start) => !isOfTheFuture(start, host.clock.wallMs()),
    config: { membership, roster: suspicion, detector: { heartbeatMs } },
  });
}
