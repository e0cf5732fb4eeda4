/** What a node keeps of a candidacy of its own. */
import type { Candidate } from './candidate.ts';
import type { CampaignRules } from './contract.ts';
import { type FenceToken, laterToken, type TermHolder } from './fence-token.ts';
import type { Mandate } from './mandate.ts';
import type { TermRecord } from './term-record.ts';

/** A token that is made known and durable before it is used. */
export interface PendingTerm {
  readonly token: FenceToken;
  readonly sinceMs: number;
}

export interface OwnCandidateOptions {
  readonly self: TermHolder;
  readonly name: string;
  readonly rules: CampaignRules;
  readonly mandate: Mandate | undefined;
}

export class OwnCandidate {
  readonly name: string;
  readonly rules: CampaignRules;
  /** Where voters decide; else this node's lease does. */
  readonly mandate: Mandate | undefined;
  /** Others are told of it since then; undefined while it is not able to lead. */
  standsSinceMs: number | undefined;
  /** The term that it leads in. */
  term: FenceToken | undefined;
  pending: PendingTerm | undefined;
  /** Another node begins a term, and has not been heard as its leader yet. */
  otherTermSinceMs: number | undefined;
  /** Its disk failed then: for a while others may lead. */
  blockedSinceMs: number | undefined;
  /** Another candidate has other voters: this one is withdrawn. */
  hasConflict: boolean = false;
  /** Too few members are not suspect, since then. */
  scarceSinceMs: number | undefined;
  /** It leads, or would at once with a lease or a mandate. */
  needsHold: boolean = false;
  /** What others were told last; undefined for nothing. */
  told: Candidate | undefined;
  readonly #self: TermHolder;
  #highest: FenceToken = 0n;
  #highestOfOthers: FenceToken = 0n;

  constructor({ self, name, rules, mandate }: OwnCandidateOptions) {
    this.#self = self;
    this.name = name;
    this.rules = rules;
    this.mandate = mandate;
  }

  /** Its term depends on the lease of this node. */
  get needsLease(): boolean {
    return this.needsHold && this.mandate === undefined;
  }

  /** The greatest token that is known for the name. */
  get highest(): FenceToken {
    return this.#highest;
  }

  /** True while that one is of this node. */
  get isGreatest(): boolean {
    return this.#highest > this.#highestOfOthers;
  }

  /** True while another term is known that is not before this one. */
  get isOutdated(): boolean {
    return this.term !== undefined && !this.isBeyondOthers(this.term);
  }

  /** True for a token greater than all others that are known for the name. */
  isBeyondOthers(token: FenceToken): boolean {
    return token > this.#highestOfOthers;
  }

  /** A token of the name, and whose it is. */
  note({ token, node, incarnation }: TermRecord, nowMs: number): void {
    this.#highest = laterToken(this.#highest, token);
    const isOwn = node === this.#self.node && incarnation === this.#self.incarnation;
    if (isOwn || token <= this.#highestOfOthers) return;
    this.#highestOfOthers = token;
    this.otherTermSinceMs = nowMs;
  }

  /** Another node leads in the term of that token. */
  noteLeader(term: TermRecord, nowMs: number): void {
    this.note(term, nowMs);
    if (term.token === this.#highestOfOthers) this.otherTermSinceMs = undefined;
  }

  /** As it is for others. */
  get candidate(): Candidate {
    const { priority, isSticky, serial, voters } = this.rules;
    return { priority, isSticky, serial, voters, term: this.term };
  }
}
