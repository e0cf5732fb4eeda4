/** G1-G7 of the acceptance scenarios on whole nodes: connections that nobody uses. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../../src/barrel-node.ts';
import { createSimulation, type Simulation } from '../../../../src/testing/index.ts';
import { ask, serveEcho } from './cluster.ts';

const IDLE_MS = 12_000;
/** By then a look has found what is idle. */
const FOUND_MS = 2_000;

const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

describe('a connection that nobody uses', () => {
  test('stays between neighbours, however old it is (G1)', async () => {
    const { sim, host } = await visited(301);
    const other = await sim.start({ name: 'other@sim', links: { idleMs: IDLE_MS } });
    await sim.settled(other.join('host@sim'));
    await sim.advance(600_000);
    expect([host.activeView(), other.activeView()]).toEqual([['other@sim'], ['host@sim']]);
    expect([links(host), links(other)]).toEqual([1, 1]);
  });

  test('ends on both ends after its time, is too young before, and opens on the next call (G3)', async () => {
    const { sim, host, guest } = await visited(302);
    expect(await ask(sim, guest, 'host@sim')).toBe('host@sim: hello');
    await sim.advance(IDLE_MS - 1_000);
    expect([links(host), links(guest)]).toEqual([1, 1]);
    await sim.advance(1_000 + FOUND_MS);
    expect([links(host), links(guest)]).toEqual([0, 0]);
    expect(await ask(sim, guest, 'host@sim')).toBe('host@sim: hello');
    expect([links(host), links(guest)]).toEqual([1, 1]);
  });
});

describe('a connection that something depends on', () => {
  test('stays with a stream of results on which nothing comes for long (G2, G7)', async () => {
    const { sim, host, guest } = await visited(303);
    let more: (() => void) | undefined;
    const pid = host.processes.serve({
      async *watch() {
        yield 'first';
        await new Promise<void>((resolve) => {
          more = resolve;
        });
        yield 'last';
      },
    });
    const client = guest.processes.call(pid, ['watch', []]);
    const stream = (await sim.settled(client)) as AsyncIterable<unknown>;
    const items = stream[Symbol.asyncIterator]();
    expect((await sim.settled(items.next())).value).toBe('first');
    await sim.advance(10 * IDLE_MS);
    expect([links(host), links(guest)]).toEqual([1, 1]);
    more?.();
    expect((await sim.settled(items.next())).value).toBe('last');
    expect((await sim.settled(items.next())).done).toBe(true);
    await sim.advance(IDLE_MS + FOUND_MS);
    expect([links(host), links(guest)]).toEqual([0, 0]);
  });

  test('stays while a process is watched or linked, or a call waits', async () => {
    const { sim, host, guest } = await visited(304);
    const target = host.processes.spawn(async (self) => void (await self.receive()));
    const downs: unknown[] = [];
    const watch = guest.processes.monitor(target, ({ reason }) => downs.push(reason));
    await sim.advance(10 * IDLE_MS);
    expect(links(guest)).toBe(1);
    watch[Symbol.dispose]();
    await sim.advance(IDLE_MS + FOUND_MS);
    expect([links(guest), downs]).toEqual([0, []]);
    const linked = guest.processes.spawn(async (self) => {
      self.link(target);
      await self.receive();
    });
    await sim.advance(10 * IDLE_MS);
    expect(links(guest)).toBe(1);
    guest.processes.exit(linked, 'kill');
    await sim.advance(IDLE_MS + FOUND_MS);
    expect(links(guest)).toBe(0);
    const mute = host.processes.spawn(async (self) => {
      for await (const _ of self);
    });
    const call = guest.processes.call(mute, 'x', { timeoutMs: 8 * IDLE_MS });
    const outcome = call.catch((error: unknown) => error);
    await sim.advance(7 * IDLE_MS);
    expect(links(guest)).toBe(1);
    expect(await sim.settled(outcome)).toMatchObject({ code: 'ERR_TIMEOUT' });
    await sim.advance(IDLE_MS + FOUND_MS);
    expect(links(guest)).toBe(0);
  });

  test('stays while messages wait for a process that does not take them', async () => {
    const { sim, host, guest } = await visited(305);
    let take: () => void = () => {};
    const begun = new Promise<void>((resolve) => {
      take = resolve;
    });
    const taken: unknown[] = [];
    const slow = host.processes.spawn(async (self) => {
      await begun;
      for await (const message of self) taken.push(message);
    });
    const count = 3_000;
    for (let index = 0; index < count; index += 1) guest.processes.send(slow, index);
    await sim.advance(10 * IDLE_MS);
    expect(links(guest)).toBe(1);
    take();
    await sim.advance(IDLE_MS / 2);
    expect(taken).toEqual(Array.from({ length: count }, (_, index) => index));
    await sim.advance(IDLE_MS + FOUND_MS);
    expect(links(guest)).toBe(0);
  });
});

describe('where the reference cuts connections by their age (its weakness W15)', () => {
  test('a busy one stays at any age, and no send is lost for good after the end of an idle one', async () => {
    const { sim, host, guest } = await visited(306);
    const got: unknown[] = [];
    const sink = host.processes.spawn(async (self) => {
      for await (const message of self) got.push(message);
    });
    const sent: number[] = [];
    const send = async (pauseMs: number): Promise<void> => {
      sent.push(sent.length);
      guest.processes.send(sink, sent.length - 1);
      await sim.advance(pauseMs);
    };
    for (let count = 0; count < 20; count += 1) await send(IDLE_MS - 1_000);
    expect(ended(guest)).toBe(0);
    for (let count = 0; count < 20; count += 1) await send(IDLE_MS + FOUND_MS);
    expect(ended(guest)).toBe(20);
    expect(got).toEqual(sent);
  });
});

/** A node with an echo, and a guest who knows it and does not join. */
async function visited(seed: number): Promise<{
  readonly sim: Simulation;
  readonly host: BarrelNode;
  readonly guest: BarrelNode;
}> {
  const sim = createSimulation({ seed });
  simulations.push(sim);
  const links = { idleMs: IDLE_MS };
  const host = await sim.start({ name: 'host@sim', links });
  const guest = await sim.start({ name: 'guest@sim', links });
  serveEcho(host);
  return { sim, host, guest };
}

/** Connections of that node. */
function links(node: BarrelNode): number {
  return node.metrics.snapshot()['barrel_links'] ?? 0;
}

function ended(node: BarrelNode): number {
  return node.metrics.snapshot()['barrel_links_ended_total{reason="idle"}'] ?? 0;
}
