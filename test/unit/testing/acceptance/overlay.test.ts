/** N1-N9 of the acceptance scenarios on whole nodes: what the overlay holds and how it mends. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../../src/barrel-node.ts';
import { createSimulation, type Simulation } from '../../../../src/testing/index.ts';
import { formed, listen, names, neighborEvents, whole } from './cluster.ts';

const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

describe('nodes that join through one seed', () => {
  test.each([2, 3, 6, 12])('%i of them are connected by mutual links (N1)', async (count) => {
    const sim = simulate(count);
    const nodes = await formed(sim, count);
    await sim.advance(10_000);
    expect(sim.faults()).toEqual([]);
    for (const node of nodes) {
      expect(node.activeView().length).toBeGreaterThanOrEqual(Math.min(count - 1, 2));
    }
  });

  test('are whole again 10 s after 30 % died at once, the seed among them (N2)', async () => {
    const sim = simulate(104);
    const nodes = await formed(sim, 14);
    const dead = names(4);
    for (const name of dead) sim.crash(name);
    const living = nodes.slice(4);
    await sim.advance(10_000);
    expect(sim.faults()).toEqual([]);
    for (const node of living) {
      expect(node.activeView().length).toBeGreaterThanOrEqual(3);
      const known = [...node.activeView(), ...node.passiveView(), ...node.members()];
      expect(known.filter((name) => dead.includes(name))).toEqual([]);
    }
  });
});

describe('a node that left', () => {
  test('is listed nowhere, hears nothing, stays out, and can join again (N3)', async () => {
    const sim = simulate(103);
    const [a, b] = (await formed(sim, 2)) as [BarrelNode, BarrelNode];
    const heard = [listen(a, 'news'), listen(b, 'news')] as const;
    await sim.settled(b.leave());
    await sim.advance(1_000);
    const framesBefore = frames(b);
    a.topics.publish('news', 'of a');
    b.topics.publish('news', 'of b');
    await sim.advance(30_000);
    for (const node of [a, b]) expect([node.activeView(), node.passiveView()]).toEqual([[], []]);
    expect(a.members()).toEqual(['n0@sim']);
    expect(heard.map((messages) => messages.map(({ message }) => message))).toEqual([
      ['of a'],
      ['of b'],
    ]);
    expect(frames(b)).toBe(framesBefore);
    // Nor does it look after those it left.
    expect([links(a), links(b)]).toEqual([0, 0]);

    await sim.settled(b.join('n0@sim'));
    await whole(sim);
    const id = a.topics.publish('news', 'again');
    await sim.until(() => heard[1].some((message) => message.id === id), 1_000);
  });
});

describe('nodes that leave in one instant', () => {
  test('are known to have left by the one that stays', async () => {
    const sim = simulate(123);
    const nodes = await formed(sim, 8, { membership: { activeSize: 2, passiveSize: 5 } });
    const [stays, ...others] = nodes as [BarrelNode, ...BarrelNode[]];
    const reasons: string[] = [];
    stays.on('memberDown', ({ reason }) => reasons.push(reason));
    await sim.settled(Promise.all(others.map((node) => node.leave())));
    await sim.until(() => stays.members().length === 1, 60_000);
    expect(reasons).toEqual(others.map(() => 'left'));
    expect(stays.passiveView()).toEqual([]);
  });
});

describe('a node that is out', () => {
  test('joins through its contact although that started anew with another key meanwhile', async () => {
    const sim = simulate(113);
    const [, b] = (await formed(sim, 2)) as [BarrelNode, BarrelNode];
    await sim.settled(b.leave());
    sim.crash('n0@sim');
    await sim.advance(60_000);
    const again = await sim.restart('n0@sim');
    expect(again.activeView()).toEqual([]);
    await sim.settled(b.join('n0@sim'));
    await whole(sim);
    expect(b.members()).toEqual(names(2));
  });
});

describe('a full node', () => {
  test('evicts nobody for a neighbour that joins again, and tells nothing (N4)', async () => {
    const sim = simulate(104);
    const nodes = await formed(sim, 4, { membership: { activeSize: 3, passiveSize: 3 } });
    const again = nodes[1] as BarrelNode;
    await sim.until(() => nodes.every((node) => node.activeView().length === 3), 30_000);
    const events = nodes.map((node) => neighborEvents(node));
    for (let i = 0; i < 3; i += 1) await sim.settled(again.join('n0@sim'));
    await sim.advance(5_000);
    expect(events).toEqual([[], [], [], []]);
  });

  test('of one place takes any course of joins, crashes and leaves (N5)', async () => {
    const sim = simulate(105);
    const membership = { activeSize: 1, passiveSize: 1 };
    const options = { membership, dataDir: '/data' };
    const nodes = await Promise.all(names(5).map((name) => sim.start({ name, ...options })));
    for (const joiner of nodes) {
      for (const { name } of nodes) {
        if (name !== joiner.name) await sim.settled(joiner.join(name).catch(() => undefined));
      }
    }
    sim.crash('n1@sim');
    await sim.settled(nodes[2]?.leave() ?? Promise.resolve());
    await sim.advance(10_000);
    await sim.restart('n1@sim');
    await sim.settled(nodes[2]?.join('n1@sim') ?? Promise.resolve());
    await sim.advance(10_000);
    for (const node of nodes) expect(node.activeView().length).toBeLessThanOrEqual(1);
  });

  test('that joins ten contacts never has more than five neighbours (N6)', async () => {
    const sim = simulate(106);
    for (const name of names(10)) await sim.start({ name });
    const node = await sim.start({ name: 'joiner@sim' });
    let most = 0;
    node.on('peerUp', () => {
      most = Math.max(most, node.activeView().length);
    });
    for (const name of names(10)) await sim.settled(node.join(name));
    await whole(sim);
    expect(most).toBe(5);
    // Of eleven nodes with five places each one may be left with four.
    expect(node.activeView().length).toBeGreaterThanOrEqual(4);
  });
});

describe('a node that is refused by all', () => {
  test('keeps them as spares, asks again later, and is taken in then (N7)', async () => {
    const sim = simulate(107);
    const nodes = await formed(sim, 5);
    const [first] = nodes;
    for (const name of names(5).slice(1)) sim.block(name, ['n0@sim']);
    await sim.advance(15_000);
    expect(first?.activeView()).toEqual([]);
    expect(first?.passiveView()).toEqual(names(5).slice(1));
    for (const name of names(5).slice(1)) sim.block(name, []);
    await whole(sim, 30_000);
    expect(first?.activeView().length).toBeGreaterThanOrEqual(2);
  });
});

describe('requests that meet trouble', () => {
  test('whose answer is cut off leave both ends of one mind soon after (N8)', async () => {
    const sim = simulate(108);
    const [a, b] = [await sim.start({ name: 'a@sim' }), await sim.start({ name: 'b@sim' })];
    await sim.settled(b.processes.call({ node: 'a@sim', name: 'nobody' }, 1).catch(() => 0));
    const join = sim.settled(b.join('a@sim', { timeoutMs: 5_000 }));
    const outcome = expect(join).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    sim.cut('a@sim', 'b@sim');
    await outcome;
    sim.heal();
    await sim.advance(15_000);
    expect(a.activeView().includes('b@sim')).toBe(b.activeView().includes('a@sim'));
    await sim.settled(b.join('a@sim'));
    await whole(sim, 5_000);
  });

  test('that cross each other make one link, and one event on each side (N9, I40)', async () => {
    for (const latencyMs of [
      [1, 1],
      [1, 20],
    ] as const) {
      const sim = simulate(109);
      sim.link({ latencyMs });
      const [a, b] = [await sim.start({ name: 'a@sim' }), await sim.start({ name: 'b@sim' })];
      const events = [neighborEvents(a), neighborEvents(b)];
      await sim.settled(Promise.all([a.join('b@sim'), b.join('a@sim')]));
      await sim.advance(10_000);
      expect(events).toEqual([['up b@sim'], ['up a@sim']]);
      expect([links(a), links(b)]).toEqual([1, 1]);
    }
  });
});

function simulate(seed: number): Simulation {
  const sim = createSimulation({ seed });
  simulations.push(sim);
  return sim;
}

/** Frames of broadcast that this node sent and received. */
function frames(node: BarrelNode): number {
  return Object.entries(node.metrics.snapshot())
    .filter(([name]) => name.startsWith('barrel_gossip_frames_total'))
    .reduce((sum, [, count]) => sum + count, 0);
}

/** Connections of that node. */
function links(node: BarrelNode): number {
  return node.metrics.snapshot()['barrel_links'] ?? 0;
}
