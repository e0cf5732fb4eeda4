/**
 * Who is what to this node: neighbour, being asked, spare, departed. A peer is in one state at a
 * time, because each way into a state leaves the others; the active view has one way in and one way
 * out, which tell the world.
 */
import type { NodeName } from '../names.ts';
import type { HyParViewConfig } from './config.ts';
import type { MembershipResult, NeighborLoss } from './contract.ts';
import { Departed } from './departed.ts';
import { FailureTable } from './failures.ts';
import type { NeighborPriority } from './messages.ts';
import type { Outbox } from './outbox.ts';
import { type PassiveAddition, PassiveView } from './passive-view.ts';
import type { PeerDescriptor } from './peer.ts';
import { jitter, pick, type Randomness } from './randomness.ts';
import { TokenBucket } from './token-bucket.ts';

/** A link that stands, as its handshake proved it. */
export interface Link {
  readonly peer: PeerDescriptor;
  /** Bounds what the peer may make this node do. */
  readonly bucket: TokenBucket;
}

/** A peer that is being asked to be a neighbour, or whose link is being made for that. */
export interface Attempt {
  readonly peer: PeerDescriptor;
  readonly ask: 'join' | NeighborPriority;
  /** Joins of this node's user that wait for the answer. */
  readonly waiters: readonly number[];
  /** Undefined while the link is being made. */
  readonly requestId: number | undefined;
  /** Of the one timer that this attempt owns. */
  readonly generation: number;
}

export interface PeerBookOptions {
  readonly self: NodeName;
  readonly config: HyParViewConfig;
  readonly random: Randomness;
  readonly outbox: Outbox;
}

export class PeerBook {
  readonly #self: NodeName;
  readonly #config: HyParViewConfig;
  readonly #random: Randomness;
  readonly #outbox: Outbox;
  readonly #links = new Map<NodeName, Link>();
  readonly #active = new Map<NodeName, PeerDescriptor>();
  readonly #attempts = new Map<NodeName, Attempt>();
  readonly #departed: Departed;
  readonly passive: PassiveView;
  readonly failures: FailureTable;

  constructor({ self, config, random, outbox }: PeerBookOptions) {
    this.#self = self;
    this.#config = config;
    this.#random = random;
    this.#outbox = outbox;
    this.#departed = new Departed(config.departedMs);
    this.passive = new PassiveView(config.passiveSize, random);
    this.failures = new FailureTable(config, random);
  }

  get links(): ReadonlyMap<NodeName, Link> {
    return this.#links;
  }

  get active(): ReadonlyMap<NodeName, PeerDescriptor> {
    return this.#active;
  }

  get attempts(): ReadonlyMap<NodeName, Attempt> {
    return this.#attempts;
  }

  get hasRoom(): boolean {
    return this.#active.size < this.#config.activeSize;
  }

