/**
 * Runs the HyParView core over admitted links: carries out its effects and tells it what happened.
 */

import type {
  MembershipEffect,
  MembershipInput,
  MembershipResult,
  NeighborEvent,
} from '../core/membership/contract.ts';
import type { HyParView } from '../core/membership/hyparview.ts';
import { decodeMembership, encodeMembership } from '../core/membership/messages.ts';
import type { PeerDescriptor } from '../core/membership/peer.ts';
import type { NodeName } from '../core/names.ts';
import { unreachable } from '../core/unreachable.ts';
import type { Host } from '../host/host.ts';
import { abortable, type Settlement, settlement } from '../settlement.ts';
import type { ControlSender } from './control-sender.ts';
import { CoreInbox } from './core-inbox.ts';
import type { Link } from './link.ts';

export interface MembershipDriverOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'logger' | 'meter'>;
  readonly core: HyParView;
  readonly link: (node: NodeName) => Link | undefined;
  readonly control: ControlSender;
  /** Makes a link to that start of the node; rejects when it cannot be had. */
  readonly connect: (peer: PeerDescriptor) => Promise<void>;
  readonly onNeighbor: (event: NeighborEvent) => void;
  /** Live members, when the passive view has nobody left. */
  readonly candidates: () => readonly PeerDescriptor[];
}

export class MembershipDriver {
  readonly #options: MembershipDriverOptions;
  readonly #requests = new Map<number, Settlement<MembershipResult>>();
  readonly #inbox: CoreInbox<MembershipInput>;
  #requestId = 0;

  constructor(options: MembershipDriverOptions) {
    this.#options = options;
    this.#inbox = new CoreInbox((input) => this.#apply(input));
  }

  get core(): HyParView {
    return this.#options.core;
  }

  /** Asks the holder of a link for a place in the overlay. */
  join(link: Link, signal?: AbortSignal): Promise<MembershipResult> {
    return this.#request((requestId) => ({ kind: 'join', peer: peerOf(link), requestId }), signal);
  }

  leave(): Promise<MembershipResult> {
    return this.#request((requestId) => ({ kind: 'leave', requestId }));
  }

  linkUp(link: Link): void {
    this.submit({ kind: 'connected', peer: peerOf(link) });
  }

  linkDown(link: Link, reason: string): void {
    this.submit({ kind: 'disconnected', node: link.node, reason });
  }

  /** @throws WireError when the frame is none of membership's. */
  frame(link: Link, frame: Uint8Array): void {
    const message = decodeMembership(frame);
    this.submit({ kind: 'messageReceived', from: link.node, message });
  }

  /** Queues one input; the core finishes one before it sees the next. */
  submit(input: MembershipInput): void {
    this.#inbox.submit(input);
  }

  close(): void {
    this.#inbox.close();
    for (const request of this.#requests.values()) request.resolve({ kind: 'left' });
    this.#requests.clear();
  }

  #request(
    input: (requestId: number) => MembershipInput,
    signal?: AbortSignal,
  ): Promise<MembershipResult> {
    if (this.#inbox.isClosed) return Promise.resolve({ kind: 'left' });
    this.#requestId += 1;
    const outcome = settlement<MembershipResult>();
    this.#requests.set(this.#requestId, outcome);
    this.submit(input(this.#requestId));
    return abortable(outcome.promise, signal);
  }

  #apply(input: MembershipInput): void {
    const nowMs = this.#options.host.clock.monotonicMs();
    for (const effect of this.core.handle(input, nowMs)) this.#perform(effect);
  }

  #perform(effect: MembershipEffect): void {
    const { host, link } = this.#options;
    switch (effect.kind) {
      case 'connect':
        this.#connect(effect.peer);
        break;
      case 'release':
        // The link stays: messages may use it, and it costs little while it is idle.
        break;
      case 'send':
        this.#options.control.send(effect.to, encodeMembership(effect.message));
        break;
      case 'schedule':
        host.timers.after(effect.delayMs, () =>
          this.submit({ kind: 'timerFired', timer: effect.timer }),
        );
        break;
      case 'emit':
        this.#options.onNeighbor(effect.event);
        break;
      case 'reply':
        this.#requests.get(effect.requestId)?.resolve(effect.result);
        this.#requests.delete(effect.requestId);
        break;
      case 'needCandidates':
        this.submit({ kind: 'candidates', peers: this.#options.candidates() });
        break;
      case 'dropped':
        host.meter.counter('barrel_membership_messages_dropped_total').value += 1;
        break;
      case 'protocolError':
        link(effect.node)?.connection.close('protocol', effect.detail);
        break;
      default:
        unreachable(effect);
    }
  }

  #connect(peer: PeerDescriptor): void {
    const link = this.#options.link(peer.node);
    if (link !== undefined) {
      this.linkUp(link);
      return;
    }
    // A link that comes up is reported by `linkUp`, as every link is.
    this.#options.connect(peer).catch((error: unknown) => {
      this.#options.host.logger.debug('dial for the overlay failed', { node: peer.node, error });
      this.submit({ kind: 'connectFailed', node: peer.node });
    });
  }
}

/** A link's other end, heard now. */
export function peerOf(link: Link): PeerDescriptor {
  const { node, incarnation, addresses } = link;
  return { node, incarnation, addresses, ageMs: 0 };
}
