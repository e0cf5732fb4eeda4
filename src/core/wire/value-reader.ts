/**
 * Reads one value of the users from hostile bytes. Depth and the elements of all its parts are
 * bounded, a count is believed only as far as bytes are there, and no value has two forms.
 */
import { VALUE_DEPTH_MAX, VALUE_ELEMENTS_MAX, VALUE_NUMERIC_KEYS_MAX } from '../../limits.ts';
import type { ByteInput } from './byte-input.ts';
import * as format from './formats.ts';
import { WireError } from './wire-error.ts';

export class ValueReader {
  readonly #in: ByteInput;
  #depth = 0;
  #elementsLeft: number = VALUE_ELEMENTS_MAX;
  #numericKeysLeft: number = VALUE_NUMERIC_KEYS_MAX;

  constructor(input: ByteInput) {
    this.#in = input;
  }

  /** @throws WireError */
  read(): unknown {
    const tag = this.#in.byte();
    const n = this.#in.unsigned(tag) ?? this.#in.negative(tag);
    if (n !== undefined) return n;
    const length = this.#in.stringLength(tag);
    return length === undefined ? this.#other(tag) : this.#in.text(length);
  }

  #other(tag: number): unknown {
    switch (tag) {
      case format.NIL:
        return null;
      case format.FALSE:
        return false;
      case format.TRUE:
        return true;
      case format.FLOAT64:
        return this.#in.float();
      case format.FIXEXT1:
        return this.#undefined();
      default:
        return this.#container(tag);
    }
  }

  #container(tag: number): unknown {
    const fields = this.#in.mapCount(tag);
    if (fields !== undefined) return this.#object(fields);
    const items = this.#in.arrayCount(tag);
    if (items !== undefined) return this.#array(items);
    const bytes = this.#in.bytesLength(tag);
    // A copy: the value outlives the frame.
    if (bytes !== undefined) return new Uint8Array(this.#in.view(bytes));
    return this.#extension(tag);
  }

  #extension(tag: number): unknown {
    const length = this.#in.extensionLength(tag);
    if (length === undefined) throw new WireError('unknown form');
    const type = this.#in.byte();
    if (length > this.#in.left) throw new WireError('cut short');
    const isBig = type === format.EXT_MAP || type === format.EXT_SET;
    if (isBig !== (tag === format.EXT32)) throw new WireError('form of an extension');
    const end = this.#in.at + length;
    const value = this.#extensionBody(type, length);
    if (this.#in.at !== end) throw new WireError('length of an extension');
    return value;
  }

  #extensionBody(type: number, length: number): unknown {
    switch (type) {
      case format.EXT_PID:
        return this.#in.pid(length);
      case format.EXT_BIGINT:
        return this.#in.bigint(length);
      case format.EXT_MAP:
        return this.#map();
      case format.EXT_SET:
        return this.#set();
      case format.EXT_TIMESTAMP:
        return new Date(this.#in.timestamp(length));
      default:
        throw new WireError('unknown extension');
    }
  }

  #undefined(): undefined {
    if (this.#in.byte() !== format.EXT_UNDEFINED || this.#in.byte() !== 0) {
      throw new WireError('unknown extension');
    }
  }

  #array(count: number): unknown[] {
    this.#enter(count, 1);
    const items: unknown[] = [];
    for (let i = 0; i < count; i++) items.push(this.read());
    this.#depth--;
    return items;
  }

  #object(count: number): object {
    this.#enter(count, 2);
    const object: Record<string, unknown> = {};
    for (let i = 0; i < count; i++) {
      const length = this.#in.stringLength(this.#in.byte());
      if (length === undefined) throw new WireError('property name is no string');
      const key = this.#in.name(length);
      if (key === '__proto__') throw new WireError('property __proto__');
      if (key in object) this.#define(object, key);
      else object[key] = this.read();
    }
    this.#depth--;
    return object;
  }

  /** A name that the prototype has too, as `constructor`: made an own property, never assigned. */
  #define(object: object, key: string): void {
    if (Object.hasOwn(object, key)) throw new WireError('property twice');
    const value = this.read();
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }

  #map(): Map<unknown, unknown> {
    const count = this.#in.mapCount(this.#in.byte());
    if (count === undefined) throw new WireError('form of a Map');
    this.#enter(count, 2);
    const map = new Map<unknown, unknown>();
    for (let i = 0; i < count; i++) map.set(this.#key(), this.read());
    if (map.size !== count) throw new WireError('key twice');
    this.#depth--;
    return map;
  }

  #set(): Set<unknown> {
    const count = this.#in.arrayCount(this.#in.byte());
    if (count === undefined) throw new WireError('form of a Set');
    this.#enter(count, 1);
    const set = new Set<unknown>();
    for (let i = 0; i < count; i++) set.add(this.#key());
    if (set.size !== count) throw new WireError('member twice');
    this.#depth--;
    return set;
  }

  /**
   * A Map key or Set member. V8 hashes numbers and bigints without a seed: 60,000 chosen ones fall
   * into one bucket and hold the process for 20 seconds, so few are let in.
   */
  #key(): unknown {
    const key = this.read();
    if (typeof key === 'number' || typeof key === 'bigint') {
      if (--this.#numericKeysLeft < 0) throw new WireError('too many numeric keys');
      if (Object.is(key, -0)) throw new WireError('key -0');
    }
    return key;
  }

  /** An element takes `bytesLeast` bytes or more. */
  #enter(elements: number, bytesLeast: number): void {
    this.#elementsLeft -= elements;
    if (this.#elementsLeft < 0) throw new WireError('too many elements');
    if (elements * bytesLeast > this.#in.left) throw new WireError('cut short');
    if (++this.#depth > VALUE_DEPTH_MAX) throw new WireError('nested too deep');
  }
}
