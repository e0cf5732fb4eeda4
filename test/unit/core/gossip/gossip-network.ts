/**
 * Broadcast cores on a simulated network: virtual time, a constant latency for each link, frames in
 * order per direction. A lost frame arrives one probe time-out later and holds up those behind it,
 * as on a connection. One seed replays a run.
 */
import type { PlumtreeConfig } from '../../../../src/core/gossip/config.ts';
import type { Broadcast, GossipEffect, GossipInput } from '../../../../src/core/gossip/contract.ts';
import {
  decodeGossip,
  encodeGossip,
  type GossipMessage,
} from '../../../../src/core/gossip/messages.ts';
import { Plumtree } from '../../../../src/core/gossip/plumtree.ts';
import type { Randomness } from '../../../../src/core/membership/randomness.ts';
import { seeded } from '../overlay-network.ts';

export interface GossipNetworkOptions {
  readonly seed: number;
  readonly config?: Partial<PlumtreeConfig>;
  /** Chance that a frame is lost, 0 to 1. */
  loss?: number;
  /** Messages cross as bytes. @default true */
  readonly isEncoded?: boolean;
}

interface Link {
  readonly latencyMs: number;
  /** When the last frame towards either end arrives, the end that made the link second. */
  readonly arrivesMs: [number, number];
  isUp: boolean;
}

interface Task {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class GossipNode {
  readonly name: string;
  readonly network: GossipNetwork;
  core: Plumtree;
  readonly links: Map<string, { readonly peer: GossipNode; readonly link: Link; side: 0 | 1 }> =
    new Map();
  readonly delivered: Broadcast[] = [];
  readonly effects: GossipEffect[] = [];
  #life = 0;

  constructor(network: GossipNetwork, name: string, incarnation: bigint) {
    this.network = network;
    this.name = name;
    this.core = this.#start(incarnation);
  }

  /** Forgets everything, as a new process does. Links must be down. */
  restart(incarnation: bigint): void {
    this.#life += 1;
    this.core = this.#start(incarnation);
  }

  do(input: GossipInput): readonly GossipEffect[] {
    const effects = this.core.handle(input, this.network.nowMs);
    for (const effect of effects) this.#apply(effect);
    return effects;
  }

  broadcast(tag = 1, payload: Uint8Array = new Uint8Array(8)): Broadcast {
    const [first] = this.do({ kind: 'broadcast', tag, payload });
    if (first?.kind !== 'deliver') throw new Error('a broadcast begins with its delivery');
    return first.broadcast;
  }

  #start(incarnation: bigint): Plumtree {
    const links = {
      rttMs: (node: string): number | undefined => {
        const found = this.links.get(node);
        return found === undefined ? undefined : found.link.latencyMs * 2;
      },
      lastHeardMs: (): undefined => undefined,
    };
    const { config } = this.network.options;
    const self = { node: this.name, incarnation };
    return new Plumtree(self, { links, accepts: (b) => this.network.accepts(this, b), config });
  }

  #apply(effect: GossipEffect): void {
    const { network } = this;
    switch (effect.kind) {
      case 'send':
        network.send(this, effect.to, effect.message);
        break;
      case 'schedule': {
        const life = this.#life;
        const { timer } = effect;
        network.after(effect.delayMs, () => {
          if (life === this.#life) this.do({ kind: 'timerFired', timer });
        });
        break;
      }
      case 'deliver':
        network.onDeliver(this, effect.broadcast);
        break;
      default:
        this.effects.push(effect);
    }
  }
}

export class GossipNetwork {
  readonly options: GossipNetworkOptions;
  readonly random: Randomness;
  readonly nodes: Map<string, GossipNode> = new Map();
  nowMs = 0;
  accepts: (node: GossipNode, broadcast: Broadcast) => boolean = () => true;
  onDeliver: (node: GossipNode, broadcast: Broadcast) => void = (node, broadcast) => {
    node.delivered.push(broadcast);
  };
  /** Every frame sent, as text, when asked for. */
  trace: string[] | undefined;
  #order = 0;
  readonly #heap: Task[] = [];

  constructor(options: GossipNetworkOptions) {
    this.options = options;
    this.random = seeded(options.seed);
  }

