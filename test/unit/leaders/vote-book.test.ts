/** Promises of a voter on a simulated disk: over a crash, and where the disk is damaged. */
import { describe, expect, test } from 'vitest';
import type { VoteRecord } from '../../../src/core/election/vote-record.ts';
import type { DurableStore, StoredItem } from '../../../src/host/durable-store.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { VoteBook } from '../../../src/leaders/vote-book.ts';

const PROMISE: VoteRecord = { token: 5n, node: 'x@t', incarnation: 3n, voters: ['a@t'] };
const LATER: VoteRecord = { ...PROMISE, token: 6n };

/** A disk of which the test damages what it wants. */
class PlayedStore implements DurableStore {
  wasRepaired = false;
  readonly waitingBytes = 0;
  readonly values = new Map<string, Uint8Array>();
  readonly damaged = new Set<string>();

  async *range(prefix: Uint8Array): AsyncIterable<StoredItem> {
    const start = Buffer.from(prefix).toString('latin1');
    for (const [name, value] of this.values) {
      const key = Buffer.from(name, 'latin1');
      if (!name.startsWith(start)) continue;
      if (this.damaged.has(name)) yield { kind: 'damaged', key };
      else yield { kind: 'value', key, value };
    }
  }

  async batch(operations: Parameters<DurableStore['batch']>[0]): Promise<void> {
    for (const { key, value } of operations) {
      const name = Buffer.from(key).toString('latin1');
      if (value === undefined) this.values.delete(name);
      else this.values.set(name, value);
    }
  }

  async close(): Promise<void> {}
}

function bookOn(store: DurableStore): VoteBook {
  return new VoteBook(store, silentLogger);
}

describe('a book of promises', () => {
  test('has what was kept last of each name, and not what was forgotten', async () => {
    const store = new PlayedStore();
    const book = bookOn(store);
    expect(await book.load()).toEqual([]);
    await book.keep('nightly', PROMISE);
    await book.keep('näme\0 2', PROMISE);
    await book.keep('nightly', LATER);
    await book.keep('old', PROMISE);
    await book.forget('old');
    const promises = await bookOn(store).load();
    expect(new Map(promises)).toEqual(
      new Map([
        ['nightly', LATER],
        ['näme\0 2', PROMISE],
      ]),
    );
  });

  test('leaves other keys of the store alone', async () => {
    const store = new PlayedStore();
    store.values.set('clock', Uint8Array.of(1));
    await bookOn(store).keep('nightly', PROMISE);
    expect(await bookOn(store).load()).toEqual([['nightly', PROMISE]]);
  });

  test.each(['a damaged promise', 'a promise that makes no sense', 'a disk that was mended'])(
    'with %s nothing is known for sure, then and later',
    async (what) => {
      const store = new PlayedStore();
      await bookOn(store).keep('nightly', PROMISE);
      const [name = ''] = store.values.keys();
      if (what === 'a damaged promise') store.damaged.add(name);
      else if (what === 'a disk that was mended') store.wasRepaired = true;
      else store.values.set(name, Uint8Array.of(1, 2, 3));
      const book = bookOn(store);
      expect(await book.load()).toBeUndefined();
      store.damaged.clear();
      store.wasRepaired = false;
      await book.keep('nightly', LATER);
      expect(await bookOn(store).load()).toBeUndefined();
    },
  );
});
