/**
 * The laboratory: thousands of cores on virtual time over a simulated network, without bytes,
 * promises or sockets. It is the simulator's second mode, for what only shows at 10,000 nodes; one
 * seed gives one run.
 *
 * A link has one delay for the whole run, the same both ways, and keeps order. A crashed node is
 * silent, and its links stand at the other end until somebody closes them, as with UDP.
 */
import type { PeerDescriptor } from '../../core/membership/peer.ts';
import type { NodeName } from '../../core/names.ts';
import { unreachable } from '../../core/unreachable.ts';
import { SeededRandom } from '../seeded-random.ts';
import { EventQueue } from './event-queue.ts';
import { EVENT_NUMBERS, type LabEvent } from './lab-event.ts';
import { LabLink } from './lab-link.ts';
import type { LabMessage, LabNode, LabPort } from './lab-node.ts';
import { type Latency, type LatencyRange, uniformLatency } from './latency.ts';
import { Losses } from './losses.ts';
import { NetworkPort } from './network-port.ts';
import { TraceHash } from './trace-hash.ts';
import { Traffic } from './traffic.ts';

export interface LabNetworkOptions<M extends LabMessage> {
  readonly seed: number;
  /** @default 10 to 50 ms one way, uniform over pairs */
  readonly latency?: Latency | LatencyRange;
  /** Chance that a frame is lost, 0 to 1; on a link it arrives a probe time-out late. @default 0 */
  readonly loss?: number;
  /**
   * Who notices that the other end of a link is dead. `nobody`: only a failure detector does, as
   * with UDP. `sender`: whoever sends to it, a round trip later, as over TCP to a lost machine.
   * `neighbors`: all of them, a round trip after the crash, as over TCP to a lost process. With
   * both, a dial fails as fast. @default nobody
   */
  readonly noticedBy?: 'nobody' | 'sender' | 'neighbors';
  /** How long a dial to a dead node takes, or three round trips if that is more. @default 500 */
  readonly dialTimeoutMs?: number;
  /** Bytes on the wire of a message, to be counted. */
  readonly bytesOf?: (message: M) => number;
}

/** A link that nobody needs closes after this long without a frame. */
const IDLE_MS = 5_000;
/** Handshake of QUIC with the overlay's three steps, in one-way delays. */
const DIAL_DELAYS = 3;

export class LabNetwork<M extends LabMessage, T> {
  readonly options: LabNetworkOptions<M>;
  readonly traffic: Traffic<M>;
  readonly trace: TraceHash = new TraceHash();
  /** Of the experiment: what nodes draw does not shift it. */
  readonly random: SeededRandom;
  /** Active views as the nodes told them, by number. */
  readonly neighbors: number[][] = [];
  readonly latency: Latency;
  readonly #queue = new EventQueue<LabEvent<M, T>>();
  readonly #seeds: SeededRandom;
  readonly #losses: Losses;
  readonly #nodes: LabNode<M, T>[] = [];
  readonly #descriptors: PeerDescriptor[] = [];
  readonly #indices = new Map<NodeName, number>();
  readonly #links: Map<number, LabLink>[] = [];
  readonly #isAlive: boolean[] = [];
  /** Until when a node does nothing, as in a pause of its process. */
  readonly #pausedUntilMs: number[] = [];
  /** Of each input at a slow node. */
  readonly #serviceMs: number[] = [];
  /** Nodes on different sides do not reach each other. */
  #sideOf: ((index: number) => number) | undefined;
  #nowMs = 0;
  #events = 0;

  constructor(options: LabNetworkOptions<M>) {
    this.options = options;
    const root = new SeededRandom(options.seed);
    this.random = root.fork();
    this.#seeds = root.fork();
    this.#losses = new Losses(root.fork(), options.loss ?? 0);
    const latency = options.latency ?? { lowMs: 10, highMs: 50 };
    this.latency =
      typeof latency === 'function' ? latency : uniformLatency(latency, options.seed | 0);
    this.traffic = new Traffic(options.bytesOf);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that happened. */
  get events(): number {
    return this.#events;
  }

  /** Nodes that were added, dead ones included. */
  get size(): number {
    return this.#nodes.length;
  }

  /** Adds a node, which gets its port and a randomness of its own. */
  add<N extends LabNode<M, T>>(make: (port: LabPort<M, T>, random: SeededRandom) => N): N {
    const index = this.#nodes.length;
    const name = `n${index}@lab`;
    const self = { node: name, incarnation: 1n, addresses: [`${index}.lab:4433`], ageMs: 0 };
    this.#descriptors.push(self);
    this.#indices.set(name, index);
    this.#links.push(new Map());
    this.#isAlive.push(true);
    this.#pausedUntilMs.push(0);
    this.#serviceMs.push(0);
    this.neighbors.push([]);
    const node = make(new NetworkPort(this, index), this.#seeds.fork());
    this.#nodes.push(node);
    return node;
  }

  descriptor(index: number): PeerDescriptor {
    return this.#descriptors[index] as PeerDescriptor;
  }

  /** -1 for a name that nobody has. */
  indexOf(node: NodeName): number {
    return this.#indices.get(node) ?? -1;
  }

  isAlive(index: number): boolean {
    return this.#isAlive[index] === true;
  }

  /** Numbers of the living. */
  get living(): number[] {
    const living: number[] = [];
    this.#isAlive.forEach((isAlive, index) => {
      if (isAlive) living.push(index);
    });
    return living;
  }

