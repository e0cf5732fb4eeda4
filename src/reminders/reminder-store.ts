/** The replicated store of all reminders: hosted by every node, kept on disk where there is one. */
import type { SavedStore, SavedStores } from '../cluster/ports.ts';
import type { ReminderWrite } from '../core/schedule/contract.ts';
import type { ReminderRecord } from '../core/schedule/record.ts';
import { decodeRecord, encodeRecord, isClaimedValue } from '../core/schedule/record-codec.ts';
import { readReminderId } from '../core/schedule/reminder-id.ts';
import { REMINDERS } from '../core/store/hosts.ts';
import { WireError } from '../core/wire/wire-error.ts';
import type { Counter } from '../host/meter.ts';

/**
 * How long it is remembered that a reminder is over, at least: as long as a broadcast of it may
 * still be on its way. Until all who keep reminders have heard of it, it is remembered anyway.
 */
const TOMBSTONE_MS = 300_000;

/** What happens to one reminder in the store. */
export type ReminderChange =
  | { readonly kind: 'stored'; readonly id: string; readonly isClaimed: boolean }
  | { readonly kind: 'removed'; readonly id: string };

/** What the store has, was seen to have, and waits for. */
export class ReminderStore {
  readonly #store: SavedStore;
  readonly #invalid: Counter;
  readonly #waiting = new Map<string, Set<() => void>>();

  private constructor(store: SavedStore, invalid: Counter) {
    this.#store = store;
    this.#invalid = invalid;
    store.onChange(({ key }) => {
      for (const look of [...(this.#waiting.get(key) ?? [])]) look();
    });
  }

  /** @throws ERR_STORE when it cannot be read from disk. */
  static async open(stores: SavedStores, invalid: Counter): Promise<ReminderStore> {
    const rules = { ownership: 'anyone', lifetime: 'own', order: 'rank' } as const;
    const options = { ...rules, persist: true, tombstoneTtlMs: TOMBSTONE_MS };
    return new ReminderStore(await stores.open(REMINDERS, options), invalid);
  }

  get isEmpty(): boolean {
    return this.#store.size === 0;
  }

  /** Undefined for none, and for bytes that are no record. */
  read(id: string): ReminderRecord | undefined {
    const bytes = this.#store.get(id);
    return bytes && this.#meant(() => decodeRecord(bytes));
  }

  has(id: string): boolean {
    return this.#store.get(id) !== undefined;
  }

  /** All that it has. */
  *changes(): IterableIterator<ReminderChange> {
    for (const [id, value] of this.#store.entries()) {
      const change = this.#change(id, value);
      if (change !== undefined) yield change;
    }
  }

  /**
   * Resolves when they are durable here.
   * @throws synchronously ERR_OVERLOADED, ERR_CLOSED; rejects with ERR_STORE.
   */
  write(writes: readonly ReminderWrite[]): Promise<void> {
    return this.#store.write(
      writes.map(({ id, record }) => ({ key: id, value: record && encodeRecord(record) })),
    );
  }

  /** Called for each change, own ones included, after the store has it. */
  onChange(listener: (change: ReminderChange) => void): Disposable {
    return this.#store.onChange(({ key, value }) => {
      const change = this.#change(key, value);
      if (change !== undefined) listener(change);
    });
  }

  /** Resolves when all that it has by now is durable here. @throws ERR_STORE */
  saved(): Promise<void> {
    return this.#store.saved();
  }

  /** Calls `look` at each change under that id, until disposed. */
  watch(id: string, look: () => void): Disposable {
    const looks = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, looks.add(look));
    return {
      [Symbol.dispose]: () => {
        looks.delete(look);
        if (looks.size === 0 && this.#waiting.get(id) === looks) this.#waiting.delete(id);
      },
    };
  }

  #change(id: string, value: Uint8Array | undefined): ReminderChange | undefined {
    if (value === undefined) return { kind: 'removed', id };
    if (this.#meant(() => readReminderId(id)) === undefined) return undefined;
    return { kind: 'stored', id, isClaimed: isClaimedValue(value) };
  }

  /** What another node wrote may make no sense: it is counted and passed over. */
  #meant<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#invalid.value += 1;
      return undefined;
    }
  }
}
