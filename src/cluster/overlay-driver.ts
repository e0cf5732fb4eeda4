/**
 * Runs the overlay core over admitted links: carries out its effects and tells it what happened.
 */
import type { Broadcast, MessageId } from '../core/gossip/contract.ts';
import type { MembershipResult, NeighborEvent } from '../core/membership/contract.ts';
import type { PeerDescriptor } from '../core/membership/peer.ts';
import type { NodeName } from '../core/names.ts';
import type {
  OverlayEffect,
  OverlayInput,
  OverlayMessage,
  OverlayTimer,
} from '../core/overlay/contract.ts';
import { decodeOverlay, encodeOverlay } from '../core/overlay/frames.ts';
import type { Overlay } from '../core/overlay/overlay.ts';
import type { MemberEvent } from '../core/roster/contract.ts';
import { unreachable } from '../core/unreachable.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { abortable, type Settlement, settlement } from '../settlement.ts';
import { within } from '../time-limit.ts';
import type { Closure } from '../transport/transport.ts';
import type { ControlSender } from './control-sender.ts';
import { CoreInbox } from './core-inbox.ts';
import type { Relaying } from './dialler.ts';
import type { Link } from './link.ts';

/** A member that is looked for by dialling must answer within this. */
const REACH_TIMEOUT_MS = 1_500;
/** Less than a request of the overlay waits for its answer. */
const UNANSWERED_MS = 1_500;

export interface OverlayDriverOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'logger' | 'meter'>;
  readonly core: Overlay;
  readonly link: (node: NodeName) => Link | undefined;
  readonly control: ControlSender;
  /** Makes a link to that node if there is none; rejects when it cannot be had. */
  readonly connect: (peer: Dialled, relaying: Relaying, signal: AbortSignal) => Promise<void>;
  readonly onNeighbor: (event: NeighborEvent) => void;
  readonly onMember: (event: MemberEvent) => void;
  readonly onBroadcast: (broadcast: Broadcast) => void;
  /** The neighbour lacks something in these buckets of the roster; `isFirst`: it is new. */
  readonly onExchange: (exchange: Extract<OverlayEffect, { kind: 'exchange' }>) => void;
  /** Others dropped what this node owns: it must be written again. */
  readonly onReassert: () => void;
  /** A later start of this very node is in the cluster. */
  readonly onSuperseded: (incarnation: bigint) => void;
}

/** Whom to dial; without addresses they are looked up. */
export type Dialled = Pick<PeerDescriptor, 'node'> & Partial<Pick<PeerDescriptor, 'addresses'>>;

export class OverlayDriver {
  readonly #options: OverlayDriverOptions;
  readonly #requests = new Map<number, Settlement<MembershipResult>>();
  readonly #inbox: CoreInbox<OverlayInput>;
  /** Dials of the overlay that are under way, to be given up when it needs them no more. */
  readonly #dials = new Map<NodeName, AbortController>();
  readonly #congested = new Set<NodeName>();
  #requestId = 0;

  constructor(options: OverlayDriverOptions) {
    this.#options = options;
    this.#inbox = new CoreInbox((input) => this.#apply(input));
  }

  get core(): Overlay {
    return this.#options.core;
  }

  /** Asks the holder of a link for a place in the overlay. */
  join(link: Link, signal?: AbortSignal): Promise<MembershipResult> {
    return this.#request((requestId) => ({ kind: 'join', peer: peerOf(link), requestId }), signal);
  }

  leave(): Promise<MembershipResult> {
    return this.#request((requestId) => ({ kind: 'leave', requestId }));
  }

  /** Tells all nodes, this one included; answers with the id under which it goes out. */
  broadcast(tag: number, payload: Uint8Array): MessageId {
    // Who broadcasts from within a callback of this driver waits its turn, but knows the id.
    const id = this.core.gossip.reserve();
    this.submit({ kind: 'broadcast', tag, payload, sequence: id.sequence });
    return id;
  }

  linkUp(link: Link): void {
    this.submit({ kind: 'connected', peer: peerOf(link) });
  }

  linkDown({ node, incarnation }: Link, { reason, by }: Closure): void {
    this.#congested.delete(node);
    const isSilent = reason === 'lost' || (reason === 'overloaded' && by === 'local');
    // A goodbye goes through the roster, too: one that it has not heard is looked into.
    const isLost = isSilent || (reason === 'leaving' && by === 'peer');
    this.submit({ kind: 'disconnected', node, incarnation, reason, isLost });
  }

