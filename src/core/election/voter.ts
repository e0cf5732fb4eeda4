/**
 * The voter that every node is, for names whose candidates chose it. For each name it keeps one
 * promise: not to grant the term to anybody else for a while, and never one of a lesser token.
 *
 * - A promise is on disk before it is answered; its time runs from the answer.
 * - Who may have promised something before it was started grants nothing until that has run out.
 * - A voter that has no disk has forgotten the tokens, too: when that has run out it asks the
 *   others, and grants nothing for a name before a majority of the voters, or all others, have told
 *   it theirs.
 */
import { FENCE_KEPT_MS, VOTES_MAX } from '../../limits.ts';
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import type { Ballot, Verdict } from './ballot.ts';
import type { FenceToken, TermHolder } from './fence-token.ts';
import { Recollection } from './recollection.ts';
import type { VoteRecord } from './vote-record.ts';
import { isSameVoters } from './voters.ts';

/** A tenth longer than a candidate counts on it: clocks need not run equally fast. */
export const PROMISE_MS = 2_000;

/** Between two looks for names that can be forgotten. */
const TIDY_MS = 60_000;

export type VoterInput =
  | { readonly kind: 'ballot'; readonly from: TermHolder; readonly ballot: Ballot }
  /** The answer to `keep`: the promise is durable, or cannot be. */
  | {
      readonly kind: 'kept';
      readonly name: string;
      readonly token: FenceToken;
      readonly isKept: boolean;
    };

export type VoterEffect =
  | { readonly kind: 'send'; readonly to: NodeName; readonly ballot: Ballot }
  /** Make the promise durable; answer with `kept`. */
  | { readonly kind: 'keep'; readonly name: string; readonly record: VoteRecord }
  /** It is needed no more, on disk neither. */
  | { readonly kind: 'forget'; readonly name: string };

export interface VoterOptions {
  readonly self: NodeName;
  /** What it promised before it was started; undefined when that may be forgotten. */
  readonly memory: Iterable<readonly [name: string, record: VoteRecord]> | undefined;
  /** When it was started. */
  readonly nowMs: number;
}

/** What a voter knows of one name. */
interface Vote {
  /** No lesser token is granted than that of the last one; undefined before the first. */
  promise: VoteRecord | undefined;
  /** Until then nobody else gets one. */
  untilMs: number;
  /** Of the question that waits for the disk. */
  waiting: number | undefined;
  /** Set while an earlier start may have promised what this one does not know. */
  recollection: Recollection | undefined;
}

type Request = Extract<Ballot, { kind: 'request' }>;
type Asked = Pick<Request, 'name' | 'token' | 'nonce'>;

export class Voter {
  readonly #self: NodeName;
  readonly #hasMemory: boolean;
  /** Until then promises of an earlier start may last. */
  readonly #soberMs: number;
  /** Names of which it knows nothing are free from then on. */
  readonly #freeMs: number;
  readonly #votes = new Map<string, Vote>();
  #tidiedMs = Number.NEGATIVE_INFINITY;
  /** Of the input that is handled. */
  #nowMs: number;
  #effects: VoterEffect[] = [];

