/**
 * Values of the users as bytes: a strict subset of MessagePack, with extensions for what JavaScript
 * has beside it. Each value has one form, so equal values of the same insertion order give equal
 * bytes on every node.
 */
import { VALUE_BYTES_MAX } from '../../limits.ts';
import { ByteOutput } from './byte-output.ts';
import { Reader } from './reader.ts';
import { valueError } from './value-fault.ts';
import { ValueWriter } from './value-writer.ts';

let spare: ByteOutput | undefined;

/**
 * Encodes null, undefined, boolean, number, bigint, string, Uint8Array, Date, Map, Set, Pid, and
 * arrays and plain objects of these, in at most `bytesMax` bytes.
 * @throws ERR_VALUE naming the part that cannot be sent.
 */
export function encodeValue(value: unknown, bytesMax: number = VALUE_BYTES_MAX): Uint8Array {
  // Taken while in use: a getter in the value may encode another value.
  const out = spare ?? new ByteOutput();
  // Taken while in use: a getter in the value may encode another one.
  spare = undefined;
  try {
    new ValueWriter(out, bytesMax).write(value);
    return out.takeCopy();
  } catch (error) {
    out.clear();
    throw valueError(error, 'value');
  } finally {
    spare = out;
  }
}

/** The value in `bytes`, sharing no memory with them. @throws WireError */
export function decodeValue(bytes: Uint8Array, bytesMax: number = VALUE_BYTES_MAX): unknown {
  const reader = new Reader(bytes);
  const value = reader.value(bytesMax);
  reader.end();
  return value;
}
