/** Connections between real processes that are told to move, and those of both IP families. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fleet, until, whole } from './fixtures/fleet.ts';
import { advertised } from './fixtures/machines.ts';
import { NetworkNamespaces } from './fixtures/network-namespaces.ts';

const PORT = 4433;
const MESSAGES = 20_000;
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
  expect(await advertised(b, 'a@test')).toEqual([`10.78.0.1:${PORT}`, `[fd78::1]:${PORT}`]);
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
