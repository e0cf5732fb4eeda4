/** Candidates of one name, and which of two goes first. */
import type { NodeName } from '../names.ts';
import type { FenceToken } from './fence-token.ts';
import { isSameVoters, type Voters } from './voters.ts';

/** What a node says of its candidacy. It says so only while it is able to lead. */
export interface Candidate {
  /** Higher goes first. */
  readonly priority: number;
  /** While it leads, equals do not go before it. */
  readonly isSticky: boolean;
  /** Of the process that stands for it. */
  readonly serial: number;
  /** Who has to agree before it leads; undefined where nobody has to. */
  readonly voters?: Voters | undefined;
  /** The term that it leads in; undefined while it only would. */
  readonly term: FenceToken | undefined;
}

/** A candidate with its node and the start of it. */
export interface Rival extends Candidate {
  readonly node: NodeName;
  readonly incarnation: bigint;
}

/**
 * True when `a` goes before `b`: by priority, then who leads and is sticky, of two such the later
 * term, then the smaller name. A total order: all who know the same candidates agree.
 */
export function precedes(a: Rival, b: Rival): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  const [incumbency, other] = [incumbencyOf(a), incumbencyOf(b)];
  return incumbency === other ? a.node < b.node : incumbency > other;
}

/** The first of them in that order. */
export function firstOf(rivals: Iterable<Rival>): Rival | undefined {
  let first: Rival | undefined;
  for (const rival of rivals) if (first === undefined || precedes(rival, first)) first = rival;
  return first;
}

/** True when others are told the same. */
export function isSameCandidate(a: Candidate | undefined, b: Candidate | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.priority === b.priority &&
    a.isSticky === b.isSticky &&
    a.serial === b.serial &&
    a.term === b.term &&
    isSameVoters(a.voters, b.voters)
  );
}

/** True for the same process of the same start of a node. */
export function isSameProcess(a: Rival | undefined, b: Rival | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.node === b.node && a.incarnation === b.incarnation && a.serial === b.serial;
}

/** 0 for who gives way to a smaller name. */
function incumbencyOf({ isSticky, term }: Candidate): FenceToken {
  return isSticky ? (term ?? 0n) : 0n;
}
