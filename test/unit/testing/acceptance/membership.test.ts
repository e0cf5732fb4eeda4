/** H1-H11 of the acceptance scenarios: membership as a user sees it. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../../src/barrel-node.ts';
import { createSimulation, type Simulation } from '../../../../src/testing/index.ts';
import { ask, formed, neighborEvents, serveEcho, whole } from './cluster.ts';

const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

describe('a fresh node', () => {
  test('has no neighbours and no spares (H1)', async () => {
    const { node } = await alone(1);
    expect([node.activeView(), node.passiveView()]).toEqual([[], []]);
  });

  test('can leave, and its views stay empty (H2)', async () => {
    const { sim, node } = await alone(2);
    await sim.settled(node.leave());
    expect([node.activeView(), node.passiveView()]).toEqual([[], []]);
    expect(node.status().state).toBe('left');
  });

  test('tells its listener nothing while nothing happens, nor after the handle is disposed (H3)', async () => {
    const { sim, node } = await alone(3);
    const events: string[] = [];
    const handle = node.on('peerUp', ({ type }) => events.push(type));
    await sim.advance(100);
    expect(events).toEqual([]);
    handle[Symbol.dispose]();
    handle[Symbol.dispose]();
    const other = await sim.start({ name: 'other@sim' });
    await sim.settled(node.join('other@sim'));
    expect([node.activeView(), other.activeView()]).toEqual([['other@sim'], [node.name]]);
    expect(events).toEqual([]);
  });

  test('shuffles with nobody, without harm (H4)', async () => {
    const { sim, node } = await alone(4, { shufflePeriodMs: 100 });
    await sim.advance(5_000);
    expect([node.activeView(), sim.traffic.messages]).toEqual([[], 0]);
  });
});

describe('a join', () => {
  test('through a node that does not run ends, and leaves nothing behind (H5)', async () => {
    const { sim, node } = await alone(5);
    await sim.start({ name: 'phantom@sim' });
    sim.crash('phantom@sim');
    const join = sim.settled(node.join('phantom@sim', { timeoutMs: 200 }));
    await expect(join).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    const unknown = sim.settled(node.join('nobody@sim'));
    await expect(unknown).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
    await sim.advance(30_000);
    expect([node.activeView(), node.passiveView()]).toEqual([[], []]);
    expect(node.members()).toEqual([node.name]);
  });

  test('at a full node takes the place of another, whose connection stays open (H7, I36)', async () => {
    const sim = simulate(7);
    const [a, b, c] = await three(sim, { activeSize: 1, passiveSize: 1 });
    await sim.settled(a.join('b@sim'));
    const events = neighborEvents(b);
    await sim.settled(c.join('b@sim'));
    expect(b.activeView()).toEqual(['c@sim']);
    expect(events).toEqual(['down a@sim evicted', 'up c@sim']);
    await sim.advance(1_000);
    expect(b.activeView()).toHaveLength(1);
    expect(links(a)).toBe(1);
    expect(links(b)).toBe(2);
  });

  test('works again a second after a leave (H9)', async () => {
    const sim = simulate(9);
    const [a, b] = (await formed(sim, 2)) as [BarrelNode, BarrelNode];
    serveEcho(a);
    await sim.settled(b.leave());
    await sim.advance(1_000);
    await sim.settled(b.join('n0@sim'));
    await whole(sim, 3_000);
    expect(await ask(sim, b, 'n0@sim')).toBe('n0@sim: hello');
  });
});

describe('a cluster', () => {
  test('takes no node for a neighbour that only sends messages, which arrive all the same (H6, I35)', async () => {
    const sim = simulate(6);
    const [a, b, c] = await three(sim, { activeSize: 1, passiveSize: 1 });
    for (const node of [b, c]) serveEcho(node);
    await sim.settled(a.join('b@sim'));
    expect(await ask(sim, c, 'b@sim')).toBe('b@sim: hello');
    expect(await ask(sim, b, 'c@sim')).toBe('c@sim: hello');
    await sim.advance(5_000);
    expect([a.activeView(), b.activeView(), c.activeView()]).toEqual([['b@sim'], ['a@sim'], []]);
    expect(b.passiveView()).toEqual([]);
    expect([b.members(), c.members()]).toEqual([['a@sim', 'b@sim'], ['c@sim']]);
  });

  test('with a join secret gives every node a neighbour, and calls go all ways (H8, I38)', async () => {
    const sim = simulate(8);
    const secret = 'a secret of more than 32 characters';
    const nodes = await formed(sim, 4, { secret });
    for (const node of nodes) {
      serveEcho(node);
      expect(node.activeView().length).toBeGreaterThanOrEqual(1);
    }
    for (const from of nodes) {
      for (const { name } of nodes) expect(await ask(sim, from, name)).toBe(`${name}: hello`);
    }
  });

  test('forms by contacts alone, also where the contact comes last and names itself (H10)', async () => {
    const sim = simulate(10);
    const contacts = ['seed@sim'];
    const a = await sim.start({ name: 'a@sim', contacts });
    const b = await sim.start({ name: 'b@sim', contacts });
    await sim.advance(2_000);
    const seed = await sim.start({ name: 'seed@sim', contacts });
    await whole(sim, 30_000);
    expect(seed.activeView()).toEqual(['a@sim', 'b@sim']);
    for (const node of [a, b, seed]) expect(node.members()).toEqual(['a@sim', 'b@sim', 'seed@sim']);
  });
});

function simulate(seed: number): Simulation {
  const sim = createSimulation({ seed });
  simulations.push(sim);
  return sim;
}

interface Sizes {
  readonly activeSize?: number;
  readonly passiveSize?: number;
  readonly shufflePeriodMs?: number;
}

async function alone(
  seed: number,
  membership: Sizes = {},
): Promise<{
  readonly sim: Simulation;
  readonly node: BarrelNode;
}> {
  const sim = simulate(seed);
  return { sim, node: await sim.start({ name: 'one@sim', membership }) };
}

async function three(
  sim: Simulation,
  membership: Sizes,
): Promise<[BarrelNode, BarrelNode, BarrelNode]> {
  return [
    await sim.start({ name: 'a@sim', membership }),
    await sim.start({ name: 'b@sim', membership }),
    await sim.start({ name: 'c@sim', membership }),
  ];
}

/** Connections of that node. */
function links(node: BarrelNode): number {
  return node.metrics.snapshot()['barrel_links'] ?? 0;
}
