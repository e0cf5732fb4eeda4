import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fleet, type FleetMember, until, type View } from './fixtures/fleet.ts';

const REGISTERED_MS = 1_000;
const GONE_MS = 6_000;

let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
});

afterEach(() => fleet.close());

describe.each([5, 16])('%i real processes', (count) => {
  test('join through one seed, link mutually and list every service within a second', async () => {
    const members = await fleet.form(count);
    await until(async () => (await views(members)).every((view) => knowsAll(view, count)), 30_000);
    await until(async () => oneSidedLinks(members, await views(members)).length === 0, 10_000);

    await Promise.all(members.map((member) => member.ask('register', `of-${member.name}`)));
    const listed = await until(
      async () => (await views(members)).every(({ services }) => services.length === count),
      REGISTERED_MS,
    );
    expect(listed).toBeLessThan(REGISTERED_MS);
    const last = members.at(-1) as FleetMember;
    expect(await last.ask('call', 'of-node-00@test', 'name', [], 5_000)).toBe('node-00@test');
  });

  test('forget a killed node and its services everywhere; calls on it fail, none hangs', async () => {
    const members = await fleet.form(count);
    const [seed, victim, ...others] = members as [FleetMember, FleetMember, ...FleetMember[]];
    await until(async () => (await views(members)).every((view) => knowsAll(view, count)), 30_000);
    await victim.ask('register', 'doomed');
    await seed.ask('register', 'lasting');
    const survivors = [seed, ...others];
    await until(
      async () => (await views(survivors)).every(({ services }) => services.length === 2),
      REGISTERED_MS,
    );
    for (const member of survivors) await member.ask('startCall', 'doomed', 'never', [], 60_000);

    await victim.kill();
    await until(
      async () =>
        (await views(survivors)).every(
          ({ members: alive, services }) => !alive.includes(victim.name) && services.length === 1,
        ),
      GONE_MS,
    );
    for (const member of survivors) {
      expect(await member.ask('outcome', 'doomed')).toMatchObject({ code: 'ERR_NO_CONNECTION' });
    }
    expect(await others[0]?.ask('call', 'lasting', 'echo', ['still here'], 5_000)).toBe(
      'still here',
    );
  });
});

test('two processes that dial each other at once have one connection and lose nothing', async () => {
  const rounds = 10;
  const count = 200;
  for (let round = 0; round < rounds; round += 1) {
    const a = await fleet.start({ name: `a-${round}@test`, cluster: `round-${round}` });
    const b = await fleet.start({ name: `b-${round}@test`, cluster: `round-${round}` });
    const [toA, toB] = await Promise.all([a.ask('spawnSink', 0), b.ask('spawnSink', 0)]);
    await Promise.all([a.ask('join', b.address), b.ask('join', a.address)]);
    await Promise.all([
      a.ask('exchange', b.name, toB, count),
      b.ask('exchange', a.name, toA, count),
    ]);
    await until(async () => {
      const [atA, atB] = await Promise.all([a, b].map((one) => one.ask<string[]>('received')));
      return atA?.length === count && atB?.length === count;
    }, 10_000);
    expect(await a.ask('received')).toEqual(numbered(b.name, count));
    expect(await b.ask('received')).toEqual(numbered(a.name, count));
    const metrics = await Promise.all([a, b].map((one) => one.ask<Metrics>('metrics')));
    expect(metrics.map(({ barrel_links }) => barrel_links)).toEqual([1, 1]);
    await Promise.all([a.kill(), b.kill()]);
  }
});

test('a node that restarts under its name is new: old pids never reach it', async () => {
  const dataDir = fleet.directory();
  const seed = await fleet.start({ name: 'seed@test' });
  const options = { name: 'phoenix@test', contacts: [seed.address], dataDir };
  const old = await fleet.start(options);
  await until(async () => (await seed.view()).members.includes('phoenix@test'), 10_000);
  const oldPid = await old.ask<string>('register', 'fire');
  await until(async () => (await seed.view()).services.length === 1, REGISTERED_MS);
  expect(await seed.ask('callPid', oldPid, ['echo', [1]], 5_000)).toBe(1);

  await old.kill();
  const born = await fleet.start(options);
  const newPid = await born.ask<string>('register', 'fire');
  expect(BigInt(born.incarnation)).toBeGreaterThan(BigInt(old.incarnation));
  expect(newPid.split('.').at(-1)).toBe(oldPid.split('.').at(-1));
  await until(async () => {
    const reached = seed.ask('call', 'fire', 'echo', ['new'], 1_000).catch(() => undefined);
    return (await reached) === 'new';
  }, 10_000);
  await expect(seed.ask('callPid', oldPid, ['echo', [2]], 5_000)).rejects.toMatchObject({
    code: 'ERR_NO_PROCESS',
  });
  await expect(seed.ask('callPid', newPid, ['echo', [3]], 5_000)).resolves.toBe(3);
});

describe('a million messages', () => {
  test('arrive once and in order', async () => {
    const count = 1_000_000;
    const [a, b] = (await fleet.form(2)) as [FleetMember, FleetMember];
    await until(async () => (await a.view()).members.length === 2, 10_000);
    const pid = await b.ask<string>('spawnCounter');
    await a.ask('flood', pid, count);
    expect(await a.ask('counted', pid)).toEqual({ next: count, faults: 0 });
  });

  test('to a slow receiver do not pile up at the sender', async () => {
    const [a, b] = (await fleet.form(2)) as [FleetMember, FleetMember];
    await until(async () => (await a.view()).members.length === 2, 10_000);
    const pid = await b.ask<string>('spawnSink', 60_000);
    const before = await a.ask<number>('memory');
    // The receiver takes one message a minute: the flood is told to wait, again and for ever.
    void a.ask('flood', pid, 1_000_000);
    await until(async () => (await a.ask<Metrics>('metrics'))['barrel_links'] === 1, 5_000);
    const after = await settledMemory(a);
    expect(after - before).toBeLessThan(32 * 1024 * 1024);
    expect((await b.ask<unknown[]>('received')).length).toBeLessThan(10);
  });
});

type Metrics = Readonly<Record<string, number>>;

function views(members: readonly FleetMember[]): Promise<View[]> {
  return Promise.all(members.map((member) => member.view()));
}

function knowsAll(view: View, count: number): boolean {
  return view.members.length === count && view.active.length >= Math.min(count - 1, 2);
}

function oneSidedLinks(members: readonly FleetMember[], seen: readonly View[]): string[] {
  const active = new Map(members.map(({ name }, index) => [name, seen[index]?.active ?? []]));
  return [...active].flatMap(([node, peers]) =>
    peers.filter((peer) => active.get(peer)?.includes(node) !== true),
  );
}

function numbered(sender: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${sender}:${index}`);
}

/** Memory once it has stopped growing: three readings in a row within a megabyte. */
async function settledMemory(member: FleetMember): Promise<number> {
  const readings: number[] = [];
  await until(async () => {
    readings.push(await member.ask<number>('memory'));
    const last = readings.slice(-3);
    return last.length === 3 && Math.max(...last) - Math.min(...last) < 1024 * 1024;
  }, 20_000);
  return readings.at(-1) ?? 0;
}
