/**
 * Writes one value of the users, or refuses it: what arrives is what was sent, so nothing is
 * dropped or changed on the way, and nothing is written that the decoder would refuse.
 *
 * Of an object its own enumerable properties with string keys travel, of an array its items.
 * Holes in arrays and strings with lone surrogates are refused.
 */
import {
  BIGINT_BYTES_MAX,
  VALUE_DEPTH_MAX,
  VALUE_ELEMENTS_MAX,
  VALUE_NUMERIC_KEYS_MAX,
} from '../../limits.ts';
import { isPid } from '../pid.ts';
import type { ByteOutput } from './byte-output.ts';
import { EXT_MAP, EXT_SET, FALSE, NIL, TRUE } from './formats.ts';
import { entryStep, faultWithin, propertyStep, ValueFault } from './value-fault.ts';

const BIGINT_LIMIT = 1n << BigInt(8 * BIGINT_BYTES_MAX);
const LONE_SURROGATE = /\p{Surrogate}/u;

export class ValueWriter {
  readonly #out: ByteOutput;
  readonly #end: number;
  readonly #bytesMax: number;
  #depth = 0;
  #elements = 0;
  #numericKeys = 0;

  /** The value may take `bytesMax` bytes of `out`. */
  constructor(out: ByteOutput, bytesMax: number) {
    this.#out = out;
    this.#end = out.size + bytesMax;
    this.#bytesMax = bytesMax;
  }

  /** @throws ValueFault, with a part of the value in `out`. */
  write(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.#string(value);
        break;
      case 'number':
        this.#number(value);
        break;
      case 'boolean':
        this.#out.byte(value ? TRUE : FALSE);
        break;
      case 'undefined':
        this.#out.undefined();
        break;
      case 'object':
        if (value === null) this.#out.byte(NIL);
        else this.#object(value);
        break;
      case 'bigint':
        this.#bigint(value);
        break;
      default:
        throw new ValueFault(`a ${typeof value} cannot be sent`);
    }
    if (this.#out.size > this.#end) this.#tooLarge();
  }

  #number(n: number): void {
    if (Number.isSafeInteger(n) && (n !== 0 || 1 / n > 0)) this.#out.integer(n);
    else this.#out.float(n);
  }

  #string(text: string): void {
    this.#fits(text.length);
    if (this.#out.string(text) !== text.length && LONE_SURROGATE.test(text)) {
      throw new ValueFault('a string with half a surrogate pair cannot be sent');
    }
  }

  #bigint(n: bigint): void {
    if (n >= BIGINT_LIMIT || n <= -BIGINT_LIMIT) {
      throw new ValueFault(`a bigint of more than ${BIGINT_BYTES_MAX} bytes cannot be sent`);
    }
    this.#out.bigint(n);
  }

  #object(value: object): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) this.#plain(value);
    else if (prototype === Array.prototype && Array.isArray(value)) this.#array(value);
    else if (value instanceof Uint8Array) this.#bytes(value);
    else if (isPid(value)) this.#out.pid(value);
    else if (value instanceof Map && prototype === Map.prototype) this.#map(value);
    else if (value instanceof Set && prototype === Set.prototype) this.#set(value);
    else if (value instanceof Date && prototype === Date.prototype) this.#date(value);
    else throw new ValueFault(`${instanceText(prototype)} cannot be sent`);
  }

  #bytes(bytes: Uint8Array): void {
    this.#fits(bytes.length);
    this.#out.bytes(bytes);
  }

  #date(date: Date): void {
    const ms = date.getTime();
    if (Number.isNaN(ms)) throw new ValueFault('an invalid Date cannot be sent');
    this.#out.timestamp(ms);
  }

  #plain(object: object): void {
    const keys = Object.keys(object);
    this.#enter(keys.length);
    this.#out.map(keys.length);
    let at = '';
    try {
      for (at of keys) {
        if (at === '__proto__') throw new ValueFault('this property name cannot be sent');
        this.#string(at);
        this.write((object as Record<string, unknown>)[at]);
      }
    } catch (error) {
      throw faultWithin(error, propertyStep(at));
    }
    this.#depth--;
  }

  #array(items: readonly unknown[]): void {
    const count = items.length;
    this.#enter(count);
    this.#out.array(count);
    let at = 0;
    try {
      for (; at < count; at++) {
        const item = items[at];
        if (item === undefined && !(at in items)) throw new ValueFault('a hole cannot be sent');
        this.write(item);
      }
    } catch (error) {
      throw faultWithin(error, `[${at}]`);
    }
    this.#depth--;
  }

  #map(map: ReadonlyMap<unknown, unknown>): void {
    const count = map.size;
    this.#enter(count);
    const opened = this.#out.open(EXT_MAP);
    this.#out.map(count);
    let index = 0;
    for (const [key, value] of map) {
      this.#key(key, `.keys()[${index}]`);
      this.#step(value, entryStep(key, index));
      index++;
    }
    if (index !== count) throw new ValueFault('changed while it was read');
    this.#out.close(opened);
    this.#depth--;
  }

  #set(set: ReadonlySet<unknown>): void {
    const count = set.size;
    this.#enter(count);
    const opened = this.#out.open(EXT_SET);
    this.#out.array(count);
    let index = 0;
    for (const member of set) this.#key(member, `.values()[${index++}]`);
    if (index !== count) throw new ValueFault('changed while it was read');
    this.#out.close(opened);
    this.#depth--;
  }

  #key(key: unknown, step: string): void {
    if (typeof key === 'number' || typeof key === 'bigint') this.#numericKeys++;
    // The decoder's bound; it says why.
    if (this.#numericKeys > VALUE_NUMERIC_KEYS_MAX) {
      throw new ValueFault(
        `more than ${VALUE_NUMERIC_KEYS_MAX} numbers as Map keys or Set members cannot be sent`,
      );
    }
    this.#step(key, step);
  }

  #step(value: unknown, step: string): void {
    try {
      this.write(value);
    } catch (error) {
      throw faultWithin(error, step);
    }
  }

  #enter(elements: number): void {
    this.#elements += elements;
    if (this.#elements > VALUE_ELEMENTS_MAX) {
      throw new ValueFault(`more than ${VALUE_ELEMENTS_MAX} elements cannot be sent`);
    }
    if (++this.#depth > VALUE_DEPTH_MAX) {
      throw new ValueFault(`nested deeper than ${VALUE_DEPTH_MAX}, or in itself`);
    }
  }

  /** Stops before something large is copied that cannot fit. */
  #fits(bytes: number): void {
    if (bytes > this.#end - this.#out.size) this.#tooLarge();
  }

  #tooLarge(): never {
    throw new ValueFault(`more than ${this.#bytesMax} bytes cannot be sent`);
  }
}

function instanceText(prototype: unknown): string {
  const { next }: { readonly next?: unknown } = Object(prototype);
  // A method that is a generator answers with one: it was meant to be an async one.
  const isIterator = typeof next === 'function' && Symbol.iterator in Object(prototype);
  if (isIterator) return 'an iterator, unless it is asynchronous,';
  const maker: unknown = (prototype as { readonly constructor?: unknown }).constructor;
  const name = typeof maker === 'function' ? maker.name : '';
  return name === '' ? 'an instance of a class' : `an instance of ${name}`;
}