  constructor({ self, memory, nowMs }: VoterOptions) {
    this.#self = self;
    this.#hasMemory = memory !== undefined;
    this.#nowMs = nowMs;
    this.#soberMs = nowMs + PROMISE_MS;
    for (const [name, promise] of memory ?? []) {
      const vote = { promise, untilMs: this.#soberMs };
      this.#votes.set(name, { ...vote, waiting: undefined, recollection: undefined });
    }
    // A disk that holds nothing may have taken the place of another one.
    this.#freeMs = this.#votes.size > 0 ? nowMs : this.#soberMs;
  }

  /** Names of which something is known. */
  get size(): number {
    return this.#votes.size;
  }

  /** Applies one input at a monotonic time in milliseconds; never throws for what a peer sent. */
  handle(input: VoterInput, nowMs: number): readonly VoterEffect[] {
    this.#nowMs = nowMs;
    if (input.kind === 'kept') this.#onKept(input);
    else this.#onBallot(input.from, input.ballot);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #onBallot(from: TermHolder, ballot: Ballot): void {
    switch (ballot.kind) {
      case 'request':
        this.#onRequest(from, ballot);
        break;
      case 'release':
        this.#onRelease(from, ballot);
        break;
      case 'recall':
        this.#tell(from.node, ballot.name);
        break;
      case 'memory':
        this.#onMemory(from.node, ballot);
        break;
      case 'answer':
        break;
      default:
        unreachable(ballot);
    }
  }

  // Promises

  #onRequest(from: TermHolder, request: Request): void {
    if (!request.voters.includes(this.#self)) return;
    const vote = this.#voteFor(request);
    if (vote === undefined) {
      this.#answer(from.node, request, { kind: 'refused', highest: 0n });
    } else if (isPromised(vote, from, request.token) && this.#isFree(vote, from)) {
      if (vote.waiting === undefined) this.#grant(from.node, vote, request);
      else vote.waiting = request.nonce;
    } else {
      const refusal = this.#refusal(from, vote, request);
      if (refusal === undefined) this.#promise(from, vote, request);
      else this.#answer(from.node, request, refusal);
    }
  }

  /** Undefined when there is no room for a further name. */
  #voteFor({ name, voters }: Request): Vote | undefined {
    const known = this.#votes.get(name);
    if (known !== undefined) return known;
    if (this.#votes.size >= VOTES_MAX) this.#tidy();
    if (this.#votes.size >= VOTES_MAX) return undefined;
    const isSure = this.#hasMemory || voters.every((voter) => voter === this.#self);
    const recollection = isSure ? undefined : new Recollection(this.#self, voters);
    const vote: Vote = {
      promise: undefined,
      untilMs: this.#freeMs,
      waiting: undefined,
      recollection,
    };
    this.#votes.set(name, vote);
    return vote;
  }

  /** Why not; undefined when nothing speaks against it. */
  #refusal(from: TermHolder, vote: Vote, request: Request): Verdict | undefined {
    const { promise, waiting } = vote;
    const highest = promise?.token ?? 0n;
    const refused: Verdict = { kind: 'refused', highest };
    if (!this.#isSure(vote, request)) return refused;
    if (!this.#isFree(vote, from)) {
      return this.#isContested(vote, request) ? { kind: 'conflict' } : refused;
    }
    // One that is on its way to the disk is not overtaken.
    return waiting !== undefined || request.token <= highest ? refused : undefined;
  }

  /** Its holder has other voters. What an earlier start promised may be needed no more. */
  #isContested({ promise }: Vote, { voters }: Request): boolean {
    const isKnown = promise !== undefined && this.#nowMs >= this.#soberMs;
    return isKnown && !isSameVoters(promise.voters, voters);
  }

  /** Nobody else has this voter's word. */
  #isFree({ promise, untilMs }: Vote, from: TermHolder): boolean {
    return this.#nowMs >= untilMs || (promise !== undefined && isSame(promise, from));
  }

  #promise(from: TermHolder, vote: Vote, { name, token, voters, nonce }: Request): void {
    vote.promise = { token, ...from, voters };
    vote.untilMs = Number.POSITIVE_INFINITY;
    vote.waiting = nonce;
    this.#effects.push({ kind: 'keep', name, record: vote.promise });
  }

  #onKept({ name, token, isKept }: Extract<VoterInput, { kind: 'kept' }>): void {
    const vote = this.#votes.get(name);
    const { promise, waiting } = vote ?? {};
    if (vote === undefined || promise?.token !== token || waiting === undefined) return;
    const asked = { name, token, nonce: waiting };
    if (isKept) {
      this.#grant(promise.node, vote, asked);
      return;
    }
    // The disk may have it all the same, but nobody has this voter's word.
    vote.untilMs = this.#nowMs;
    vote.waiting = undefined;
    this.#answer(promise.node, asked, { kind: 'refused', highest: token });
  }

  #grant(to: NodeName, vote: Vote, asked: Asked): void {
    vote.untilMs = this.#nowMs + PROMISE_MS;
    vote.waiting = undefined;
    this.#answer(to, asked, { kind: 'granted' });
  }

  #onRelease(from: TermHolder, { name, token }: Pick<Asked, 'name' | 'token'>): void {
    const vote = this.#votes.get(name);
    if (vote === undefined || !isPromised(vote, from, token)) return;
    vote.untilMs = this.#nowMs;
    vote.waiting = undefined;
  }

  #answer(to: NodeName, { name, token, nonce }: Asked, verdict: Verdict): void {
    const ballot: Ballot = { kind: 'answer', name, token, nonce, verdict };
    this.#effects.push({ kind: 'send', to, ballot });
  }

  // Memory

  /** False while it may have forgotten; the others are asked then. */
  #isSure(vote: Vote, { name, voters }: Request): boolean {
    if (vote.recollection === undefined) return true;
    // Terms that rest on what it may have promised have begun by then, and others know of them.
    if (this.#nowMs < this.#soberMs) return false;
    if (!vote.recollection.isFor(voters)) vote.recollection = new Recollection(this.#self, voters);
    for (const to of vote.recollection.missing) {
      this.#effects.push({ kind: 'send', to, ballot: { kind: 'recall', name } });
    }
    return false;
  }

  #tell(to: NodeName, name: string): void {
    const vote = this.#votes.get(name);
    const isSure = vote === undefined ? this.#hasMemory : vote.recollection === undefined;
    const term = vote?.promise;
    this.#effects.push({ kind: 'send', to, ballot: { kind: 'memory', name, isSure, term } });
  }

  #onMemory(voter: NodeName, told: Extract<Ballot, { kind: 'memory' }>): void {
    const vote = this.#votes.get(told.name);
    if (vote?.recollection === undefined || this.#nowMs < this.#soberMs) return;
    vote.recollection.add({ ...told, voter });
    const { isComplete, term, voters } = vote.recollection;
    if (!isComplete) return;
    // Whoever holds that term may go on in it; what this one may have promised has run out.
    vote.promise = term && { ...term, voters };
    vote.recollection = undefined;
  }

  /** Names without a term for a week go, once a minute at most. */
  #tidy(): void {
    if (this.#nowMs < this.#tidiedMs + TIDY_MS) return;
    this.#tidiedMs = this.#nowMs;
    for (const [name, { untilMs }] of this.#votes) {
      if (this.#nowMs < untilMs + FENCE_KEPT_MS) continue;
      this.#votes.delete(name);
      this.#effects.push({ kind: 'forget', name });
    }
  }
}

function isPromised({ promise }: Vote, holder: TermHolder, token: FenceToken): boolean {
  return promise?.token === token && isSame(promise, holder);
}

function isSame(a: TermHolder, b: TermHolder): boolean {
  return a.node === b.node && a.incarnation === b.incarnation;
}
