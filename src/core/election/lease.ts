/**
 * Until when this node may lead. Others take over when they have declared it dead, at the earliest
 * `suspicionMinMs` after somebody missed it. So it goes on while it knows that it was held alive
 * less than a lease ago: a neighbour said so in answer to a question, and what counts is when the
 * question was sent. A node that knows of nobody else needs no such sign.
 */
import type { Membership } from './contract.ts';
import type { ElectionConfig } from './election-config.ts';
import type { ElectionOutbox } from './election-outbox.ts';

/** What lets a term go on, and ends it. */
export interface Hold {
  /** When it ends, as it is now; undefined while it has no end, or has ended. */
  readonly endMs: number | undefined;
  isHeldAt(nowMs: number): boolean;
}

/** Questions that may still be answered; older ones are worth nothing any more. */
const QUESTIONS_MAX = 8;

interface Question {
  readonly nonce: number;
  readonly sentMs: number;
}

export interface LeaseOptions {
  readonly config: ElectionConfig;
  readonly membership: Membership;
  readonly outbox: ElectionOutbox;
}

export class Lease implements Hold {
  readonly #options: LeaseOptions;
  #endMs = Number.NEGATIVE_INFINITY;
  #wasAlone = false;
  #isAsking = false;
  #questions: Question[] = [];
  #lastNonce = 0;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  get isAlone(): boolean {
    return this.#options.membership.living <= 1;
  }

  /** By this input a node that was alone is not, or the other way round. */
  get hasChanged(): boolean {
    return this.isAlone !== this.#wasAlone;
  }

  isHeldAt(nowMs: number): boolean {
    return this.isAlone || nowMs < this.#endMs;
  }

  get endMs(): number | undefined {
    return this.isAlone ? undefined : this.#endMs;
  }

  /** Before an input: until now nobody else was there to miss this node, whoever is by now. */
  begin(): void {
    if (this.#wasAlone) this.#renew(this.#options.outbox.nowMs);
  }

  onAttested(nonce: number): void {
    const question = this.#questions.find((each) => each.nonce === nonce);
    if (question !== undefined) this.#renew(question.sentMs);
  }

  /** The time for the next question has come. */
  onRenew(): void {
    this.#isAsking = false;
  }

  /** After an input: asks, and asks again and again, while there is something to lead. */
  end(isNeeded: boolean): void {
    this.#wasAlone = this.isAlone;
    if (!isNeeded || this.#isAsking || this.isAlone) return;
    const { outbox, config } = this.#options;
    this.#isAsking = true;
    this.#lastNonce += 1;
    this.#questions.push({ nonce: this.#lastNonce, sentMs: outbox.nowMs });
    if (this.#questions.length > QUESTIONS_MAX) this.#questions.shift();
    outbox.push({ kind: 'ask', nonce: this.#lastNonce });
    outbox.wake('renew', outbox.nowMs + config.renewMs);
  }

  #renew(atMs: number): void {
    this.#endMs = Math.max(this.#endMs, atMs + this.#options.config.leaseMs);
  }
}
