import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Difference } from '../../../../../src/core/store/sketch/difference.ts';
import { found, Ids, prefixOf, reconcile } from './sets.ts';

const sizes = fc.record({
  seed: fc.integer(),
  both: fc.nat(300),
  onlyLocal: fc.nat(300),
  onlyRemote: fc.nat(300),
});

test('two sets are told apart exactly, whatever they have in common', () => {
  fc.assert(
    fc.property(sizes, (size) => {
      const ids = new Ids(size.seed);
      const both = ids.many(size.both);
      const local = new Set([...both, ...ids.many(size.onlyLocal)]);
      const remote = new Set([...ids.many(size.onlyRemote), ...both]);
      const { difference } = reconcile(prefixOf(local), prefixOf(remote));
      expect(difference.isComplete).toBe(true);
      expect(difference.isBroken).toBe(false);
      expect(found(difference)).toEqual(
        found({
          onlyLocal: [...local].filter((id) => !remote.has(id)),
          onlyRemote: [...remote].filter((id) => !local.has(id)),
        }),
      );
      expect(difference.estimate()).toBe(size.onlyLocal + size.onlyRemote);
    }),
  );
});

test('among 10,000 elements up to 1,400 differences are found', () => {
  const ids = new Ids(1);
  const both = ids.many(10_000);
  for (const differences of [0, 1, 2, 3, 10, 33, 100, 333, 1_000, 1_300, 1_400]) {
    for (const share of [0, 0.3, 1]) {
      const onlyLocal = ids.many(Math.round(differences * share));
      const onlyRemote = ids.many(differences - onlyLocal.length);
      const local = prefixOf([...both, ...onlyLocal]);
      const remote = prefixOf([...onlyRemote, ...both]);
      const { difference } = reconcile(local, remote);
      expect(difference.isComplete, `${differences} with ${share} local`).toBe(true);
      expect(found(difference)).toEqual(found({ onlyLocal, onlyRemote }));
    }
  }
});

test('equal sets are complete after one symbol', () => {
  for (const count of [0, 1, 1_000]) {
    const ids = new Ids(count).many(count);
    const difference = new Difference(prefixOf(ids));
    expect(difference.isComplete).toBe(false);
    difference.add(prefixOf(ids.toReversed()).symbols(0, 1));
    expect(difference.isComplete).toBe(true);
    expect(difference.next()).toBe(0);
    expect(difference.estimate()).toBe(0);
    expect(found(difference)).toEqual({ onlyLocal: [], onlyRemote: [] });
  }
});

test('one difference is found with one symbol', () => {
  const ids = new Ids(5);
  const both = ids.many(500);
  const odd = ids.next();
  const more = new Difference(prefixOf(both));
  more.add(prefixOf([...both, odd]).symbols(0, 1));
  expect(more.isComplete).toBe(true);
  expect(found(more)).toEqual({ onlyLocal: [], onlyRemote: [odd] });
  const less = new Difference(prefixOf([...both, odd]));
  less.add(prefixOf(both).symbols(0, 1));
  expect(less.isComplete).toBe(true);
  expect(found(less)).toEqual({ onlyLocal: [odd], onlyRemote: [] });
});

test('symbols that come one at a time give what a whole batch gives', () => {
  const ids = new Ids(6);
  const onlyLocal = ids.many(40);
  const onlyRemote = ids.many(60);
  const remote = prefixOf(onlyRemote);
  const single = new Difference(prefixOf(onlyLocal));
  let isRising = true;
  for (let i = 0; i < 2_048 && !single.isComplete; i += 1) {
    const before = single.onlyLocal.length + single.onlyRemote.length;
    single.add(remote.symbols(i, i + 1));
    isRising &&= single.onlyLocal.length + single.onlyRemote.length >= before;
  }
  expect(isRising).toBe(true);
  expect(single.received).toBeGreaterThan(100);
  expect(single.received).toBeLessThan(250);
  const whole = new Difference(prefixOf(onlyLocal));
  whole.add(remote.symbols(0, single.received));
  expect(whole.isComplete).toBe(true);
  expect(found(whole)).toEqual(found(single));
  expect(found(whole)).toEqual(found({ onlyLocal, onlyRemote }));
});

test('the own set may change between two batches', () => {
  const ids = new Ids(7);
  const both = ids.many(1_000);
  const onlyLocal = ids.many(50);
  const onlyRemote = ids.many(50);
  const local = prefixOf([...both, ...onlyLocal]);
  const remote = prefixOf([...both, ...onlyRemote]);
  const difference = new Difference(local);
  for (let count = difference.next(); count > 0; count = difference.next()) {
    difference.add(remote.symbols(difference.received, difference.received + count));
    for (const id of difference.onlyRemote) local.add(id);
    local.remove(both.pop() ?? '');
    local.add(ids.next());
  }
  expect(difference.received).toBeGreaterThan(8);
  expect(found(difference)).toEqual(found({ onlyLocal, onlyRemote }));
});

test('what is found is final, and symbols that still come then change nothing', () => {
  const ids = new Ids(8);
  const onlyRemote = ids.many(20);
  const remote = prefixOf(onlyRemote);
  const { difference } = reconcile(prefixOf([]), remote);
  const received = difference.received;
  difference.add(remote.symbols(received, received + 10));
  difference.add(remote.symbols(0, 10));
  expect(difference.isComplete).toBe(true);
  expect(difference.received).toBe(received);
  expect(found(difference)).toEqual(found({ onlyLocal: [], onlyRemote }));
});

test('too many differences use up the prefix, without an end and without a fault', () => {
  const ids = new Ids(9);
  const { difference } = reconcile(prefixOf(ids.many(900), 512), prefixOf(ids.many(900), 512));
  expect(difference.received).toBe(512);
  expect(difference.isComplete).toBe(false);
  expect(difference.isBroken).toBe(false);
  expect(difference.next()).toBe(0);
  expect(difference.estimate()).toBeGreaterThan(1_200);
});
