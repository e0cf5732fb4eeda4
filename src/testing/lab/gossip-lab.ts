/**
 * Broadcasts at scale: plants an overlay whose nodes run Plumtree, sends messages, and follows each
 * one: who got it, when, over how many hops, and what a flood would have taken.
 */
import type { PlumtreeConfig } from '../../core/gossip/config.ts';
import type { Broadcast } from '../../core/gossip/contract.ts';
import { GossipNode, type GossipNodeMessage, type GossipNodeTimer } from './gossip-node.ts';
import { amongLiving, floodTimesMs } from './graph.ts';
import { plant } from './hyparview-lab.ts';
import { LabNetwork, type LabNetworkOptions } from './lab-network.ts';
import type { Views } from './population.ts';
import { largest } from './statistics.ts';

export type GossipNetwork = LabNetwork<GossipNodeMessage, GossipNodeTimer>;

/** One message on its way. */
export interface Sending {
  readonly source: number;
  readonly sentMs: number;
  /** When a flood on the overlay of that moment would have come to its last node. */
  readonly floodMs: number;
  /** When it would have come to each node; empty unless these are kept. */
  readonly floodDelaysMs: readonly number[];
  /** Living nodes at that time. */
  readonly living: number;
  delivered: number;
  lastMs: number;
  hopsMax: number;
  hopsSum: number;
  /** Milliseconds from sending to each delivery but the sender's own. */
  readonly delaysMs: number[];
}

export interface GossipLabOptions extends LabNetworkOptions<GossipNodeMessage> {
  readonly gossip?: Partial<PlumtreeConfig>;
  /** Keeps the flood's delay to every node, for its quantiles. */
  readonly keepsFloods?: boolean;
}

const PAYLOAD = new Uint8Array(64);

export class GossipLab {
  readonly network: GossipNetwork;
  readonly nodes: readonly GossipNode[];
  readonly #keepsFloods: boolean;
  readonly #sendings = new Map<string, Sending>();
  #starting: Sending | undefined;

  constructor(views: Views, options: GossipLabOptions) {
    const network: GossipNetwork = new LabNetwork(options);
    this.network = network;
    const { gossip } = options;
    this.#keepsFloods = options.keepsFloods === true;
    const onDelivery = (index: number, broadcast: Broadcast): void =>
      this.#onDelivery(index, broadcast);
    this.nodes = views.active.map(() =>
      network.add((port, random) => new GossipNode({ port, random, gossip, onDelivery })),
    );
    const cores = this.nodes.map(({ membership }) => membership);
    plant(network, cores, views);
  }

  /** Sends one message from that node now. */
  send(source: number): Sending {
    const { network } = this;
    const graph = amongLiving(network.neighbors, (node) => network.isAlive(node));
    const flood = floodTimesMs(graph, source, network.latency).filter(Number.isFinite);
    const sending: Sending = {
      source,
      sentMs: network.nowMs,
      floodMs: largest(flood),
      floodDelaysMs: this.#keepsFloods ? [...flood].filter((delayMs) => delayMs > 0) : [],
      living: network.living.length,
      delivered: 0,
      lastMs: 0,
      hopsMax: 0,
      hopsSum: 0,
      delaysMs: [],
    };
    this.#starting = sending;
    this.nodes[source]?.broadcast(PAYLOAD);
    return sending;
  }

  #onDelivery(index: number, { id, hops }: Broadcast): void {
    const key = `${id.origin}/${id.sequence}`;
    if (hops === 0 && this.#starting !== undefined) {
      this.#sendings.set(key, this.#starting);
      this.#starting = undefined;
    }
    const sending = this.#sendings.get(key);
    if (sending === undefined || !this.network.isAlive(index)) return;
    sending.delivered += 1;
    sending.hopsMax = Math.max(sending.hopsMax, hops);
    sending.hopsSum += hops;
    if (hops === 0) return;
    const delayMs = this.network.nowMs - sending.sentMs;
    sending.lastMs = Math.max(sending.lastMs, delayMs);
    sending.delaysMs.push(delayMs);
  }
}

/** Relative message redundancy (Plumtree, section 3.1): payloads beyond one for each receiver. */
export function redundancy(payloads: number, sendings: readonly Sending[]): number {
  let receivers = 0;
  for (const { delivered } of sendings) receivers += delivered - 1;
  return receivers === 0 ? 0 : payloads / receivers - 1;
}
