import { expect, test } from 'vitest';
import type { Entry } from '../../../../src/core/store/entry.ts';
import { News } from '../../../../src/core/store/news.ts';

const writer = { node: 'a@h', incarnation: 1n };

function entry(key: string, stamp: bigint): Entry {
  return { key, stamp, writer, value: undefined, expiresAtMs: 0 };
}

function begun(...stores: readonly string[]): News {
  const news = new News();
  for (const store of stores) news.begin(store, 0n);
  return news;
}

test('of a key that was written again and again the last entry goes out, in the order of stamps', () => {
  const news = begun('s');
  const writes = [entry('k', 1n), entry('l', 2n), entry('k', 3n), entry('k', 4n)];
  expect(writes.map((each) => news.add('s', [each]))).toEqual([true, false, false, false]);
  expect([...news.take()]).toMatchObject([
    { kind: 'broadcast', store: 's', entries: [entry('l', 2n), entry('k', 4n)] },
  ]);
  expect([...news.take()]).toEqual([]);
});

test('what waits of a store that is closed goes out, and what waits of others stays', () => {
  const news = begun('s', 't');
  news.add('s', [entry('k', 1n)]);
  news.add('t', [entry('k', 2n)]);
  expect([...news.end('s')].map((effect) => 'store' in effect && effect.store)).toEqual(['s']);
  expect(news.add('t', [entry('l', 3n)])).toBe(false);
  expect([...news.take()]).toHaveLength(1);
  expect(news.add('t', [entry('k', 4n)])).toBe(true);
});
