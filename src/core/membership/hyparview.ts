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
 * a node with a single neighbour asks with high priority, as one without does.
 */
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import { HYPARVIEW_DEFAULTS, type HyParViewConfig } from './config.ts';
import type { MembershipEffect, MembershipInput, MembershipTimer } from './contract.ts';
import { type DisconnectReason, faultOf, type MembershipMessage } from './messages.ts';
import { Outbox } from './outbox.ts';
import type { PeerDescriptor } from './peer.ts';
import { PeerBook } from './peer-book.ts';
import { jitter, type Randomness, sample, vary } from './randomness.ts';
import { Repair } from './repair.ts';
import { Shuffling } from './shuffling.ts';
import { TokenBucket } from './token-bucket.ts';

type MessageOf<K extends MembershipMessage['kind']> = Extract<MembershipMessage, { kind: K }>;
type Tick = 'repair' | 'shuffle' | 'keepAlive';

/** Peers named to a newcomer that is redirected. */
const REDIRECT_PEERS_MAX = 8;

/** Membership of one node. No clock, no socket, no randomness of its own: facts in, effects out. */
export class HyParView {
  readonly #self: PeerDescriptor;
  readonly #config: HyParViewConfig;
  readonly #random: Randomness;
  readonly #outbox: Outbox = new Outbox();
  readonly #book: PeerBook;
  readonly #shuffling: Shuffling;
  readonly #repair: Repair;
  readonly #ticks = new Map<Tick, number>();
  #joins: TokenBucket | undefined;
  #state: 'idle' | 'running' | 'left' = 'idle';