  add(name: string, incarnation = 1n): GossipNode {
    const node = new GossipNode(this, name, incarnation);
    this.nodes.set(name, node);
    return node;
  }

  /** A link of 10 to 50 ms one way unless said otherwise. */
  link(a: GossipNode, b: GossipNode, latencyMs: number = this.#anyLatency()): void {
    if (a === b || a.links.has(b.name)) return;
    const link: Link = { latencyMs, arrivesMs: [0, 0], isUp: true };
    a.links.set(b.name, { peer: b, link, side: 0 });
    b.links.set(a.name, { peer: a, link, side: 1 });
    a.do({ kind: 'neighborUp', node: b.name });
    b.do({ kind: 'neighborUp', node: a.name });
  }

  cut(a: GossipNode, b: GossipNode): void {
    const found = a.links.get(b.name);
    if (found === undefined) return;
    found.link.isUp = false;
    a.links.delete(b.name);
    b.links.delete(a.name);
    a.do({ kind: 'neighborDown', node: b.name });
    b.do({ kind: 'neighborDown', node: a.name });
  }

  send(from: GossipNode, to: string, message: GossipMessage): void {
    const found = from.links.get(to);
    if (found === undefined) throw new Error(`${from.name} sends to ${to} without a link`);
    const { peer, link, side } = found;
    const { loss = 0, isEncoded = true } = this.options;
    const isLost = loss > 0 && this.random.float() < loss;
    const probeMs = isLost ? link.latencyMs * 2.5 + 25 : 0;
    const atMs = Math.max(link.arrivesMs[side], this.nowMs + link.latencyMs + probeMs);
    link.arrivesMs[side] = atMs;
    const arrived = isEncoded ? decodeGossip(encodeGossip(message)) : message;
    this.trace?.push(`${this.nowMs} ${from.name} ${to} ${message.kind}`);
    this.#push(atMs, () => {
      if (!link.isUp) return;
      peer.do({ kind: 'messageReceived', from: from.name, message: arrived });
    });
  }

  after(delayMs: number, run: () => void): void {
    this.#push(this.nowMs + delayMs, run);
  }

  /** Runs what is due within so many milliseconds. */
  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    for (;;) {
      const task = this.#heap[0];
      if (task === undefined || task.atMs > untilMs) break;
      this.#pop();
      this.nowMs = task.atMs;
      task.run();
    }
    this.nowMs = untilMs;
  }

  #anyLatency(): number {
    return 10 + 40 * this.random.float();
  }

  #push(atMs: number, run: () => void): void {
    const heap = this.#heap;
    this.#order += 1;
    const task = { atMs, order: this.#order, run };
    let at = heap.length;
    heap.push(task);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(task, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = task;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      let child = heap[below];
      const right = heap[below + 1];
      if (child !== undefined && right !== undefined && isBefore(right, child)) {
        below += 1;
        child = right;
      }
      if (child === undefined || !isBefore(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

export interface OverlayShape {
  readonly seed: number;
  readonly size: number;
  /** Links of a node at most. */
  readonly degreeMax: number;
}

/** Links of a random connected overlay that is nearly regular, as HyParView makes them. */
export function randomOverlay({ seed, size, degreeMax }: OverlayShape): [number, number][] {
  const random = seeded(seed);
  const links: [number, number][] = [];
  const peers = Array.from({ length: size }, () => new Set<number>());
  const degree = (i: number): number => peers[i]?.size ?? 0;
  const join = (a: number, b: number): void => {
    if (a === b || peers[a]?.has(b)) return;
    if (degree(a) >= degreeMax || degree(b) >= degreeMax) return;
    peers[a]?.add(b);
    peers[b]?.add(a);
    links.push([a, b]);
  };
  for (let i = 1; i < size; i++) {
    const before = degree(i);
    while (degree(i) === before) join(i, Math.floor(random.float() * i));
  }
  const wanted = Math.floor((size * (degreeMax - 0.1)) / 2);
  for (let tries = 0; links.length < wanted && tries < size * 100; tries++) {
    join(Math.floor(random.float() * size), Math.floor(random.float() * size));
  }
  return links;
}
