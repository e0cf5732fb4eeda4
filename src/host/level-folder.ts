/**
 * One directory of a durable store for as long as the store is open. Its database comes and goes:
 * it is given up when it fails, and opened anew for the next one who asks. One folder has one owner
 * in a process, because LevelDB's lock of the folder is lost when a second open of it fails.
 */
import { BarrelError } from '../errors.ts';
import {
  type Database,
  isDamage,
  makeStoreDirectory,
  type OpenedDatabase,
  openDatabase,
  openError,
  repairDatabase,
  rootOf,
} from './level-database.ts';

/** Directories that this process has open, by their true names. */
const owned = new Set<string>();

export class LevelFolder {
  readonly #directory: string;
  #wasDamaged = false;
  #current: Database | undefined;
  #opening: Promise<Database> | undefined;
  /** The database before this one has let go of the folder. */
  #released: Promise<void> = Promise.resolve();
  /** To be repaired before it is opened again. */
  #damage: Error | undefined;
  /** Once while it is open, beside a repair at the first open. */
  #mayRepair = true;
  #closed: Promise<void> | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** @throws ERR_STORE. */
  static async open(directory: string): Promise<LevelFolder> {
    const name = await makeStoreDirectory(directory);
    if (owned.has(name)) throw openError(directory, new Error('this process has it open'));
    owned.add(name);
    try {
      const folder = new LevelFolder(name);
      await folder.database();
      return folder;
    } catch (error) {
      owned.delete(name);
      throw error;
    }
  }

  get directory(): string {
    return this.#directory;
  }

  /** Keys may be missing, and old values may have come back. */
  get wasDamaged(): boolean {
    return this.#wasDamaged;
  }

  /** Something was read that shows it. */
  noteDamage(): void {
    this.#wasDamaged = true;
  }

  /** The open database. @throws ERR_STORE, ERR_CLOSED. */
  async database(): Promise<Database> {
    while (this.#closed === undefined) {
      if (this.#current !== undefined) return this.#current;
      this.#opening ??= this.#open();
      await this.#opening;
    }
    throw new BarrelError('ERR_CLOSED', 'the store is closed');
  }

  isCurrent(database: Database): boolean {
    return this.#current === database;
  }

  /**
   * Closes a database that failed: whoever asks next gets a new one, repaired where the error says
   * that it is damaged. False, and nothing is done, when it was repaired before.
   */
  giveUp(database: Database, error: Error): boolean {
    if (this.#current !== database) return true;
    if (isDamage(error)) {
      if (!this.#mayRepair) return false;
      this.#damage = error;
    }
    this.#current = undefined;
    this.#released = this.#release(database);
    // Whoever opens it next is told.
    this.#released.catch(() => {});
    return true;
  }

  /** Nothing is being written any more. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#opening]);
    await this.#released;
    if (this.#current !== undefined) await this.#release(this.#current);
    this.#current = undefined;
    owned.delete(this.#directory);
  }

  async #release(database: Database): Promise<void> {
    try {
      await database.close();
    } catch (error) {
      throw openError(this.#directory, rootOf(error));
    }
  }

  async #open(): Promise<Database> {
    try {
      await this.#released;
      const { database, wasDamaged } = await this.#openOrRepair();
      this.#wasDamaged ||= wasDamaged;
      this.#current = database;
      return database;
    } finally {
      this.#opening = undefined;
    }
  }

  async #openOrRepair(): Promise<OpenedDatabase> {
    const damage = this.#damage;
    if (damage === undefined) return openDatabase(this.#directory);
    const opened = await repairDatabase(this.#directory, damage);
    this.#mayRepair = false;
    this.#damage = undefined;
    return opened;
  }
}
