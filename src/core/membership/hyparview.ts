/**
 * HyParView (Leitão, Pereira, Rodrigues, "HyParView: a membership protocol for reliable
 * gossip-based broadcast", DSN 2007): each node keeps a small active view of neighbours, with a
 * link to each, and a larger passive view of spares.
 *
 * A link is mutual: both ends count a neighbour only after one asked and the other accepted, and a
 * standing statement of the view (`keepAlive`) mends what a lost answer left one-sided.
 *
 * Deviations from the paper: requests have answers and time-outs; a walk's last node asks the
 * newcomer instead of assuming it; repair also runs on a timer, for nodes that were refused by all;
 * a node with a single neighbour asks with high priority, as one without does; storms of newcomers
 * are spread and mixed (`newcomers.ts`).
 */
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import { type Churn, shufflePeriodAt } from './churn.ts';
import { HYPARVIEW_DEFAULTS, type HyParViewConfig, type HyParViewOptions } from './config.ts';
import type { MembershipEffect, MembershipInput, MembershipTimer } from './contract.ts';
import { type DisconnectReason, faultOf, type MembershipMessage } from './messages.ts';
import { Newcomers } from './newcomers.ts';
import { Outbox } from './outbox.ts';
import type { PeerDescriptor } from './peer.ts';
import { PeerBook } from './peer-book.ts';
import { jitter, type Randomness, vary } from './randomness.ts';
import { Repair } from './repair.ts';
import { Shuffling } from './shuffling.ts';
import { Ticks, type TickTimer } from './ticks.ts';

type MessageOf<K extends MembershipMessage['kind']> = Extract<MembershipMessage, { kind: K }>;
type InputOf<K extends MembershipInput['kind']> = Extract<MembershipInput, { kind: K }>;

/** Membership of one node. No clock, no socket, no randomness of its own: facts in, effects out. */
export class HyParView {
  readonly #self: PeerDescriptor;
  readonly #config: HyParViewConfig;
  readonly #random: Randomness;
  readonly #outbox: Outbox = new Outbox();
  readonly #book: PeerBook;
  readonly #newcomers: Newcomers;
  readonly #shuffling: Shuffling;
  readonly #repair: Repair;
  readonly #ticks: Ticks = new Ticks(this.#outbox);
  #state: 'idle' | 'running' | 'left' = 'idle';

