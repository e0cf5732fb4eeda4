import fc from 'fast-check';
import { expect, test } from 'vitest';
import { beats, type Entry } from '../../../../src/core/store/entry.ts';
import { Model, type Step } from './knowledge-model.ts';

const at = fc.nat(4);
const key = fc.constantFrom('x', 'y', 'z');
const reach = fc.nat(31);
const exchange = fc.record({ kind: fc.constant('exchange' as const), at, with: fc.nat(4) });
const write = fc.record({
  kind: fc.constantFrom('write' as const, 'remove' as const),
  at,
  key,
  reach,
});
const calm = [
  { weight: 8, arbitrary: exchange },
  { weight: 6, arbitrary: write },
];
const split: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('split' as const),
  sides: fc.nat(31),
});
const heal: fc.Arbitrary<Step> = fc.constant({ kind: 'heal' });
const crash: fc.Arbitrary<Step> = fc.record({ kind: fc.constant('crash' as const), at });
const restart: fc.Arbitrary<Step> = fc.record({ kind: fc.constant('restart' as const), at });

function stepsOf(...faults: readonly fc.Arbitrary<Step>[]): fc.Arbitrary<readonly Step[]> {
  const more = faults.map((arbitrary) => ({ weight: 1, arbitrary }));
  return fc.array(fc.oneof(...calm, ...more), { maxLength: 80 });
}

function run(size: number, steps: readonly Step[]): Model {
  const model = new Model(size);
  for (const step of steps) model.apply(step);
  model.settle();
  return model;
}

/** On every replica the same visible entries, and no others. */
function visible(model: Model): ReadonlyMap<string, Entry> {
  const [first, ...others] = model.replicas.map(
    ({ entries }) => new Map([...entries].filter(([, { value }]) => value !== undefined)),
  );
  for (const other of others) expect(other).toEqual(first);
  return first ?? new Map();
}

/** The last word on each key, of those that were heard or whose writer is still there. */
function lastWrites(model: Model): ReadonlyMap<string, Entry> {
  const starts = new Set(model.replicas.map(({ self }) => self.incarnation + self.node));
  const last = new Map<string, Entry>();
  for (const entry of model.written) {
    const isLost = !starts.has(entry.writer.incarnation + entry.writer.node);
    if (isLost && !model.replicas.some(({ past }) => past.has(entry))) continue;
    const known = last.get(entry.key);
    if (known === undefined || beats(entry, known)) last.set(entry.key, entry);
  }
  return last;
}

const sizes = fc.integer({ min: 3, max: 5 });

function checkNothingLost(model: Model): void {
  const seen = visible(model);
  for (const [name, last] of lastWrites(model)) {
    const starts = model.replicas.map(({ self }) => self);
    const isKept = starts.some(
      ({ node, incarnation }) =>
        node === last.writer.node && incarnation === last.writer.incarnation,
    );
    const found = seen.get(name)?.stamp ?? 0n;
    if (isKept && last.value !== undefined) expect(found).toBeGreaterThanOrEqual(last.stamp);
  }
}

function checkNothingReturned(model: Model): void {
  const replaced = new Set(model.replicas.flatMap((replica) => [...replica.replaced]));
  for (const entry of visible(model).values()) expect(replaced.has(entry)).toBe(false);
}

test('without faults the last write of each key wins, and every tombstone is collected', () => {
  fc.assert(
    fc.property(sizes, stepsOf(), (size, steps) => {
      const model = run(size, steps);
      const last = [...lastWrites(model).values()].filter(({ value }) => value !== undefined);
      expect([...visible(model).values()].map((e) => e.stamp).toSorted()).toEqual(
        last.map((e) => e.stamp).toSorted(),
      );
      for (const { entries } of model.replicas) expect(entries.size).toBe(last.length);
    }),
    { numRuns: 300 },
  );
});

test('no write of a replica that is there is lost, through partitions, crashes and restarts', () => {
  fc.assert(
    fc.property(sizes, stepsOf(split, heal, crash, restart), (size, steps) => {
      checkNothingLost(run(size, steps));
    }),
    { numRuns: 1_000 },
  );
});

test('no removed key returns, through crashes and restarts', () => {
  fc.assert(
    fc.property(sizes, stepsOf(crash, restart), (size, steps) => {
      checkNothingReturned(run(size, steps));
    }),
    { numRuns: 1_000 },
  );
});

test('no removed key returns, through partitions', () => {
  fc.assert(
    fc.property(sizes, stepsOf(split, heal), (size, steps) => {
      checkNothingReturned(run(size, steps));
    }),
    { numRuns: 1_000 },
  );
});

test('what was removed on one side of a partition is not brought back by the other one', () => {
  const model = new Model(3);
  model.apply({ kind: 'write', at: 2, key: 'x', reach: 0b001 });
  model.apply({ kind: 'split', sides: 0b100 });
  model.apply({ kind: 'remove', at: 0, key: 'x', reach: 0b010 });
  for (let round = 0; round < 3; round += 1) model.exchange(0, 1);
  expect(model.collected).toBe(2);
  expect(model.replicas.map(({ entries }) => entries.size)).toEqual([0, 0, 1]);
  model.settle();
  expect(model.replicas.map(({ entries }) => entries.size)).toEqual([0, 0, 0]);
});

test('a broadcast that one side missed is not taken for deleted history after a partition', () => {
  const model = new Model(3);
  model.apply({ kind: 'write', at: 2, key: 'x', reach: 0 });
  model.apply({ kind: 'write', at: 2, key: 'y', reach: 0b011 });
  model.apply({ kind: 'split', sides: 0b100 });
  for (let round = 0; round < 3; round += 1) model.exchange(0, 1);
  model.settle();
  for (const { entries } of model.replicas)
    expect([...entries.keys()].toSorted()).toEqual(['x', 'y']);
});
