/** Replicas that are away for hours and days, a day full of guests: what stays, and what goes. */
import { afterEach, describe, expect, test } from 'vitest';
import { REPLICAS } from '../../src/core/store/hosts.ts';
import {
  MAP,
  StoreDiskModel,
  StoreNetwork,
  type StoreNode,
} from '../unit/core/store/store-network.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let network: StoreNetwork;

function restart(node: StoreNode, disk: StoreDiskModel | undefined = node.disk): StoreNode {
  return network.start(node.name, disk);
}

afterEach(() => {
  for (const node of network.nodes.values()) node.isUp = false;
});

describe('a replica that was away', () => {
  test('zombie after a long absence: what was removed meanwhile stays removed', async () => {
    network = new StoreNetwork({ seed: 5, tombstoneTtlMs: MINUTE_MS });
    const disk = new StoreDiskModel();
    const a = network.start('a@h');
    const b = network.start('b@h');
    const away = network.start('c@h', disk);
    await network.advance(5_000);
    a.put('k', 'v');
    await network.advance(20_000);
    expect(away.get('k')).toBe('v');
    network.crash('c@h');
    await network.advance(10_000);
    a.remove('k');
    // A day later nobody waits for it any more, and the tombstone is forgotten.
    await network.advance(25 * HOUR_MS);
    expect([a.entry('k'), b.entry('k')]).toEqual([undefined, undefined]);
    const back = restart(away, disk);
    expect(back.get('k')).toBe('v');
    await network.advance(30_000);
    expect([a, b, back].map((node) => node.get('k'))).toEqual([undefined, undefined, undefined]);
    expect(new Set([...network.nodes.values()].map((node) => node.image())).size).toBe(1);
  });

  test('while a durable replica is away, tombstones wait for it', async () => {
    network = new StoreNetwork({ seed: 5, tombstoneTtlMs: MINUTE_MS });
    const a = network.start('a@h');
    network.start('b@h');
    const away = network.start('c@h', new StoreDiskModel());
    await network.advance(5_000);
    a.put('k', 'v');
    await network.advance(20_000);
    network.crash('c@h');
    await network.advance(10_000);
    a.remove('k');
    await network.advance(2 * HOUR_MS);
    expect(a.entry('k')?.value).toBe(undefined);
    expect(a.entry('k')).not.toBe(undefined);
    restart(away);
    await network.advance(3 * MINUTE_MS);
    expect(a.entry('k')).toBe(undefined);
  });

  test('its own last writes survive an absence of more than a day', async () => {
    network = new StoreNetwork({ seed: 6, tombstoneTtlMs: MINUTE_MS });
    const disk = new StoreDiskModel();
    network.start('a@h');
    const away = network.start('c@h', disk);
    await network.advance(20_000);
    network.partition(['a@h'], ['c@h']);
    await network.advance(10_000);
    away.put('mine', 'v');
    disk.sync();
    network.crash('c@h');
    network.heal();
    await network.advance(25 * HOUR_MS);
    restart(away, disk);
    await network.advance(30_000);
    expect([...network.nodes.values()].map((node) => node.get('mine'))).toEqual(['v', 'v']);
  });
});

describe('who is waited for no longer', () => {
  test('a durable replica that was closed on a node that lives on', async () => {
    network = new StoreNetwork({ seed: 8, tombstoneTtlMs: MINUTE_MS });
    const a = network.start('a@h');
    const b = network.start('b@h', new StoreDiskModel());
    await network.advance(20_000);
    a.put('k', 'v');
    await network.advance(20_000);
    b.close();
    a.remove('k');
    await network.advance(23 * HOUR_MS);
    expect(a.entry('k')).not.toBe(undefined);
    await network.advance(2 * HOUR_MS);
    expect([a.entry('k'), a.core.replica(REPLICAS)?.size]).toEqual([undefined, 0]);
    b.open();
    await network.advance(MINUTE_MS);
    expect([b.get('k'), a.core.replica(REPLICAS)?.size]).toEqual([undefined, 1]);
  });

  test('though every node restarts again and again', async () => {
    network = new StoreNetwork({ seed: 5, tombstoneTtlMs: MINUTE_MS });
    for (const name of ['a@h', 'b@h']) network.start(name);
    const gone = network.start('c@h', new StoreDiskModel());
    await network.advance(5_000);
    gone.put('k', 'v');
    await network.advance(20_000);
    network.crash('c@h');
    await network.advance(10_000);
    network.nodes.get('b@h')?.remove('k');
    for (let hour = 0; hour < 26; hour += 2) {
      for (const name of ['a@h', 'b@h']) {
        network.crash(name);
        await network.advance(1_000);
        network.start(name);
        await network.advance(30_000);
      }
      await network.advance(2 * HOUR_MS);
    }
    expect(network.nodes.get('b@h')?.core.replica(REPLICAS)?.size).toBe(0);
    expect(network.nodes.get('b@h')?.entry('k')).toBe(undefined);
  });

  test('a short absence, or one that ends in time, is none', async () => {
    network = new StoreNetwork({ seed: 8, tombstoneTtlMs: MINUTE_MS });
    const a = network.start('a@h');
    const disk = new StoreDiskModel();
    const b = network.start('b@h', disk);
    /** Who spoke last of the replica of b. */
    const speaker = (): string | undefined =>
      [...(a.core.replica(REPLICAS)?.registers.all() ?? [])][0]?.writer.node;
    await network.advance(20_000);
    network.crash('b@h');
    await network.advance(29 * MINUTE_MS);
    expect(speaker()).toBe('b@h');
    restart(b, disk);
    await network.advance(2 * HOUR_MS);
    expect(speaker()).toBe('b@h');
    // Away for 20 hours twice: the day begins anew.
    for (let i = 0; i < 2; i += 1) {
      network.crash('b@h');
      await network.advance(20 * HOUR_MS);
      expect(speaker()).toBe('a@h');
      restart(b, disk);
      await network.advance(10 * MINUTE_MS);
      expect(speaker()).toBe('b@h');
    }
    expect(a.core.replica(REPLICAS)?.size).toBe(1);
    network.crash('b@h');
    await network.advance(23 * HOUR_MS);
    expect(a.core.replica(REPLICAS)?.size).toBe(1);
  });
});

describe('a day full of guests', () => {
  test('1,000 nodes under fresh names in a day leave a short vector and no tombstones', async () => {
    network = new StoreNetwork({ seed: 7, tombstoneTtlMs: 1_000 });
    const [a, b] = ['a@h', 'b@h'].map((name) => network.start(name));
    await network.advance(5_000);
    for (let i = 0; i < 1_000; i += 1) {
      const name = `guest${i}@h`;
      const guest = network.start(name);
      await network.advance(43_000);
      guest.put(`k${i}`, 'v');
      guest.remove(`k${i}`);
      await network.advance(1_000);
      network.crash(name);
      await network.advance(42_400);
    }
    await network.advance(60_000);
    const known = [a, b].map((node) => node?.core.replica(MAP)?.knowledge.size ?? 0);
    expect(Math.max(...known)).toBeLessThanOrEqual(2 + 64);
    expect([a, b].map((node) => node?.core.replica(MAP)?.buriedSize)).toEqual([0, 0]);
  });
});
