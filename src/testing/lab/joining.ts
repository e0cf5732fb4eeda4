/**
 * What the user of a node does about joining: asks a contact, goes where it is redirected to, and
 * asks the contact again later when that did not help.
 */
import type { MembershipResult } from '../../core/membership/contract.ts';
import type { PeerDescriptor } from '../../core/membership/peer.ts';
import { pick, type Randomness } from '../../core/membership/randomness.ts';
import type { NodeName } from '../../core/names.ts';

/** Sent on so often in a row, a newcomer waits. */
const REDIRECTS_MAX = 8;
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 30_000;

export interface JoiningOptions {
  readonly random: Randomness;
  readonly connect: (peer: PeerDescriptor) => void;
  /** Asks the holder of a link that stands. */
  readonly ask: (peer: PeerDescriptor) => void;
  /** Calls `begin` again after so long. */
  readonly later: (delayMs: number) => void;
}

export class Joining {
  readonly #options: JoiningOptions;
  #contact: PeerDescriptor | undefined;
  /** Who is being asked, or dialled for that. */
  #asked: NodeName | undefined;
  #redirects = 0;
  #pauseMs = PAUSE_MS_MIN;

  constructor(options: JoiningOptions) {
    this.#options = options;
  }

  /** Joins through that contact until somebody accepted. */
  join(contact: PeerDescriptor): void {
    this.#contact = contact;
    this.begin();
  }

  begin(): void {
    if (this.#contact === undefined) return;
    this.#redirects = 0;
    this.#turnTo(this.#contact);
  }

  linkUp(peer: PeerDescriptor): void {
    if (peer.node !== this.#asked) return;
    this.#asked = undefined;
    this.#options.ask(peer);
  }

  dialFailed(node: NodeName): void {
    if (node === this.#asked) this.#pause();
  }

  replied(result: MembershipResult): void {
    if (this.#contact === undefined) return;
    if (result.kind === 'accepted' || result.kind === 'left') {
      this.#contact = undefined;
    } else if (result.kind === 'redirected' && this.#redirects < REDIRECTS_MAX) {
      this.#redirects += 1;
      this.#turnTo(pick(this.#options.random, result.peers));
    } else {
      this.#pause();
    }
  }

  #turnTo(peer: PeerDescriptor | undefined): void {
    this.#asked = peer?.node;
    if (peer !== undefined) this.#options.connect(peer);
  }

  #pause(): void {
    this.#asked = undefined;
    this.#options.later(this.#pauseMs * (0.5 + 0.5 * this.#options.random.float()));
    this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE_MS_MAX);
  }
}
