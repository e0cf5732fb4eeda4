/**
 * Keys: what names a map entry, a reminder or a place. Compared by value through their bytes,
 * which are the same on every node. The order of the bytes means nothing.
 */
import { KEY_BYTES_MAX, KEY_DEPTH_MAX } from '../../limits.ts';
import { isPid, type Pid } from '../pid.ts';
import { ByteOutput } from './byte-output.ts';
import { decodeValue } from './value.ts';
import { faultWithin, ValueFault, valueError } from './value-fault.ts';
import { ValueWriter } from './value-writer.ts';
import { WireError } from './wire-error.ts';

/** NaN is refused, -0 is 0, 1 and 1n differ. */
export type Key = string | number | bigint | boolean | Uint8Array | Pid | readonly Key[];

interface Sink {
  readonly out: ByteOutput;
  /** Gets single values only, which leave nothing behind in it. */
  readonly values: ValueWriter;
}

/** Undefined while it is in use. */
let spare: Sink | undefined;

/**
 * The bytes of a key, at most 1,024.
 * @throws ERR_VALUE when it is no key, too long, or its arrays nest deeper than 16.
 */
export function encodeKey(key: Key): Uint8Array {
  return readKeyBytes(key, copyOf);
}

/**
 * What `read` returns of the key's bytes, a view that is valid during the call: for what is done
 * millions of times a second.
 * @throws as `encodeKey`.
 */
export function readKeyBytes<T>(key: Key, read: (bytes: Uint8Array) => T): T {
  const sink = spare ?? newSink();
  spare = undefined;
  try {
    writeChecked(sink, key);
    return read(sink.out.view());
  } finally {
    sink.out.clear();
    spare = sink;
  }
}

function newSink(): Sink {
  const out = new ByteOutput();
  return { out, values: new ValueWriter(out, KEY_BYTES_MAX) };
}

function writeChecked(sink: Sink, key: Key): void {
  try {
    writeKey(sink, key, 0);
  } catch (error) {
    throw valueError(error, 'key');
  }
}

function copyOf(bytes: Uint8Array): Uint8Array {
  return bytes.slice();
}

/** The key that has these bytes and no others. @throws WireError */
export function decodeKey(bytes: Uint8Array): Key {
  if (bytes.length > KEY_BYTES_MAX) throw new WireError('key above its bound');
  const key = decodeValue(bytes);
  if (!isKey(key, 0)) throw new WireError('not a key');
  return key;
}

function writeKey(sink: Sink, key: unknown, depth: number): void {
  // Most keys are texts and numbers: asking for their type costs least.
  if (typeof key === 'object' && Array.isArray(key)) writeArray(sink, key, depth);
  else if (isScalar(key)) sink.values.write(key === 0 ? 0 : key);
  else throw new ValueFault('this is no part of a key');
}

function writeArray(sink: Sink, keys: readonly unknown[], depth: number): void {
  if (depth === KEY_DEPTH_MAX) throw new ValueFault(`nested deeper than ${KEY_DEPTH_MAX}`);
  const count = keys.length;
  sink.out.array(count);
  // Each header counts, so that arrays in arrays end before they multiply.
  if (sink.out.size + count > KEY_BYTES_MAX) {
    throw new ValueFault(`more than ${KEY_BYTES_MAX} bytes cannot be sent`);
  }
  for (let i = 0; i < count; i++) {
    try {
      writeKey(sink, keys[i], depth + 1);
    } catch (error) {
      throw faultWithin(error, `[${i}]`);
    }
  }
}

function isKey(value: unknown, depth: number): value is Key {
  if (!Array.isArray(value)) return isScalar(value) && !Object.is(value, -0);
  return depth < KEY_DEPTH_MAX && value.every((item) => isKey(item, depth + 1));
}

function isScalar(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'bigint':
    case 'boolean':
      return true;
    case 'number':
      return !Number.isNaN(value);
    default:
      return value instanceof Uint8Array || isPid(value);
  }
}
