/**
 * Membership, broadcast, roster and failure detector of one node as one pure machine. Each is a
 * core of its own; here stands only what one tells another: a new neighbour is a branch of the
 * tree and somebody to watch, what the roster has to say goes through the tree, and who is silent
 * is suspect. A running node and a simulation of ten thousand drive this same object.
 */
import type { Broadcast, GossipEffect } from '../gossip/contract.ts';
import { Plumtree } from '../gossip/plumtree.ts';
import type { MembershipEffect, NeighborEvent } from '../membership/contract.ts';
import { HyParView } from '../membership/hyparview.ts';
import type { PeerDescriptor } from '../membership/peer.ts';
import type { NodeName } from '../names.ts';
import type { MemberEvent, RosterEffect } from '../roster/contract.ts';
import type { DetectorEffect } from '../roster/detector-contract.ts';
import type { RosterEntry } from '../roster/entry.ts';
import { FailureDetector } from '../roster/failure-detector.ts';
import { encodeEntries, type LivenessMessage } from '../roster/messages.ts';
import { Roster } from '../roster/roster.ts';
import { unreachable } from '../unreachable.ts';
import { candidateInputs } from './candidates.ts';
import type { OverlayEffect, OverlayInput, OverlayMessage, OverlayTimer } from './contract.ts';
import { goodbyeTo } from './goodbye.ts';
import { type LayerInput, type OverlayWatcher, statementOf, timerInput } from './layer-input.ts';
import type { OverlayOptions } from './overlay-options.ts';
import { RosterPayloads, TIME_FAULT } from './roster-payloads.ts';

/** Tag of the roster's broadcasts; features take greater ones. */
export const ROSTER_TAG = 0;

/** A request of whose answer nobody waits. */
const NOBODY = 0;

/** The overlay of one node. No clock, no socket, no randomness of its own. */
export class Overlay {
  readonly membership: HyParView;
  readonly gossip: Plumtree;
  readonly roster: Roster;
  readonly detector: FailureDetector;
  readonly #self: PeerDescriptor;
  readonly #options: OverlayOptions;
  readonly #payloads: RosterPayloads;
  /** What the cores have to tell each other: the next input goes in when the last is finished. */
  readonly #queue: LayerInput[] = [];
  #effects: OverlayEffect[] = [];
  #nowMs = 0;
  #watcher: OverlayWatcher | undefined;

  constructor(self: PeerDescriptor, options: OverlayOptions) {
    const { random, links, config = {} } = options;
    this.#self = self;
    this.#options = options;
    this.#payloads = new RosterPayloads(options.isPlausible);
    this.membership = new HyParView(self, random, { ...config.membership, links });
    this.gossip = new Plumtree(self, {
      links,
      accepts: (broadcast) => this.#accepts(broadcast),
      config: config.gossip,
    });
    const health = (): number => this.detector.health;
    this.roster = new Roster(self, { random, health, config: config.roster });
    this.detector = new FailureDetector(self, {
      random,
      links,
      roster: this.roster,
      config: config.detector,
    });
  }

  /**
   * Applies one input at a monotonic time in milliseconds; returns its effects in the order in
   * which the driver must carry them out. Never throws for what a peer sent.
   */
  handle(input: OverlayInput, nowMs: number): readonly OverlayEffect[] {
    this.#nowMs = nowMs;
    this.#admit(input);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** For tests: tells of each step of membership and roster from now on. */
  watch(watcher: OverlayWatcher): void {
    this.#watcher = watcher;
  }

  /** True for a member that takes part, suspect or not. */
  isAlive(node: NodeName, incarnation: bigint): boolean {
    return this.roster.isAlive(node, incarnation);
  }

  #admit(input: OverlayInput): void {
    switch (input.kind) {
      case 'announce':
      case 'update':
        this.#run({ layer: 'roster', input });
        break;
      case 'retract':
        if (!this.membership.isJoinedOrJoining) this.#leave(NOBODY);
        break;
      case 'join':
      case 'connected':
      case 'connectFailed':
      case 'block':
        this.#run({ layer: 'membership', input });
        break;
      case 'leave':
        this.#leave(input.requestId);
        break;
      case 'broadcast':
      case 'congested':
      case 'drained':
        this.#run({ layer: 'gossip', input });
        break;
      case 'disconnected':
        this.#onDisconnected(input);
        break;
      case 'reached':
        this.#run({ layer: 'detector', input });
        break;
      case 'received':
        this.#onReceived(input.from, input.message);
        break;
      case 'known':
        this.#run({ layer: 'membership', input: { kind: 'candidates', peers: input.peers } });
        break;
      case 'timerFired':
        this.#run(timerInput(input.timer));
        break;
      default:
        unreachable(input);
    }
  }

