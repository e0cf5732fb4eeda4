/**
 * Whole overlays in the laboratory: a cluster that boots, or one that stands already, and who heard
 * what of whom, and when.
 */
import type { Broadcast } from '../../core/gossip/contract.ts';
import { encodeOverlay } from '../../core/overlay/frames.ts';
import type { OverlayConfig } from '../../core/overlay/overlay-options.ts';
import type { MemberEvent } from '../../core/roster/contract.ts';
import type { RosterEntry } from '../../core/roster/entry.ts';
import { plant } from './hyparview-lab.ts';
import { LabNetwork, type LabNetworkOptions } from './lab-network.ts';
import {
  type OverlayLabMessage,
  type OverlayLabTimer,
  OverlayNode,
  recordOf,
} from './overlay-node.ts';
import type { Views } from './population.ts';

export type OverlayLabNetwork = LabNetwork<OverlayLabMessage, OverlayLabTimer>;

/** A node learned that a member is down. */
export interface Down {
  readonly atMs: number;
  readonly observer: number;
  readonly subject: number;
  /** The subject was alive. */
  readonly isFalse: boolean;
}

/** A datagram around a frame: IPv4, UDP, a short header of QUIC with its tag, one frame's head. */
const DATAGRAM_BYTES = 28 + 20 + 16 + 8;

export interface OverlayLabOptions extends LabNetworkOptions<OverlayLabMessage> {
  readonly count: number;
  readonly config?: OverlayConfig;
}

/** Bytes of a message on the wire, alone in its datagram. */
export function datagramBytes({ content }: OverlayLabMessage): number {
  return encodeOverlay(content).length + DATAGRAM_BYTES;
}

export class OverlayLab {
  readonly network: OverlayLabNetwork;
  readonly nodes: readonly OverlayNode[];
  readonly downs: Down[] = [];
  /** Members that each node knows, itself not counted. */
  readonly known: number[];
  /** When each broadcast came to each node, by number. */
  readonly deliveries: { readonly atMs: number; readonly index: number }[] = [];

  /** Nothing has happened yet. */
  constructor({ count, config, ...options }: OverlayLabOptions) {
    const network: OverlayLabNetwork = new LabNetwork(options);
    this.network = network;
    this.known = new Array<number>(count).fill(0);
    const onMember = (observer: number, event: MemberEvent): void =>
      this.#onMember(observer, event);
    const onDelivery = (index: number, broadcast: Broadcast): void =>
      this.#onDelivery(index, broadcast);
    this.nodes = Array.from({ length: count }, () =>
      network.add(
        (port, random) => new OverlayNode({ port, random, config, onMember, onDelivery }),
      ),
    );
  }

  /** All nodes start and ask the first one, in one instant. */
  boot(): void {
    const contact = this.network.descriptor(0);
    this.nodes.forEach((node, index) => {
      if (index === 0) node.announce();
      else node.join(contact);
    });
  }

  /** All nodes have these views and know each other, as after a long quiet time. */
  settle(views: Views): void {
    const { network, nodes } = this;
    const entries = nodes.map((_, index): RosterEntry => {
      const neighbors = (views.active[index] ?? []).map((peer) => network.descriptor(peer).node);
      const self = network.descriptor(index);
      const record = { ...recordOf(self), neighbors: neighbors.sort() };
      const { node, incarnation } = self;
      return { node, incarnation, refutation: 0, status: 'alive', record };
    });
    for (const node of nodes) node.recall(entries);
    plant(network, nodes, views);
    for (const node of nodes) node.announceAgain();
    this.known.fill(nodes.length - 1);
  }

  /** Share of all pairs of living nodes in which the one knows the other. */
  get knownShare(): number {
    const { living } = this.network;
    let known = 0;
    for (const index of living) known += this.known[index] ?? 0;
    return known / (living.length * (living.length - 1));
  }

  #onMember(observer: number, event: MemberEvent): void {
    const before = this.known[observer] ?? 0;
    if (event.type === 'memberUp') this.known[observer] = before + 1;
    if (event.type !== 'memberDown') return;
    this.known[observer] = before - 1;
    const subject = this.network.indexOf(event.node);
    const isFalse = this.network.isAlive(subject);
    this.downs.push({ atMs: this.network.nowMs, observer, subject, isFalse });
  }

  #onDelivery(index: number, { hops }: Broadcast): void {
    if (hops > 0) this.deliveries.push({ atMs: this.network.nowMs, index });
  }
}
