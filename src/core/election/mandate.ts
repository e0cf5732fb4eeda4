/**
 * What a candidate with a quorum needs to lead: the promises of a majority of fixed voters that
 * they hold nobody else's term. A promise counts from when it was asked for, and each voter keeps
 * it for longer, from when it was asked. So no two candidates have a mandate at once, whatever the
 * network does, while clocks run equally fast within a tenth.
 */
import type { NodeName } from '../names.ts';
import type { Verdict } from './ballot.ts';
import type { ElectionConfig } from './election-config.ts';
import { type FenceToken, laterToken } from './fence-token.ts';
import type { Hold } from './lease.ts';
import { majorityOf, type Voters } from './voters.ts';

/** Rounds of questions that may still be answered: those of one lease, and some more. */
const ROUNDS_MAX = 24;
/** Questions of all candidacies leave together. */
const TICK_MS = 100;

interface Round {
  readonly nonce: number;
  readonly sentMs: number;
}

export interface VoteAnswer {
  readonly voter: NodeName;
  readonly token: FenceToken;
  readonly nonce: number;
  readonly verdict: Verdict;
}

export class Mandate implements Hold {
  readonly voters: Voters;
  /** The token that is voted on, or led with; undefined while nothing is asked for. */
  token: FenceToken | undefined;
  /** The greatest token that voters told of, or that was given up. */
  highest: FenceToken = 0n;
  /** A voter holds the term of one with other voters. */
  isContested: boolean = false;
  readonly #config: ElectionConfig;
  /** When the question was sent that a voter has granted last. */
  readonly #granted = new Map<NodeName, number>();
  #rounds: Round[] = [];
  #lastNonce = 0;
  #sinceMs = 0;
  #nextMs = Number.NEGATIVE_INFINITY;

  constructor(voters: Voters, config: ElectionConfig) {
    this.voters = voters;
    this.#config = config;
  }

  /** When it ends unless it is renewed; undefined while there is none. */
  get endMs(): number | undefined {
    const grantedMs = [...this.#granted.values()].sort((a, b) => b - a);
    const sentMs = grantedMs[majorityOf(this.voters) - 1];
    return sentMs === undefined ? undefined : sentMs + this.#config.mandateMs;
  }

  isHeldAt(nowMs: number): boolean {
    const { endMs } = this;
    return endMs !== undefined && nowMs < endMs;
  }

  /** The next question, or the next vote, is due then. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** Begins a vote. */
  open(token: FenceToken, nowMs: number): void {
    this.token = token;
    this.#sinceMs = nowMs;
    this.#nextMs = nowMs;
  }

  /** Gives it up; for `pauseMs` no vote is begun. */
  close(nowMs: number, pauseMs: number): void {
    // The word that it is needed no more may be late: it must not meet another vote on it.
    this.highest = laterToken(this.highest, this.token ?? 0n);
    this.token = undefined;
    this.#granted.clear();
    this.#rounds = [];
    this.#nextMs = nowMs + pauseMs;
  }

  /** The vote was not won in its time, or a voter has seen a greater token. */
  isLostAt(nowMs: number): boolean {
    if (this.token === undefined || this.isHeldAt(nowMs)) return false;
    return this.highest >= this.token || nowMs >= this.#sinceMs + this.#config.voteMs;
  }

  /** The number of the questions to send now. */
  ask(nowMs: number): number {
    this.#lastNonce += 1;
    this.#rounds.push({ nonce: this.#lastNonce, sentMs: nowMs });
    if (this.#rounds.length > ROUNDS_MAX) this.#rounds.shift();
    const periodMs = this.isHeldAt(nowMs) ? this.#config.renewMs : TICK_MS;
    const ticks = Math.max(1, Math.round(periodMs / TICK_MS));
    this.#nextMs = (Math.floor(nowMs / TICK_MS) + ticks) * TICK_MS;
    return this.#lastNonce;
  }

  /** Whom a question is for: while the vote is on, those that have not granted it. */
  asked(nowMs: number): readonly NodeName[] {
    if (this.isHeldAt(nowMs)) return this.voters;
    return this.voters.filter((voter) => !this.#granted.has(voter));
  }

  onAnswer({ voter, token, nonce, verdict }: VoteAnswer): void {
    if (token !== this.token || !this.voters.includes(voter)) return;
    const round = this.#rounds.find((each) => each.nonce === nonce);
    switch (verdict.kind) {
      case 'granted':
        if (round !== undefined) {
          this.#granted.set(voter, Math.max(this.#granted.get(voter) ?? 0, round.sentMs));
        }
        break;
      case 'refused':
        this.highest = laterToken(this.highest, verdict.highest);
        break;
      case 'conflict':
        this.isContested = true;
        break;
    }
  }
}