  linkDrained({ node }: Link): void {
    if (this.#congested.delete(node)) this.submit({ kind: 'drained', node });
  }

  /**
   * Takes a frame of the overlay's protocols; false for one that is none.
   * @throws WireError when it breaks the rules of its protocol.
   */
  frame(link: Link, frame: Uint8Array): boolean {
    const message = decodeOverlay(frame[0] ?? 0, frame);
    if (message === undefined) return false;
    this.submit({ kind: 'received', from: link.node, message });
    return true;
  }

  /** Queues one input; the core finishes one before it sees the next. */
  submit(input: OverlayInput): void {
    this.#inbox.submit(input);
  }

  close(): void {
    this.#inbox.close();
    for (const request of this.#requests.values()) request.resolve({ kind: 'left' });
    this.#requests.clear();
    for (const node of [...this.#dials.keys()]) this.#giveUp(node);
  }

  #request(
    input: (requestId: number) => OverlayInput,
    signal?: AbortSignal,
  ): Promise<MembershipResult> {
    if (this.#inbox.isClosed) return Promise.resolve({ kind: 'left' });
    this.#requestId += 1;
    const outcome = settlement<MembershipResult>();
    this.#requests.set(this.#requestId, outcome);
    this.submit(input(this.#requestId));
    return abortable(outcome.promise, signal);
  }

  #apply(input: OverlayInput): void {
    const nowMs = this.#options.host.clock.monotonicMs();
    for (const effect of this.core.handle(input, nowMs)) this.#perform(effect);
  }

  #perform(effect: OverlayEffect): void {
    const { host, link, onNeighbor, onMember, onBroadcast, onExchange } = this.#options;
    switch (effect.kind) {
      case 'send':
        this.#send(effect.to, effect.message);
        break;
      case 'sendAnywhere':
        this.#sendAnywhere(effect.to, effect.message);
        break;
      case 'schedule':
        this.#schedule(effect.timer, effect.delayMs);
        break;
      case 'connect':
        this.#connect(effect.peer);
        break;
      case 'reach':
        this.#reach(effect.node);
        break;
      case 'release':
        // The link stays: messages may use it, and it costs little while it is idle.
        this.#giveUp(effect.node);
        break;
      case 'neighbor':
        onNeighbor(effect.event);
        break;
      case 'member':
        onMember(effect.event);
        break;
      case 'deliver':
        onBroadcast(effect.broadcast);
        break;
      case 'exchange':
        onExchange(effect);
        break;
      case 'reply':
        this.#requests.get(effect.requestId)?.resolve(effect.result);
        this.#requests.delete(effect.requestId);
        break;
      case 'reassert':
        this.#options.onReassert();
        break;
      case 'superseded':
        this.#options.onSuperseded(effect.incarnation);
        break;
      case 'dropped':
        host.meter.counter('barrel_overlay_dropped_total', { what: effect.what }).value +=
          effect.count;
        break;
      case 'protocolError':
        link(effect.node)?.connection.close('protocol', effect.detail);
        break;
      default:
        unreachable(effect);
    }
  }

  #schedule(timer: OverlayTimer, delayMs: number): void {
    this.#options.host.timers.after(delayMs, () => this.submit({ kind: 'timerFired', timer }));
  }

  #send(to: NodeName, message: OverlayMessage): void {
    const { control, link } = this.#options;
    if (link(to) === undefined || control.send(to, encodeOverlay(message))) return;
    if (this.#congested.has(to)) return;
    this.#congested.add(to);
    this.submit({ kind: 'congested', node: to });
  }

  /** What is lost so is missed by its sender, who waits for an answer: no word is needed. */
  #sendAnywhere(to: NodeName, message: OverlayMessage): void {
    if (this.#options.link(to) !== undefined) this.#send(to, message);
    else void this.#canReach(to).then((isReached) => isReached && this.#send(to, message));
  }

  #reach(node: NodeName): void {
    void this.#canReach(node).then((isReached) =>
      this.submit({ kind: 'reached', node, isReached }),
    );
  }

  async #canReach(node: NodeName): Promise<boolean> {
    const { host, connect, link } = this.#options;
    if (link(node) !== undefined) return true;
    const limit = { timers: host.timers, timeoutMs: REACH_TIMEOUT_MS, what: `dialling ${node}` };
    try {
      await within(limit, (signal) => connect({ node }, 'atOnce', signal));
      return true;
    } catch (error) {
      host.logger.debug('a member cannot be reached', { node, error });
      // Who refuses this node lives all the same.
      return error instanceof BarrelError && error.code === 'ERR_REFUSED';
    }
  }

  #connect(peer: PeerDescriptor): void {
    const { host, connect } = this.#options;
    const { node } = peer;
    const link = this.#options.link(node);
    if (link !== undefined) {
      this.linkUp(link);
      return;
    }
    const abort = new AbortController();
    this.#dials.set(node, abort);
    // A link that comes up is reported by `linkUp`, as every link is.
    connect(peer, this.#hasDirectNeighbor() ? 'never' : 'later', abort.signal).then(
      () => {
        if (this.#dials.get(node) === abort) this.#dials.delete(node);
      },
      (error: unknown) => {
        if (this.#dials.get(node) !== abort) return;
        this.#dials.delete(node);
        host.logger.debug('dial for the overlay failed', { node, error });
        this.submit({ kind: 'connectFailed', node });
      },
    );
  }

  /** Neighbours through others fall together with those: they are for who has no better ones. */
  #hasDirectNeighbor(): boolean {
    return this.core.membership.activeView.some((node) => {
      const link = this.#options.link(node);
      return link !== undefined && !link.isRelayed;
    });
  }

  #giveUp(node: NodeName): void {
    const abort = this.#dials.get(node);
    this.#dials.delete(node);
    abort?.abort(new BarrelError('ERR_CLOSED', `the overlay needs no link to ${node} any more`));
    if (this.core.membership.audibleView.length === 0) this.#endUnanswered(node);
  }

  /**
   * Who hears no neighbour was cut off: others have closed their links to it, and their words of
   * that were lost. A link on which nothing is answered is not waited for, but dialled anew.
   */
  #endUnanswered(node: NodeName): void {
    const connection = this.#options.link(node)?.connection;
    if (connection === undefined || connection.unansweredMs < UNANSWERED_MS) return;
    connection.close('lost', 'nothing is answered');
  }
}

/** A link's other end, heard now. */
export function peerOf(link: Link): PeerDescriptor {
  const { node, incarnation, addresses } = link;
  return { node, incarnation, addresses, ageMs: 0 };
}
