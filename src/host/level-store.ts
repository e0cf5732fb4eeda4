/**
 * The durable store on a real disk: LevelDB behind checksums and a group commit. After a write that
 * failed LevelDB's log may end in half a record, and what it wrote behind that would be lost; so
 * the database is closed then and opened anew, and reads again what was acknowledged.
 */
import { BarrelError } from '../errors.ts';
import { STORE_READ_BYTES, STORE_READ_ITEMS_MAX } from '../limits.ts';
import type {
  DurableStore,
  OpenDurableStore,
  StoredItem,
  StoreOperation,
} from './durable-store.ts';
import { GroupCommit, type SealedBatch } from './group-commit.ts';
import { type Database, isDamage, rootOf } from './level-database.ts';
import { LevelFolder } from './level-folder.ts';
import { unsealValue } from './sealed-value.ts';

type Page = readonly (readonly [key: Uint8Array, sealed: Uint8Array])[];
type Pages = AsyncGenerator<Page, undefined>;
type Bounds = { readonly gte: Uint8Array } | { readonly gt: Uint8Array };

/** Loads LevelDB, on the first call. */
export const openLevelStore: OpenDurableStore = async (directory) =>
  new LevelStore(await LevelFolder.open(directory));

class LevelStore implements DurableStore {
  readonly #folder: LevelFolder;
  readonly #commits: GroupCommit;

  constructor(folder: LevelFolder) {
    this.#folder = folder;
    this.#commits = new GroupCommit({
      write: (group) => this.#write(group),
      soon: (callback) => void setImmediate(callback),
    });
  }

  get wasRepaired(): boolean {
    return this.#folder.wasDamaged;
  }

  get waitingBytes(): number {
    return this.#commits.waitingBytes;
  }

  async *range(prefix: Uint8Array): AsyncGenerator<StoredItem> {
    for await (const item of this.#from(prefix)) {
      if (startsWith(item.key, prefix)) yield item;
      else if (item.kind !== 'damaged') return;
      // A key that is damaged itself may stand anywhere, and LevelDB passes over what it hides.
      else if (mayBegin(item.key, prefix)) this.#folder.noteDamage();
    }
  }

  batch(operations: readonly StoreOperation[]): Promise<void> {
    return this.#commits.submit(operations);
  }

  async close(): Promise<void> {
    await this.#commits.close();
    await this.#folder.close();
  }

  /** All keys from `start` on; goes on behind the last one where the database was given up. */
  async *#from(start: Uint8Array): AsyncGenerator<StoredItem> {
    let bounds: Bounds = { gte: start };
    for (;;) {
      const database = await this.#folder.database();
      const pages = pagesOf(database, bounds);
      try {
        for (let page = await this.#next(database, pages); page !== undefined; ) {
          if (page.length === 0) return;
          for (const [key, sealed] of page) {
            bounds = { gt: key };
            yield unsealValue(key, sealed);
          }
          page = await this.#next(database, pages);
        }
      } finally {
        await pages.return(undefined);
      }
    }
  }

  /** The next entries, none at the end; undefined when another database has to be asked. */
  async #next(database: Database, pages: Pages): Promise<Page | undefined> {
    try {
      const { value } = await pages.next();
      return value ?? [];
    } catch (error) {
      const cause = rootOf(error);
      if (!this.#folder.isCurrent(database)) return undefined;
      if (isDamage(cause) && this.#folder.giveUp(database, cause)) return undefined;
      throw this.#error('read', cause);
    }
  }

  /** Once more after a failure: it may be an old one, of tables that were merged meanwhile. */
  async #write(group: readonly SealedBatch[]): Promise<void> {
    if ((await this.#tryWrite(group)) === undefined) return;
    const failure = await this.#tryWrite(group);
    if (failure !== undefined) throw this.#error('write', failure);
  }

  /** What went wrong. @throws ERR_STORE where there is no database to write to. */
  async #tryWrite(group: readonly SealedBatch[]): Promise<Error | undefined> {
    let database = await this.#folder.database();
    while (!this.#folder.isCurrent(database)) database = await this.#folder.database();
    try {
      await writeAll(database, group);
      return undefined;
    } catch (error) {
      const cause = rootOf(error);
      this.#folder.giveUp(database, cause);
      return cause;
    }
  }

  #error(operation: string, cause: Error): BarrelError {
    const what = `cannot ${operation} the store in ${this.#folder.directory}`;
    return new BarrelError('ERR_STORE', `${what}: ${cause.message}`, { cause });
  }
}

async function* pagesOf(database: Database, bounds: Bounds): Pages {
  const iterator = database.iterator({ ...bounds, highWaterMarkBytes: STORE_READ_BYTES });
  try {
    for (;;) {
      const page = await iterator.nextv(STORE_READ_ITEMS_MAX);
      if (page.length === 0) return;
      yield page;
    }
  } finally {
    await iterator.close();
  }
}

/** As one batch of LevelDB, for which the disk is waited for once. */
async function writeAll(database: Database, group: readonly SealedBatch[]): Promise<void> {
  const batch = database.batch();
  for (const { operations } of group) {
    for (const { key, sealed } of operations) {
      if (sealed === undefined) batch.del(key);
      else batch.put(key, sealed);
    }
  }
  await batch.write({ sync: true });
}

/** True when the key would have that prefix but for one byte. Others are another range's. */
function mayBegin(key: Uint8Array, prefix: Uint8Array): boolean {
  let different = 0;
  for (const [at, byte] of prefix.entries()) if (key[at] !== byte) different += 1;
  return different === 1;
}

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return Buffer.compare(key.subarray(0, prefix.length), prefix) === 0;
}