  /** A neighbour other than these two, or undefined. */
  randomNeighbor(except?: NodeName, exceptToo?: NodeName): NodeName | undefined {
    const nodes = [...this.#active.keys()];
    return pick(
      this.#random,
      nodes.filter((node) => node !== except && node !== exceptToo),
    );
  }

  // Links

  /** Records a link; false when a later start of the node has one. */
  link(peer: PeerDescriptor): boolean {
    const known = this.#links.get(peer.node);
    if (known !== undefined && known.peer.incarnation > peer.incarnation) return false;
    const { messageBurst, messagesPerSecond } = this.#config;
    const bucket =
      known?.bucket ?? new TokenBucket(messageBurst, messagesPerSecond, this.#outbox.nowMs);
    this.#links.set(peer.node, { peer: { ...peer, ageMs: 0 }, bucket });
    return true;
  }

  unlink(node: NodeName): void {
    this.#links.delete(node);
  }

  // The active view

  /** The one way into the active view; a full one drops a random neighbour. Idempotent. */
  enterActive(peer: PeerDescriptor): void {
    const { node, incarnation } = peer;
    const attempt = this.#attempts.get(node);
    if (!this.#active.has(node)) {
      if (!this.hasRoom) this.#evict();
      this.passive.remove(node);
      this.#attempts.delete(node);
      this.failures.clear(node);
      this.#departed.clear(node);
      this.#active.set(node, peer);
      this.#outbox.push({ kind: 'emit', event: { type: 'peerUp', node, incarnation } });
    }
    if (attempt !== undefined) {
      this.#outbox.reply(attempt.waiters, { kind: 'accepted', contact: node });
    }
  }

  /** The one way out of the active view; the peer is unknown afterwards. */
  leaveActive(node: NodeName, reason: NeighborLoss): void {
    const peer = this.#active.get(node);
    if (peer === undefined) return;
    this.#active.delete(node);
    const { incarnation } = peer;
    this.#outbox.push({ kind: 'emit', event: { type: 'peerDown', node, incarnation, reason } });
  }

  #evict(): void {
    const node = this.randomNeighbor();
    const peer = node === undefined ? undefined : this.#active.get(node);
    if (node === undefined || peer === undefined) return;
    this.#outbox.send(node, { kind: 'disconnect', reason: 'evicted' });
    this.leaveActive(node, 'evicted');
    this.addPassive(peer, { coolUntilMs: this.#outbox.nowMs + this.#config.coolMs });
    this.#outbox.release(node);
  }

  // The passive view

  /** Stores a spare, unless it is this node, a neighbour, being asked, or departed. */
  addPassive(peer: PeerDescriptor, addition: PassiveAddition = {}): void {
    const { node } = peer;
    if (node === this.#self || this.#active.has(node) || this.#attempts.has(node)) return;
    if (this.hasDeparted(peer)) return;
    this.passive.add(peer, this.#outbox.nowMs, addition);
  }

  /** True when that start left, or died, a short while ago. */
  hasDeparted(peer: PeerDescriptor): boolean {
    return this.#departed.has(peer, this.#outbox.nowMs);
  }

  /** Forgets a start of a node that left or died, for as long as shuffles may still name it. */
  depart(node: NodeName, incarnation: bigint): void {
    this.#departed.add(node, incarnation, this.#outbox.nowMs);
    const spare = this.passive.get(node, this.#outbox.nowMs);
    if (spare !== undefined && spare.incarnation <= incarnation) this.passive.remove(node);
  }

  /** The node itself is asked for again. */
  welcome(node: NodeName): void {
    this.#departed.clear(node);
  }

  /** Spares that may be asked now. */
  candidates(): PeerDescriptor[] {
    const { nowMs } = this.#outbox;
    return this.passive.candidates(nowMs, (node) => !this.failures.isBackingOff(node, nowMs));
  }

  /** Spares that never failed here: the ones worth telling others. */
  healthySpares(): PeerDescriptor[] {
    const { nowMs } = this.#outbox;
    return this.passive.known(nowMs).filter(({ node }) => this.failures.count(node) === 0);
  }

  // Attempts

  /** Asks a peer that is no neighbour, over a link made for it if there is none. */
  attempt(peer: PeerDescriptor, ask: Attempt['ask'], waiters: readonly number[] = []): void {
    const linked = this.#links.get(peer.node)?.peer;
    this.passive.remove(peer.node);
    if (linked !== undefined) {
      this.ask({ peer: linked, ask, waiters });
      return;
    }
    this.#store({ peer, ask, waiters, requestId: undefined }, this.#config.connectTimeoutMs);
    this.#outbox.push({ kind: 'connect', peer });
  }

  /** Sends the request of an attempt over the link that stands. */
  ask({ peer, ask, waiters }: Pick<Attempt, 'peer' | 'ask' | 'waiters'>): void {
    const requestId = this.#outbox.nextSerial();
    this.#outbox.send(
      peer.node,
      ask === 'join' ? { kind: 'join', requestId } : { kind: 'neighbor', requestId, priority: ask },
    );
    this.#store({ peer, ask, waiters, requestId }, this.#config.requestTimeoutMs);
  }

  #store(attempt: Omit<Attempt, 'generation'>, delayMs: number): void {
    const { node } = attempt.peer;
    const generation = this.#outbox.nextSerial();
    this.#attempts.set(node, { ...attempt, generation });
    this.#outbox.push({
      kind: 'schedule',
      timer: { kind: 'request', node, generation },
      delayMs,
    });
  }

  /** The peer refused: it stays a spare, cools, and can be asked later (paper, section 4.3). */
  endAttempt({ peer, waiters }: Attempt, result: MembershipResult): void {
    this.#attempts.delete(peer.node);
    const coolMs = jitter(this.#random, this.#config.coolMs, 0.5);
    this.addPassive(peer, { coolUntilMs: this.#outbox.nowMs + coolMs });
    this.#outbox.release(peer.node);
    this.#outbox.reply(waiters, result);
  }

  /** The peer did not answer: it waits longer each time, and is forgotten in the end. */
  failAttempt({ peer, waiters }: Attempt, result: MembershipResult): void {
    this.#attempts.delete(peer.node);
    this.storeFailed(peer);
    this.#outbox.release(peer.node);
    this.#outbox.reply(waiters, result);
  }

  /** Counts a failure of the peer; it stays a spare until it failed too often. */
  storeFailed(peer: PeerDescriptor): void {
    this.failures.record(peer.node, this.#outbox.nowMs);
    if (this.failures.count(peer.node) < this.#config.failuresMax) this.addPassive(peer);
  }

  /** Drops all neighbours, attempts and spares; the links stay known. */
  clear(): void {
    for (const node of [...this.#active.keys()]) {
      this.#outbox.send(node, { kind: 'disconnect', reason: 'left' });
      this.leaveActive(node, 'disconnected');
      this.#outbox.release(node);
    }
    const attempts = [...this.#attempts.values()];
    this.#attempts.clear();
    for (const { peer, waiters } of attempts) {
      this.#outbox.reply(waiters, { kind: 'left' });
      this.#outbox.release(peer.node);
    }
    this.passive.clear();
  }
}
