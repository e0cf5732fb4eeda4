/** Whole nodes of which some cannot reach each other but through others. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../../src/barrel-node.ts';
import { type Pid, parsePid } from '../../../../src/core/pid.ts';
import type { Value } from '../../../../src/processes/processes.ts';
import { createSimulation, type Simulation } from '../../../../src/testing/index.ts';
import { ask, serveEcho } from './cluster.ts';

const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

describe('two nodes that only share a neighbour', () => {
  test('call each other, and the relay carries it', async () => {
    const { sim, a, b, c } = await threeInARow(1);
    for (const node of [a, c]) serveEcho(node);
    expect(await ask(sim, a, 'c@sim')).toBe('c@sim: hello');
    expect(await ask(sim, c, 'a@sim')).toBe('a@sim: hello');
    expect(carried(b)).toBeGreaterThan(0);
    expect(openCircuits(b)).toBe(1);
  });

  test('need a second for their first word, and no time for later ones', async () => {
    const { sim, a, c } = await threeInARow(2);
    serveEcho(c);
    const startMs = sim.now;
    await ask(sim, a, 'c@sim');
    expect(sim.now - startMs).toBeLessThan(1_200);
    await ask(sim, a, 'c@sim');
    expect(sim.now - startMs).toBeLessThan(1_300);
  });

  test('send messages, which arrive once and in order', async () => {
    const { sim, a, c } = await threeInARow(3);
    const received: Value[] = [];
    const pid = c.processes.spawn(async (self) => {
      for await (const message of self) received.push(message);
    });
    const numbers = Array.from({ length: 500 }, (_, index) => index);
    for (const number of numbers) a.processes.send(pid, number);
    await sim.until(() => received.length >= numbers.length, 30_000);
    expect(received).toEqual(numbers);
  });

  test('exchange values of a megabyte', async () => {
    const { sim, a, c } = await threeInARow(4);
    c.processes.serve({ size: (bytes: Uint8Array) => bytes.length }, { name: 'scales' });
    const call = a.processes.call({ node: 'c@sim', name: 'scales' }, [
      'size',
      [new Uint8Array(1_000_000)],
    ]);
    expect(await sim.settled(call)).toBe(1_000_000);
  });

  test('monitor and link: an end is told with its reason', async () => {
    const { sim, a, c } = await threeInARow(5);
    const downs: Value[] = [];
    const exits: Value[] = [];
    const far = c.processes.spawn(async (self) => {
      await self.receive();
      throw Object.assign(new Error('broken'), { code: 'E_TEST' });
    });
    a.processes.monitor(far, (down) => downs.push(down.reason));
    a.processes.spawn(async (self) => {
      self.trapExit(true);
      self.link(far);
      exits.push(((await self.receive()) as { readonly reason: Value }).reason);
    });
    await sim.advance(2_000);
    a.processes.send(far, 'go');
    await sim.until(() => downs.length > 0 && exits.length > 0, 10_000);
    expect(downs).toMatchObject([{ message: 'broken', code: 'E_TEST' }]);
    expect(exits).toMatchObject([{ message: 'broken', code: 'E_TEST' }]);
  });

  test('hear of a crash', async () => {
    const { sim, a, c } = await threeInARow(6);
    const far = c.processes.spawn((self) => self.receive());
    const downs: Value[] = [];
    a.processes.monitor(far, (down) => downs.push(down.reason));
    await sim.advance(2_000);
    sim.crash('c@sim');
    await sim.until(() => downs.length > 0, 10_000);
    expect(downs).toEqual(['noconnection']);
    await sim.until(() => !a.members().includes('c@sim'), 10_000);
  });

  test.each([7, 107, 207, 307, 407, 507, 607])(
    'lose each other with the relay, and find each other when it is back, seed %i',
    async (seed) => {
      const { sim, a, c } = await threeInARow(seed);
      serveEcho(c);
      await ask(sim, a, 'c@sim');
      sim.crash('b@sim');
      await sim.until(() => !a.members().includes('b@sim'), 30_000);
      await sim.restart('b@sim');
      await sim.until(() => areWhole(sim), 60_000);
      expect(await ask(sim, a, 'c@sim')).toBe('c@sim: hello');
    },
  );

  test('go on through another relay', async () => {
    const { sim, a, c } = await threeInARow(8, ['b2@sim']);
    serveEcho(c);
    await ask(sim, a, 'c@sim');
    const [relay = 'b@sim', other = 'b2@sim'] = ['b@sim', 'b2@sim'].sort(
      (one, two) => openCircuits(sim.node(two)) - openCircuits(sim.node(one)),
    );
    sim.crash(relay);
    await sim.until(() => !a.members().includes(relay), 30_000);
    expect(a.members()).toContain('c@sim');
    expect(await ask(sim, a, 'c@sim')).toBe('c@sim: hello');
    // Of two that both ends asked for at once one is left.
    await sim.advance(5_000);
    expect(openCircuits(sim.node(other))).toBe(1);
  });

  test('hold each other for alive as long as somebody reaches both', async () => {
    const { sim, a, c } = await threeInARow(9);
    const downs: string[] = [];
    for (const node of [a, c]) node.on('memberDown', (event) => downs.push(event.node));
    await sim.advance(120_000);
    expect(downs).toEqual([]);
    expect(a.members()).toEqual(['a@sim', 'b@sim', 'c@sim']);
  });

  test('free the circuit when one of them closes', async () => {
    const { sim, a, b, c } = await threeInARow(10);
    serveEcho(c);
    await ask(sim, a, 'c@sim');
    await sim.settled(c.close());
    await sim.advance(5_000);
    expect([openCircuits(a), openCircuits(b)]).toEqual([0, 0]);
  });
});

describe('a way through other nodes', () => {
  test('may have several hops', async () => {
    const sim = simulation(11);
    const names = ['a@sim', 'b@sim', 'c@sim', 'd@sim', 'e@sim'];
    cutAllBut(sim, names, (one, two) => Math.abs(one - two) === 1);
    const nodes: BarrelNode[] = [];
    for (const [index, name] of names.entries()) {
      const contact = names[index - 1];
      nodes.push(await sim.start({ name, contacts: contact === undefined ? [] : [contact] }));
    }
    await sim.until(() => areWhole(sim), 60_000);
    const [first, , , , last] = nodes;
    if (first === undefined || last === undefined) throw new Error('five nodes');
    serveEcho(last);
    expect(await ask(sim, first, 'e@sim')).toBe('e@sim: hello');
    expect(nodes.slice(1, 4).map(openCircuits)).toEqual([1, 1, 1]);
  });

  test('leads all spokes of a wheel to each other, more than its hub has places for', async () => {
    const sim = simulation(12);
    const names = ['hub@sim', ...Array.from({ length: 9 }, (_, index) => `s${index}@sim`)];
    cutAllBut(sim, names, (one, two) => one === 0 || two === 0);
    const nodes: BarrelNode[] = [];
    for (const name of names) nodes.push(await sim.start({ name, contacts: ['hub@sim'] }));
    await sim.until(() => nodes.every((node) => node.members().length === names.length), 120_000);
    for (const node of nodes) serveEcho(node);
    const pids: Pid[] = nodes.map((node) => parsePid(String(node.processes.whereis('echo'))));
    for (const node of nodes) {
      for (const pid of pids) {
        const answer = await sim.settled(node.processes.call(pid, ['echo', ['hi']]));
        expect(answer).toBe(`${pid.node}: hi`);
      }
    }
  });

  test('is not taken where a node can be dialled', async () => {
    const sim = simulation(13);
    const nodes: BarrelNode[] = [];
    for (const name of ['a@sim', 'b@sim', 'c@sim', 'd@sim']) {
      nodes.push(await sim.start({ name, contacts: ['a@sim'] }));
    }
    for (const node of nodes) serveEcho(node);
    await sim.until(() => areWhole(sim), 30_000);
    for (const from of nodes) for (const to of nodes) await ask(sim, from, to.name);
    expect(nodes.map(carried)).toEqual([0, 0, 0, 0]);
  });

  test('is not asked for a node that has died', async () => {
    const { sim, a, c } = await threeInARow(14);
    const pid = c.processes.spawn((self) => self.receive());
    sim.crash('c@sim');
    await sim.until(() => !a.members().includes('c@sim'), 30_000);
    const asked = counted(a, 'asked');
    await expect(sim.settled(a.processes.call(pid, 'hi'))).rejects.toMatchObject({
      code: expect.stringMatching(/ERR_TIMEOUT|ERR_NO_CONNECTION|ERR_UNREACHABLE/),
    });
    expect(counted(a, 'asked')).toBe(asked);
  });
});

describe('a service', () => {
  test('that a node has not heard of yet is found through the overlay', async () => {
    const { sim, a, c } = await threeInARow(15);
    const registered = c.services.register('fresh', { hello: () => 'hi' }, { meta: { v: 1 } });
    const { pid } = await registered;
    const entry = await sim.settled(a.services.whereis('fresh', { retries: 0 }));
    expect(entry).toEqual({ name: 'fresh', node: 'c@sim', pid, meta: { v: 1 } });
    expect(counted(a, 'asked')).toBe(1);
  });

  test('that nobody has is missed at once, and asked for again by retries alone', async () => {
    const { sim, a } = await threeInARow(16);
    const startMs = sim.now;
    expect(await sim.settled(a.services.whereis('nobody', { retries: 0 }))).toBeUndefined();
    expect(sim.now - startMs).toBeLessThan(30);
    for (let count = 0; count < 10; count += 1) {
      expect(await sim.settled(a.services.whereis('nobody', { retries: 0 }))).toBeUndefined();
    }
    expect(counted(a, 'asked')).toBe(1);
    expect(await sim.settled(a.services.whereis('nobody', { retries: 3 }))).toBeUndefined();
    expect(counted(a, 'asked')).toBe(4);
  });
});

function simulation(seed: number): Simulation {
  const sim = createSimulation({ seed });
  simulations.push(sim);
  return sim;
}

/** a - b - c, and others in the place of b; a and c have no path to each other. */
async function threeInARow(
  seed: number,
  others: readonly string[] = [],
): Promise<{
  readonly sim: Simulation;
  readonly a: BarrelNode;
  readonly b: BarrelNode;
  readonly c: BarrelNode;
}> {
  const sim = simulation(seed);
  sim.cut('a@sim', 'c@sim');
  sim.cut('c@sim', 'a@sim');
  const relays = ['b@sim', ...others];
  const b = await sim.start({ name: 'b@sim', contacts: relays });
  for (const name of others) await sim.start({ name, contacts: relays });
  const a = await sim.start({ name: 'a@sim', contacts: relays });
  const c = await sim.start({ name: 'c@sim', contacts: relays });
  await sim.until(() => areWhole(sim), 30_000);
  return { sim, a, b, c };
}

function areWhole(sim: Simulation): boolean {
  return sim.faults().length === 0;
}

/** Leaves the paths between those of which it holds. */
function cutAllBut(
  sim: Simulation,
  names: readonly string[],
  isPath: (one: number, two: number) => boolean,
): void {
  for (const [one, from] of names.entries()) {
    for (const [two, to] of names.entries())
      if (one !== two && !isPath(one, two)) sim.cut(from, to);
  }
}

function counted(node: BarrelNode, what: string): number {
  return node.metrics.snapshot()[`barrel_routing_total{what="${what}"}`] ?? 0;
}

function carried(node: BarrelNode): number {
  return counted(node, 'carried');
}

function openCircuits(node: BarrelNode): number {
  return node.metrics.snapshot()['barrel_routing_circuits'] ?? 0;
}
