/** The rules of `Quorum`, and its voters as the core takes them. */

import type { Voters } from '../core/election/voters.ts';
import { isNodeName } from '../core/names.ts';
import { QUORUM_VOTERS_MAX } from '../limits.ts';
import type { Quorum } from './leaders.ts';

/** The end of "`quorum` must be ...". */
export const QUORUM_RULE: string =
  '{ voters: [...] } with an odd number of different names of nodes,' +
  ` ${QUORUM_VOTERS_MAX} at most`;

export function isQuorum(input: unknown): boolean {
  if (typeof input !== 'object' || input === null || !('voters' in input)) return false;
  const { voters } = input;
  return (
    Array.isArray(voters) &&
    voters.length % 2 === 1 &&
    voters.length <= QUORUM_VOTERS_MAX &&
    new Set(voters).size === voters.length &&
    // A copy: `every` passes over holes.
    [...voters].every((voter) => typeof voter === 'string' && isNodeName(voter))
  );
}

/** In the order of the names: the same for all who name the same nodes. */
export function votersOf({ voters }: Quorum): Voters {
  return [...voters].sort();
}