  /** The views are empty before the first input. `self`: of no age; its addresses may change. */
  constructor(self: PeerDescriptor, random: Randomness, options: HyParViewOptions = {}) {
    this.#self = self;
    this.#random = random;
    const { links, ...config } = options;
    this.#config = { ...HYPARVIEW_DEFAULTS, ...config };
    const shared = { config: this.#config, random, outbox: this.#outbox };
    this.#book = new PeerBook({ ...shared, self: self.node, links });
    const rooms = { ...shared, self: this.#self, book: this.#book };
    this.#repair = new Repair(rooms);
    this.#newcomers = new Newcomers(rooms);
    this.#shuffling = new Shuffling(rooms);
  }

  get config(): HyParViewConfig {
    return this.#config;
  }

  get self(): PeerDescriptor {
    return this.#self;
  }

  /** Neighbours: nodes that this one holds, and at rest that hold this one, in the active view. */
  get activeView(): NodeName[] {
    return this.#book.active.nodes();
  }

  /** The neighbours, less those of which nothing is heard. */
  get audibleView(): NodeName[] {
    return this.#book.active.audible.map(({ node }) => node);
  }

  /** Spares. One that is being asked is in neither view until it answered. */
  get passiveView(): NodeName[] {
    return this.#book.passive.nodes();
  }

  isNeighbor(node: NodeName): boolean {
    return this.#book.active.has(node);
  }

  /** True for a neighbour, unless nothing is heard of it. */
  isAudible(node: NodeName): boolean {
    return this.isNeighbor(node) && !this.#book.active.isSilent(node);
  }

  /** True with a neighbour that is heard, and while a user's join is under way. */
  get isJoinedOrJoining(): boolean {
    return this.#book.active.audibleSize > 0 || this.#book.isJoining;
  }

  /** Nodes that are being asked to be neighbours. */
  get pendingNodes(): NodeName[] {
    return [...this.#book.attempts.keys()];
  }

  /** All peers that are known, neighbours first: what is worth saving for the next start. */
  get peers(): PeerDescriptor[] {
    return this.#book.peers;
  }

  /** After `leave`, the peers of before, to be saved; the next `join` makes them spares again. */
  get formerPeers(): PeerDescriptor[] {
    return this.#book.formerPeers;
  }

  /** Neighbours gained and lost in the present window of 30 s. */
  get churn(): Churn {
    return this.#book.churn.at(this.#outbox.nowMs);
  }

  /** Milliseconds between shuffles at the present churn, before they are varied. */
  get shufflePeriodMs(): number {
    return shufflePeriodAt(this.#config.shufflePeriodMs, this.churn);
  }

  /** The timer of each request or dial under way, by its generation. */
  get pendingTimers(): ReadonlyMap<NodeName, number> {
    return new Map([...this.#book.attempts].map(([node, { generation }]) => [node, generation]));
  }

  /** Nodes that a test keeps out. */
  get blockedNodes(): NodeName[] {
    return this.#book.blocked;
  }

  /** True after `leave`, until the next `join`. */
  get hasLeft(): boolean {
    return this.#state === 'left';
  }

  /**
   * Applies one input at a monotonic time in milliseconds; returns its effects in the order in
   * which the driver must carry them out. Never throws for what a peer sent.
   */
  handle(input: MembershipInput, nowMs: number): readonly MembershipEffect[] {
    this.#outbox.nowMs = nowMs;
    if (this.#state === 'idle') this.#start();
    switch (input.kind) {
      case 'join':
        this.#join(input.peer, input.requestId);
        break;
      case 'leave':
        this.#leave(input.requestId);
        break;
      case 'connected':
        this.#onConnected(input.peer);
        break;
      case 'connectFailed':
        this.#onConnectFailed(input.node);
        break;
      case 'disconnected':
        this.#onDisconnected(input.node, input.reason);
        break;
      case 'messageReceived':
        this.#onMessage(input.from, input.message);
        break;
      case 'timerFired':
        this.#onTimer(input.timer);
        break;
      case 'candidates':
        this.#onCandidates(input);
        break;
      case 'gone':
        this.#onGone(input.node, input.incarnation);
        break;
      case 'silent':
        // Another is asked at once; until one comes it may be heard again and stay.
        if (this.#book.active.silence(input.node, input.incarnation)) this.#afterLoss();
        break;
      case 'heard':
        this.#book.active.hear(input.node);
        break;
      case 'invite':
        this.#invite(input.peer);
        break;
      case 'block':
        this.#block(input.nodes);
        break;
      default:
        unreachable(input);
    }
    return this.#outbox.take();
  }

  // Commands

  #join(peer: PeerDescriptor, requestId: number): void {
    const { node } = peer;
    if (node === this.#self.node || this.#book.isBlocked(node)) {
      this.#outbox.reply([requestId], { kind: 'refused' });
      return;
    }
    if (this.#state === 'left') {
      this.#start();
      this.#book.restore();
    }
    this.#book.welcome(node);
    if (this.isAudible(node)) {
      this.#outbox.reply([requestId], { kind: 'accepted', contact: node });
      return;
    }
    this.#book.giveUp(node, 'failed');
    const waiters = this.#book.attempts.get(node)?.waiters ?? [];
    this.#book.attempt(peer, 'join', [...waiters, requestId]);
  }

  #leave(requestId: number): void {
    this.#state = 'left';
    this.#ticks.clear();
    this.#book.clear();
    this.#newcomers.clear();
    this.#shuffling.clear();
    this.#outbox.reply([requestId], { kind: 'left' });
  }

  #onCandidates({ peers, arePresumedDead = false }: InputOf<'candidates'>): void {
    if (this.#state === 'left') return;
    if (arePresumedDead) for (const { node } of peers) this.#book.welcome(node);
    this.#book.addCandidates(peers);
    this.#repair.run();
  }

  #block(nodes: readonly NodeName[]): void {
    this.#book.block(nodes);
    if (this.#state !== 'left') this.#afterLoss();
  }

  #invite(peer: PeerDescriptor): void {
    if (this.#state === 'left') return;
    this.#book.welcome(peer.node);
    this.#newcomers.invite(peer);
  }

  // Links

  /** What a link proved goes above what anybody said: a newer start replaces the older. */
  #onConnected(peer: PeerDescriptor): void {
    const { node, incarnation } = peer;
    const isNew = this.#book.links.get(node)?.peer.incarnation !== incarnation;
    if (node === this.#self.node || !this.#book.link(peer)) return;
    const isFound = isNew && this.#book.passive.has(node);
    this.#book.refreshSpare(peer, isNew);
    const neighbor = this.#book.active.get(node);
    if (neighbor !== undefined && neighbor.incarnation !== incarnation) {
      this.#book.leaveActive(node, 'failed');
      this.#afterLoss();
    }
    this.#shuffling.onConnected(node);
    const attempt = this.#book.attempts.get(node);
    if (attempt === undefined) {
      // The answer to a dial that took longer than it was given.
      if (isFound) this.#repair.run();
      return;
    }
    if (attempt.requestId === undefined || attempt.peer.incarnation !== incarnation) {
      this.#repair.onLinked(attempt, peer);
    }
  }

  #onConnectFailed(node: NodeName): void {
    this.#shuffling.onConnectFailed(node);
    const attempt = this.#book.attempts.get(node);
    if (attempt === undefined || attempt.requestId !== undefined) return;
    this.#book.failAttempt(attempt, { kind: 'refused' });
    this.#repair.run();
  }

  #onDisconnected(node: NodeName, reason: string): void {
    this.#book.unlink(node);
    const attempt = this.#book.attempts.get(node);
    if (attempt?.requestId !== undefined) {
      this.#book.failAttempt(attempt, { kind: 'refused' });
      this.#repair.run();
    }
    const peer = this.#book.active.get(node);
    if (peer === undefined) return;
    if (reason === 'leaving') {
      this.#book.leaveActive(node, 'left');
      this.#book.depart(node, peer.incarnation);
    } else {
      this.#book.giveUp(node, reason === 'closed' ? 'disconnected' : 'failed');
    }
    this.#afterLoss();
  }

  /** A neighbour that is heard stays: its link is better evidence. Once lost, it is no spare. */
  #onGone(node: NodeName, incarnation: bigint): void {
    const peer = this.#book.active.get(node);
    this.#book.depart(node, incarnation);
    if (peer === undefined || peer.incarnation > incarnation || this.isAudible(node)) return;
    this.#book.giveUp(node, 'failed');
    this.#afterLoss();
  }

  // Messages

  #onMessage(from: NodeName, message: MembershipMessage): void {
    const link = this.#book.links.get(from);
    if (link === undefined) return;
    if (!link.bucket.take(this.#outbox.nowMs) && message.kind !== 'disconnect') {
      this.#outbox.push({ kind: 'dropped', node: from, message: message.kind });
      return;
    }
    const fault = faultOf(message);
    if (fault !== undefined) {
      this.#outbox.push({ kind: 'protocolError', node: from, detail: fault });
      return;
    }
    if (this.#state === 'left') {
      // Nothing but `join` by this node's user brings it back.
      this.#outbox.refuse(from, message, 'left');
      return;
    }
    if (this.#book.isBlocked(from)) this.#outbox.refuse(from, message, 'mismatch');
    else this.#dispatch(link.peer, message);
  }

  #dispatch(from: PeerDescriptor, message: MembershipMessage): void {
    this.#book.active.hear(from.node);
    switch (message.kind) {
      case 'join':
        this.#newcomers.onJoin(from, message.requestId);
        break;
      case 'joinReply':
        this.#onJoinReply(from, message);
        break;
      case 'forwardJoin':
        if (!this.#holds(from)) return;
        this.#newcomers.onForwardJoin(from.node, message.newcomer, message.hopsLeft);
        break;
      case 'neighbor':
        this.#onNeighbor(from, message);
        break;
      case 'neighborReply':
        this.#onNeighborReply(from, message);
        break;
      case 'disconnect':
        this.#onDisconnect(from, message.reason);
        break;
      case 'shuffle':
        if (this.#holds(from)) this.#shuffling.onShuffle(from.node, message);
        return;
      case 'shuffleReply':
        this.#shuffling.onShuffleReply(message);
        break;
      case 'keepAlive':
        this.#reconcile(from);
        break;
      default:
        unreachable(message);
    }
  }

  #onJoinReply(contact: PeerDescriptor, reply: MessageOf<'joinReply'>): void {
    const attempt = this.#book.attempts.get(contact.node);
    if (attempt?.requestId !== reply.requestId || attempt.ask !== 'join') {
      if (reply.outcome === 'accepted') this.#reconcile(contact);
      return;
    }
    if (reply.outcome === 'accepted') {
      this.#book.enterActive(contact);
      for (const peer of reply.peers) this.#book.addPassive(peer);
      return;
    }
    const peers = reply.peers.filter((peer) => peer.node !== this.#self.node);
    const isRedirected = reply.outcome === 'redirected' && peers.length > 0;
    this.#book.endAttempt(
      attempt,
      isRedirected ? { kind: 'redirected', peers } : { kind: 'refused' },
    );
    for (const peer of peers) this.#book.addPassive(peer);
    if (isRedirected) this.#newcomers.placedInStorm();
    this.#repair.run();
  }

  /** High priority is always accepted, low priority if there is room (section 4.3). */
  #onNeighbor(from: PeerDescriptor, message: MessageOf<'neighbor'>): void {
    const { requestId, priority } = message;
    const { node } = from;
    const ask = this.#book.attempts.get(node)?.ask;
    const isWanted = ask === 'high' || ask === 'join' || this.#book.active.has(node);
    const accepted = priority === 'high' || isWanted || this.#book.active.hasRoom;
    if (accepted) this.#book.enterActive(from);
    this.#outbox.send(node, { kind: 'neighborReply', requestId, accepted });
    if (accepted || ask !== undefined) return;
    this.#book.addPassive(from);
    this.#outbox.release(node);
  }

  #onNeighborReply(from: PeerDescriptor, reply: MessageOf<'neighborReply'>): void {
    const attempt = this.#book.attempts.get(from.node);
    if (attempt?.requestId !== reply.requestId || attempt.ask === 'join') {
      if (reply.accepted) this.#reconcile(from);
      return;
    }
    if (reply.accepted && (attempt.ask === 'high' || this.#book.active.hasRoom)) {
      this.#book.enterActive(from);
      return;
    }
    // The place was taken meanwhile; the peer is told, since it counts this node already.
    if (reply.accepted) this.#outbox.send(from.node, { kind: 'disconnect', reason: 'mismatch' });
    this.#book.endAttempt(attempt, { kind: 'refused' });
    this.#repair.run();
  }

  #onDisconnect(from: PeerDescriptor, reason: DisconnectReason): void {
    const { node } = from;
    const attempt = this.#book.attempts.get(node);
    if (reason === 'left') {
      this.#book.depart(node, from.incarnation);
      if (attempt !== undefined) this.#book.endAttempt(attempt, { kind: 'refused' });
    } else if (attempt !== undefined) {
      // It was sent before this node's request came: the answer is still under way.
      return;
    }
    const coolUntilMs = this.#outbox.nowMs + this.#config.coolMs;
    this.#book.passive.cool(node, coolUntilMs);
    if (!this.#book.active.has(node)) return;
    this.#book.leaveActive(node, reason === 'left' ? 'left' : 'disconnected');
    this.#book.addPassive(from, { coolUntilMs });
    this.#outbox.release(node);
    this.#afterLoss();
  }

  /**
   * The peer says, or shows, that it holds this node in its active view. If it is no neighbour
   * here, it becomes one while there is room, or is told.
   */
  #reconcile(peer: PeerDescriptor): void {
    const { node } = peer;
    // While the peer is being asked, its answer settles the matter.
    if (this.#book.active.has(node) || this.#book.attempts.has(node)) return;
    if (this.#book.active.hasRoom) {
      this.#book.enterActive(peer);
      return;
    }
    this.#outbox.send(node, { kind: 'disconnect', reason: 'mismatch' });
    this.#outbox.release(node);
  }

  #holds(peer: PeerDescriptor): boolean {
    this.#reconcile(peer);
    return this.#book.active.has(peer.node);
  }

  // Timers

  #start(): void {
    this.#state = 'running';
    this.#ticks.schedule('repair', jitter(this.#random, this.#config.repairPeriodMs, 0.5));
    this.#ticks.schedule('shuffle', jitter(this.#random, this.#config.shufflePeriodMs, 0));
    this.#ticks.schedule('keepAlive', jitter(this.#random, this.#config.keepAlivePeriodMs, 0.5));
  }

  #onTimer(timer: MembershipTimer): void {
    if (timer.kind === 'request') this.#onRequestTimeout(timer.node, timer.generation);
    else if (this.#ticks.isCurrent(timer)) this.#onTick(timer.kind);
  }

  #onTick(kind: TickTimer['kind']): void {
    switch (kind) {
      case 'repair':
        this.#ticks.schedule('repair', jitter(this.#random, this.#config.repairPeriodMs, 0.5));
        this.#book.expire();
        this.#repair.run();
        this.#newcomers.mix();
        break;
      case 'shuffle':
        this.#ticks.schedule('shuffle', vary(this.#random, this.shufflePeriodMs));
        this.#shuffling.begin();
        break;
      case 'keepAlive':
        this.#ticks.schedule('keepAlive', vary(this.#random, this.#config.keepAlivePeriodMs));
        for (const to of this.#book.active.nodes()) this.#outbox.send(to, { kind: 'keepAlive' });
        break;
      default:
        unreachable(kind);
    }
  }

  #onRequestTimeout(node: NodeName, generation: number): void {
    const attempt = this.#book.attempts.get(node);
    if (attempt === undefined || attempt.generation !== generation) return;
    this.#book.failAttempt(attempt, { kind: 'timedOut' });
    this.#repair.run();
  }

  #afterLoss(): void {
    this.#repair.expedite();
    this.#repair.run();
  }
}
