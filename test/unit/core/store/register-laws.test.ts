/** Merging is a join: equal entries give equal bytes, in any order and any number of times. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packStamp } from '../../../../src/core/clock/stamp.ts';
import {
  beats,
  type Entry,
  type EntryOrder,
  isSameEntry,
} from '../../../../src/core/store/entry.ts';
import { encodeEntry } from '../../../../src/core/store/entry-codec.ts';
import { RegisterStore } from '../../../../src/core/store/register-store.ts';
import { systemDigest } from '../../../../src/host/system-digest.ts';

/** Few stamps, writers and values, so that ties of each kind happen. */
const entry: fc.Arbitrary<Entry> = fc
  .record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    stamp: fc.integer({ min: 0, max: 5 }).map((counter) => packStamp(1_000, counter)),
    writer: fc.record({
      node: fc.constantFrom('x@h', 'y@h'),
      incarnation: fc.constantFrom(1n, 2n),
    }),
    value: fc.option(fc.uint8Array({ maxLength: 2 }), { nil: undefined }),
    expiresAtMs: fc.constantFrom(0, 1_000, 2_000),
  })
  .map((made) => (made.value === undefined ? { ...made, expiresAtMs: 0 } : made));
const entries = fc.array(entry, { maxLength: 40 });

/** Both ways in which a store may order what is said of a key. */
const ORDERS: readonly EntryOrder[] = ['stamp', 'rank'];

function imageOf(all: readonly Entry[], order: EntryOrder = 'stamp'): readonly string[] {
  const store = new RegisterStore({ digest: systemDigest, salt: 'laws', order });
  for (const one of all) store.join(one);
  const bytes = [...store.all()].map((one) => Buffer.from(encodeEntry(one)).toString('hex')).sort();
  return [...bytes, Buffer.from(store.digest()).toString('hex')];
}

test.each(ORDERS)('by %s: any order of coming gives the same bytes', (order) => {
  fc.assert(
    fc.property(entries, fc.infiniteStream(fc.nat()), (all, dice) => {
      const shuffled = all
        .map((one) => ({ one, rank: dice.next().value }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ one }) => one);
      expect(imageOf(shuffled, order)).toEqual(imageOf(all, order));
    }),
    { numRuns: 500 },
  );
});

test.each(ORDERS)('by %s: what comes twice changes nothing', (order) => {
  fc.assert(
    fc.property(entries, (all) => {
      expect(imageOf([...all, ...all], order)).toEqual(imageOf(all, order));
      const twice = all.flatMap((one) => [one, one]);
      expect(imageOf(twice, order)).toEqual(imageOf(all, order));
    }),
  );
});

test.each(ORDERS)('by %s: parts that were merged before give the same bytes', (order) => {
  fc.assert(
    fc.property(entries, entries, entries, (a, b, c) => {
      expect(imageOf([...a, ...b, ...c], order)).toEqual(imageOf([...c, ...a, ...b], order));
    }),
  );
});

test.each(ORDERS)('by %s: of two different entries exactly one beats the other', (order) => {
  fc.assert(
    fc.property(entry, entry, (a, b) => {
      const other = { ...b, key: a.key };
      const verdicts = [beats(a, other, order), beats(other, a, order)];
      expect(verdicts.filter(Boolean)).toHaveLength(isSameEntry(a, other) ? 0 : 1);
    }),
    { numRuns: 1_000 },
  );
});

test('by rank a removal is final, then the first ten bytes decide, then the stamp', () => {
  const writer = { node: 'x@h', incarnation: 1n };
  const at = (stamp: bigint, ...bytes: readonly number[]): Entry => ({
    key: 'k',
    stamp,
    writer,
    value: bytes.length === 0 ? undefined : Uint8Array.from([...Array(9).fill(0), ...bytes]),
    expiresAtMs: 0,
  });
  const rising = [at(9n, 1, 9), at(1n, 2, 1), at(2n, 2, 0), at(3n, 2, 0), at(0n), at(1n)];
  let known = at(8n, 1, 9);
  for (const next of rising) {
    expect([beats(next, known, 'rank'), beats(known, next, 'rank')]).toEqual([true, false]);
    known = next;
  }
});

test('of equal stamps a value beats a removal; then the writer decides, the expiry, the bytes', () => {
  const low: Entry = {
    key: 'k',
    stamp: packStamp(1_000, 1),
    writer: { node: 'x@h', incarnation: 1n },
    value: undefined,
    expiresAtMs: 0,
  };
  const value = Uint8Array.of(1);
  const rising: readonly Entry[] = [
    { ...low, writer: { node: 'y@h', incarnation: 9n } },
    { ...low, value, expiresAtMs: 5 },
    { ...low, value, expiresAtMs: 6 },
    { ...low, value: Uint8Array.of(2), expiresAtMs: 6 },
    { ...low, value: Uint8Array.of(2, 0), expiresAtMs: 6 },
    { ...low, value, writer: { node: 'x@h', incarnation: 2n } },
    { ...low, value, writer: { node: 'y@h', incarnation: 1n } },
    { ...low, stamp: packStamp(1_000, 2) },
  ];
  let known = low;
  for (const next of rising) {
    expect([beats(next, known), beats(known, next)]).toEqual([true, false]);
    known = next;
  }
});

test('a forgotten entry leaves no trace in any digest', () => {
  fc.assert(
    fc.property(entries, entry, (all, extra) => {
      const store = new RegisterStore({ digest: systemDigest, salt: 'laws' });
      for (const one of all) store.join(one);
      const key = `other ${extra.key}`;
      const before = Buffer.from(store.digest()).toString('hex');
      store.join({ ...extra, key });
      expect(store.forget({ ...extra, key })).toBe(true);
      expect(Buffer.from(store.digest()).toString('hex')).toBe(before);
      expect(store.get(key)).toBe(undefined);
    }),
  );
});

test('of an id that is other by now, a store gives what its key has', () => {
  const store = new RegisterStore({ digest: systemDigest, salt: 's' });
  const entry = { key: 'k', stamp: 1n, writer: { node: 'a@h', incarnation: 1n }, expiresAtMs: 0 };
  const first = { ...entry, value: Uint8Array.of(1) };
  const other = { ...first, key: 'other' };
  for (const each of [first, other]) store.join(each);
  const ids = [first, other].map((each) => store.idOf(each));
  const second = { ...entry, stamp: 2n, value: Uint8Array.of(2) };
  store.join(second);
  expect(new Set(store.ofIds(ids))).toEqual(new Set([second, other]));
  store.forget(second);
  expect([...store.ofIds(ids)]).toEqual([other]);
});
