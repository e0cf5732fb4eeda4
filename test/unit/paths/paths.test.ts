/** Moving connections between whole nodes, and what is told of them. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../src/barrel-node.ts';
import { createSimulation, type Simulation } from '../../../src/testing/index.ts';
import { ask, formed, neighborEvents, serveEcho } from '../testing/acceptance/cluster.ts';

const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

describe('statistics of a path', () => {
  test('are not there for a node without a connection, which cannot be moved either (Q1, Q2, I51)', async () => {
    const { sim, a } = await pair(1);
    for (const nobody of ['nobody@sim', a.name, 'no name']) {
      expect(a.paths.stats(nobody)).toBe(undefined);
      await expect(sim.settled(a.paths.migrate(nobody))).rejects.toMatchObject({
        code: 'ERR_NOT_CONNECTED',
        node: nobody,
      });
    }
  });

  test('are gone with the connection (Q3)', async () => {
    const { sim, a, b } = await pair(2);
    expect(a.paths.stats(b.name)).toBeDefined();
    sim.crash(b.name);
    await sim.until(() => !a.members().includes(b.name), 60_000);
    expect(a.paths.stats(b.name)).toBe(undefined);
  });

  test('show where a live connection runs and what went over it (Q4, I53)', async () => {
    const { sim, a, b } = await pair(3);
    serveEcho(b);
    await ask(sim, a, b.name);
    const stats = a.paths.stats(b.name);
    const [here, there] = [a.address, b.address];
    expect(stats).toMatchObject({ localAddress: here, remoteAddress: there, lostPackets: 0 });
    for (const figure of ['rttMs', 'cwndBytes', 'sentBytes', 'receivedBytes', 'mtuBytes']) {
      expect(Reflect.get(stats ?? {}, figure)).toBeGreaterThan(0);
    }
  });

  test('follow a connection that moves, at both ends (Q5)', async () => {
    const { sim, a, b } = await pair(4);
    for (const [mover, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const before = mover.paths.stats(other.name);
      await sim.settled(mover.paths.migrate(other.name));
      const after = mover.paths.stats(other.name);
      expect(after?.localAddress).not.toBe(before?.localAddress);
      expect(after?.remoteAddress).toBe(before?.remoteAddress);
      expect(other.paths.stats(mover.name)).toMatchObject({
        localAddress: after?.remoteAddress,
        remoteAddress: after?.localAddress,
      });
    }
  });

  test('need no answer from anywhere (Q6)', async () => {
    const { sim, a, b } = await pair(5);
    sim.partition([a.name], [b.name]);
    expect(a.paths.stats(b.name)?.remoteAddress).toBe(b.address);
  });
});

describe('a connection that moves', () => {
  test('loses no message and no call, and its ends stay neighbours', async () => {
    const { sim, a, b } = await pair(6);
    const received: unknown[] = [];
    const pid = b.processes.spawn(async (self) => {
      for await (const message of self) received.push(message);
    });
    const downs: unknown[] = [];
    a.processes.monitor(pid, (down) => downs.push(down));
    serveEcho(b);
    const events = [neighborEvents(a), neighborEvents(b)];
    const numbers = Array.from({ length: 3_000 }, (_, index) => index);
    const moves = [a.paths.migrate(b.name), b.paths.migrate(a.name)];
    for (const number of numbers) a.processes.send(pid, number);
    const answered = ask(sim, a, b.name);
    await sim.settled(Promise.all(moves));
    expect(await answered).toBe('n1@sim: hello');
    await sim.until(() => received.length >= numbers.length, 30_000);
    expect(received).toEqual(numbers);
    await sim.advance(10_000);
    expect([downs, ...events]).toEqual([[], [], []]);
  });

  test('moves as often as it is told to', async () => {
    const { sim, a, b } = await pair(7);
    serveEcho(b);
    for (let turn = 0; turn < 50; turn += 1) {
      await sim.settled((turn % 3 === 0 ? b : a).paths.migrate(turn % 3 === 0 ? a.name : b.name));
      expect(await ask(sim, a, b.name)).toBe('n1@sim: hello');
    }
    expect(sampleOf(a, 'asked', 'ok') + sampleOf(b, 'asked', 'ok')).toBe(50);
  });

  test('that gets no answer there stays where it is: ERR_TIMEOUT, after 5 s unless told else', async () => {
    const { sim, a, b } = await pair(8);
    serveEcho(b);
    for (const [mover, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const before = mover.paths.stats(other.name)?.localAddress;
      sim.partition([a.name], [b.name]);
      const startMs = sim.now;
      const moved = mover.paths.migrate(other.name, { timeoutMs: 700 });
      await expect(sim.settled(moved)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
      expect(sim.now - startMs).toBeCloseTo(700);
      sim.heal();
      await sim.advance(3_000);
      expect(mover.paths.stats(other.name)?.localAddress).toBe(before);
      expect(await ask(sim, a, b.name)).toBe('n1@sim: hello');
    }
    expect(sampleOf(a, 'asked', 'failed')).toBe(1);
  });

  test('whose end gives up, however late, is where it was: at both ends, and it can move again', async () => {
    const { sim, a, b } = await pair(13);
    serveEcho(b);
    for (const [mover, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const before = [mover.paths.stats(other.name), other.paths.stats(mover.name)];
      const places = before.map((stats) => [stats?.localAddress, stats?.remoteAddress]);
      const outcomes = new Set<string>();
      for (let timeoutMs = 0; !outcomes.has('moved'); timeoutMs += 1) {
        const moved = mover.paths.migrate(other.name, { timeoutMs });
        outcomes.add(
          await sim.settled(
            moved.then(
              () => 'moved',
              ({ code }) => code,
            ),
          ),
        );
        if (outcomes.has('moved')) break;
        await sim.advance(1_000);
        const after = [mover.paths.stats(other.name), other.paths.stats(mover.name)];
        expect(after.map((stats) => [stats?.localAddress, stats?.remoteAddress])).toEqual(places);
        expect(await ask(sim, a, b.name)).toBe('n1@sim: hello');
      }
      expect([...outcomes]).toEqual(['ERR_TIMEOUT', 'moved']);
    }
  });

  test('whose end gives up moves all the same when it is told again', async () => {
    const { sim, a, b } = await pair(14);
    for (const [mover, other] of [
      [a, b],
      [b, a],
    ] as const) {
      for (let waitMs = 0; waitMs < 30; waitMs += 1) {
        const before = mover.paths.stats(other.name)?.localAddress;
        const abort = new AbortController();
        const first = mover.paths.migrate(other.name, { signal: abort.signal });
        first.catch(() => {});
        await sim.advance(waitMs);
        abort.abort();
        await sim.settled(mover.paths.migrate(other.name));
        await sim.advance(1_000);
        const after = mover.paths.stats(other.name);
        expect(after?.localAddress).not.toBe(before);
        expect(other.paths.stats(mover.name)?.remoteAddress).toBe(after?.localAddress);
      }
    }
  });

  test('to an address that another program has is refused: ERR_PATH_NOT_VALIDATED (I52)', async () => {
    const { sim, a, b } = await pair(9);
    const [localHost = '', port] = b.address.split(':');
    const moved = a.paths.migrate(b.name, { localHost, localPort: Number(port) });
    await expect(sim.settled(moved)).rejects.toMatchObject({ code: 'ERR_PATH_NOT_VALIDATED' });
  });

  test.each([-1, 65_536, 1.5, Number.NaN])(
    'to port %d is a fault: ERR_OPTION',
    async (localPort) => {
      const { sim, a, b } = await pair(10);
      const moved = a.paths.migrate(b.name, { localPort });
      await expect(sim.settled(moved)).rejects.toMatchObject({ code: 'ERR_OPTION' });
    },
  );

  test('through other nodes cannot: ERR_MIGRATION_DISABLED (I52)', async () => {
    const sim = simulation(11);
    const [a, , c] = await formed(sim, 3);
    if (a === undefined || c === undefined) throw new Error('three nodes');
    sim.cut(a.name, c.name);
    sim.cut(c.name, a.name);
    await sim.advance(60_000);
    serveEcho(c);
    expect(await ask(sim, a, c.name)).toBe('n2@sim: hello');
    await expect(sim.settled(a.paths.migrate(c.name))).rejects.toMatchObject({
      code: 'ERR_MIGRATION_DISABLED',
    });
    expect(a.paths.stats(c.name)).toBeDefined();
  });

  test('rejects with the reason of the signal', async () => {
    const { sim, a, b } = await pair(12);
    const reason = new Error('not wanted');
    const moved = a.paths.migrate(b.name, { signal: AbortSignal.abort(reason) });
    await expect(sim.settled(moved)).rejects.toBe(reason);
  });
});

function simulation(seed: number): Simulation {
  const sim = createSimulation({ seed });
  simulations.push(sim);
  return sim;
}

async function pair(
  seed: number,
): Promise<{ readonly sim: Simulation; readonly a: BarrelNode; readonly b: BarrelNode }> {
  const sim = simulation(seed);
  const [a, b] = await formed(sim, 2);
  if (a === undefined || b === undefined) throw new Error('two nodes');
  return { sim, a, b };
}

function sampleOf(node: BarrelNode, cause: string, result: string): number {
  const name = `barrel_migrations_total{cause="${cause}",result="${result}"}`;
  return node.metrics.snapshot()[name] ?? 0;
}
