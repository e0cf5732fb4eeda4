/** What is said over live links of a rotated key: the statements, and that they were followed. */
import { Reader } from '../core/wire/reader.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { Writer } from '../core/wire/writer.ts';
import { ENDORSEMENTS_MAX } from '../identity/identity-limits.ts';
import { SIGNATURE_BYTES } from '../identity/signature.ts';
import { ENDORSEMENT_BYTES_MAX } from '../limits.ts';

/** Statements that lead to the sender's key, oldest first. */
export const ROTATE = 80;
/** The receiver goes by the key of that statement from now on. */
export const ROTATED = 81;

export interface Rotate {
  /** 1 to 16. */
  readonly endorsements: readonly Uint8Array[];
  /** Of the last statement, by the key that it names: whoever sends it has that key. */
  readonly countersignature: Uint8Array;
}

export function encodeRotate({ endorsements, countersignature }: Rotate): Uint8Array {
  return new Writer()
    .uint(ROTATE)
    .list(endorsements, (w, statement) => w.bytes(statement))
    .bytes(countersignature)
    .take();
}

export function encodeRotated(seq: number): Uint8Array {
  return new Writer().uint(ROTATED).uint(seq).take();
}

/** @throws WireError unless it is 1 to 16 statements, whoever made them. */
export function decodeRotate(frame: Uint8Array): Rotate {
  const reader = new Reader(frame);
  reader.uint();
  const endorsements = reader.list(
    ENDORSEMENTS_MAX,
    (r) => new Uint8Array(r.bytes(ENDORSEMENT_BYTES_MAX)),
  );
  const countersignature = new Uint8Array(reader.bytes(SIGNATURE_BYTES));
  reader.end();
  if (endorsements.length === 0) throw new WireError('a rotation without a statement');
  return { endorsements, countersignature };
}

/** The number of the statement. @throws WireError */
export function decodeRotated(frame: Uint8Array): number {
  const reader = new Reader(frame);
  reader.uint();
  const seq = reader.uint();
  reader.end();
  return seq;
}
