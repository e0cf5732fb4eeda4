/** A candidacy as the replicated store of candidates holds it: positional fields. */
import { ELECTION_PRIORITY_MAX } from '../../limits.ts';
import { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';
import type { Candidate } from './candidate.ts';
import { readToken } from './term-record.ts';
import { readVoters, writeVoters } from './voters.ts';

export function encodeCandidate(candidate: Candidate): Uint8Array {
  const { priority, isSticky, serial, voters, term } = candidate;
  const writer = new Writer()
    .bool(priority < 0)
    .uint(Math.abs(priority))
    .bool(isSticky);
  return writer
    .uint(serial)
    .optional(voters, writeVoters)
    .optional(term, (w, token) => w.big(token))
    .take();
}

/** @throws WireError */
export function decodeCandidate(bytes: Uint8Array): Candidate {
  const reader = new Reader(bytes);
  const isNegative = reader.bool();
  const magnitude = reader.uint(ELECTION_PRIORITY_MAX);
  const isSticky = reader.bool();
  const serial = reader.uint();
  const voters = reader.optional(readVoters);
  const term = reader.optional(readToken);
  reader.end();
  if (serial === 0) throw new WireError('a candidate is a process, not a node');
  if (isNegative && magnitude === 0) throw new WireError('a number with two forms');
  return { priority: isNegative ? -magnitude : magnitude, isSticky, serial, voters, term };
}