  /** Runs one input and all that follows from it, each core finishing one before the next. */
  #run(first: LayerInput): void {
    const nowMs = this.#nowMs;
    this.#queue.push(first);
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      switch (next.layer) {
        case 'membership': {
          const effects = this.membership.handle(next.input, nowMs);
          this.#watcher?.onMembership(next.input, effects);
          for (const effect of effects) this.#onMembership(effect);
          break;
        }
        case 'gossip':
          for (const effect of this.gossip.handle(next.input, nowMs)) this.#onGossip(effect);
          break;
        case 'roster':
          for (const effect of this.roster.handle(next.input, nowMs)) this.#onRoster(effect);
          this.#watcher?.onRoster(next.input);
          break;
        case 'detector':
          for (const effect of this.detector.handle(next.input, nowMs)) this.#onDetector(effect);
          break;
        default:
          unreachable(next);
      }
    }
  }

  // Inputs of the driver

  /** The last word goes out in whole before the links that carry it are let go. */
  #leave(requestId: number): void {
    this.#run({ layer: 'roster', input: { kind: 'leave' } });
    this.#run({ layer: 'membership', input: { kind: 'leave', requestId } });
  }

  #onReceived(from: NodeName, message: OverlayMessage): void {
    switch (message.layer) {
      case 'membership':
        this.#run({ layer: 'membership', input: { kind: 'messageReceived', from, ...message } });
        this.#effects.push(...goodbyeTo(from, this.roster.get(this.#self.node)));
        break;
      case 'gossip':
        // A suspect lost its place here without a word.
        if (this.roster.isSuspect(from)) this.#reconcile(from);
        this.#run({ layer: 'gossip', input: { kind: 'messageReceived', from, ...message } });
        break;
      case 'liveness':
        this.#onLiveness(from, message.message);
        break;
      default:
        unreachable(message);
    }
  }

  #onLiveness(from: NodeName, message: LivenessMessage): void {
    switch (message.kind) {
      case 'entries':
        this.#onEntries(from, message.entries);
        break;
      case 'digest':
        this.#run({ layer: 'roster', input: { kind: 'messageReceived', from, message } });
        break;
      default:
        if (message.kind === 'ping' && message.isNeighbor) this.#reconcile(from);
        this.#run({ layer: 'detector', input: { kind: 'messageReceived', from, message } });
    }
  }

  /** The sender holds this node in its active view: a statement of membership, too. */
  #reconcile(from: NodeName): void {
    if (!this.membership.isAudible(from)) this.#run(statementOf(from));
  }

  /** What a neighbour said while rosters were compared. */
  #onEntries(from: NodeName, entries: readonly RosterEntry[]): void {
    if (!this.#payloads.arePlausible(entries)) {
      this.#effects.push({ kind: 'protocolError', node: from, detail: TIME_FAULT });
      return;
    }
    this.#run({ layer: 'roster', input: { kind: 'heard', from, entries, by: 'exchange' } });
  }

  /** A lost link is a reason to look, a goodbye that the roster has not heard, too. */
  #onDisconnected(input: Extract<OverlayInput, { kind: 'disconnected' }>): void {
    const { node, incarnation, reason, isLost } = input;
    const wasAudible = this.membership.isAudible(node);
    this.#run({ layer: 'membership', input: { kind: 'disconnected', node, reason } });
    if (wasAudible || !isLost || !this.isAlive(node, incarnation)) return;
    this.#run({ layer: 'detector', input: { kind: 'doubt', node, incarnation } });
  }

  // Effects of the cores

  #onMembership(effect: MembershipEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#send(effect.to, { layer: 'membership', message: effect.message });
        break;
      case 'schedule':
        this.#schedule({ layer: 'membership', timer: effect.timer }, effect.delayMs);
        break;
      case 'emit':
        this.#onNeighbor(effect.event);
        break;
      case 'needCandidates':
        this.#queue.push(...candidateInputs(this, this.#self.node, this.#options.random));
        break;
      case 'dropped':
        this.#effects.push({ kind: 'dropped', what: 'message', count: 1 });
        break;
      case 'connect':
      case 'release':
      case 'reply':
      case 'protocolError':
        this.#effects.push(effect);
        break;
      default:
        unreachable(effect);
    }
  }

  #onNeighbor(event: NeighborEvent): void {
    const { node, incarnation } = event;
    if (event.type === 'peerUp') {
      this.#queue.push(
        { layer: 'detector', input: { kind: 'neighborUp', node, incarnation } },
        { layer: 'gossip', input: { kind: 'neighborUp', node } },
        { layer: 'roster', input: { kind: 'neighborUp', node } },
      );
    } else {
      const isLost = event.reason === 'failed';
      this.#queue.push(
        { layer: 'detector', input: { kind: 'neighborDown', node, isLost } },
        { layer: 'gossip', input: { kind: 'neighborDown', node } },
      );
    }
    const neighbors = this.membership.activeView;
    this.#queue.push({ layer: 'roster', input: { kind: 'neighborsChanged', neighbors } });
    this.#effects.push({ kind: 'neighbor', event });
  }

  #onGossip(effect: GossipEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#send(effect.to, { layer: 'gossip', message: effect.message });
        break;
      case 'schedule':
        this.#schedule({ layer: 'gossip', timer: effect.timer }, effect.delayMs);
        break;
      case 'deliver':
        this.#onDeliver(effect.broadcast);
        break;
      case 'lost':
        this.#effects.push({ kind: 'dropped', what: 'broadcast', count: effect.count });
        break;
      case 'truncated':
        this.#queue.push({ layer: 'roster', input: { kind: 'neighborUp', node: effect.node } });
        break;
      case 'protocolError':
        this.#effects.push(effect);
        break;
      default:
        unreachable(effect);
    }
  }

  #onDeliver(broadcast: Broadcast): void {
    if (broadcast.tag !== ROSTER_TAG) {
      this.#effects.push({ kind: 'deliver', broadcast });
      return;
    }
    const from = broadcast.id.origin;
    if (from === this.#self.node) return;
    const entries = this.#payloads.entriesOf(broadcast.payload);
    this.#queue.push({ layer: 'roster', input: { kind: 'heard', from, entries, by: 'broadcast' } });
  }

  #onRoster(effect: RosterEffect): void {
    switch (effect.kind) {
      case 'broadcast': {
        const payload = encodeEntries(effect.entries);
        const { toAll } = effect;
        const input = { kind: 'broadcast', tag: ROSTER_TAG, payload, toAll } as const;
        this.#queue.push({ layer: 'gossip', input });
        break;
      }
      case 'send':
        this.#send(effect.to, { layer: 'liveness', message: effect.message });
        break;
      case 'schedule':
        this.#schedule({ layer: 'roster', timer: effect.timer }, effect.delayMs);
        break;
      case 'emit':
        this.#onMember(effect.event);
        break;
      case 'refuted':
        this.#queue.push({ layer: 'detector', input: { kind: 'refuted' } });
        break;
      case 'refused':
        this.#effects.push({ kind: 'dropped', what: 'member', count: 1 });
        break;
      case 'exchange':
      case 'reassert':
      case 'superseded':
        this.#effects.push(effect);
        break;
      default:
        unreachable(effect);
    }
  }

  /** The dead leave the views; whatever else they owned is the driver's to drop. */
  #onMember(event: MemberEvent): void {
    const { type, node, incarnation } = event;
    if (type === 'memberDown') {
      this.#queue.push({ layer: 'membership', input: { kind: 'gone', node, incarnation } });
    }
    this.#effects.push({ kind: 'member', event });
  }

  #onDetector(effect: DetectorEffect): void {
    switch (effect.kind) {
      case 'send': {
        const message: OverlayMessage = { layer: 'liveness', message: effect.message };
        this.#effects.push({ kind: 'sendAnywhere', to: effect.to, message });
        break;
      }
      case 'schedule':
        this.#schedule({ layer: 'detector', timer: effect.timer }, effect.delayMs);
        break;
      case 'suspect':
        this.#queue.push(
          { layer: 'roster', input: effect },
          // Its place goes to the next one; the link stays, for it may only be slow.
          { layer: 'membership', input: { ...effect, kind: 'silent' } },
        );
        break;
      case 'heard':
        this.#queue.push({ layer: 'membership', input: effect });
        break;
      case 'stray':
        this.#queue.push({ layer: 'membership', input: { kind: 'invite', peer: effect.peer } });
        break;
      case 'reach':
        // Who left has nobody to look after; without an answer the look ends by itself.
        if (!this.membership.hasLeft) this.#effects.push(effect);
        break;
      default:
        unreachable(effect);
    }
  }

  #send(to: NodeName, message: OverlayMessage): void {
    this.#effects.push({ kind: 'send', to, message });
  }

  #schedule(timer: OverlayTimer, delayMs: number): void {
    this.#effects.push({ kind: 'schedule', timer, delayMs });
  }

  #accepts(broadcast: Broadcast): boolean {
    const { tag, payload } = broadcast;
    return tag === ROSTER_TAG ? this.#payloads.accepts(payload) : this.#options.accepts(broadcast);
  }
}
