/** How much one replica holds: own writes up to the bounds, what others wrote a quarter above. */
import { BarrelError } from '../../errors.ts';
import {
  SMALL_VALUE_BYTES_MAX,
  STORE_BYTES_MAX,
  STORE_ENTRIES_MAX,
  STORE_KEY_BYTES_MAX,
  STORE_OTHERS_FACTOR,
} from '../../limits.ts';
import type { StoreWrite } from './contract.ts';
import type { Entry } from './entry.ts';
import type { RegisterStore } from './register-store.ts';

export interface RoomOptions {
  /** Of the store. */
  readonly name: string;
  readonly registers: RegisterStore;
  /** @default STORE_ENTRIES_MAX */
  readonly entriesMax?: number | undefined;
  /** @default STORE_BYTES_MAX */
  readonly bytesMax?: number | undefined;
}

export class Room {
  readonly #name: string;
  readonly #registers: RegisterStore;
  readonly #entriesMax: number;
  readonly #bytesMax: number;

  constructor(options: RoomOptions) {
    this.#name = options.name;
    this.#registers = options.registers;
    this.#entriesMax = options.entriesMax ?? STORE_ENTRIES_MAX;
    this.#bytesMax = options.bytesMax ?? STORE_BYTES_MAX;
  }

  /**
   * Of own writes. A store above its bounds, because others filled it, takes what makes it no
   * larger: it can be emptied.
   * @throws ERR_VALUE for a key or value that is too long, ERR_OVERLOADED above a bound.
   */
  check(writes: readonly StoreWrite[]): void {
    for (const { key, value } of writes) this.#checkSize(key, value);
    const { entries, bytes } = this.#growth(writes);
    const isFull =
      (entries > 0 && this.#registers.size + entries > this.#entriesMax) ||
      (bytes > 0 && this.#registers.bytes + bytes > this.#bytesMax);
    if (!isFull) return;
    const room = `${this.#entriesMax} entries and ${this.#bytesMax} bytes`;
    throw new BarrelError('ERR_OVERLOADED', `${this.#name} has room for ${room}`);
  }

  /** Of an entry of another node, in the place of the one that its key has. */
  has(entry: Pick<Entry, 'key' | 'value'>, known: Entry | undefined): boolean {
    const { size, bytes } = this.#registers;
    const isMore = known === undefined && size + 1 > this.#entriesMax * STORE_OTHERS_FACTOR;
    const growth = bytesOf(entry) - bytesOf(known);
    const isLarger = growth > 0 && bytes + growth > this.#bytesMax * STORE_OTHERS_FACTOR;
    return !isMore && !isLarger;
  }

  #checkSize(key: string, value: Uint8Array | undefined): void {
    if (key.length > STORE_KEY_BYTES_MAX) {
      const size = `${key.length} bytes, the limit is ${STORE_KEY_BYTES_MAX}`;
      throw new BarrelError('ERR_VALUE', `a key of ${this.#name} has ${size}`);
    }
    if (value !== undefined && value.length > SMALL_VALUE_BYTES_MAX) {
      const size = `${value.length} bytes, the limit is ${SMALL_VALUE_BYTES_MAX}`;
      throw new BarrelError('ERR_VALUE', `a value of ${this.#name} has ${size}`);
    }
  }

  /** Of a key that is written twice the last write counts. */
  #growth(writes: readonly StoreWrite[]): { readonly entries: number; readonly bytes: number } {
    const last = new Map(writes.map((write) => [write.key, write]));
    let entries = 0;
    let bytes = 0;
    for (const write of last.values()) {
      const known = this.#registers.get(write.key);
      if (known === undefined) entries += 1;
      bytes += bytesOf(write) - bytesOf(known);
    }
    return { entries, bytes };
  }
}

function bytesOf(entry: Pick<Entry, 'key' | 'value'> | undefined): number {
  return entry === undefined ? 0 : entry.key.length + (entry.value?.length ?? 0);
}
