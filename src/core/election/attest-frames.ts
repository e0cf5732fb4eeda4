/**
 * The two frames by which a node learns that it is held alive: a question with a number, and its
 * answer. Kinds 49 and 50 of the control channel.
 */
import { Reader } from '../wire/reader.ts';
import { WireError } from '../wire/wire-error.ts';
import { Writer } from '../wire/writer.ts';

export interface AttestMessage {
  /** `ask`: do you hold me alive? `attest`: I do. */
  readonly kind: 'ask' | 'attest';
  readonly nonce: number;
}

const ASK = 49;
const ATTEST = 50;

export function isAttestKind(kind: number): boolean {
  return kind === ASK || kind === ATTEST;
}

/** Encodes a message as a whole frame that begins with its kind. */
export function encodeAttest({ kind, nonce }: AttestMessage): Uint8Array {
  return new Writer()
    .uint(kind === 'ask' ? ASK : ATTEST)
    .uint(nonce)
    .take();
}

/** @throws WireError when it is no message of these, or has bytes left. */
export function decodeAttest(frame: Uint8Array): AttestMessage {
  const reader = new Reader(frame);
  const kind = reader.uint();
  if (!isAttestKind(kind)) throw new WireError('no question for a sign of life');
  const nonce = reader.uint();
  reader.end();
  return { kind: kind === ASK ? 'ask' : 'attest', nonce };
}
