/**
 * The scenarios of the reference for its replicated map, and for each of its defects a test that
 * shows that it is not here.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { packStamp } from '../../../../src/core/clock/stamp.ts';
import { HOSTS, REPLICAS } from '../../../../src/core/store/hosts.ts';
import { MAP, StoreDiskModel, StoreNetwork, type StoreNode } from './store-network.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let network: StoreNetwork;

async function start(
  names: readonly string[],
  options: Partial<ConstructorParameters<typeof StoreNetwork>[0]> = {},
): Promise<readonly StoreNode[]> {
  network = new StoreNetwork({ seed: 7, ...options });
  const nodes = names.map((name) => network.start(`${name}@h`));
  await network.advance(5_000);
  return nodes;
}

function restart(node: StoreNode, disk = node.disk): StoreNode {
  return network.start(node.name, disk);
}

function images(): ReadonlySet<string> {
  return new Set([...network.nodes.values()].map((node) => node.image()));
}

afterEach(() => {
  for (const node of network.nodes.values()) node.isUp = false;
});

describe('map, three nodes', () => {
  test('put on A / wait / on all', async () => {
    const nodes = await start(['a', 'b', 'c']);
    nodes[0]?.put('k', 'v');
    await network.advance(100);
    expect(nodes.map((node) => node.get('k'))).toEqual(['v', 'v', 'v']);
  });

  test('remove on A / wait / gone on all', async () => {
    const nodes = await start(['a', 'b', 'c']);
    nodes[0]?.put('k', 'v');
    await network.advance(100);
    nodes[1]?.remove('k');
    await network.advance(100);
    expect(nodes.map((node) => node.get('k'))).toEqual([undefined, undefined, undefined]);
  });

  test('subscriber on B / put and remove on A / B gets both events', async () => {
    const [a, b] = await start(['a', 'b']);
    a?.put('k', 'v');
    await network.advance(100);
    a?.remove('k');
    await network.advance(100);
    const seen = b?.changes.map(({ key, value }) => [key, value && Buffer.from(value).toString()]);
    expect(seen).toEqual([
      ['k', 'v'],
      ['k', undefined],
    ]);
  });

  test('conflicting puts on A and B / wait / one value everywhere (F6)', async () => {
    const nodes = await start(['a', 'b', 'c']);
    for (const node of nodes) node.put('k', node.name);
    await network.advance(100);
    expect(new Set(nodes.map((node) => node.get('k'))).size).toBe(1);
  });

  test('map on A and B with data, then created on C / wait / C has everything', async () => {
    const [a] = await start(['a', 'b']);
    for (let i = 0; i < 5_000; i += 1) a?.put(`k${i}`, 'v');
    const c = network.start('c@h');
    await network.advance(5_000);
    expect(c.core.replica(MAP)?.size).toBe(5_000);
    expect(c.synced.has(MAP)).toBe(true);
  });

  test('key on A only, lost on the way to B / wait one period / B has it', async () => {
    const [a, b] = await start(['a', 'b'], { loss: 1 });
    a?.put('k', 'v');
    await network.advance(2_000);
    expect(b?.get('k')).toBe(undefined);
    await network.advance(15_000);
    expect(b?.get('k')).toBe('v');
  });

  test('presence map, C dies / survivors drop its keys, and they do not return', async () => {
    const [a, b, c] = await start(['a', 'b', 'c'], { lifetime: 'writer' });
    c?.put('here', 'c');
    await network.advance(100);
    expect([a?.get('here'), b?.get('here')]).toEqual(['c', 'c']);
    network.crash('c@h');
    await network.advance(MINUTE_MS);
    expect([a?.get('here'), b?.get('here')]).toEqual([undefined, undefined]);
    expect(b?.changes.map(({ cause }) => cause)).toEqual(['write', 'gone']);
  });

  test('kept on disk, all nodes stop / restart / all keys are back, a removed one is not', async () => {
    network = new StoreNetwork({ seed: 3 });
    const disks = [new StoreDiskModel(), new StoreDiskModel()];
    const nodes = disks.map((disk, i) => network.start(`n${i}@h`, disk));
    await network.advance(5_000);
    nodes[0]?.put('kept', 'v');
    nodes[1]?.put('removed', 'v');
    await network.advance(100);
    nodes[0]?.remove('removed');
    await network.advance(20_000);
    for (const node of nodes) network.crash(node.name);
    await network.advance(10_000);
    const again = nodes.map((node) => restart(node));
    await network.advance(20_000);
    expect(again.map((node) => [node.get('kept'), node.get('removed')])).toEqual([
      ['v', undefined],
      ['v', undefined],
    ]);
  });
});

describe('exchanges of stores that differ much', () => {
  test.each([
    { both: 20_000, own: 700, theirs: 700 },
    { both: 2_000, own: 10_000, theirs: 10_000 },
    { both: 0, own: 20_000, theirs: 0 },
  ])('$both the same, $own here, $theirs there / one exchange / all are everywhere', async (n) => {
    const [a, b] = await start(['a', 'b'], { loss: 1 });
    for (let i = 0; i < n.both; i += 1) a?.put(`both ${i}`, 'v');
    await network.advance(30_000);
    expect(b?.core.replica(MAP)?.size).toBe(n.both);
    for (let i = 0; i < n.own; i += 1) a?.put(`own ${i}`, 'v');
    for (let i = 0; i < n.theirs; i += 1) b?.put(`theirs ${i}`, 'v');
    await network.advance(60_000);
    const whole = n.both + n.own + n.theirs;
    expect([a?.core.replica(MAP)?.size, b?.core.replica(MAP)?.size]).toEqual([whole, whole]);
    expect(images().size).toBe(1);
  });
});

describe('an exchange that breaks off', () => {
  test('goes on where it ended: what is equal by then is not sent again', async () => {
    const [a] = await start(['a']);
    for (let i = 0; i < 30_000; i += 1) a?.put(`k${i}`, 'v'.repeat(50));
    await network.advance(1_000);
    const b = network.start('b@h');
    const size = (): number => b.core.replica(MAP)?.size ?? 0;
    for (let steps = 0; steps < 5_000 && size() < 10_000; steps += 1) await network.advance(2);
    network.partition(['a@h'], ['b@h']);
    await network.advance(20_000);
    const before = size();
    expect(before).toBeGreaterThanOrEqual(10_000);
    expect(before).toBeLessThan(30_000);
    const bytes = network.bytes;
    network.heal();
    await network.advance(60_000);
    expect(size()).toBe(30_000);
    const entryBytes = (a?.image().length ?? 0) / 2 / 30_000;
    // What was missing, the digests of all buckets, and the ids of the buckets that were cut.
    expect(network.bytes - bytes).toBeLessThan((30_000 - before) * entryBytes * 1.2 + 150_000);
  });

  test('ends at once where the other side closes the store, whenever that is', async () => {
    for (let delayMs = 0; delayMs < 150; delayMs += 5) {
      const [a, b] = await start(['a', 'b']);
      network.partition(['a@h'], ['b@h']);
      for (let i = 0; i < 3_000; i += 1) a?.put(`k${i}`, 'v');
      b?.put('own', 'v');
      await network.advance(10_000);
      network.heal();
      await network.advance(500 + delayMs);
      b?.drop();
      await network.advance(500);
      const asked = a?.counts.get('asked') ?? 0;
      a?.handle({ kind: 'ask', node: 'b@h' });
      expect(a?.counts.get('asked'), `closed after ${delayMs} ms`).toBe(asked + 1);
    }
  });
});

describe('what the reference does wrong', () => {
  test('remote clock kill: a stamp near the end of time is refused and moves no clock', async () => {
    const [a, b] = await start(['a', 'b']);
    const stamp = packStamp(2 ** 48 - 1, 65_535);
    const writer = b?.self ?? { node: 'x@h', incarnation: 1n };
    const entry = { key: 'k', stamp, writer, value: new Uint8Array(1), expiresAtMs: 0 };
    a?.handle({ kind: 'delta', from: writer.node, store: MAP, entries: [entry] });
    expect(a?.get('k')).toBe(undefined);
    expect(a?.counts.get('refused')).toBe(1);
    a?.put('k', 'works');
    await network.advance(100);
    expect(b?.get('k')).toBe('works');
  });

  test('no skew bound: an author an hour ahead wins nothing until time has come up', async () => {
    const [a, b] = await start(['a', 'b']);
    if (b !== undefined) b.wallOffsetMs = HOUR_MS;
    b?.put('k', 'from the future');
    await network.advance(1_000);
    expect(a?.get('k')).toBe(undefined);
    a?.put('k', 'now');
    await network.advance(1_000);
    expect(a?.get('k')).toBe('now');
  });

  test('lost removal: a store with nothing but tombstones is repaired all the same', async () => {
    const [a, b] = await start(['a', 'b']);
    a?.put('k', 'v');
    await network.advance(100);
    network.partition(['a@h'], ['b@h']);
    await network.advance(10_000);
    a?.remove('k');
    network.heal();
    await network.advance(20_000);
    expect([a?.core.replica(MAP)?.size, b?.get('k')]).toEqual([0, undefined]);
  });

  test('dot growth: a thousand puts on one key leave one entry of one size', async () => {
    const [a, b] = await start(['a', 'b']);
    a?.put('k', 'v');
    const before = a?.image().length;
    for (let i = 0; i < 1_000; i += 1) a?.put('k', 'v');
    await network.advance(1_000);
    expect([a?.image().length, b?.image().length]).toEqual([before, before]);
  });

  test('flicker: put and remove in one turn are two events here, and elsewhere the last word', async () => {
    const [a, b] = await start(['a', 'b']);
    a?.put('k', 'first');
    await network.advance(1_000);
    for (let i = 0; i < 100; i += 1) {
      a?.put('k', `v${i}`);
      a?.remove('k');
    }
    await network.advance(1_000);
    expect([a?.changes.length, b?.changes.length]).toEqual([201, 2]);
    expect(b?.changes.at(-1)).toMatchObject({ key: 'k', value: undefined });
  });

  test('no-op exchanges write nothing to disk', async () => {
    network = new StoreNetwork({ seed: 9 });
    const disk = new StoreDiskModel();
    const a = network.start('a@h', disk);
    network.start('b@h');
    await network.advance(5_000);
    a.put('k', 'v');
    await network.advance(5_000);
    const writes = disk.entryWrites;
    await network.advance(5 * MINUTE_MS);
    expect(disk.entryWrites).toBe(writes);
  });
});

describe('who is waited for', () => {
  test('who leaves for good is in no replica set until it takes part again', async () => {
    network = new StoreNetwork({ seed: 4 });
    const [a, b] = ['a@h', 'b@h'].map((name) => network.start(name, new StoreDiskModel()));
    await network.advance(20_000);
    expect(a?.core.replica(REPLICAS)?.size).toBe(2);
    b?.handle({ kind: 'leave', isForGood: true });
    await network.advance(1_000);
    expect(a?.core.replica(REPLICAS)?.size).toBe(1);
    await network.advance(20_000);
    expect(a?.core.replica(REPLICAS)?.size).toBe(1);
    b?.handle({ kind: 'settled' });
    await network.advance(1_000);
    expect(a?.core.replica(REPLICAS)?.size).toBe(2);
  });

  test.each(['drop', 'close'] as const)(
    'a write in the turn in which the hosting ends (%s) reaches the others',
    async (how) => {
      network = new StoreNetwork({ seed: 4 });
      const [a, b] = ['a@h', 'b@h'].map((name) => network.start(name));
      await network.advance(20_000);
      b?.put('k', 'last word');
      b?.[how]();
      await network.advance(1_000);
      expect(a?.get('k')).toBe('last word');
    },
  );

  test('who drops the map is in no replica set, and says so to all', async () => {
    network = new StoreNetwork({ seed: 4 });
    const [a, b] = ['a@h', 'b@h'].map((name) => network.start(name, new StoreDiskModel()));
    await network.advance(20_000);
    b?.drop();
    await network.advance(1_000);
    expect(a?.core.replica(REPLICAS)?.size).toBe(1);
    expect(a?.core.replica(HOSTS)?.size).toBe(1);
  });
});

describe('tombstones', () => {
  test('ttl 50 ms / put, remove, wait / tombstone gone', async () => {
    const [a] = await start(['a'], { tombstoneTtlMs: 50 });
    a?.put('k', 'v');
    a?.remove('k');
    await network.advance(5_000);
    expect(a?.entry('k')).toBe(undefined);
  });

  test('a ten-minute symmetric partition loses no write and revives nothing', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const nodes = await start(names);
    nodes[0]?.put('shared', 'v');
    nodes[5]?.put('removed', 'v');
    await network.advance(30_000);
    const side = (...indices: number[]): string[] => indices.map((i) => `${names[i]}@h`);
    network.partition(side(0, 1, 2), side(3, 4, 5));
    await network.advance(5_000);
    nodes[0]?.remove('removed');
    nodes.forEach((node, i) => {
      node.put(`of ${i}`, 'v');
    });
    await network.advance(10 * MINUTE_MS);
    network.heal();
    await network.advance(60_000);
    expect(images().size).toBe(1);
    const left = names.map((_, i) => nodes[1]?.get(`of ${i}`));
    expect([nodes[4]?.get('removed'), nodes[4]?.get('shared'), ...left]).toEqual([
      undefined,
      ...Array.from({ length: 7 }, () => 'v'),
    ]);
  });
});
