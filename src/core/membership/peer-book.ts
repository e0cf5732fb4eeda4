/**
 * Who is what to this node: neighbour, being asked, spare, departed. A peer is in one state at a
 * time, because each way into a state leaves the others; the active view has one way in and one way
 * out, which tell the world.
 */

import type { LinkFacts } from '../link-facts.ts';
import type { NodeName } from '../names.ts';
import { ActiveView } from './active-view.ts';
import { ChurnWindow } from './churn.ts';
import type { HyParViewConfig } from './config.ts';
import type { MembershipResult, NeighborLoss } from './contract.ts';
import { Departed } from './departed.ts';
import { dialTimeMs } from './dial-time.ts';
import { FailureTable } from './failures.ts';
import type { NeighborPriority } from './messages.ts';
import type { Outbox } from './outbox.ts';
import { type PassiveAddition, PassiveView } from './passive-view.ts';
import type { PeerDescriptor } from './peer.ts';
import { jitter, type Randomness, sample } from './randomness.ts';
import { TokenBucket } from './token-bucket.ts';

/** Nodes that can be blocked; those above it are not. */
const BLOCKED_MAX = 16_384;

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
  /** Round trips of the links, for the time that a dial may take. */
  readonly links?: LinkFacts | undefined;
}

export class PeerBook {
  readonly #self: NodeName;
  readonly #config: HyParViewConfig;
  readonly #random: Randomness;
  readonly #outbox: Outbox;
  readonly #links = new Map<NodeName, Link>();
  readonly #attempts = new Map<NodeName, Attempt>();
  readonly #departed: Departed;
  readonly #facts: LinkFacts | undefined;
  /** Peers of before this node left, and when it did. */
  #former: { readonly peers: readonly PeerDescriptor[]; readonly atMs: number } | undefined;
  #blocked: ReadonlySet<NodeName> = new Set();
  readonly active: ActiveView;
  readonly passive: PassiveView;
  readonly failures: FailureTable;
  readonly churn: ChurnWindow = new ChurnWindow();

  constructor({ self, config, random, outbox, links }: PeerBookOptions) {
    this.#self = self;
    this.#config = config;
    this.#random = random;
    this.#outbox = outbox;
    this.#facts = links;
    this.#departed = new Departed(config.departedMs);
    this.active = new ActiveView(config.activeSize, random);
    this.passive = new PassiveView(config.passiveSize, random);
    this.failures = new FailureTable(config, random);
  }

  get links(): ReadonlyMap<NodeName, Link> {
    return this.#links;
  }

  get attempts(): ReadonlyMap<NodeName, Attempt> {
    return this.#attempts;
  }

