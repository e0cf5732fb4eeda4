/**
 * This node's replica of one map: the store below has the bytes, and this judges them. What is no
 * entry, because its bytes are broken or the validator refuses its value, is hidden. Each value is
 * judged once, when it comes (those kept on disk: when the map is opened), and the keys of the
 * hidden ones are remembered, so that reads cost no validation.
 */
import type { ReplicatedStore } from '../cluster/ports.ts';
import type { StoreChange, StoreWrite } from '../core/store/contract.ts';
import { decodeValue, encodeValue } from '../core/wire/value.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { BarrelError } from '../errors.ts';
import type { Logger } from '../host/logger.ts';
import type { Counter } from '../host/meter.ts';
import { SMALL_VALUE_BYTES_MAX } from '../limits.ts';
import type { Judge } from '../standard-schema.ts';
import { keyOfText } from './map-key.ts';

export interface MapReplicaOptions {
  readonly name: string;
  readonly store: ReplicatedStore;
  /** Undefined: every value is fine. */
  readonly judge: Judge | undefined;
  readonly logger: Logger;
  /** Counts values that were hidden. */
  readonly hidden: Counter;
}

/** A handle, to be told of visible changes. */
export interface MapListener {
  /** Undefined bytes: there is no value any more. */
  onChange(key: string, bytes: Uint8Array | undefined): void;
  /** Nothing follows. */
  onEnd(): void;
}

export class MapReplica {
  readonly name: string;
  readonly #options: MapReplicaOptions;
  readonly #store: ReplicatedStore;
  readonly #hidden = new Set<string>();
  readonly #listeners = new Set<MapListener>();
  readonly #changes: Disposable;
  /** Values that this node is writing now: they are judged already. */
  #ownValues: ReadonlySet<Uint8Array> = new Set();
  readonly #untold: { readonly key: string; readonly bytes: Uint8Array | undefined }[] = [];
  #isTelling = false;
  #hasWarned = false;
  #isEnded = false;

  constructor(options: MapReplicaOptions) {
    const { name, store } = options;
    this.name = name;
    this.#options = options;
    this.#store = store;
    for (const [key, bytes] of store.entries()) {
      if (!this.#isEntry(key, bytes)) this.#hide(key);
    }
    this.#changes = store.onChange((change) => this.#onChange(change));
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get size(): number {
    return this.#isEnded ? 0 : this.#store.size - this.#hidden.size;
  }

  /** Of a visible entry. */
  get(key: string): Uint8Array | undefined {
    return this.#isEnded || this.#hidden.has(key) ? undefined : this.#store.get(key);
  }

  /** Visible entries. */
  *entries(): Generator<readonly [key: string, bytes: Uint8Array]> {
    if (this.#isEnded) return;
    for (const entry of this.#store.entries()) {
      if (this.#isEnded) return;
      if (!this.#hidden.has(entry[0])) yield entry;
    }
  }

  /** Whether there is anything to remove, hidden values included. */
  knows(key: string): boolean {
    return this.#store.get(key) !== undefined;
  }

  /**
   * The bytes of a value that this node may write.
   * @throws ERR_VALUE, ERR_INVALID_VALUE, ERR_OPTION (an asynchronous validator).
   */
  encode(value: unknown): Uint8Array {
    const bytes = encodeValue(value, SMALL_VALUE_BYTES_MAX);
    const { judge } = this.#options;
    if (judge === undefined) return bytes;
    // Judged is what everybody will read: a copy, in which nothing can be changed later.
    const verdict = judge(decodeValue(bytes));
    const what = `map ${JSON.stringify(this.name)}`;
    switch (verdict.kind) {
      case 'accepted':
        return bytes;
      case 'refused': {
        const { why, ...details } = verdict;
        throw new BarrelError('ERR_INVALID_VALUE', `${what} refuses the value: ${why}`, details);
      }
      case 'asynchronous':
        throw new BarrelError('ERR_OPTION', `${what}: its \`validator\` must not be asynchronous`);
    }
  }

  /** @throws as `ReplicatedStore.write`. Values come from `encode`. */
  async write(writes: readonly StoreWrite[]): Promise<void> {
    this.checkOpen();
    const before = this.#ownValues;
    this.#ownValues = new Set(writes.flatMap(({ value }) => value ?? []));
    let durable: Promise<void>;
    try {
      durable = this.#store.write(writes);
    } finally {
      // A listener may have written from within.
      this.#ownValues = before;
    }
    await durable;
  }

  listen(listener: MapListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** @throws ERR_CLOSED after the end. */
  checkOpen(): void {
    if (this.#isEnded) throw closedMap(this.name);
  }

  /** Reads find nothing from now on, writes fail; the store is its owner's to close. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#changes[Symbol.dispose]();
    for (const listener of [...this.#listeners]) listener.onEnd();
    this.#listeners.clear();
  }

  #onChange({ key, value, previous }: StoreChange): void {
    const wasVisible = previous !== undefined && !this.#hidden.has(key);
    this.#hidden.delete(key);
    const isVisible = value !== undefined && this.#isEntry(key, value);
    if (value !== undefined && !isVisible) this.#hide(key);
    if (isVisible ? wasVisible && equalBytes(previous, value) : !wasVisible) return;
    this.#untold.push({ key, bytes: isVisible ? value : undefined });
    this.#tell();
  }

  /** A listener that writes makes further changes: all listeners get them in their order. */
  #tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) {
      for (const listener of [...this.#listeners]) listener.onChange(next.key, next.bytes);
    }
    this.#isTelling = false;
  }

  #isEntry(key: string, bytes: Uint8Array): boolean {
    if (this.#ownValues.has(bytes)) return true;
    try {
      keyOfText(key);
      const decoded = decodeValue(bytes, SMALL_VALUE_BYTES_MAX);
      const verdict = this.#options.judge?.(decoded);
      if (verdict?.kind === 'asynchronous') this.#warn();
      return verdict === undefined || verdict.kind === 'accepted';
    } catch (error) {
      if (error instanceof WireError) return false;
      throw error;
    }
  }

  #hide(key: string): void {
    this.#hidden.add(key);
    this.#options.hidden.value += 1;
  }

  #warn(): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const fields = { map: this.name };
    this.#options.logger.error('the validator of a map is asynchronous: it hides all', fields);
  }
}

export function closedMap(name: string): BarrelError {
  return new BarrelError('ERR_CLOSED', `map ${JSON.stringify(name)} is closed`);
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}
