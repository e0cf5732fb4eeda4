/** Asks the voters of a candidate for their promises: in a vote, and on and on in its term. */
import type { StampSource } from '../store/contract.ts';
import type { ElectionConfig } from './election-config.ts';
import type { ElectionOutbox } from './election-outbox.ts';
import { laterToken, mintToken, type TermHolder, tagOf } from './fence-token.ts';
import type { Mandate } from './mandate.ts';
import type { OwnCandidate } from './own-candidate.ts';

/** Candidates that were in each other's way try again one after the other. */
const PAUSE_MS = 50;
const PAUSE_STEPS = 8;

export interface PollOptions {
  readonly self: TermHolder;
  readonly clock: StampSource;
  readonly config: ElectionConfig;
  readonly outbox: ElectionOutbox;
}

export class Poll {
  readonly #options: PollOptions;

  constructor(options: PollOptions) {
    this.#options = options;
  }

  /** After anything that may matter: a vote is begun, gone on with, won or given up. */
  look(own: OwnCandidate): void {
    const { mandate } = own;
    if (mandate === undefined) return;
    const nowMs = this.#nowMs;
    if (!own.needsHold || mandate.isLostAt(nowMs)) this.giveUp(own);
    if (!own.needsHold || nowMs < mandate.nextMs) return;
    if (mandate.token === undefined) this.#open(own, mandate);
    if (mandate.token !== undefined) this.#ask(own, mandate);
  }

  /** Voters are free for others. */
  giveUp({ name, mandate }: OwnCandidate): void {
    const { outbox, self } = this.#options;
    if (mandate?.token === undefined) return;
    const { token, voters } = mandate;
    outbox.push({ kind: 'release', name, token, voters });
    mandate.close(this.#nowMs, PAUSE_MS * (1 + (tagOf(self) % PAUSE_STEPS)));
  }

  /** A token above all that are known, also from voters. */
  #open(own: OwnCandidate, mandate: Mandate): void {
    const { clock, self } = this.#options;
    const token = mintToken(clock, self, laterToken(own.highest, mandate.highest));
    if (token !== undefined) mandate.open(token, this.#nowMs);
  }

  #ask({ name }: OwnCandidate, mandate: Mandate): void {
    const { token, voters } = mandate;
    if (token === undefined) return;
    const to = mandate.asked(this.#nowMs);
    const nonce = mandate.ask(this.#nowMs);
    this.#options.outbox.push({ kind: 'poll', name, token, voters, nonce, to });
  }

  get #nowMs(): number {
    return this.#options.outbox.nowMs;
  }
}
