/**
 * The whole overlay of a node in the laboratory: membership, broadcast, roster and failure
 * detector, as the running node composes them.
 */
import type { Broadcast } from '../../core/gossip/contract.ts';
import type { PeerDescriptor } from '../../core/membership/peer.ts';
import type { Randomness } from '../../core/membership/randomness.ts';
import type { NodeName } from '../../core/names.ts';
import type {
  OverlayEffect,
  OverlayInput,
  OverlayMessage,
  OverlayTimer,
} from '../../core/overlay/contract.ts';
import { Overlay } from '../../core/overlay/overlay.ts';
import type { OverlayConfig } from '../../core/overlay/overlay-options.ts';
import type { MemberEvent, RosterInput } from '../../core/roster/contract.ts';
import type { MemberRecord, RosterEntry } from '../../core/roster/entry.ts';
import { unreachable } from '../../core/unreachable.ts';
import { Joining } from './joining.ts';
import type { LabNode, LabPort } from './lab-node.ts';

/** A message with the kind that it is counted under. */
export interface OverlayLabMessage {
  readonly kind: string;
  readonly content: OverlayMessage;
}

export type OverlayLabTimer = OverlayTimer | { readonly layer: 'user' };

export interface OverlayNodeOptions {
  readonly port: LabPort<OverlayLabMessage, OverlayLabTimer>;
  readonly random: Randomness;
  readonly config?: OverlayConfig | undefined;
  readonly onMember: (observer: number, event: MemberEvent) => void;
  readonly onDelivery: (index: number, broadcast: Broadcast) => void;
}

/** Tag of an experiment's broadcasts. */
const TAG = 255;
/** Messages that wait for a link to one node; above it one is dropped. */
const ERRANDS_MAX = 16;

export class OverlayNode implements LabNode<OverlayLabMessage, OverlayLabTimer> {
  readonly core: Overlay;
  readonly #options: OverlayNodeOptions;
  readonly #port: LabPort<OverlayLabMessage, OverlayLabTimer>;
  readonly #joining: Joining;
  readonly #inbox: OverlayInput[] = [];
  readonly #neighbors = new Set<NodeName>();
  /** Nodes that `reach` asked for, while they are dialled. */
  readonly #reaches = new Set<NodeName>();
  readonly #errands = new Map<NodeName, OverlayMessage[]>();

