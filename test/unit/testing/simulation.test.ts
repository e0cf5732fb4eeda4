import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../src/barrel-node.ts';
import {
  createSimulation,
  type Simulation,
  type SimulationError,
  startServiceHolder,
  stopServiceHolder,
} from '../../../src/testing/index.ts';

const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

describe('whole nodes', () => {
  test('find each other by name and become one cluster', async () => {
    const sim = simulate(1);
    await startMany(sim, 5);
    await sim.until(() => sim.faults().length === 0, 10_000);
    expect(sim.node('n3@sim').members()).toEqual(names(5));
    expect(sim.node('n0@sim').status().state).toBe('ready');
  });

  test('call services of each other', async () => {
    const sim = simulate(2);
    const [first, second] = await startMany(sim, 2);
    const counter = { add: (a: number, b: number): number => a + b };
    await first?.services.register('counter', counter);
    const client = second?.services.client<typeof counter>('counter');
    expect(await sim.settled(client?.add(2, 3) ?? Promise.reject())).toBe(5);
  });

  test('join, leave and close when time is moved for them', async () => {
    const sim = simulate(3);
    const a = await sim.start({ name: 'a@sim' });
    const b = await sim.start({ name: 'b@sim' });
    await sim.settled(b.join('a@sim'));
    await sim.until(() => a.members().length === 2, 5_000);
    await sim.settled(b.leave());
    await sim.until(() => a.members().length === 1, 5_000);
    await sim.settled(b.close());
    expect(() => sim.node('b@sim')).toThrow('does not run');
    await sim.restart('b@sim');
    expect(sim.node('b@sim').status().state).not.toBe('closed');
  });

  test('share a join secret, and refuse who has another', async () => {
    const sim = simulate(4);
    const secret = 'a secret of more than 32 characters';
    await sim.start({ name: 'a@sim', secret });
    const b = await sim.start({ name: 'b@sim', secret: `${secret}!` });
    const join = sim.settled(b.join('a@sim'));
    await expect(join).rejects.toMatchObject({ code: 'ERR_REFUSED', reason: 'secret' });
  });

  test('get a name when they are given none', async () => {
    const sim = simulate(5);
    const node = await sim.start();
    expect(sim.node(node.name)).toBe(node);
  });

  test('start at once', async () => {
    const sim = simulate(6);
    const dataDir = '/data';
    const starts = names(4).map((name) => sim.start({ name, dataDir, contacts: ['n0@sim'] }));
    await Promise.all(starts);
    await sim.until(() => sim.faults().length === 0, 20_000);
  });
});

