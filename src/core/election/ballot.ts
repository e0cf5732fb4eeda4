/** What candidates and voters say to each other about the terms of a name with a quorum. */
import { ELECTION_KEY_BYTES_MAX } from '../../limits.ts';
import { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';
import { FENCE_TOKEN_MAX, type FenceToken } from './fence-token.ts';
import { readTerm, readToken, type TermRecord, writeTerm } from './term-record.ts';
import { readVoters, type Voters, writeVoters } from './voters.ts';

/** What a voter answers. */
export type Verdict =
  /** It holds no other candidate's term until its promise ends. */
  | { readonly kind: 'granted' }
  /** Not now. `highest`: the greatest token that it gave a promise for; 0 for none. */
  | { readonly kind: 'refused'; readonly highest: FenceToken }
  /** It holds the term of a candidate that has other voters for the name. */
  | { readonly kind: 'conflict' };

export type Ballot =
  /** A candidate asks for the term of that token, or for more time in it. */
  | {
      readonly kind: 'request';
      readonly name: string;
      readonly token: FenceToken;
      readonly voters: Voters;
      /** Comes back with the answer. */
      readonly nonce: number;
    }
  | {
      readonly kind: 'answer';
      readonly name: string;
      readonly token: FenceToken;
      readonly nonce: number;
      readonly verdict: Verdict;
    }
  /** The candidate needs the promise no more. */
  | { readonly kind: 'release'; readonly name: string; readonly token: FenceToken }
  /** A voter that may have forgotten asks another one what it knows. */
  | { readonly kind: 'recall'; readonly name: string }
  /** `isSure`: it has forgotten nothing, or has asked others since. */
  | {
      readonly kind: 'memory';
      readonly name: string;
      readonly isSure: boolean;
      /** Of the greatest token that it gave a promise for, or was told of. */
      readonly term: TermRecord | undefined;
    };

const REQUEST = 72;
const ANSWER = 73;
const RELEASE = 74;
const RECALL = 75;
const MEMORY = 76;

const GRANTED = 0;
const REFUSED = 1;
const CONFLICT = 2;

export function isBallotKind(kind: number): boolean {
  return kind >= REQUEST && kind <= MEMORY;
}

/** Encodes it as a whole frame of the control channel, which begins with its kind. */
export function encodeBallot(ballot: Ballot): Uint8Array {
  const { name } = ballot;
  switch (ballot.kind) {
    case 'request': {
      const writer = begin(REQUEST, name).big(ballot.token).uint(ballot.nonce);
      return writeVoters(writer, ballot.voters).take();
    }
    case 'answer': {
      const writer = begin(ANSWER, name).big(ballot.token).uint(ballot.nonce);
      return writeVerdict(writer, ballot.verdict).take();
    }
    case 'release':
      return begin(RELEASE, name).big(ballot.token).take();
    case 'recall':
      return begin(RECALL, name).take();
    case 'memory':
      return begin(MEMORY, name).bool(ballot.isSure).optional(ballot.term, writeTerm).take();
  }
}

/** @throws WireError when it is none, or has bytes left. */
export function decodeBallot(frame: Uint8Array): Ballot {
  const reader = new Reader(frame);
  const kind = reader.uint();
  const name = reader.string(ELECTION_KEY_BYTES_MAX);
  if (name === '') throw new WireError('an election without a name');
  const ballot = readBallot(reader, kind, name);
  reader.end();
  return ballot;
}

function readBallot(reader: Reader, kind: number, name: string): Ballot {
  switch (kind) {
    case REQUEST: {
      const [token, nonce] = [readToken(reader), reader.uint()];
      return { kind: 'request', name, token, nonce, voters: readVoters(reader) };
    }
    case ANSWER: {
      const [token, nonce] = [readToken(reader), reader.uint()];
      return { kind: 'answer', name, token, nonce, verdict: readVerdict(reader) };
    }
    case RELEASE:
      return { kind: 'release', name, token: readToken(reader) };
    case RECALL:
      return { kind: 'recall', name };
    case MEMORY:
      return { kind: 'memory', name, isSure: reader.bool(), term: reader.optional(readTerm) };
    default:
      throw new WireError('no ballot');
  }
}

function begin(kind: number, name: string): Writer {
  return new Writer().uint(kind).string(name);
}

function writeVerdict(writer: Writer, verdict: Verdict): Writer {
  switch (verdict.kind) {
    case 'granted':
      return writer.uint(GRANTED);
    case 'refused':
      return writer.uint(REFUSED).big(verdict.highest);
    case 'conflict':
      return writer.uint(CONFLICT);
  }
}

function readVerdict(reader: Reader): Verdict {
  switch (reader.uint(CONFLICT)) {
    case GRANTED:
      return { kind: 'granted' };
    case REFUSED:
      return { kind: 'refused', highest: readHighest(reader) };
    default:
      return { kind: 'conflict' };
  }
}

function readHighest(reader: Reader): FenceToken {
  const highest = reader.big();
  if (highest > FENCE_TOKEN_MAX) throw new WireError('not a token of a term');
  return highest;
}
