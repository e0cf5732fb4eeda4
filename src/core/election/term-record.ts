/**
 * The greatest token of a name as the replicated store of fences holds it. It names its holder: who
 * wrote it down last need not be the one.
 */
import { NODE_NAME_BYTES_MAX } from '../../limits.ts';
import { isNodeName } from '../names.ts';
import { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';
import { FENCE_TOKEN_MAX, type FenceToken, type TermHolder } from './fence-token.ts';

export interface TermRecord extends TermHolder {
  readonly token: FenceToken;
}

export function encodeTerm(term: TermRecord): Uint8Array {
  return writeTerm(new Writer(), term).take();
}

export function writeTerm(writer: Writer, { token, node, incarnation }: TermRecord): Writer {
  return writer.big(token).string(node).big(incarnation);
}

/** @throws WireError */
export function decodeTerm(bytes: Uint8Array): TermRecord {
  const reader = new Reader(bytes);
  const term = readTerm(reader);
  reader.end();
  return term;
}

/** @throws WireError */
export function readTerm(reader: Reader): TermRecord {
  const token = readToken(reader);
  const node = reader.string(NODE_NAME_BYTES_MAX);
  const incarnation = reader.big();
  if (!isNodeName(node)) throw new WireError('not the name of a node');
  return { token, node, incarnation };
}

/** @throws WireError */
export function readToken(reader: Reader): FenceToken {
  const token = reader.big();
  if (token === 0n || token > FENCE_TOKEN_MAX) throw new WireError('not a token of a term');
  return token;
}