describe('one seed', () => {
  test('gives one trace, and another seed another one', async () => {
    const [first, again, other] = [await course(7), await course(7), await course(8)];
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  test('gives the same trace while another simulation runs beside it', async () => {
    const alone = await course(9);
    const [beside] = await Promise.all([course(9), course(10)]);
    expect(beside).toBe(alone);
  });
});

describe('faults', () => {
  test('a partition makes two clusters, and healing makes them one', async () => {
    const sim = simulate(10);
    await startMany(sim, 6);
    await sim.until(() => sim.faults().length === 0, 10_000);
    sim.partition(names(3), names(6).slice(3));
    await sim.until(() => sim.node('n0@sim').members().length === 3, 60_000);
    sim.heal();
    await sim.until(() => sim.faults().length === 0, 120_000);
  });

  test('a crashed node is noticed, and comes back with its identity and a later start', async () => {
    const sim = simulate(11);
    await startMany(sim, 3, '/data');
    await sim.until(() => sim.faults().length === 0, 10_000);
    const before = sim.node('n1@sim');
    sim.crash('n1@sim');
    await sim.until(() => sim.node('n0@sim').members().length === 2, 30_000);
    const after = await sim.restart('n1@sim');
    expect(after.identity.fingerprint).toBe(before.identity.fingerprint);
    expect(after.incarnation > before.incarnation).toBe(true);
    await sim.until(() => sim.faults().length === 0, 30_000);
  });

  test('a wiped disk takes the identity with it', async () => {
    const sim = simulate(12);
    const before = await sim.start({ name: 'a@sim', dataDir: '/data' });
    sim.crash('a@sim', { wipe: true });
    const after = await sim.restart('a@sim');
    expect(after.identity.fingerprint).not.toBe(before.identity.fingerprint);
  });

  test('a full disk lets no node start that needs it, and later it does', async () => {
    const sim = simulate(13);
    sim.disk('a@sim', { full: true });
    const start = sim.start({ name: 'a@sim', dataDir: '/data' });
    await expect(start).rejects.toMatchObject({ code: 'ERR_STORE' });
    sim.disk('a@sim', { full: false });
    await sim.restart('a@sim');
  });

  test('a key that rotted on the disk is an error with a code', async () => {
    const sim = simulate(14);
    await sim.start({ name: 'a@sim', dataDir: '/data' });
    sim.crash('a@sim');
    sim.disk('a@sim', { flipBits: 200 });
    await expect(sim.restart('a@sim')).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(IDENTITY|STORE)$/),
    });
  });

  test('what a stalled node was to do happens late and in order', async () => {
    const sim = simulate(15);
    const node = await sim.start({ name: 'a@sim' });
    const order: string[] = [];
    node.processes.spawn(async (self) => {
      self.sendAfter(100, 'first');
      self.sendAfter(200, 'second');
      for await (const message of self) order.push(`${message} at ${Math.round(sim.now)}`);
    });
    await sim.advance(50);
    sim.stall('a@sim', 950);
    await sim.advance(2_000);
    expect(order).toEqual(['first at 1000', 'second at 1000']);
  });

  test('a long stall loses the node, and it comes back', async () => {
    const sim = simulate(16);
    await startMany(sim, 4);
    await sim.until(() => sim.faults().length === 0, 10_000);
    sim.stall('n2@sim', 30_000);
    await sim.until(() => sim.node('n0@sim').members().length === 3, 25_000);
    await sim.until(() => sim.faults().length === 0, 120_000);
  });

  test('a wall clock that is set wrong by more than a minute keeps a node out', async () => {
    const sim = simulate(17);
    await sim.start({ name: 'a@sim' });
    sim.clock('b@sim', { offsetMs: 90_000 });
    const b = await sim.start({ name: 'b@sim' });
    const join = sim.settled(b.join('a@sim'));
    await expect(join).rejects.toMatchObject({ code: 'ERR_REFUSED', reason: 'clock' });
  });

  test('a clock that drifts fires its timers early or late', async () => {
    const sim = simulate(18);
    const node = await sim.start({ name: 'a@sim' });
    sim.clock('a@sim', { driftPpm: 100_000 });
    let firedMs = 0;
    node.processes.spawn(async (self) => {
      self.sendAfter(1_100, 'now');
      await self.receive();
      firedMs = sim.now;
    });
    await sim.advance(2_000);
    expect(firedMs).toBeCloseTo(1_000, 3);
  });

  test('a one-way cut is felt by both, and the cluster is whole after it', async () => {
    const sim = simulate(19);
    await startMany(sim, 4);
    await sim.until(() => sim.faults().length === 0, 10_000);
    sim.cut('n0@sim', 'n1@sim');
    await sim.advance(30_000);
    sim.heal();
    await sim.until(() => sim.faults().length === 0, 120_000);
  });
});

describe('a node that blocks another', () => {
  test('loses it as a neighbour and as a spare, and takes it back when it blocks nobody', async () => {
    const sim = simulate(16);
    const [a, b] = await startMany(sim, 2);
    await sim.until(() => sim.faults().length === 0, 10_000);
    const reasons: string[] = [];
    a?.on('peerDown', ({ reason }) => reasons.push(reason));
    sim.block('n0@sim', ['n1@sim']);
    await sim.advance(10_000);
    expect([a?.activeView(), a?.passiveView(), b?.activeView()]).toEqual([[], [], []]);
    expect(a?.members()).toEqual(names(2));
    expect(reasons).toEqual(['blocked']);
    const join = b?.join('n0@sim') ?? Promise.resolve();
    await expect(sim.settled(join)).rejects.toMatchObject({ code: 'ERR_REFUSED' });
    sim.block('n0@sim', []);
    await sim.until(() => sim.faults().length === 0, 30_000);
  });
});

