/** A promise as a voter keeps it on disk. */
import { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { readTerm, type TermRecord, writeTerm } from './term-record.ts';
import { readVoters, type Voters, writeVoters } from './voters.ts';

/** To hold nobody else's term for a while, and never one of a lesser token. */
export interface VoteRecord extends TermRecord {
  /** As its candidate named them. */
  readonly voters: Voters;
}

export function encodeVote(promise: VoteRecord): Uint8Array {
  return writeVoters(writeTerm(new Writer(), promise), promise.voters).take();
}

/** @throws WireError */
export function decodeVote(bytes: Uint8Array): VoteRecord {
  const reader = new Reader(bytes);
  const promise = { ...readTerm(reader), voters: readVoters(reader) };
  reader.end();
  return promise;
}
