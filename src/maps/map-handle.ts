/** One handle to a map: keys and values of the user on one side, bytes of the replica beyond. */
import type { StoreWrite } from '../core/store/contract.ts';
import type { Key } from '../core/wire/key.ts';
import { decodeValue } from '../core/wire/value.ts';
import { BarrelError } from '../errors.ts';
import type { Logger } from '../host/logger.ts';
import {
  MAP_EVENT_BYTES_WAITING_MAX,
  MAP_EVENTS_WAITING_MAX,
  MAP_PUT_ALL_BYTES_MAX,
  MAP_PUT_ALL_MAX,
} from '../limits.ts';
import { type BacklogBounds, type Cancellable, EventSource, type Lagged } from '../observable.ts';
import { abortable } from '../settlement.ts';
import { keyOfText, keyText } from './map-key.ts';
import { checkTtl } from './map-options.ts';
import type { MapEvent, PutOptions, ReplicatedMap } from './maps.ts';
import { closedMap, type MapReplica } from './replicated-map.ts';

/** A reader that reads as fast as it can loses nothing of one `putAll`. */
const WAITING: BacklogBounds = {
  events: MAP_EVENTS_WAITING_MAX,
  bytes: MAP_EVENT_BYTES_WAITING_MAX,
};

export interface MapHandleOptions {
  readonly replica: MapReplica;
  readonly logger: Logger;
  /** Called once. */
  readonly onDispose: () => Promise<void>;
}

export class MapHandle<V> implements ReplicatedMap<V> {
  readonly name: string;
  readonly #replica: MapReplica;
  readonly #onDispose: () => Promise<void>;
  readonly #events: EventSource<MapEvent<V>>;
  /** Events are made for handles that somebody listens to. */
  #listening: Disposable | undefined;
  #disposing: Promise<void> | undefined;

  constructor({ replica, logger, onDispose }: MapHandleOptions) {
    this.name = replica.name;
    this.#replica = replica;
    this.#onDispose = onDispose;
    this.#events = new EventSource(logger, WAITING);
  }

  get size(): number {
    return this.#isDisposed ? 0 : this.#replica.size;
  }

  async put(key: Key, value: V, options: PutOptions = {}): Promise<void> {
    const { signal, ttlMs } = options;
    this.#check(signal);
    checkTtl(ttlMs);
    const write = { key: keyText(key), value: this.#replica.encode(value), ttlMs };
    await this.#write([write], signal);
  }

  async putAll(entries: Iterable<readonly [Key, V]>, { signal }: Cancellable = {}): Promise<void> {
    this.#check(signal);
    const writes = this.#writesOf(entries);
    if (writes.length > 0) await this.#write(writes, signal);
  }

  async remove(key: Key, { signal }: Cancellable = {}): Promise<void> {
    this.#check(signal);
    const text = keyText(key);
    if (!this.#replica.knows(text)) return;
    await this.#write([{ key: text, value: undefined }], signal);
  }

  get(key: Key): V | undefined {
    const bytes = this.#bytesOf(key);
    return bytes === undefined ? undefined : copyFrom(bytes);
  }

  has(key: Key): boolean {
    return this.#bytesOf(key) !== undefined;
  }

  *keys(): Generator<Key> {
    for (const [key] of this.#texts()) yield keyOfText(key);
  }

  *entries(): Generator<[Key, V]> {
    for (const [key, bytes] of this.#texts()) yield [keyOfText(key), copyFrom(bytes)];
  }

  [Symbol.iterator](): Iterator<[Key, V]> {
    return this.entries();
  }

  on<T extends MapEvent<V>['type']>(
    type: T,
    listener: (event: Extract<MapEvent<V>, { type: T }>) => void,
  ): Disposable {
    this.#listen();
    return this.#events.on(type, listener);
  }

  events(options?: Cancellable): AsyncIterable<MapEvent<V> | Lagged> {
    this.#listen();
    return this.#events.events(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= this.#dispose();
    await this.#disposing;
  }

  get #isDisposed(): boolean {
    return this.#disposing !== undefined;
  }

  #dispose(): Promise<void> {
    this.#listening?.[Symbol.dispose]();
    this.#events.end();
    return this.#onDispose();
  }

  #check(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#isDisposed) throw closedMap(this.name);
    this.#replica.checkOpen();
  }

  async #write(writes: readonly StoreWrite[], signal: AbortSignal | undefined): Promise<void> {
    const durable = this.#replica.write(writes);
    // Whoever waits sees a failure; one that gave up waiting has its own reason.
    durable.catch(() => {});
    await abortable(durable, signal);
  }

  #writesOf(entries: Iterable<readonly [Key, V]>): readonly StoreWrite[] {
    const writes = new Map<string, StoreWrite>();
    let count = 0;
    let bytes = 0;
    for (const [key, value] of entries) {
      count += 1;
      if (count > MAP_PUT_ALL_MAX) throw tooMuch(`${MAP_PUT_ALL_MAX} entries`);
      const write = { key: keyText(key), value: this.#replica.encode(value) };
      bytes += write.key.length + write.value.length;
      if (bytes > MAP_PUT_ALL_BYTES_MAX) {
        throw tooMuch(`${MAP_PUT_ALL_BYTES_MAX} bytes of keys and values`);
      }
      writes.set(write.key, write);
    }
    return [...writes.values()];
  }

  #bytesOf(key: Key): Uint8Array | undefined {
    const text = keyText(key);
    return this.#isDisposed ? undefined : this.#replica.get(text);
  }

  *#texts(): Generator<readonly [key: string, bytes: Uint8Array]> {
    if (this.#isDisposed) return;
    for (const entry of this.#replica.entries()) {
      if (this.#isDisposed) return;
      yield entry;
    }
  }

  #listen(): void {
    if (this.#listening !== undefined) return;
    if (this.#isDisposed || this.#replica.isEnded) {
      this.#events.end();
      return;
    }
    this.#listening = this.#replica.listen({
      onChange: (text, bytes) => this.#emit(text, bytes),
      onEnd: () => this.#events.end(),
    });
  }

  #emit(text: string, bytes: Uint8Array | undefined): void {
    const key = keyOfText(text);
    if (bytes === undefined) this.#events.emit({ type: 'remove', key }, text.length);
    else {
      const event = { type: 'put', key, value: copyFrom<V>(bytes) } as const;
      this.#events.emit(event, text.length + bytes.length);
    }
  }
}

function tooMuch(limit: string): BarrelError {
  return new BarrelError('ERR_OVERLOADED', `one \`putAll\` takes at most ${limit}`);
}

/** A copy of its own. The validator has seen to its type, or the user's word stands for it. */
function copyFrom<V>(bytes: Uint8Array): V {
  return decodeValue(bytes) as V;
}
