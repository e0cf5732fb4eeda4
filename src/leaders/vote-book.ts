/** Where a voter keeps its promises: keys of the node's durable store. */
import { decodeVote, encodeVote, type VoteRecord } from '../core/election/vote-record.ts';
import { WireError } from '../core/wire/wire-error.ts';
import type { DurableStore, StoredItem } from '../host/durable-store.ts';
import type { Logger } from '../host/logger.ts';

/** No store of a cluster has a name that begins so. */
const PREFIX = new TextEncoder().encode('vote\0');
/** The name of no election: stands when some promises are lost, for as long as the directory. */
const LOST = '';

export class VoteBook {
  readonly #store: DurableStore;
  readonly #logger: Logger;

  constructor(store: DurableStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /**
   * All promises; undefined when some may be missing, now and at every later start: then what is
   * there says nothing of the rest. @throws ERR_STORE
   */
  async load(): Promise<readonly (readonly [string, VoteRecord])[] | undefined> {
    const promises: (readonly [string, VoteRecord])[] = [];
    let isWhole = true;
    for await (const item of this.#store.range(PREFIX)) {
      const record = recordOf(item);
      if (record === undefined) isWhole = false;
      else promises.push([nameOf(item.key), record]);
    }
    if (isWhole && !this.#store.wasRepaired) return promises;
    this.#logger.warn('promises of this voter are damaged: from now on it asks the other voters');
    await this.#store.batch([{ key: keyOf(LOST), value: new Uint8Array() }]);
    return undefined;
  }

  /** Resolves when it is durable. @throws ERR_STORE, ERR_OVERLOADED, ERR_CLOSED. */
  keep(name: string, record: VoteRecord): Promise<void> {
    return this.#store.batch([{ key: keyOf(name), value: encodeVote(record) }]);
  }

  /** @throws as `keep` */
  forget(name: string): Promise<void> {
    return this.#store.batch([{ key: keyOf(name), value: undefined }]);
  }
}

function keyOf(name: string): Uint8Array {
  const text = new TextEncoder().encode(name);
  const key = new Uint8Array(PREFIX.length + text.length);
  key.set(PREFIX);
  key.set(text, PREFIX.length);
  return key;
}

function nameOf(key: Uint8Array): string {
  return new TextDecoder().decode(key.subarray(PREFIX.length));
}

/** Undefined for what is damaged, and for the word that something is lost. */
function recordOf(item: StoredItem): VoteRecord | undefined {
  if (item.kind === 'damaged') return undefined;
  try {
    return decodeVote(item.value);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return undefined;
  }
}