  /** The views are empty, and nothing is scheduled before the first input. */
  constructor(self: PeerDescriptor, random: Randomness, config: Partial<HyParViewConfig> = {}) {
    this.#self = { ...self, ageMs: 0 };
    this.#random = random;
    this.#config = { ...HYPARVIEW_DEFAULTS, ...config };
    const shared = { config: this.#config, random, outbox: this.#outbox };
    this.#book = new PeerBook({ ...shared, self: self.node });
    this.#repair = new Repair({ ...shared, book: this.#book });
    this.#shuffling = new Shuffling({ ...shared, self: this.#self, book: this.#book });
  }

  get config(): HyParViewConfig {
    return this.#config;
  }

  get self(): PeerDescriptor {
    return this.#self;
  }

  /** Neighbours: nodes that this one holds, and at rest that hold this one, in the active view. */
  get activeView(): NodeName[] {
    return [...this.#book.active.keys()];
  }

  /** Spares. One that is being asked is in neither view until it answered. */
  get passiveView(): NodeName[] {
    return this.#book.passive.nodes();
  }

  /** Nodes that are being asked to be neighbours. */
  get pendingNodes(): NodeName[] {
    return [...this.#book.attempts.keys()];
  }

  /** All peers that are known, neighbours first: what is worth saving for the next start. */
  get peers(): PeerDescriptor[] {
    const asked = [...this.#book.attempts.values()].map((attempt) => attempt.peer);
    const spares = this.#book.passive.known(this.#outbox.nowMs);
    return [...this.#book.active.values(), ...asked, ...spares];
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
        this.#onCandidates(input.peers);
        break;
      case 'gone':
        this.#onGone(input.node, input.incarnation);
        break;
      default:
        unreachable(input);
    }
    return this.#outbox.take();
  }

  // Commands

  #join(peer: PeerDescriptor, requestId: number): void {
    const { node } = peer;
    if (node === this.#self.node) {
      this.#outbox.reply([requestId], { kind: 'refused' });
      return;
    }
    if (this.#state === 'left') this.#start();
    this.#book.welcome(node);
    if (this.#book.active.has(node)) {
      this.#outbox.reply([requestId], { kind: 'accepted', contact: node });
      return;
    }
    const waiters = this.#book.attempts.get(node)?.waiters ?? [];
    this.#book.attempt(peer, 'join', [...waiters, requestId]);
  }

  #leave(requestId: number): void {
    this.#state = 'left';
    this.#ticks.clear();
    this.#book.clear();
    this.#shuffling.clear();
    this.#outbox.reply([requestId], { kind: 'left' });
  }

  #onCandidates(peers: readonly PeerDescriptor[]): void {
    if (this.#state === 'left') return;
    for (const peer of peers) this.#book.addPassive(peer);
    this.#repair.run();
  }

  // Links

  /** What a link proved goes above what anybody said: a newer start replaces the older. */
  #onConnected(peer: PeerDescriptor): void {
    const { node, incarnation } = peer;
    if (node === this.#self.node || !this.#book.link(peer)) return;
    if (this.#book.passive.has(node)) {
      this.#book.passive.remove(node);
      this.#book.addPassive(peer);
    }
    const neighbor = this.#book.active.get(node);
    if (neighbor !== undefined && neighbor.incarnation !== incarnation) {
      this.#book.leaveActive(node, 'failed');
      this.#afterLoss();
    }
    this.#shuffling.onConnected(node);
    const attempt = this.#book.attempts.get(node);
    if (attempt === undefined) return;
    if (attempt.requestId === undefined || attempt.peer.incarnation !== incarnation) {
      this.#book.ask({ ...attempt, peer });
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
      this.#book.leaveActive(node, reason === 'closed' ? 'disconnected' : 'failed');
      this.#book.storeFailed(peer);
    }
    this.#afterLoss();
  }

  /** A neighbour stays one: its link is better evidence. But once lost it is no spare. */
  #onGone(node: NodeName, incarnation: bigint): void {
    this.#book.depart(node, incarnation);
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
      this.#onMessageAfterLeave(from, message);
      return;
    }
    this.#dispatch(link.peer, message);
  }

  #dispatch(from: PeerDescriptor, message: MembershipMessage): void {
    switch (message.kind) {
      case 'join':
        this.#onJoin(from, message.requestId);
        break;
      case 'joinReply':
        this.#onJoinReply(from, message);
        break;
      case 'forwardJoin':
        this.#onForwardJoin(from, message);
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
        if (this.#isNeighbor(from)) this.#shuffling.onShuffle(from.node, message);
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

  /** Nothing but `join` by this node's user brings it back. */
  #onMessageAfterLeave(from: NodeName, message: MembershipMessage): void {
    if (message.kind === 'join') {
      const { requestId } = message;
      this.#outbox.send(from, { kind: 'joinReply', requestId, outcome: 'refused', peers: [] });
    } else if (message.kind === 'neighbor') {
      const { requestId } = message;
      this.#outbox.send(from, { kind: 'neighborReply', requestId, accepted: false });
    } else if (message.kind !== 'disconnect') {
      this.#outbox.send(from, { kind: 'disconnect', reason: 'left' });
    }
  }

  /** A contact accepts, even if it must drop a random neighbour (section 4.2). */
  #onJoin(joiner: PeerDescriptor, requestId: number): void {
    const { node } = joiner;
    const isKnown = this.#book.active.has(node);
    if (!isKnown && !this.#takesNewcomer()) {
      this.#redirect(node, requestId);
      return;
    }
    this.#book.enterActive(joiner);
    this.#outbox.send(node, { kind: 'joinReply', requestId, outcome: 'accepted', peers: [] });
    if (isKnown) return;
    const hopsLeft = this.#config.activeWalkHops;
    for (const neighbor of this.#book.active.keys()) {
      if (neighbor === node) continue;
      this.#outbox.send(neighbor, { kind: 'forwardJoin', newcomer: joiner, hopsLeft });
    }
  }

  #takesNewcomer(): boolean {
    const { joinBurst, joinsPerSecond } = this.#config;
    this.#joins ??= new TokenBucket(joinBurst, joinsPerSecond, this.#outbox.nowMs);
    return this.#joins.take(this.#outbox.nowMs);
  }

  /** Deviation from the paper: above a rate of newcomers, neighbours take them in. */
  #redirect(node: NodeName, requestId: number): void {
    const neighbors = [...this.#book.active.values()];
    const peers = sample(this.#random, neighbors, REDIRECT_PEERS_MAX);
    const outcome = peers.length > 0 ? 'redirected' : 'refused';
    this.#outbox.send(node, { kind: 'joinReply', requestId, outcome, peers });
    this.#outbox.release(node);
  }

  #onJoinReply(contact: PeerDescriptor, reply: MessageOf<'joinReply'>): void {
    const attempt = this.#book.attempts.get(contact.node);
    if (attempt?.requestId !== reply.requestId || attempt.ask !== 'join') {
      if (reply.outcome === 'accepted') this.#reconcile(contact);
      return;
    }
    if (reply.outcome === 'accepted') {
      this.#book.enterActive(contact);
      return;
    }
    const peers = reply.peers.filter((peer) => peer.node !== this.#self.node);
    const isRedirected = reply.outcome === 'redirected' && peers.length > 0;
    this.#book.endAttempt(
      attempt,
      isRedirected ? { kind: 'redirected', peers } : { kind: 'refused' },
    );
    for (const peer of peers) this.#book.addPassive(peer);
    this.#repair.run();
  }

