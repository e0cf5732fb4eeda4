/**
 * What a voter without a disk asks of the others: an earlier start of it may have promised terms.
 * Each of those terms had a majority, so that of every majority of the others one knows it, if that
 * one has forgotten nothing. When all others have answered, whoever remembers is among them.
 */
import type { NodeName } from '../names.ts';
import type { TermRecord } from './term-record.ts';
import { isSameVoters, majorityOf, type Voters } from './voters.ts';

export interface Memory {
  readonly voter: NodeName;
  /** It has forgotten nothing, or has asked others since. */
  readonly isSure: boolean;
  readonly term: TermRecord | undefined;
}

/** Of one name. */
export class Recollection {
  readonly voters: Voters;
  /** That of the greatest token of which others told. */
  term: TermRecord | undefined;
  readonly #self: NodeName;
  /** Who has answered, and whether it was sure. */
  readonly #told = new Map<NodeName, boolean>();

  constructor(self: NodeName, voters: Voters) {
    this.#self = self;
    this.voters = voters;
  }

  isFor(voters: Voters): boolean {
    return isSameVoters(this.voters, voters);
  }

  /** The others whose word is missing. */
  get missing(): readonly NodeName[] {
    return this.#others.filter((voter) => this.#told.get(voter) !== true);
  }

  add({ voter, isSure, term }: Memory): void {
    if (!this.#others.includes(voter)) return;
    this.#told.set(voter, isSure);
    if (term !== undefined && term.token > (this.term?.token ?? 0n)) this.term = term;
  }

  /** No token that may be known is unknown here. */
  get isComplete(): boolean {
    const sure = [...this.#told.values()].filter((isSure) => isSure).length;
    return sure >= majorityOf(this.voters) || this.#told.size === this.#others.length;
  }

  get #others(): readonly NodeName[] {
    return this.voters.filter((voter) => voter !== this.#self);
  }
}
