/** Carries out what one HyParView core orders, for the nodes of the laboratory. */
import type { HyParViewConfig } from '../../core/membership/config.ts';
import type {
  MembershipEffect,
  MembershipInput,
  MembershipTimer,
  NeighborEvent,
} from '../../core/membership/contract.ts';
import { HyParView } from '../../core/membership/hyparview.ts';
import type { MembershipMessage } from '../../core/membership/messages.ts';
import type { PeerDescriptor } from '../../core/membership/peer.ts';
import type { Randomness } from '../../core/membership/randomness.ts';
import type { NodeName } from '../../core/names.ts';
import { Joining } from './joining.ts';
import type { LabPort } from './lab-node.ts';

/** The user of the node asks its contact again. */
export interface RejoinTimer {
  readonly kind: 'rejoin';
}

export type DrivingTimer = MembershipTimer | RejoinTimer;

export interface MembershipDrivingOptions {
  readonly port: LabPort<MembershipMessage, DrivingTimer>;
  readonly random: Randomness;
  readonly config?: Partial<HyParViewConfig> | undefined;
  readonly onNeighbor?: (event: NeighborEvent) => void;
}

export class MembershipDriving {
  readonly core: HyParView;
  readonly #joining: Joining;
  readonly #port: LabPort<MembershipMessage, DrivingTimer>;
  readonly #onNeighbor: ((event: NeighborEvent) => void) | undefined;
  readonly #inbox: MembershipInput[] = [];

  constructor({ port, random, config, onNeighbor }: MembershipDrivingOptions) {
    this.#port = port;
    this.#onNeighbor = onNeighbor;
    this.core = new HyParView(port.self, random, config);
    this.#joining = new Joining({
      random,
      connect: (peer) => port.connect(peer.node),
      ask: (peer) => this.submit({ kind: 'join', peer, requestId: 0 }),
      later: (delayMs) => port.schedule({ kind: 'rejoin' }, delayMs),
    });
  }

  join(contact: PeerDescriptor): void {
    this.#joining.join(contact);
  }

  acceptNeighbor(from: NodeName): void {
    const message = { kind: 'neighbor', requestId: 0, priority: 'high' } as const;
    this.submit({ kind: 'messageReceived', from, message });
  }

  learn(peers: readonly PeerDescriptor[]): void {
    this.submit({ kind: 'candidates', peers });
  }

  linkUp(peer: PeerDescriptor): void {
    this.submit({ kind: 'connected', peer });
    this.#joining.linkUp(peer);
  }

  dialFailed(node: NodeName): void {
    this.submit({ kind: 'connectFailed', node });
    this.#joining.dialFailed(node);
  }

  timerFired(timer: DrivingTimer): void {
    if (timer.kind === 'rejoin') this.#joining.begin();
    else this.submit({ kind: 'timerFired', timer });
  }

  /** Hands the core one input after the other and carries out what each one orders. */
  submit(input: MembershipInput): void {
    const inbox = this.#inbox;
    inbox.push(input);
    if (inbox.length > 1) return;
    for (let next = inbox[0]; next !== undefined; next = inbox[0]) {
      for (const effect of this.core.handle(next, this.#port.nowMs)) this.#perform(effect);
      inbox.shift();
    }
  }

  #perform(effect: MembershipEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#port.send(effect.to, effect.message);
        break;
      case 'schedule':
        this.#port.schedule(effect.timer, effect.delayMs);
        break;
      case 'connect':
        this.#port.connect(effect.peer.node);
        break;
      case 'release':
        this.#port.release(effect.node);
        break;
      case 'emit':
        this.#tell(effect.event);
        break;
      case 'reply':
        this.#joining.replied(effect.result);
        break;
      default:
        // Nobody here has a roster to help with, and honest cores break no protocol.
        break;
    }
  }

  #tell(event: NeighborEvent): void {
    if (event.type === 'peerUp') this.#port.neighborUp(event.node);
    else this.#port.neighborDown(event.node);
    this.#onNeighbor?.(event);
  }
}
