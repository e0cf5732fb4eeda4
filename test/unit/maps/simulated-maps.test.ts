/** Maps of whole nodes on the simulator: the scenarios of a map on one and on three nodes. */

import { describe, expect, test } from 'vitest';
import type { ReplicatedMap } from '../../../src/index.ts';
import { createSimulation, type Simulation } from '../../../src/testing/index.ts';

async function three(sim: Simulation): Promise<void> {
  for (const name of ['a@one', 'b@one', 'c@one']) {
    await sim.start({ name, contacts: name === 'a@one' ? [] : ['a@one'] });
  }
  await sim.until(() => sim.faults().length === 0, 30_000);
}

describe('map, three nodes', () => {
  test('put on A / wait / on all; remove on A / wait / gone on all', async () => {
    const sim = createSimulation({ seed: 1 });
    await three(sim);
    const maps: ReplicatedMap<number>[] = [];
    for (const name of ['a@one', 'b@one', 'c@one']) {
      maps.push(await sim.settled(sim.node(name).maps.open<number>('stock')));
    }
    await sim.settled(maps[0]?.put('tea', 3) ?? Promise.reject());
    await sim.until(() => maps.every((map) => map.get('tea') === 3), 1_000);
    await sim.settled(maps[0]?.remove('tea') ?? Promise.reject());
    await sim.until(() => maps.every((map) => !map.has('tea')), 1_000);
    expect(maps.map(({ size }) => size)).toEqual([0, 0, 0]);
    await sim[Symbol.asyncDispose]();
  });

  test('map on A and B with data, then opened on C / wait / C has everything', async () => {
    const sim = createSimulation({ seed: 2 });
    await three(sim);
    const a = await sim.settled(sim.node('a@one').maps.open<number>('stock'));
    await sim.settled(sim.node('b@one').maps.open<number>('stock'));
    await sim.settled(a.putAll(Array.from({ length: 5_000 }, (_, i) => [`key ${i}`, i] as const)));
    const c = await sim.settled(sim.node('c@one').maps.open<number>('stock'));
    expect(c.size).toBe(5_000);
    await sim[Symbol.asyncDispose]();
  });

  test('with another `pruneOnMemberDown` on B / A and B share nothing, and each warns once', async () => {
    const sim = createSimulation({ seed: 3 });
    const warnings: string[] = [];
    for (const name of ['a@one', 'b@one']) {
      const note = (message: string, fields: object = {}): void => {
        if (message.includes('under other rules')) {
          warnings.push(`${name}: ${JSON.stringify(fields)}`);
        }
      };
      const logger = { debug: () => {}, info: () => {}, warn: note, error: () => {} };
      await sim.start({ name, contacts: name === 'a@one' ? [] : ['a@one'], logger });
    }
    await sim.until(() => sim.faults().length === 0, 30_000);
    const a = await sim.settled(sim.node('a@one').maps.open<string>('here'));
    const options = { pruneOnMemberDown: true };
    const b = await sim.settled(sim.node('b@one').maps.open<string>('here', options));
    for (let i = 0; i < 100; i += 1) await sim.settled(a.put(`k${i}`, 'v'.repeat(1_000)));
    await sim.advance(30_000);
    expect([a.size, b.size]).toEqual([100, 0]);
    expect(warnings.sort()).toEqual([
      'a@one: {"store":"map:here","node":"b@one"}',
      'b@one: {"store":"presence:here","node":"a@one"}',
    ]);
    const before = sim.traffic.bytes;
    await sim.advance(60_000);
    expect(sim.traffic.bytes - before).toBeLessThan(20_000);
    await sim[Symbol.asyncDispose]();
  });

  test('put on A, at once closed or the node with it / B has it', async () => {
    const sim = createSimulation({ seed: 4 });
    await three(sim);
    const [a, b, c] = await Promise.all(
      ['a@one', 'b@one', 'c@one'].map((name) =>
        sim.settled(sim.node(name).maps.open<string>('last')),
      ),
    );
    await sim.advance(10_000);
    void a?.put('a', 'word');
    await sim.settled(Promise.resolve(a?.[Symbol.asyncDispose]()));
    void c?.put('c', 'word');
    await sim.settled(sim.node('c@one').close());
    await sim.advance(2_000);
    expect([b?.get('a'), b?.get('c')]).toEqual(['word', 'word']);
    await sim[Symbol.asyncDispose]();
  });
});
