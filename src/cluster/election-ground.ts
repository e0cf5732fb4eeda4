/**
 * What elections stand on: the table of candidacies, who lives, the word of neighbours that they
 * hold this node alive, and a way to voters.
 */
import { decodeAttest, encodeAttest, isAttestKind } from '../core/election/attest-frames.ts';
import { type Ballot, decodeBallot, encodeBallot, isBallotKind } from '../core/election/ballot.ts';
import type { Membership } from '../core/election/contract.ts';
import type { NodeName } from '../core/names.ts';
import type { Overlay } from '../core/overlay/overlay.ts';
import type { Roster } from '../core/roster/roster.ts';
import type { ControlSender } from './control-sender.ts';
import type { Link } from './link.ts';
import type { ElectionEvents, ElectionPort, NodeRef, OwnedTable } from './ports.ts';
import type { ReachingSender } from './reaching-sender.ts';

export interface ElectionGroundOptions {
  readonly self: NodeRef;
  readonly candidates: OwnedTable;
  readonly control: ControlSender;
  readonly reaching: Pick<ReachingSender, 'send'>;
  readonly overlay: Overlay;
}

const NOBODY: ElectionEvents = {
  onAttested: () => {},
  onBallot: () => {},
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

  sendBallot(to: NodeName, ballot: Ballot): void {
    this.#options.reaching.send(to, encodeBallot(ballot));
  }

  /** False for a frame that is not of elections. @throws WireError */
  frame(link: Link, frame: Uint8Array): boolean {
    const kind = frame[0] ?? 0;
    if (isAttestKind(kind)) this.#onAttest(link, frame);
    else if (isBallotKind(kind)) this.#events.onBallot(refOf(link), decodeBallot(frame));
    else return false;
    return true;
  }

  #onAttest({ node, incarnation }: Link, frame: Uint8Array): void {
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

function refOf({ node, incarnation }: Link): NodeRef {
  return { node, incarnation };
}

function suspectsOf(roster: Roster): number {
  let suspects = 0;
  for (const { status } of roster.values()) if (status === 'suspect') suspects += 1;
  return suspects;
}
