/**
 * A ledger that many processes write, in which each occurrence of a reminder stands once, however
 * often it is handled. It is a folder in which an entry is a file whose name is made of key and
 * fence: to create a name is what a file system does for exactly one of many. So looking and
 * writing are one step, nobody holds a lock, and a process that is killed leaves an entry whole or
 * none.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const ENTRY = /^entry-/;

export class Ledger {
  #folder;
  #isBlind;

  /** `isBlind: true` takes every entry, to show what the fence is for. */
  constructor(folder, { isBlind = false } = {}) {
    this.#folder = folder;
    this.#isBlind = isBlind;
  }

  /**
   * Enters what was done for an occurrence; false when it stands there already. The entry is on
   * disk when this resolves.
   */
  async enter({ key, fence, ...facts }) {
    await mkdir(this.#folder, { recursive: true });
    const draft = join(this.#folder, `draft-${randomUUID()}`);
    await writeWhole(draft, JSON.stringify({ key, fence: fence.toString(), ...facts }));
    try {
      await link(draft, join(this.#folder, this.#nameOf(key, fence)));
    } catch (error) {
      if (error.code === 'EEXIST') return false;
      throw error;
    } finally {
      await unlink(draft);
    }
    await syncFolder(this.#folder);
    return true;
  }

  /** All entries, in no order. */
  async entries() {
    const names = await readdir(this.#folder).catch(() => []);
    return Promise.all(
      names
        .filter((name) => ENTRY.test(name))
        .map(async (name) => JSON.parse(await readFile(join(this.#folder, name), 'utf8'))),
    );
  }

  #nameOf(key, fence) {
    const words = Buffer.from(JSON.stringify(key)).toString('base64url');
    return `entry-${words}-${this.#isBlind ? randomUUID() : fence}`;
  }
}

async function writeWhole(path, text) {
  const file = await open(path, 'w');
  await file.writeFile(text);
  await file.sync();
  await file.close();
}

/** The new name is on disk as well. */
async function syncFolder(folder) {
  const handle = await open(folder);
  await handle.sync();
  await handle.close();
}
