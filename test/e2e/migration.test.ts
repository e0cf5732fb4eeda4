/**
 * Connections between real processes that move: asked to, and by themselves when the network under
 * them changes.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fleet, type FleetMember, until } from './fixtures/fleet.ts';
import { type Cable, NetworkNamespaces } from './fixtures/network-namespaces.ts';

const PORT = 4433;
const MESSAGES = 20_000;
const CALLS_PER_SECOND = 1_000;
const WAIT_MS = 30_000;

let fleet: Fleet;
let network: NetworkNamespaces;

beforeEach(() => {
  fleet = new Fleet();
  network = new NetworkNamespaces();
});

afterEach(async () => {
  await fleet.close();
  network.close();
});

interface Calls {
  readonly done: number;
  readonly pending: number;
  readonly failures: number;
  readonly failed: readonly string[];
  readonly longestGapMs: number;
}

interface Stats {
  readonly localAddress: string;
  readonly remoteAddress: string;
}

describe('a connection that is told to move', () => {
  test('in the middle of messages between two pairs loses none, from either end', async () => {
    const a = await fleet.start({ name: 'a@test', listen: { port: 0 } });
    const contact = await a.ask<string>('address');
    const b = await fleet.start({ name: 'b@test', listen: { port: 0 }, contacts: [contact] });
    await whole([a, b]);
    const [counterA, counterB] = [
      await a.ask<string>('spawnCounter'),
      await b.ask<string>('spawnCounter'),
    ];
    await a.ask('watch', counterB);
    await b.ask('watch', counterA);
    const before = await a.ask<Stats>('paths', b.name);
    const floods = [a.ask('flood', counterB, MESSAGES), b.ask('flood', counterA, MESSAGES)];
    // One of them dialled the connection, the other accepted it.
    await a.ask('migrate', b.name);
    const between = await a.ask<Stats>('paths', b.name);
    await b.ask('migrate', a.name);
    await Promise.all(floods);
    const after = await a.ask<Stats>('paths', b.name);
    expect(between.localAddress).not.toBe(before.localAddress);
    expect(after.remoteAddress).not.toBe(between.remoteAddress);
    expect(await b.ask<Stats>('paths', a.name)).toMatchObject({
      localAddress: after.remoteAddress,
      remoteAddress: after.localAddress,
    });
    expect(await a.ask('counted', counterB)).toEqual({ next: MESSAGES, faults: 0 });
    expect(await b.ask('counted', counterA)).toEqual({ next: MESSAGES, faults: 0 });
    for (const member of [a, b]) {
      expect(await member.ask('downs')).toEqual([]);
      expect(await member.ask('peerDowns')).toEqual([]);
    }
  });
});

describe.each([
  ['on all of its addresses', '0.0.0.0'],
  ['on one address', undefined],
])('a machine that listens %s', (_how, anyHost) => {
  test('gets another address under 1,000 calls a second: none fails, nobody is taken for gone', async () => {
    const { a, b, cable, cableOfA } = await switched(anyHost);
    await b.ask('startCalls', 'desk', CALLS_PER_SECOND, 5_000);
    await underWay(b, 500);
    cable.readdress('10.78.0.2/24', '10.78.0.3/24');
    await underWay(b, 5_000);
    // `b` has dialled the connection, `a` accepted it.
    cableOfA.readdress('10.78.0.1/24', '10.78.0.4/24');
    await underWay(b, 10_000);
    const calls = await b.ask<Calls>('calls', true);
    expect(calls.failed).toEqual([]);
    await until(async () => (await told(a, b.name)).includes(`10.78.0.3:${PORT}`), WAIT_MS);
    await until(async () => (await told(b, a.name)).includes(`10.78.0.4:${PORT}`), WAIT_MS);
    for (const member of [a, b]) expect(await member.ask('peerDowns')).toEqual([]);
  });

  test('is unplugged for two seconds: no call fails, nobody is taken for gone', async () => {
    // By default a neighbour that is silent for a second is given up, though its links stay.
    const liveness = { heartbeatMs: 4_000, suspicionMinMs: 8_000 };
    const { a, b, cable } = await switched(anyHost, { liveness });
    await b.ask('startCalls', 'desk', CALLS_PER_SECOND, 20_000);
    await underWay(b, 500);
    cable.pull();
    await until(async () => (await b.ask<Calls>('calls')).longestGapMs > 2_000, WAIT_MS);
    cable.push();
    const { done } = await b.ask<Calls>('calls');
    await underWay(b, done + 2_000);
    const calls = await b.ask<Calls>('calls', true);
    expect(calls.failed).toEqual([]);
    for (const member of [a, b]) expect(await member.ask('peerDowns')).toEqual([]);
  });

  test('is unplugged for long: both are told, and are one cluster again afterwards', async () => {
    const { a, b, cable } = await switched(anyHost);
    cable.pull();
    await until(async () => (await a.view()).members.length === 1, WAIT_MS);
    await until(async () => (await b.view()).members.length === 1, WAIT_MS);
    cable.push();
    await whole([a, b]);
    await until(async () => (await b.view()).services.length === 1, WAIT_MS);
    expect(await b.ask('call', 'desk', 'echo', ['again'], 5_000)).toBe('again');
  });
});

test('nodes of both IP families meet on one that listens on all addresses', async () => {
  const hub = network.switch();
  const [machineA, machineB, machineC] = ['a', 'b', 'c'].map((label) => network.machine(label)) as [
    string,
    string,
    string,
  ];
  network.plug(hub, machineA, ['10.78.0.1/24', 'fd78::1/64']);
  network.plug(hub, machineB, ['10.78.0.2/24']);
  network.plug(hub, machineC, ['fd78::3/64']);
  const a = await fleet.start({ name: 'a@test', listen: { host: '::', port: PORT } }, machineA);
  const b = await fleet.start(
    {
      name: 'b@test',
      listen: { host: '10.78.0.2', port: PORT },
      contacts: [`a@test/10.78.0.1:${PORT}`],
    },
    machineB,
  );
  const c = await fleet.start(
    {
      name: 'c@test',
      listen: { host: 'fd78::3', port: PORT },
      contacts: [`a@test/[fd78::1]:${PORT}`],
    },
    machineC,
  );
  await whole([a, b, c]);
  expect(await told(b, 'a@test')).toEqual([`10.78.0.1:${PORT}`, `[fd78::1]:${PORT}`]);
  expect((await b.ask<Stats>('paths', 'a@test')).remoteAddress).toBe(`10.78.0.1:${PORT}`);
  expect((await a.ask<Stats>('paths', 'b@test')).remoteAddress).toBe(`10.78.0.2:${PORT}`);
  expect((await c.ask<Stats>('paths', 'a@test')).remoteAddress).toBe(`[fd78::1]:${PORT}`);
  await c.ask('migrate', 'a@test');
  await a.ask('migrate', 'c@test');
  await a.ask('migrate', 'b@test');
  await a.ask('register', 'desk');
  for (const member of [b, c]) {
    await until(async () => (await member.view()).services.length === 1, WAIT_MS);
    expect(await member.ask('call', 'desk', 'echo', ['hello'], 5_000)).toBe('hello');
  }
});

/** `a`, whose service `b` calls, and the cable of `b`. */
async function switched(
  anyHost: string | undefined,
  options: Readonly<Record<string, unknown>> = {},
): Promise<{
  readonly a: FleetMember;
  readonly b: FleetMember;
  readonly cable: Cable;
  readonly cableOfA: Cable;
}> {
  const hub = network.switch();
  const [machineA, machineB] = [network.machine('a'), network.machine('b')];
  const cableOfA = network.plug(hub, machineA, ['10.78.0.1/24']);
  const cable = network.plug(hub, machineB, ['10.78.0.2/24']);
  const a = await fleet.start(
    { ...options, name: 'a@test', listen: { host: anyHost ?? '10.78.0.1', port: PORT } },
    machineA,
  );
  const b = await fleet.start(
    {
      ...options,
      name: 'b@test',
      listen: { host: anyHost ?? '10.78.0.2', port: PORT },
      contacts: [`10.78.0.1:${PORT}`],
    },
    machineB,
  );
  await whole([a, b]);
  await a.ask('register', 'desk');
  await until(async () => (await b.view()).services.length === 1, WAIT_MS);
  return { a, b, cable, cableOfA };
}

async function whole(members: readonly FleetMember[]): Promise<void> {
  await until(async () => {
    const views = await Promise.all(members.map((member) => member.view()));
    return views.every((view) => view.members.length === members.length);
  }, WAIT_MS);
}

/** Waits until so many calls were answered. */
async function underWay(member: FleetMember, done: number): Promise<void> {
  await until(async () => (await member.ask<Calls>('calls')).done >= done, WAIT_MS);
}

async function told(member: FleetMember, of: string): Promise<readonly string[]> {
  const all = await member.ask<readonly (readonly [string, readonly string[]])[]>('addresses');
  return all.find(([name]) => name === of)?.[1] ?? [];
}