  /** All that are known, neighbours first. */
  get peers(): PeerDescriptor[] {
    const asked = [...this.#attempts.values()].map((attempt) => attempt.peer);
    return [...this.active.peers(), ...asked, ...this.passive.known(this.#outbox.nowMs)];
  }

  /** Those that were known when this node left; empty once it is back. */
  get formerPeers(): PeerDescriptor[] {
    if (this.#former === undefined) return [];
    const { peers, atMs } = this.#former;
    const passedMs = this.#outbox.nowMs - atMs;
    return peers.map((peer) => ({ ...peer, ageMs: peer.ageMs + passedMs }));
  }

  /** A user's join is under way. */
  get isJoining(): boolean {
    for (const { ask } of this.#attempts.values()) if (ask === 'join') return true;
    return false;
  }

  /** Places in the active view that no request under way may fill yet. */
  get placesLeft(): number {
    let asked = 0;
    for (const { requestId } of this.#attempts.values()) if (requestId !== undefined) asked += 1;
    return this.#config.activeSize - this.active.audibleSize - asked;
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

  /** How long nothing came over the link to that node; 0 where nobody knows. */
  silentMs(node: NodeName): number {
    const heardMs = this.#facts?.lastHeardMs(node);
    return heardMs === undefined ? 0 : this.#outbox.nowMs - heardMs;
  }

  // The active view

  /**
   * The one way into the active view; a full one drops a silent neighbour, else a random one.
   * Idempotent; a blocked node stays out.
   */
  enterActive(peer: PeerDescriptor): void {
    const { node, incarnation } = peer;
    if (this.#blocked.has(node)) return;
    const attempt = this.#attempts.get(node);
    if (!this.active.has(node)) {
      if (this.active.isFull) this.#makeRoom();
      this.passive.remove(node);
      this.#attempts.delete(node);
      this.failures.clear(node);
      this.#departed.clear(node);
      this.active.add(peer);
      this.churn.record('join', this.#outbox.nowMs);
      this.#outbox.push({ kind: 'emit', event: { type: 'peerUp', node, incarnation } });
    }
    if (attempt !== undefined) {
      this.#outbox.reply(attempt.waiters, { kind: 'accepted', contact: node });
    }
  }

  /** The one way out of the active view; the peer is unknown afterwards. */
  leaveActive(node: NodeName, reason: NeighborLoss): void {
    const peer = this.active.get(node);
    if (peer === undefined) return;
    this.active.delete(node);
    this.churn.record('loss', this.#outbox.nowMs);
    const { incarnation } = peer;
    this.#outbox.push({ kind: 'emit', event: { type: 'peerDown', node, incarnation, reason } });
  }

  /** The neighbour leaves the view; it stays a spare until it failed too often. */
  giveUp(node: NodeName, reason: NeighborLoss): void {
    const peer = this.active.get(node);
    if (peer === undefined) return;
    this.leaveActive(node, reason);
    this.storeFailed(peer);
  }

  #makeRoom(): void {
    const silent = this.active.firstSilent;
    if (silent === undefined) this.#evict();
    else this.giveUp(silent, 'failed');
  }

  #evict(): void {
    const node = this.active.random();
    const peer = node === undefined ? undefined : this.active.get(node);
    if (node === undefined || peer === undefined) return;
    this.#outbox.send(node, { kind: 'disconnect', reason: 'evicted' });
    this.leaveActive(node, 'evicted');
    this.addPassive(peer, { coolUntilMs: this.#outbox.nowMs + this.#config.coolMs });
    this.#outbox.release(node);
  }

  // The passive view

  /** Stores a spare, unless it is this node, a neighbour, being asked, departed or blocked. */
  addPassive(peer: PeerDescriptor, addition: PassiveAddition = {}): void {
    const { node } = peer;
    if (node === this.#self || this.active.has(node) || this.#attempts.has(node)) return;
    if (this.#blocked.has(node) || this.hasDeparted(peer)) return;
    this.passive.add(peer, this.#outbox.nowMs, addition);
  }

  /**
   * Takes an even sample of what may be a list of the whole cluster, in the place of spares that
   * failed. Peers that are not to be tried now are left out.
   */
  addCandidates(peers: readonly PeerDescriptor[]): void {
    const { nowMs } = this.#outbox;
    const fresh = peers.filter(({ node }) => !this.failures.isBackingOff(node, nowMs));
    const dropFirst = new Set(this.passive.nodes().filter((node) => this.failures.count(node) > 0));
    for (const peer of sample(this.#random, fresh, this.#config.passiveSize)) {
      this.addPassive(peer, { dropFirst });
    }
  }

  /** True when that start left, or died, a short while ago. */
  hasDeparted(peer: PeerDescriptor): boolean {
    return this.#departed.has(peer, this.#outbox.nowMs);
  }

  /** Forgets a start of a node that left or died, for as long as shuffles may still name it. */
  depart(node: NodeName, incarnation: bigint): void {
    this.#departed.add(node, incarnation, this.#outbox.nowMs);
    const spare = this.spare(node);
    if (spare !== undefined && spare.incarnation <= incarnation) this.passive.remove(node);
  }

  /** The node itself is asked for again. */
  welcome(node: NodeName): void {
    this.#departed.clear(node);
  }

  /** A spare is what its link proved; a link that is new proves too that it can be had. */
  refreshSpare(peer: PeerDescriptor, isNew: boolean): void {
    if (!this.passive.has(peer.node)) return;
    this.passive.remove(peer.node);
    if (isNew) this.failures.clear(peer.node);
    this.addPassive(peer);
  }

  get blocked(): NodeName[] {
    return [...this.#blocked];
  }

  isBlocked(node: NodeName): boolean {
    return this.#blocked.has(node);
  }

  /** From now on these nodes, and no others, are kept out of both views. */
  block(nodes: readonly NodeName[]): void {
    this.#blocked = new Set(nodes.slice(0, BLOCKED_MAX));
    for (const node of this.#blocked) {
      const attempt = this.#attempts.get(node);
      if (attempt !== undefined) this.endAttempt(attempt, { kind: 'refused' });
      this.passive.remove(node);
      if (!this.active.has(node)) continue;
      this.#outbox.send(node, { kind: 'disconnect', reason: 'mismatch' });
      this.leaveActive(node, 'blocked');
      this.#outbox.release(node);
    }
  }

  /** Spares that may be asked now. */
  candidates(): NodeName[] {
    const { nowMs } = this.#outbox;
    return this.passive.candidates(nowMs, (node) => !this.failures.isBackingOff(node, nowMs));
  }

  /** The spare as it would be told to another node now. */
  spare(node: NodeName): PeerDescriptor | undefined {
    return this.passive.get(node, this.#outbox.nowMs);
  }

  /** Spares that never failed here: the ones worth telling others. */
  healthySpares(): NodeName[] {
    return this.passive.nodes().filter((node) => this.failures.count(node) === 0);
  }

  /** Up to so many of the spares worth telling, other than this one. */
  sampleSpares(count: number, except?: NodeName): PeerDescriptor[] {
    const nodes = this.healthySpares().filter((node) => node !== except);
    return sample(this.#random, nodes, count).flatMap((node) => this.spare(node) ?? []);
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
    const failures = this.failures.count(peer.node);
    const dial = { ask, failures, neighbors: this.active.nodes() };
    const delayMs = dialTimeMs(this.#config, this.#facts, dial);
    this.#store({ peer, ask, waiters, requestId: undefined }, delayMs);
    this.#outbox.push({ kind: 'connect', peer });
  }

  /** A request that has not left yet leaves with high priority. */
  upgrade(attempt: Attempt): void {
    if (attempt.ask !== 'low' || attempt.requestId !== undefined) return;
    this.#attempts.set(attempt.peer.node, { ...attempt, ask: 'high' });
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

  /** The place was taken while the link was made: the peer is a spare again, free to be asked. */
  dropAttempt({ peer, waiters }: Attempt): void {
    this.#attempts.delete(peer.node);
    this.addPassive(peer);
    this.#outbox.release(peer.node);
    this.#outbox.reply(waiters, { kind: 'refused' });
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

  /** Forgets spares that nobody heard for too long, unless they may be needed. */
  expire(): void {
    if (this.active.audibleSize > 0) this.passive.expire(this.#outbox.nowMs);
  }

  /** Drops all neighbours, attempts and spares, but for the next join; the links stay known. */
  clear(): void {
    if (this.#former === undefined) {
      this.#former = { peers: this.peers, atMs: this.#outbox.nowMs };
    }
    for (const node of this.active.nodes()) {
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

  /** The node is back: whom it knew before it left are spares. */
  restore(): void {
    const peers = this.formerPeers;
    this.#former = undefined;
    for (const peer of peers) this.addPassive(peer);
  }
}
