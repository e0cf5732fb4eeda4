/** The voters of a name: a fixed, odd number of nodes, of which more than half have to agree. */
import { NODE_NAME_BYTES_MAX, QUORUM_VOTERS_MAX } from '../../limits.ts';
import { isNodeName, type NodeName } from '../names.ts';
import type { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import type { Writer } from '../wire/writer.ts';

/** In the order of their names, without repetition. */
export type Voters = readonly NodeName[];

/** As many as any two groups of so many have one in common. */
export function majorityOf(voters: Voters): number {
  return Math.floor(voters.length / 2) + 1;
}

export function isSameVoters(a: Voters | undefined, b: Voters | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((voter, index) => voter === b[index]);
}

export function writeVoters(writer: Writer, voters: Voters): Writer {
  return writer.list(voters, (w, voter) => w.string(voter));
}

/** @throws WireError for what no candidate can ask for. */
export function readVoters(reader: Reader): Voters {
  const voters = reader.list(QUORUM_VOTERS_MAX, (r) => r.string(NODE_NAME_BYTES_MAX));
  const isSorted = voters.every((voter, i) => i === 0 || (voters[i - 1] ?? '') < voter);
  if (voters.length % 2 === 0 || !isSorted || !voters.every(isNodeName)) {
    throw new WireError('not the voters of a name');
  }
  return voters;
}
