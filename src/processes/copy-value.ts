/**
 * Isolation between processes of one node: a message is copied, by the rules of the wire, so that
 * a local receiver sees exactly what a remote one would, and shares no memory with the sender.
 *
 * The common kinds of values are copied directly, which is several times faster than encoding.
 * Whatever is rare or near a bound takes the way of the wire, which also gives the exact error.
 */
import { isPid } from '../core/pid.ts';
import { decodeValue, encodeValue } from '../core/wire/value.ts';
import { VALUE_BYTES_MAX, VALUE_DEPTH_MAX } from '../limits.ts';
import type { Value } from './processes.ts';

/** Most bytes that the fixed part of any item takes. */
const ITEM_BYTES_MAX = 9;
const UTF8_BYTES_PER_CHAR_MAX = 3;
/** Larger ones are left to the encoder, which knows their bound. */
const BIGINT_FAST_MAX = 2n ** 63n;

/** `isWellFormed` is in every supported Node; the compiler's library does not know it yet. */
interface MaybeWellFormed {
  isWellFormed(): boolean;
}

/** A copy, and about what it takes: as much as its encoded form. */
export interface SizedCopy {
  readonly value: Value;
  readonly bytes: number;
}

/** A copy of the value. @throws ERR_VALUE for what could not be sent to another node. */
export function copyValue(value: Value): Value {
  return isAtom(value) ? value : copySized(value).value;
}

/** As `copyValue`, with the size of the copy. */
export function copySized(value: Value): SizedCopy {
  if (isAtom(value)) return { value, bytes: ITEM_BYTES_MAX };
  const copier = new Copier();
  const copy = copier.copy(value, VALUE_DEPTH_MAX);
  if (copier.isExact) return { value: copy, bytes: copier.bytes };
  const encoded = encodeValue(value);
  return { value: decodeValue(encoded), bytes: encoded.byteLength };
}

/** What needs no copy. */
function isAtom(value: Value): boolean {
  switch (typeof value) {
    case 'number':
    case 'boolean':
    case 'undefined':
      return true;
    default:
      return value === null || isPid(value);
  }
}

class Copier {
  /** False when a part was met that only the wire can judge; the copy is worthless then. */
  isExact = true;
  #bytesLeft = VALUE_BYTES_MAX;
  #chars = 0;

  /** Of what was copied: a character, of which most are short, counts as one. */
  get bytes(): number {
    return VALUE_BYTES_MAX - this.#bytesLeft - (UTF8_BYTES_PER_CHAR_MAX - 1) * this.#chars;
  }

  copy(value: unknown, depthLeft: number): unknown {
    this.#bytesLeft -= ITEM_BYTES_MAX;
    if (this.#bytesLeft < 0) return this.#giveUp();
    switch (typeof value) {
      case 'string':
        return this.#string(value);
      case 'number':
      case 'boolean':
      case 'undefined':
        return value;
      case 'object':
        return value === null ? value : this.#object(value, depthLeft);
      case 'bigint':
        if (value < BIGINT_FAST_MAX && value > -BIGINT_FAST_MAX) return value;
        return this.#giveUp();
      default:
        return this.#giveUp();
    }
  }

  #string(text: string): string {
    this.#chars += text.length;
    this.#bytesLeft -= UTF8_BYTES_PER_CHAR_MAX * text.length;
    if (this.#bytesLeft < 0 || !(text as unknown as MaybeWellFormed).isWellFormed()) this.#giveUp();
    return text;
  }

  #object(value: object, depthLeft: number): unknown {
    if (depthLeft === 0) return this.#giveUp();
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return this.#plain(value, depthLeft);
    if (prototype === Array.prototype && Array.isArray(value)) return this.#array(value, depthLeft);
    if (isPid(value)) return this.#pid(value);
    if (value instanceof Uint8Array) return this.#bytes(value);
    return this.#giveUp();
  }

  #plain(value: object, depthLeft: number): object {
    const copy: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      this.#string(key);
      if (key === '__proto__') this.#giveUp();
      else copy[key] = this.copy((value as Record<string, unknown>)[key], depthLeft - 1);
      if (!this.isExact) break;
    }
    return copy;
  }

  #array(items: readonly unknown[], depthLeft: number): unknown[] {
    const copy: unknown[] = [];
    for (let index = 0; index < items.length && this.isExact; index += 1) {
      const item = items[index];
      if (item === undefined && !(index in items)) this.#giveUp();
      else copy.push(this.copy(item, depthLeft - 1));
    }
    return copy;
  }

  #pid(pid: { readonly node: string }): unknown {
    this.#bytesLeft -= pid.node.length + 3 * ITEM_BYTES_MAX;
    return pid;
  }

  #bytes(bytes: Uint8Array): Uint8Array {
    this.#bytesLeft -= bytes.length;
    if (this.#bytesLeft < 0) this.#giveUp();
    return this.isExact ? new Uint8Array(bytes) : bytes;
  }

  #giveUp(): undefined {
    this.isExact = false;
  }
}
