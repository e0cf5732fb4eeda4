/** S1-S4 of the acceptance scenarios: an overlay that is held apart, and a very small one. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../../src/barrel-node.ts';
import type { NodeName } from '../../../../src/core/names.ts';
import {
  createSimulation,
  type Simulation,
  startServiceHolder,
} from '../../../../src/testing/index.ts';
import { ask, serveEcho, whole } from './cluster.ts';

const LEFT = ['a@sim', 'b@sim'];
const RIGHT = ['c@sim', 'd@sim'];
const ALL = [...LEFT, ...RIGHT];

const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

describe('two pairs that were one cluster and block each other', () => {
  test('do not see each other in their views (S1)', async () => {
    const { sim, nodes } = await apart(1);
    await sim.advance(15_000);
    for (const node of nodes) {
      const known = [...node.activeView(), ...node.passiveView()];
      expect(known).toEqual(sideOf(node.name).filter((name) => name !== node.name));
    }
  });

  test('see the service of their own side, and not that of the other (S2)', async () => {
    const { sim, nodes } = await apart(2);
    await startServiceHolder(nodes[0], 'left');
    await startServiceHolder(nodes[2], 'right');
    await sim.until(() => nodes.every((node) => has(node, sideName(node))), 15_000);
    await sim.advance(1_000);
    for (const node of nodes) {
      expect(node.services.list()).toEqual([sideName(node)]);
    }
  });

  test('see the services of both sides once they let each other in and join (S3)', async () => {
    const { sim, nodes } = await apart(3);
    const [a, b, c, d] = nodes;
    await startServiceHolder(a, 'left');
    await startServiceHolder(c, 'right');
    await sim.advance(5_000);
    for (const name of ALL) sim.block(name, []);
    await sim.settled(c.join('a@sim'));
    await sim.settled(b.join('c@sim'));
    await sim.settled(d.join('a@sim'));
    const both = (): boolean => nodes.every((node) => has(node, 'left') && has(node, 'right'));
    await sim.until(both, 20_000);
    await whole(sim, 20_000);
  });
});

describe('three nodes with one neighbour each', () => {
  test('answer each other all the same, whoever asks whom (S4)', async () => {
    const sim = simulate(4);
    const membership = { activeSize: 1, passiveSize: 1 };
    const nodes: BarrelNode[] = [];
    for (const name of ['a@sim', 'b@sim', 'c@sim']) {
      nodes.push(await sim.start({ name, membership }));
    }
    for (const node of nodes) serveEcho(node);
    for (const from of nodes) {
      for (const to of nodes) {
        if (from !== to) await sim.settled(from.join(to.name));
      }
    }
    for (const from of nodes) {
      for (const { name } of nodes) expect(await ask(sim, from, name)).toBe(`${name}: hello`);
      expect(from.activeView().length).toBeLessThanOrEqual(1);
    }
  });
});

function simulate(seed: number): Simulation {
  const sim = createSimulation({ seed });
  simulations.push(sim);
  return sim;
}

type Four = readonly [BarrelNode, BarrelNode, BarrelNode, BarrelNode];

/** Two pairs that became one cluster, and then were told to refuse each other. */
async function apart(seed: number): Promise<{ readonly sim: Simulation; readonly nodes: Four }> {
  const sim = simulate(seed);
  const [a, b, c, d] = [
    await sim.start({ name: 'a@sim' }),
    await sim.start({ name: 'b@sim' }),
    await sim.start({ name: 'c@sim' }),
    await sim.start({ name: 'd@sim' }),
  ];
  await sim.settled(b.join('a@sim'));
  await sim.settled(d.join('c@sim'));
  await sim.settled(c.join('a@sim'));
  await whole(sim, 15_000);
  for (const name of LEFT) sim.block(name, RIGHT);
  for (const name of RIGHT) sim.block(name, LEFT);
  return { sim, nodes: [a, b, c, d] };
}

function sideOf(node: NodeName): readonly NodeName[] {
  return LEFT.includes(node) ? LEFT : RIGHT;
}

function sideName({ name }: BarrelNode): string {
  return LEFT.includes(name) ? 'left' : 'right';
}

function has(node: BarrelNode, service: string): boolean {
  return node.services.list().includes(service);
}
