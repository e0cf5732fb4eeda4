/**
 * What was removed while a replica was cut off stays removed when it is back: after the tombstone
 * is forgotten, however much was written in between, and whoever started anew.
 */
import { afterEach, expect, test } from 'vitest';
import { MAP, StoreDiskModel, StoreNetwork, type StoreNode } from './store-network.ts';

const HOUR_MS = 3_600_000;
const MANY = 1_500;

let network: StoreNetwork;

async function start(
  names: readonly string[],
  diskOf: (name: string) => StoreDiskModel | undefined = () => undefined,
): Promise<readonly StoreNode[]> {
  network = new StoreNetwork({ seed: 3, tombstoneTtlMs: HOUR_MS });
  const nodes = names.map((name) => network.start(`${name}@h`, diskOf(name)));
  await network.advance(15_000);
  return nodes;
}

function node(name: string): StoreNode {
  const found = network.nodes.get(`${name}@h`);
  if (found === undefined) throw new TypeError(`${name} does not run`);
  return found;
}

function writeMany(by: StoreNode): void {
  for (let i = 0; i < MANY; i += 1) by.put(`other${i}`, 'v');
}

function cutOff(name: string): void {
  const others = [...network.nodes.keys()].filter((other) => other !== `${name}@h`);
  network.partition([`${name}@h`], others);
}

/** The tombstone is forgotten, then all meet again. */
async function meetAgain(afterMs: number): Promise<void> {
  await network.advance(afterMs);
  for (const { name } of network.nodes.values()) {
    if (name !== 'c@h') expect(network.nodes.get(name)?.entry('k'), name).toBe(undefined);
  }
  network.heal();
  await network.advance(90_000);
}

function expectGoneEverywhere(): void {
  for (const { name } of network.nodes.values()) {
    expect(network.nodes.get(name)?.get('k'), name).toBe(undefined);
  }
  const images = new Set([...network.nodes.values()].map((each) => each.image()));
  expect(images.size).toBe(1);
}

afterEach(() => {
  for (const each of network.nodes.values()) each.isUp = false;
});

test.each([2, 3, 5])(
  'among %i: its writer went on writing, and was away for two hours',
  async (count) => {
    const names = ['a', 'c', 'b', 'd', 'e'].slice(0, count);
    await start(names);
    node('c').put('k', 'v');
    writeMany(node('c'));
    await network.advance(30_000);
    cutOff('c');
    await network.advance(10_000);
    node('a').remove('k');
    await meetAgain(2 * HOUR_MS);
    expectGoneEverywhere();
    expect(node('c').core.replica(MAP)?.size).toBe(MANY);
  },
);

test('who removed it had written it, and went on writing', async () => {
  await start(['a', 'c']);
  node('a').put('k', 'v');
  await network.advance(30_000);
  cutOff('c');
  await network.advance(10_000);
  node('a').remove('k');
  writeMany(node('a'));
  await meetAgain(2 * HOUR_MS);
  expectGoneEverywhere();
  expect(node('c').core.replica(MAP)?.size).toBe(MANY);
});

test('those that were there started anew from their disks', async () => {
  const disks = new Map(['a', 'b'].map((name) => [name, new StoreDiskModel()]));
  await start(['a', 'b', 'c'], (name) => disks.get(name));
  node('c').put('k', 'v');
  await network.advance(2_000);
  cutOff('c');
  await network.advance(10_000);
  node('a').remove('k');
  await network.advance(2_000);
  for (const [name, disk] of disks) {
    network.crash(`${name}@h`);
    await network.advance(500);
    network.start(`${name}@h`, disk);
    await network.advance(5_000);
  }
  await meetAgain(2 * HOUR_MS);
  expectGoneEverywhere();
});

test.each(['starts anew', 'goes on writing'])(
  'of two with disks one is away for a day, the other %s',
  async (what) => {
    const disks = new Map(['a', 'c'].map((name) => [name, new StoreDiskModel()]));
    await start(['a', 'c'], (name) => disks.get(name));
    node('a').put('k', 'v');
    await network.advance(30_000);
    cutOff('c');
    await network.advance(10_000);
    node('a').remove('k');
    await network.advance(25 * HOUR_MS);
    if (what === 'starts anew') {
      network.crash('a@h');
      await network.advance(500);
      network.start('a@h', disks.get('a'));
    } else writeMany(node('a'));
    await meetAgain(HOUR_MS);
    expectGoneEverywhere();
  },
);