  constructor(options: OverlayNodeOptions) {
    const { port, random, config } = options;
    this.#options = options;
    this.#port = port;
    const anything = (): boolean => true;
    const { links } = port;
    const shared = { random, links, config, accepts: anything, isPlausible: anything };
    this.core = new Overlay(port.self, shared);
    this.#joining = new Joining({
      random,
      connect: (peer) => port.connect(peer.node),
      ask: (peer) => this.submit({ kind: 'join', peer, requestId: 1 }),
      later: (delayMs) => port.schedule({ layer: 'user' }, delayMs),
    });
  }

  /** Takes part; the first node of a cluster needs no contact. */
  announce(): void {
    this.submit({ kind: 'announce', record: recordOf(this.#port.self) });
  }

  join(contact: PeerDescriptor): void {
    this.announce();
    this.#joining.join(contact);
  }

  acceptNeighbor(from: NodeName): void {
    const message = { kind: 'neighbor', requestId: 0, priority: 'high' } as const;
    this.submit({ kind: 'received', from, message: { layer: 'membership', message } });
  }

  learn(peers: readonly PeerDescriptor[]): void {
    this.submit({ kind: 'known', peers });
  }

  /** Begins as one that heard of all these long ago. */
  recall(entries: readonly RosterEntry[]): void {
    const { node: from } = this.#port.self;
    this.#setUpRoster({ kind: 'heard', from, entries, by: 'broadcast' });
  }

  /** Takes part as one of whom all know already: it tells nobody. */
  announceAgain(): void {
    this.#setUpRoster({ kind: 'announce', record: recordOf(this.#port.self) });
  }

  #setUpRoster(input: RosterInput): void {
    for (const effect of this.core.roster.handle(input, this.#port.nowMs)) {
      if (effect.kind !== 'schedule') continue;
      this.#port.schedule({ layer: 'roster', timer: effect.timer }, effect.delayMs);
    }
  }

  broadcast(payload: Uint8Array): void {
    const { sequence } = this.core.gossip.reserve();
    this.submit({ kind: 'broadcast', tag: TAG, payload, sequence });
  }

  linkUp(peer: PeerDescriptor): void {
    const { node } = peer;
    this.submit({ kind: 'connected', peer });
    this.#joining.linkUp(peer);
    const errands = this.#errands.get(node) ?? [];
    this.#errands.delete(node);
    for (const message of errands) this.#send(node, message);
    if (this.#reaches.delete(node)) this.submit({ kind: 'reached', node, isReached: true });
    else if (errands.length === 0) return;
    if (!this.#neighbors.has(node)) this.#port.release(node);
  }

  linkDown(node: NodeName, reason: string): void {
    const isLost = reason === 'lost';
    this.submit({ kind: 'disconnected', node, incarnation: 1n, reason, isLost });
  }

  dialFailed(node: NodeName): void {
    this.#errands.delete(node);
    if (this.#reaches.delete(node)) this.submit({ kind: 'reached', node, isReached: false });
    this.submit({ kind: 'connectFailed', node });
    this.#joining.dialFailed(node);
  }

  received(from: NodeName, { content }: OverlayLabMessage): void {
    this.submit({ kind: 'received', from, message: content });
  }

  timerFired(timer: OverlayLabTimer): void {
    if (timer.layer === 'user') this.#joining.begin();
    else this.submit({ kind: 'timerFired', timer });
  }

  /** Hands the core one input after the other and carries out what each one orders. */
  submit(input: OverlayInput): void {
    const inbox = this.#inbox;
    inbox.push(input);
    if (inbox.length > 1) return;
    for (let next = inbox[0]; next !== undefined; next = inbox[0]) {
      for (const effect of this.core.handle(next, this.#port.nowMs)) this.#perform(effect);
      inbox.shift();
    }
  }

  #perform(effect: OverlayEffect): void {
    const { port, onMember, onDelivery } = this.#options;
    switch (effect.kind) {
      case 'send':
        this.#send(effect.to, effect.message);
        break;
      case 'sendAnywhere':
        this.#sendAnywhere(effect.to, effect.message);
        break;
      case 'schedule':
        port.schedule(effect.timer, effect.delayMs);
        break;
      case 'connect':
        port.connect(effect.peer.node);
        break;
      case 'reach':
        this.#reaches.add(effect.node);
        port.connect(effect.node);
        break;
      case 'release':
        port.release(effect.node);
        break;
      case 'neighbor':
        this.#onNeighbor(effect.event.node, effect.event.type === 'peerUp');
        break;
      case 'member':
        onMember(port.index, effect.event);
        break;
      case 'deliver':
        onDelivery(port.index, effect.broadcast);
        break;
      case 'reply':
        this.#joining.replied(effect.result);
        break;
      case 'exchange':
        for (const entries of this.core.roster.entriesIn(effect.buckets)) {
          this.#send(effect.to, { layer: 'liveness', message: { kind: 'entries', entries } });
        }
        break;
      case 'reassert':
      case 'superseded':
      case 'dropped':
      case 'protocolError':
        // Nobody owns anything here, starts once, or breaks the protocol.
        break;
      default:
        unreachable(effect);
    }
  }

  #onNeighbor(node: NodeName, isUp: boolean): void {
    if (isUp) {
      this.#neighbors.add(node);
      this.#port.neighborUp(node);
    } else {
      this.#neighbors.delete(node);
      this.#port.neighborDown(node);
    }
  }

  #send(to: NodeName, content: OverlayMessage): void {
    this.#port.send(to, { kind: content.message.kind, content });
  }

  #sendAnywhere(to: NodeName, message: OverlayMessage): void {
    if (this.#port.links.rttMs(to) !== undefined) {
      this.#send(to, message);
      return;
    }
    const waiting = this.#errands.get(to) ?? [];
    if (waiting.length >= ERRANDS_MAX) return;
    this.#errands.set(to, [...waiting, message]);
    this.#port.connect(to);
  }
}

/** What a node of the laboratory tells of itself before it has neighbours. */
export function recordOf({ addresses }: PeerDescriptor): MemberRecord {
  return {
    addresses,
    fingerprint: 'SHA256:0000000000000000000000000000000000000000000',
    version: '1.0.0',
    weight: 1,
    meta: new Uint8Array(0),
    neighbors: [],
  };
}
