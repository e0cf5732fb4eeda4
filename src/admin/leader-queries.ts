/**
 * What travels over a control socket about elections. A watch is answered by several lines with one
 * id, until the client hangs up or the node closes: who leads now, and then each change.
 *
 *     {"id":5,"method":"leaders"}
 *     {"id":5,"result":[{"name":"nightly","leader":{"node":"a@host", ...}, ...}]}
 *     {"id":6,"method":"leaderWatch","name":"nightly"}
 *     {"id":6,"event":{"leader":{"node":"a@host","pid":"a@host/7.1","fence":"12"}}}
 *     {"id":6,"event":{"leader":null}}
 *     {"id":6,"result":null}
 */
import { globalNameOf } from '../core/election/global-election.ts';
import { ELECTION_NAME_BYTES_MAX } from '../limits.ts';
import { invalid } from './control-fault.ts';

/** What a client may ask about the elections that the node knows. */
export type LeaderQuery =
  | { readonly method: 'leaders' }
  /** `name`: of the election; of a global name as the answer to `leaders` has it. */
  | { readonly method: 'leaderWatch'; readonly name: string };

/** Who leads. */
export interface LeaderReport {
  readonly node: string;
  readonly pid: string;
  /** Decimal digits: JSON numbers end at 2^53. Null in a watch that the next term overtook. */
  readonly fence: string | null;
}

/** One entry of the answer to `leaders`. */
export interface ElectionReport {
  readonly name: string;
  readonly kind: 'election' | 'globalName';
  /** Null for nobody. */
  readonly leader: LeaderReport | null;
  /** How many nodes stand. */
  readonly candidates: number;
  /** Those of them that would lead first, in that order. */
  readonly firstCandidates: readonly string[];
  /** What stands behind the leader. */
  readonly mode: 'lease' | 'quorum';
}

/** One event of a watch. */
export interface LeaderEventReport {
  /** Null for nobody. */
  readonly leader: LeaderReport | null;
}

/** Undefined for other methods. @throws ERR_VALUE saying what is wrong. */
export function parseLeaderQuery(json: Readonly<Record<string, unknown>>): LeaderQuery | undefined {
  const { method, name } = json;
  if (method === 'leaders') return { method };
  if (method !== 'leaderWatch') return undefined;
  if (!isElectionName(name)) {
    const rule = `1 to ${ELECTION_NAME_BYTES_MAX} bytes`;
    throw invalid(`\`name\` must be the name of an election, ${rule}`);
  }
  return { method, name };
}

function isElectionName(input: unknown): input is string {
  if (typeof input !== 'string') return false;
  const given = globalNameOf(input) ?? input;
  return given !== '' && Buffer.byteLength(given) <= ELECTION_NAME_BYTES_MAX;
}
