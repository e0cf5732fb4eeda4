/** The replicated store of the greatest tokens: kept on disk where there is one. */
import type { ReplicatedStore, Stores } from '../cluster/ports.ts';
import { decodeTerm, encodeTerm, type TermRecord } from '../core/election/term-record.ts';
import { decodeText, encodeText } from '../core/store/binary-text.ts';
import { FENCES } from '../core/store/hosts.ts';
import { WireError } from '../core/wire/wire-error.ts';
import type { Counter } from '../host/meter.ts';
import { FENCE_KEPT_MS } from '../limits.ts';

/** How long it is remembered that a token was forgotten, at least. */
const TOMBSTONE_MS = 60_000;

export class FenceStore {
  readonly #store: ReplicatedStore;
  readonly #invalid: Counter;

  private constructor(store: ReplicatedStore, invalid: Counter) {
    this.#store = store;
    this.#invalid = invalid;
  }

  /** @throws ERR_STORE */
  static async open(stores: Stores, invalid: Counter): Promise<FenceStore> {
    const rules = { ownership: 'anyone', lifetime: 'own', tombstoneTtlMs: TOMBSTONE_MS } as const;
    return new FenceStore(await stores.open(FENCES, { ...rules, persist: true }), invalid);
  }

  get(name: string): TermRecord | undefined {
    const bytes = this.#store.get(encodeText(name));
    return bytes && this.#read(bytes);
  }

  /**
   * Resolves when it is durable. A later term takes its place; without one it is kept for a week.
   * @throws synchronously ERR_OVERLOADED, ERR_CLOSED; rejects with ERR_STORE.
   */
  put(name: string, term: TermRecord): Promise<void> {
    const key = encodeText(name);
    return this.#store.write([{ key, value: encodeTerm(term), ttlMs: FENCE_KEPT_MS }]);
  }

  /** Called for each token that is kept now. */
  onTerm(listener: (name: string, term: TermRecord) => void): Disposable {
    return this.#store.onChange(({ key, value }) => {
      const term = value && this.#read(value);
      if (term !== undefined) listener(decodeText(key), term);
    });
  }

  #read(bytes: Uint8Array): TermRecord | undefined {
    try {
      return decodeTerm(bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#invalid.value += 1;
      return undefined;
    }
  }
}
