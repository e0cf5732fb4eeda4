/** HyParView alone as a node of the laboratory: the membership paper's experiments run on it. */
import type { MembershipMessage } from '../../core/membership/messages.ts';
import type { PeerDescriptor } from '../../core/membership/peer.ts';
import type { NodeName } from '../../core/names.ts';
import type { LabNode } from './lab-node.ts';
import type { MembershipDrivingOptions } from './membership-driving.ts';
import { type DrivingTimer, MembershipDriving } from './membership-driving.ts';

export class HyParViewNode implements LabNode<MembershipMessage, DrivingTimer> {
  readonly membership: MembershipDriving;

  constructor(options: MembershipDrivingOptions) {
    this.membership = new MembershipDriving(options);
  }

  join(contact: PeerDescriptor): void {
    this.membership.join(contact);
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

  received(from: NodeName, message: MembershipMessage): void {
    this.membership.submit({ kind: 'messageReceived', from, message });
  }

  timerFired(timer: DrivingTimer): void {
    this.membership.timerFired(timer);
  }
}
