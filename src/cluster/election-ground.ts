/**
 * What elections stand on: the table of candidacies, who lives, and the word of neighbours that
 * they hold this node alive.
 */
import { decodeAttest, encodeAttest } from '../core/election/attest-frames.ts';
import type { Membership } from '../core/election/contract.ts';
import type { Overlay } from '../core/overlay/overlay.ts';
import type { Roster } from '../core/roster/roster.ts';
import type { ControlSender } from './control-sender.ts';
import type { Link } from './link.ts';
import type { ElectionEvents, ElectionPort, NodeRef, OwnedTable } from './ports.ts';

export interface ElectionGroundOptions {
  readonly self: NodeRef;
  readonly candidates: OwnedTable;
  readonly control: ControlSender;
  readonly overlay: Overlay;
}

const NOBODY: ElectionEvents = {
  onAttested: () => {},
  onExchanged: () => {},
  onMembersChanged: () => {},
};

export class ElectionGround implements ElectionPort {
  readonly self: NodeRef;
  readonly candidates: OwnedTable;
  readonly membership: Membership;
  readonly #options: ElectionGroundOptions;
  #events: ElectionEvents = NOBODY;

  constructor(options: ElectionGroundOptions) {
    const { self, candidates, overlay } = options;
    const { roster } = overlay;
    this.#options = options;
    this.self = self;
    this.candidates = candidates;
    this.membership = {
      get living() {
        return roster.livingCount + (roster.isMember(self.node) ? 0 : 1);
      },
      get unsuspected() {
        return this.living - suspectsOf(roster);
      },
    };
  }

  attach(events: ElectionEvents): void {
    this.#events = events;
  }

  ask(nonce: number): void {
    const { control, overlay } = this.#options;
    const frame = encodeAttest({ kind: 'ask', nonce });
    for (const node of overlay.membership.activeView) control.send(node, frame);
  }

  /** Takes a frame of a proven sender. @throws WireError */
  frame({ node, incarnation }: Link, frame: Uint8Array): void {
    const { kind, nonce } = decodeAttest(frame);
    if (kind === 'attest') {
      this.#events.onAttested(nonce);
      return;
    }
    const { control, overlay } = this.#options;
    const entry = overlay.roster.get(node);
    // Who is suspect, or believed dead, has to refute first: others may be about to take over.
    if (entry?.status !== 'alive' || entry.incarnation !== incarnation) return;
    control.send(node, encodeAttest({ kind: 'attest', nonce }));
  }

  /** All that every node hosts was compared with another node. */
  exchanged(): void {
    this.#events.onExchanged();
  }

  membersChanged(): void {
    this.#events.onMembersChanged();
  }
}

function suspectsOf(roster: Roster): number {
  let suspects = 0;
  for (const { status } of roster.values()) if (status === 'suspect') suspects += 1;
  return suspects;
}