  /** One hop of the random walk that introduces a newcomer (section 4.2, steps i to iv). */
  #onForwardJoin(from: PeerDescriptor, message: MessageOf<'forwardJoin'>): void {
    const { newcomer, hopsLeft } = message;
    if (!this.#isNeighbor(from) || newcomer.node === this.#self.node) return;
    if (this.#book.hasDeparted(newcomer)) return;
    if (hopsLeft === 0 || this.#book.active.size <= 1) {
      this.#invite(newcomer);
      return;
    }
    if (hopsLeft === this.#config.passiveWalkHops) this.#book.addPassive(newcomer);
    const next = this.#book.randomNeighbor(from.node, newcomer.node);
    if (next === undefined) {
      this.#invite(newcomer);
      return;
    }
    this.#outbox.send(next, { kind: 'forwardJoin', newcomer, hopsLeft: hopsLeft - 1 });
  }

  /**
   * Deviation from the paper: the walk's last node asks and adds on the answer, so that both ends
   * know of the link and a newcomer that died takes nobody's place.
   */
  #invite(newcomer: PeerDescriptor): void {
    const { active, attempts } = this.#book;
    if (active.has(newcomer.node) || attempts.has(newcomer.node)) return;
    if (attempts.size >= this.#config.attemptsMax) {
      this.#book.addPassive(newcomer);
      return;
    }
    this.#book.attempt(newcomer, 'high');
  }

  /** High priority is always accepted, low priority if there is room (section 4.3). */
  #onNeighbor(from: PeerDescriptor, message: MessageOf<'neighbor'>): void {
    const { requestId, priority } = message;
    const { node } = from;
    const ask = this.#book.attempts.get(node)?.ask;
    const isWanted = ask === 'high' || ask === 'join' || this.#book.active.has(node);
    const accepted = priority === 'high' || isWanted || this.#book.hasRoom;
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
    if (reply.accepted && (attempt.ask === 'high' || this.#book.hasRoom)) {
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
    if (this.#book.hasRoom) {
      this.#book.enterActive(peer);
      return;
    }
    this.#outbox.send(node, { kind: 'disconnect', reason: 'mismatch' });
    this.#outbox.release(node);
  }

  #isNeighbor(peer: PeerDescriptor): boolean {
    this.#reconcile(peer);
    return this.#book.active.has(peer.node);
  }

  // Timers

  #start(): void {
    this.#state = 'running';
    this.#schedule('repair', jitter(this.#random, this.#config.repairPeriodMs, 0.5));
    this.#schedule('shuffle', jitter(this.#random, this.#config.shufflePeriodMs, 0));
    this.#schedule('keepAlive', jitter(this.#random, this.#config.keepAlivePeriodMs, 0.5));
  }

  #schedule(kind: Tick, delayMs: number): void {
    const generation = this.#outbox.nextSerial();
    this.#ticks.set(kind, generation);
    this.#outbox.push({ kind: 'schedule', timer: { kind, generation }, delayMs });
  }

  #onTimer(timer: MembershipTimer): void {
    const { kind } = timer;
    if (kind === 'request') {
      this.#onRequestTimeout(timer.node, timer.generation);
    } else if (this.#ticks.get(kind) === timer.generation) {
      this.#onTick(kind);
    }
  }

  #onTick(kind: Tick): void {
    switch (kind) {
      case 'repair':
        this.#schedule('repair', jitter(this.#random, this.#config.repairPeriodMs, 0.5));
        this.#repair.run();
        break;
      case 'shuffle':
        this.#schedule('shuffle', vary(this.#random, this.#config.shufflePeriodMs));
        this.#shuffling.begin();
        break;
      case 'keepAlive':
        this.#schedule('keepAlive', vary(this.#random, this.#config.keepAlivePeriodMs));
        for (const to of this.#book.active.keys()) this.#outbox.send(to, { kind: 'keepAlive' });
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