  /** The process is gone without a word. */
  crash(index: number): void {
    this.#isAlive[index] = false;
    if (this.options.noticedBy !== 'neighbors') return;
    for (const link of this.#links[index]?.values() ?? []) this.#notice(link.other(index), link);
  }

  /** The node's event loop stands still for so long; what comes meanwhile waits. */
  pause(index: number, ms: number): void {
    this.#pausedUntilMs[index] = Math.max(this.#pausedUntilMs[index] ?? 0, this.#nowMs + ms);
  }

  /** Each input keeps the node busy for so long, one after the other. */
  slow(index: number, serviceMs: number): void {
    this.#serviceMs[index] = serviceMs;
  }

  /** Cuts the network between the sides; undefined heals it. Links stand meanwhile. */
  split(sideOf: ((index: number) => number) | undefined): void {
    this.#sideOf = sideOf;
  }

  /** Runs a step of the experiment at that time. */
  at(atMs: number, step: () => void): void {
    this.#queue.push(Math.max(atMs, this.#nowMs), {
      kind: 'step',
      node: -1,
      peer: -1,
      link: undefined,
      load: step,
    });
  }

  /** Runs everything that is due within the next `ms`. */
  run(ms: number): void {
    const endMs = this.#nowMs + ms;
    const queue = this.#queue;
    while (queue.nextMs <= endMs) {
      this.#nowMs = queue.nextMs;
      const event = queue.pop();
      if (event !== undefined) this.#happen(event);
    }
    this.#nowMs = endMs;
  }

  /** Makes a link at once and tells both ends. */
  openLink(a: number, b: number): void {
    this.#open(a, b);
    this.#at(a).linkUp(this.descriptor(b));
    this.#at(b).linkUp(this.descriptor(a));
  }

  /** Something crosses the link to a dead node, outside of any core: its sender may notice. */
  probeDead(from: number, dead: number): void {
    const link = this.linkOf(from, dead);
    if (link !== undefined) this.#sendToDead(from, link);
  }

  // What ports ask for

  connect(from: number, to: number): void {
    const link = this.linkOf(from, to);
    if (link !== undefined) {
      link.need(from, true);
      this.#queue.push(this.#nowMs, { kind: 'linkUp', node: from, peer: to, link, load: 0 });
      return;
    }
    const event = { kind: 'dialled', node: from, peer: to, link: undefined } as const;
    const delayMs = DIAL_DELAYS * this.latency(from, to);
    this.#queue.push(this.#nowMs + delayMs, { ...event, load: this.#nowMs });
  }

  release(from: number, to: number): void {
    const link = this.linkOf(from, to);
    if (link === undefined) return;
    link.need(from, false);
    this.#checkWhenIdle(link);
  }

  send(from: number, to: number, message: M): void {
    const link = this.linkOf(from, to);
    if (link === undefined) return;
    this.traffic.count(message);
    link.lastUsedMs = this.#nowMs;
    if (!this.isAlive(to)) {
      this.#sendToDead(from, link);
      return;
    }
    let arrivesMs = this.#nowMs + link.latencyMs;
    if (this.#losses.areLikely) {
      arrivesMs = link.inOrder(to, arrivesMs + this.#losses.latenessMs(2 * link.latencyMs));
    }
    this.#queue.push(arrivesMs, { kind: 'message', node: to, peer: from, link, load: message });
  }

  sendDatagram(from: number, to: number, message: M): void {
    this.traffic.count(message);
    if (this.#losses.strikes()) return;
    const event = { kind: 'datagram', node: to, peer: from, link: undefined } as const;
    this.#queue.push(this.#nowMs + this.latency(from, to), { ...event, load: message });
  }

  schedule(node: number, timer: T, delayMs: number): void {
    this.#queue.push(this.#nowMs + Math.max(delayMs, 0), {
      kind: 'timer',
      node,
      peer: -1,
      link: undefined,
      load: timer,
    });
  }

  linkOf(from: number, to: number): LabLink | undefined {
    return this.#links[from]?.get(to);
  }

  // What happens

  #happen(event: LabEvent<M, T>): void {
    const { node } = event;
    if (node >= 0) {
      if (!this.#isAlive[node] || this.#waits(event)) return;
      this.trace.add(this.#nowMs, (EVENT_NUMBERS[event.kind] << 24) ^ node, event.peer);
    }
    this.#events += 1;
    switch (event.kind) {
      case 'message':
        this.#deliver(event.link, event);
        break;
      case 'datagram':
        if (!this.#isCut(node, event.peer)) this.#receive(event);
        break;
      case 'timer':
        this.#at(node).timerFired(event.load);
        break;
      case 'dialled':
        this.#onDialled(node, event.peer, event.load);
        break;
      case 'dialFailed':
        this.#at(node).dialFailed(this.descriptor(event.peer).node);
        break;
      case 'linkUp':
        if (event.link.isOpen) this.#at(node).linkUp(this.descriptor(event.peer));
        break;
      case 'linkLost':
        this.#close(event.link, 'lost');
        break;
      case 'idleCheck':
        this.#onIdleCheck(event.link);
        break;
      case 'step':
        event.load();
        break;
      default:
        unreachable(event);
    }
  }

  /** A paused or busy node gets the event later, behind those that wait already. */
  #waits(event: LabEvent<M, T>): boolean {
    const untilMs = this.#pausedUntilMs[event.node] as number;
    if (untilMs > this.#nowMs) {
      this.#queue.push(untilMs, event);
      return true;
    }
    const serviceMs = this.#serviceMs[event.node] as number;
    if (serviceMs > 0) this.#pausedUntilMs[event.node] = this.#nowMs + serviceMs;
    return false;
  }

  #deliver(link: LabLink, event: { node: number; peer: number; load: M }): void {
    if (!link.isOpen || this.#isCut(event.node, event.peer)) return;
    link.hear(event.node, this.#nowMs);
    this.#receive(event);
  }

  #receive({ node, peer, load }: { node: number; peer: number; load: M }): void {
    this.#at(node).received(this.descriptor(peer).node, load);
  }

  #onDialled(from: number, to: number, startedMs: number): void {
    const standing = this.linkOf(from, to);
    if (standing === undefined && (!this.isAlive(to) || this.#isCut(from, to))) {
      this.#failDial(from, to, startedMs);
      return;
    }
    if (standing === undefined) this.openLink(from, to);
    else this.#at(from).linkUp(this.descriptor(to));
    this.linkOf(from, to)?.need(from, true);
  }

  #open(a: number, b: number): void {
    const link = new LabLink({ a, b, latencyMs: this.latency(a, b), nowMs: this.#nowMs });
    this.#links[a]?.set(b, link);
    this.#links[b]?.set(a, link);
  }

  #failDial(from: number, to: number, startedMs: number): void {
    const { noticedBy = 'nobody', dialTimeoutMs = 500 } = this.options;
    const roundTripMs = 2 * this.latency(from, to);
    const isSilent = noticedBy === 'nobody';
    const waitMs = isSilent ? Math.max(dialTimeoutMs, 3 * roundTripMs) : roundTripMs;
    this.#queue.push(Math.max(startedMs + waitMs, this.#nowMs), {
      kind: 'dialFailed',
      node: from,
      peer: to,
      link: undefined,
      load: 0,
    });
  }

  #sendToDead(from: number, link: LabLink): void {
    if (this.options.noticedBy === 'sender') this.#notice(from, link);
  }

  #notice(from: number, link: LabLink): void {
    const peer = link.other(from);
    const atMs = this.#nowMs + 2 * link.latencyMs;
    this.#queue.push(atMs, { kind: 'linkLost', node: from, peer, link, load: 0 });
  }

  #checkWhenIdle(link: LabLink): void {
    if (link.isNeeded || link.isChecked) return;
    link.isChecked = true;
    const { a, b } = link;
    const atMs = this.#nowMs + IDLE_MS;
    const node = this.isAlive(a) ? a : b;
    this.#queue.push(atMs, { kind: 'idleCheck', node, peer: link.other(node), link, load: 0 });
  }

  #onIdleCheck(link: LabLink): void {
    link.isChecked = false;
    if (link.isNeeded || !link.isOpen) return;
    if (this.#nowMs - link.lastUsedMs >= IDLE_MS) this.#close(link, 'idle');
    else this.#checkWhenIdle(link);
  }

  /** Closes a link as one end has it; the other end learns at once, if it lives and is reached. */
  close(from: number, to: number, reason: string): void {
    const link = this.linkOf(from, to);
    if (link !== undefined) this.#close(link, reason);
  }

  #close(link: LabLink, reason: string): void {
    if (!link.isOpen) return;
    link.isOpen = false;
    this.#links[link.a]?.delete(link.b);
    this.#links[link.b]?.delete(link.a);
    for (const end of [link.a, link.b]) {
      if (this.isAlive(end)) this.#at(end).linkDown(this.descriptor(link.other(end)).node, reason);
    }
  }

  #isCut(a: number, b: number): boolean {
    return this.#sideOf !== undefined && this.#sideOf(a) !== this.#sideOf(b);
  }

  #at(index: number): LabNode<M, T> {
    return this.#nodes[index] as LabNode<M, T>;
  }
}