describe('orders that make no sense', () => {
  test('are refused with a code', async () => {
    const sim = simulate(20);
    expect(() => sim.block('a@sim', [])).toThrow('does not run');
    const a = await sim.start({ name: 'a@sim' });
    await expect(sim.start({ name: 'a@sim' })).rejects.toMatchObject({ code: 'ERR_CONFLICT' });
    await expect(sim.restart('a@sim')).rejects.toMatchObject({ code: 'ERR_CONFLICT' });
    await expect(sim.restart('b@sim')).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
    expect(() => sim.crash('b@sim')).toThrow(expect.objectContaining({ code: 'ERR_NOT_FOUND' }));
    sim.crash('a@sim');
    expect(() => sim.node('a@sim')).toThrow(expect.objectContaining({ code: 'ERR_NOT_FOUND' }));
    expect(a.name).toBe('a@sim');
    expect(() => createSimulation({ seed: 0.5 })).toThrow('`seed`');
  });

  test('a condition that never holds and a promise that never settles say the seed', async () => {
    const sim = simulate(21);
    const until = sim.until(() => false, 100);
    await expect(until).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    const settled = sim.settled(new Promise(() => {}), 100);
    await expect(settled).rejects.toThrow('seed 21');
    expect(sim.now).toBe(200);
  });

  test('a start that crashes before the node listens rejects', async () => {
    const sim = simulate(22);
    const start = sim.start({ name: 'a@sim', dataDir: '/data' });
    const outcome = expect(start).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    sim.crash('a@sim');
    await outcome;
  });

  test('code that throws in a step ends the run with time, seed and cause', async () => {
    const sim = simulate(23);
    await sim.start({ name: 'a@sim' });
    const broken = new Error('broken');
    let asked = 0;
    const until = sim.until(() => {
      asked += 1;
      if (asked > 1) throw broken;
      return false;
    }, 10_000);
    const error = await until.then(
      () => undefined,
      (thrown: SimulationError) => thrown,
    );
    expect(error).toMatchObject({ name: 'SimulationError', seed: 23, cause: broken });
    expect(error?.message).toContain('createSimulation({ seed: 23 })');
  });
});

describe('a service holder', () => {
  test('is found everywhere until it is stopped', async () => {
    const sim = simulate(24);
    const [a, b] = await startMany(sim, 2);
    if (a === undefined || b === undefined) throw new Error('two nodes were to start');
    const pid = await sim.settled(startServiceHolder(a, 'held'));
    await sim.until(() => b.services.lookup('held')[0]?.pid.toString() === pid.toString(), 5_000);
    await sim.settled(stopServiceHolder(a, pid));
    expect(a.services.lookup('held')).toEqual([]);
    await sim.until(() => b.services.lookup('held').length === 0, 5_000);
  });
});

function simulate(seed: number): Simulation {
  const sim = createSimulation({ seed });
  simulations.push(sim);
  return sim;
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `n${index}@sim`);
}

async function startMany(sim: Simulation, count: number, dataDir?: string): Promise<BarrelNode[]> {
  const nodes: BarrelNode[] = [];
  for (const name of names(count)) {
    nodes.push(await sim.start({ name, dataDir, contacts: ['n0@sim'] }));
  }
  return nodes;
}

/** A little of everything that draws from the seed; answers with the trace. */
async function course(seed: number): Promise<string> {
  const sim = simulate(seed);
  sim.link({ latencyMs: [1, 40], loss: 0.1, duplicate: 0.2, reorder: 0.2 });
  await startMany(sim, 5, '/data');
  await sim.advance(3_000);
  sim.partition(names(2), names(5).slice(2));
  sim.stall('n4@sim', 2_000);
  await sim.advance(8_000);
  sim.heal();
  sim.crash('n1@sim');
  await sim.advance(2_000);
  await sim.restart('n1@sim');
  await sim.advance(5_000);
  return sim.trace;
}
