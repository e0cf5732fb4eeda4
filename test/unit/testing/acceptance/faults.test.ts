/** N10-N16 of the acceptance scenarios on whole nodes: loss, absence, restarts and idle links. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../../src/barrel-node.ts';
import {
  createSimulation,
  type Simulation,
  startServiceHolder,
} from '../../../../src/testing/index.ts';
import { ask, formed, listen, names, neighborEvents, serveEcho, whole } from './cluster.ts';

const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

describe('broadcasts', () => {
  test('over links that lose a tenth reach every node exactly once (N10)', async () => {
    const sim = simulate(210);
    const nodes = await formed(sim, 8);
    sim.link({ loss: 0.1 });
    const heard = nodes.map((node) => listen(node, 'news'));
    const ids: string[] = [];
    for (let i = 0; i < 20; i += 1) {
      const id = nodes[i % 8]?.topics.publish('news', i);
      if (id !== undefined) ids.push(id);
      await sim.advance(100);
    }
    await sim.advance(10_000);
    for (const messages of heard) {
      expect(messages.map(({ id }) => id).sort()).toEqual([...ids].sort());
    }
  });

  test('that a node missed while it was offline for 20 s come when it is back (N11)', async () => {
    const sim = simulate(211);
    const nodes = await formed(sim, 4);
    const [a, , , absent] = nodes as [BarrelNode, BarrelNode, BarrelNode, BarrelNode];
    const heard = listen(absent, 'news');
    sim.partition(names(3), ['n3@sim']);
    for (let i = 0; i < 10; i += 1) {
      a.topics.publish('news', i);
      await sim.advance(2_000);
    }
    expect(heard).toEqual([]);
    sim.heal();
    await sim.until(() => heard.length === 10, 30_000);
    await sim.advance(5_000);
    expect(heard.map(({ message }) => message).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('to a node that stands still reach all others at once, and it as well in the end (N12)', async () => {
    const sim = simulate(212);
    const nodes = await formed(sim, 5);
    const heard = nodes.map((node) => listen(node, 'news'));
    sim.stall('n4@sim', 4_000);
    for (let i = 0; i < 200; i += 1) {
      nodes[0]?.topics.publish('news', 'x'.repeat(1_000));
      await sim.advance(10);
    }
    await sim.advance(500);
    expect(heard.map((messages) => messages.length)).toEqual([200, 200, 200, 200, 0]);
    await sim.until(() => heard[4]?.length === 200, 30_000);
  });
});

describe('halves that a partition kept apart for a minute', () => {
  test('are one cluster within 90 s after it, by their contacts alone (N14)', async () => {
    const sim = simulate(214);
    await formed(sim, 6, { contacts: ['n0@sim', 'n5@sim'] });
    sim.partition(names(3), names(6).slice(3));
    await sim.advance(60_000);
    expect(sim.node('n0@sim').members()).toEqual(names(3));
    expect(sim.node('n5@sim').members()).toEqual(names(6).slice(3));
    sim.heal();
    await whole(sim, 90_000);
  });
});

describe('a node that restarts under its name within a second', () => {
  test('takes the place of its old start everywhere, and each event comes once (N15)', async () => {
    const sim = simulate(215);
    const nodes = await formed(sim, 6, { dataDir: '/data' });
    const old = sim.node('n2@sim');
    await startServiceHolder(old, 'service');
    await sim.until(() => nodes.every((node) => node.services.list().length === 1), 5_000);
    const others = nodes.filter((node) => node !== old);
    const events = others.map((node) => memberEvents(node));
    sim.crash('n2@sim');
    await sim.advance(500);
    const restarted = await sim.restart('n2@sim');
    await startServiceHolder(restarted, 'service');
    await whole(sim, 30_000);
    await sim.advance(10_000);
    expect(sim.faults()).toEqual([]);
    for (const seen of events) expect(seen).toEqual(['down n2@sim', 'up n2@sim']);
    for (const node of others) {
      const member = node.roster().find(({ node: name }) => name === 'n2@sim');
      expect(member?.incarnation).toBe(restarted.incarnation);
      expect(node.services.lookup('service')).toHaveLength(1);
    }
  });
});

describe('a link that nothing crosses', () => {
  test('between neighbours is never closed, and stays mutual for an hour (N16)', async () => {
    const sim = simulate(216);
    const nodes = await formed(sim, 2);
    const events = nodes.map((node) => neighborEvents(node));
    await sim.advance(3_600_000);
    expect(events).toEqual([[], []]);
    expect(sim.faults()).toEqual([]);
  });

  test('on demand that was closed opens again on the next send (N16)', async () => {
    const sim = simulate(217);
    const [a, b] = (await formed(sim, 2)) as [BarrelNode, BarrelNode];
    const guest = await sim.start({ name: 'guest@sim' });
    serveEcho(a);
    expect(await ask(sim, guest, 'n0@sim')).toBe('n0@sim: hello');
    expect(links(guest)).toBe(1);
    sim.cut('guest@sim', 'n0@sim');
    sim.cut('n0@sim', 'guest@sim');
    await sim.until(() => links(guest) === 0 && links(a) === 1, 120_000);
    sim.heal();
    expect(await ask(sim, guest, 'n0@sim')).toBe('n0@sim: hello');
    expect([a.activeView(), b.activeView()]).toEqual([['n1@sim'], ['n0@sim']]);
  });
});

function simulate(seed: number): Simulation {
  const sim = createSimulation({ seed });
  simulations.push(sim);
  return sim;
}

function memberEvents(node: BarrelNode): string[] {
  const events: string[] = [];
  node.on('memberUp', ({ node: member }) => events.push(`up ${member}`));
  node.on('memberDown', ({ node: member }) => events.push(`down ${member}`));
  return events;
}

/** Connections of that node. */
function links(node: BarrelNode): number {
  return node.metrics.snapshot()['barrel_links'] ?? 0;
}
