/** F8-F13 and F18 of the acceptance scenarios on whole nodes: services and who holds them. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../../src/barrel-node.ts';
import {
  createSimulation,
  SeededRandom,
  type Simulation,
  startServiceHolder,
  stopServiceHolder,
} from '../../../../src/testing/index.ts';
import { formed, whole } from './cluster.ts';

const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

describe('a service', () => {
  test('is gone everywhere once it is unregistered (F8)', async () => {
    const { sim, nodes } = await pair(8);
    const [a] = nodes;
    await startServiceHolder(a, 'orders');
    await sim.advance(500);
    await sim.settled(a.services.unregister('orders'));
    await sim.advance(500);
    for (const node of nodes) expect(node.services.lookup('orders')).toEqual([]);
  });

  test('of one name on two nodes is listed with both holders (F10)', async () => {
    const { sim, nodes } = await pair(10);
    for (const node of nodes) await startServiceHolder(node, 'orders');
    await sim.advance(500);
    for (const node of nodes) {
      const holders = node.services.lookup('orders').map((entry) => entry.node);
      expect(holders.sort()).toEqual(['n0@sim', 'n1@sim']);
    }
  });

  test('is gone within 100 ms when its process returns, and when it throws (F11, F12)', async () => {
    const { sim, nodes } = await pair(11);
    const [a] = nodes;
    for (const [name, fails] of [
      ['returns', false],
      ['throws', true],
    ] as const) {
      const pid = a.processes.spawn(async (self) => {
        await self.receive();
        if (fails) throw new Error('broken');
      });
      await sim.settled(a.services.register(name, pid));
      await sim.advance(500);
      for (const node of nodes) expect(node.services.lookup(name)).toHaveLength(1);
      a.processes.send(pid, 'go');
      await sim.advance(100);
      for (const node of nodes) expect(node.services.lookup(name)).toEqual([]);
    }
  });

  test('is gone when its node is (F13)', async () => {
    const { sim, nodes } = await pair(13);
    const [a, b] = nodes;
    await startServiceHolder(b, 'orders');
    await sim.until(() => a.services.list().length === 1, 1_000);
    sim.crash('n1@sim');
    await sim.until(() => a.services.list().length === 0, 6_000);
  });

  test('under random load on three nodes ends as its holders say (F18)', async () => {
    const sim = simulate(18);
    const nodes = await formed(sim, 3);
    const random = new SeededRandom(18);
    const held = new Map<string, () => Promise<void>>();
    for (let i = 0; i < 120; i += 1) {
      const node = nodes[Math.floor(random.float() * 3)] as BarrelNode;
      const name = `s${Math.floor(random.float() * 8)}`;
      const key = `${name} ${node.name}`;
      const stop = held.get(key);
      if (stop === undefined) {
        const pid = await startServiceHolder(node, name);
        held.set(key, () => stopServiceHolder(node, pid));
      } else {
        held.delete(key);
        await sim.settled(stop());
      }
      if (random.float() < 0.5) await sim.advance(20);
    }
    await whole(sim);
    await sim.advance(2_000);
    for (const node of nodes) {
      const listed = node.services
        .list()
        .flatMap((name) => node.services.lookup(name).map((entry) => `${name} ${entry.node}`));
      expect(listed.sort()).toEqual([...held.keys()].sort());
    }
  });
});

function simulate(seed: number): Simulation {
  const sim = createSimulation({ seed });
  simulations.push(sim);
  return sim;
}

async function pair(seed: number): Promise<{
  readonly sim: Simulation;
  readonly nodes: readonly [BarrelNode, BarrelNode];
}> {
  const sim = simulate(seed);
  const [a, b] = (await formed(sim, 2)) as [BarrelNode, BarrelNode];
  return { sim, nodes: [a, b] };
}
