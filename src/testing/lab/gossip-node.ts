/** HyParView with Plumtree over it as a node of the laboratory: for experiments on broadcasts. */
import type { PlumtreeConfig } from '../../core/gossip/config.ts';
import type {
  Broadcast,
  GossipEffect,
  GossipInput,
  GossipTimer,
} from '../../core/gossip/contract.ts';
import type { GossipMessage } from '../../core/gossip/messages.ts';
import { Plumtree } from '../../core/gossip/plumtree.ts';
import type { MembershipMessage } from '../../core/membership/messages.ts';
import type { PeerDescriptor } from '../../core/membership/peer.ts';
import type { NodeName } from '../../core/names.ts';
import type { LabNode, LabPort } from './lab-node.ts';
import {
  type DrivingTimer,
  MembershipDriving,
  type MembershipDrivingOptions,
} from './membership-driving.ts';

export type GossipNodeMessage = MembershipMessage | GossipMessage;
export type GossipNodeTimer = DrivingTimer | GossipTimer;

export interface GossipNodeOptions extends Pick<MembershipDrivingOptions, 'random'> {
  readonly port: LabPort<GossipNodeMessage, GossipNodeTimer>;
  readonly membership?: MembershipDrivingOptions['config'];
  readonly gossip?: Partial<PlumtreeConfig> | undefined;
  readonly onDelivery: (index: number, broadcast: Broadcast) => void;
}

export class GossipNode implements LabNode<GossipNodeMessage, GossipNodeTimer> {
  readonly membership: MembershipDriving;
  readonly gossip: Plumtree;
  readonly #port: LabPort<GossipNodeMessage, GossipNodeTimer>;
  readonly #onDelivery: GossipNodeOptions['onDelivery'];

  constructor({ port, random, membership, gossip, onDelivery }: GossipNodeOptions) {
    this.#port = port;
    this.#onDelivery = onDelivery;
    this.gossip = new Plumtree(port.self, {
      links: port.links,
      accepts: () => true,
      config: gossip,
    });
    this.membership = new MembershipDriving({
      port,
      random,
      config: membership,
      onNeighbor: ({ type, node }) =>
        this.#tell({ kind: type === 'peerUp' ? 'neighborUp' : 'neighborDown', node }),
    });
  }

  join(contact: PeerDescriptor): void {
    this.membership.join(contact);
  }

  broadcast(payload: Uint8Array): void {
    this.#tell({ kind: 'broadcast', tag: 0, payload });
  }

  linkUp(peer: PeerDescriptor): void {
    this.membership.linkUp(peer);
  }

  linkDown(node: NodeName, reason: string): void {
    this.membership.submit({ kind: 'disconnected', node, reason });
  }

  dialFailed(node: NodeName): void {
    this.membership.dialFailed(node);
  }

  received(from: NodeName, message: GossipNodeMessage): void {
    switch (message.kind) {
      case 'gossip':
      case 'ihave':
      case 'graft':
      case 'prune':
      case 'unknown':
      case 'digest':
        this.#tell({ kind: 'messageReceived', from, message });
        break;
      default:
        this.membership.submit({ kind: 'messageReceived', from, message });
    }
  }

  timerFired(timer: GossipNodeTimer): void {
    switch (timer.kind) {
      case 'announce':
      case 'graft':
      case 'sweep':
        this.#tell({ kind: 'timerFired', timer });
        break;
      default:
        this.membership.timerFired(timer);
    }
  }

  #tell(input: GossipInput): void {
    for (const effect of this.gossip.handle(input, this.#port.nowMs)) this.#perform(effect);
  }

  #perform(effect: GossipEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#port.send(effect.to, effect.message);
        break;
      case 'deliver':
        this.#onDelivery(this.#port.index, effect.broadcast);
        break;
      case 'schedule':
        this.#port.schedule(effect.timer, effect.delayMs);
        break;
      default:
        // A loss shows in who was reached, and honest cores break no protocol.
        break;
    }
  }
}
