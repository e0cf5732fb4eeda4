/**
 * What placement stands on: the members, word of when they are known, and the way on which
 * partitions go from node to node.
 */
import type { NodeName } from '../core/names.ts';
import {
  type CustodyMessage,
  decodeCustody,
  encodeCustody,
  isCustodyKind,
} from '../core/placement/custody-codec.ts';
import type { Roster } from '../core/roster/roster.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';
import type { CustodyPort, NodeRef, ShardPort, ShardPortEvents } from './ports.ts';
import type { ReachingSender } from './reaching-sender.ts';

const NOBODY: ShardPortEvents = { onExchanged: () => {}, onMembersChanged: () => {} };

interface Ways {
  readonly reaching: Pick<ReachingSender, 'send' | 'sent'>;
  readonly links: Pick<LinkTable, 'all'>;
}

export class ShardGround implements ShardPort, CustodyPort {
  readonly self: NodeRef;
  readonly #roster: Roster;
  readonly #ways: Ways;
  #events: ShardPortEvents = NOBODY;
  #onCustody: Parameters<CustodyPort['onCustody']>[0] = () => {};

  constructor(self: NodeRef, roster: Roster, ways: Ways) {
    this.self = self;
    this.#roster = roster;
    this.#ways = ways;
  }

  members(): ReturnType<ShardPort['members']> {
    return this.#roster.alive;
  }

  attach(events: ShardPortEvents): void {
    this.#events = events;
  }

  onCustody(listener: Parameters<CustodyPort['onCustody']>[0]): void {
    this.#onCustody = listener;
  }

  sendCustody(to: NodeName, message: CustodyMessage): void {
    this.#ways.reaching.send(to, encodeCustody(message));
  }

  sent(): Promise<void> {
    return this.#ways.reaching.sent();
  }

  longestRttMs(): number {
    let longestMs = 0;
    for (const { connection } of this.#ways.links.all()) {
      longestMs = Math.max(longestMs, connection.rttMs);
    }
    return longestMs;
  }

  /** False for a frame that is not of custody. @throws WireError */
  frame({ node }: Link, frame: Uint8Array): boolean {
    if (!isCustodyKind(frame[0] ?? 0)) return false;
    this.#onCustody(node, decodeCustody(frame));
    return true;
  }

  /** All that every node hosts was compared with another node. */
  exchanged(): void {
    this.#events.onExchanged();
  }

  membersChanged(): void {
    this.#events.onMembersChanged();
  }
}
