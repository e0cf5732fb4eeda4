/**
 * A file of lines for many processes, which refuses the lines of a leader whose time is over. It is
 * a folder in which line n is the file `n`: to create a name is what a file system does for exactly
 * one of many. So judging and writing are one step, and nobody holds a lock. A lock in a file would
 * not do here: who finds one cannot know whether its holder is dead, or stands still and will write
 * when it wakes.
 *
 * The guard is kept with the file: the highest fence is that of the last line.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { FenceGuard } from 'barrel-p2p';

const DIGITS = 6;
const NUMBER = /^\d{6}$/;

export class FencedFile {
  #folder;
  #isGuarded;

  /** `isGuarded: false` takes any line, to show what the guard is for. */
  constructor(folder, { isGuarded = true } = {}) {
    this.#folder = folder;
    this.#isGuarded = isGuarded;
  }

  /**
   * Appends a line under the fence of a term; gives its number, or undefined when a higher fence
   * has been here. The line is on disk when this resolves.
   */
  async append(fence, text) {
    const draft = await this.#draft({ fence: fence.toString(), text });
    try {
      for (;;) {
        const { number, highest } = await this.#last();
        if (this.#isGuarded && !new FenceGuard(highest).accept(fence)) return undefined;
        // Between the look and this a newer leader may have written: then the name is taken.
        if (await this.#publish(draft, number + 1)) return number + 1;
      }
    } finally {
      await unlink(draft);
    }
  }

  /** All lines, in order: `{ fence, text }`. */
  async lines() {
    const numbers = await this.#numbers();
    return Promise.all(numbers.map((number) => this.#read(number)));
  }

  /** A whole line under a name of its own, which no reader looks at. */
  async #draft(line) {
    await mkdir(this.#folder, { recursive: true });
    const path = join(this.#folder, `draft-${randomUUID()}`);
    const file = await open(path, 'w');
    await file.writeFile(JSON.stringify(line));
    await file.sync();
    await file.close();
    return path;
  }

  /** False when that line is there already. A link, since a rename would replace it. */
  async #publish(draft, number) {
    try {
      await link(draft, this.#path(number));
    } catch (error) {
      if (error.code === 'EEXIST') return false;
      throw error;
    }
    await syncFolder(this.#folder);
    return true;
  }

  async #last() {
    const number = (await this.#numbers()).at(-1) ?? 0;
    if (number === 0) return { number, highest: 0n };
    const { fence } = await this.#read(number);
    return { number, highest: fence };
  }

  async #numbers() {
    const names = await readdir(this.#folder);
    return names
      .filter((name) => NUMBER.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  }

  async #read(number) {
    const { fence, text } = JSON.parse(await readFile(this.#path(number), 'utf8'));
    return { fence: BigInt(fence), text };
  }

  #path(number) {
    return join(this.#folder, String(number).padStart(DIGITS, '0'));
  }
}

/** The new name is on disk as well. */
async function syncFolder(folder) {
  const handle = await open(folder);
  await handle.sync();
  await handle.close();
}
