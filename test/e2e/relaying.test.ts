/**
 * Processes in network namespaces, so that some have no route to each other: what they do with each
 * other goes through a neighbour that both share.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Fleet, type FleetMember, until, whole } from './fixtures/fleet.ts';
import { NetworkNamespaces } from './fixtures/network-namespaces.ts';

const PORT = 4433;
const MESSAGES = 20_000;

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

test('two processes that only share a neighbour send, call and watch through it', async () => {
  const { a, c, relays } = await wheel(1);
  const [b] = relays as [Relay];
  await whole([a, b.member, c]);

  const counter = await c.ask<string>('spawnCounter');
  await a.ask('flood', counter, MESSAGES);
  expect(await a.ask('counted', counter)).toEqual({ next: MESSAGES, faults: 0 });

  await c.ask('register', 'desk');
  await until(async () => (await a.view()).services.length === 1, 10_000);
  expect(await a.ask('call', 'desk', 'echo', ['through b'], 5_000)).toBe('through b');
  expect(await carried(b.member)).toBeGreaterThan(0);

  await a.ask('watch', counter);
  await a.ask('startCall', 'desk', 'never', [], 60_000);
  await until(async () => (await a.ask<Metrics>('metrics'))['barrel_links'] === 2, 5_000);
  await c.kill();
  await until(async () => (await a.ask<string[]>('downs')).length > 0, 15_000);
  expect(await a.ask('downs')).toEqual(['noconnection']);
  expect(await a.ask('outcome', 'desk')).toMatchObject({ code: 'ERR_NO_CONNECTION' });
  await until(async () => !(await a.view()).members.includes(c.name), 15_000);
});

test('calls work again when the relay is back', async () => {
  const { a, c, relays } = await wheel(1);
  const [b] = relays as [Relay];
  await whole([a, b.member, c]);
  const pid = await c.ask<string>('register', 'desk');
  expect(await a.ask('callPid', pid, ['name', []], 5_000)).toBe(c.name);

  await b.member.kill();
  await until(async () => !(await a.view()).members.includes(b.member.name), 15_000);
  const again = await b.start();
  await whole([a, again, c]);
  await until(async () => (await reached(a, pid)) === c.name, 20_000);
});

test('calls go through another relay when the first one is killed', async () => {
  const { a, c, relays } = await wheel(2);
  await whole([a, c, ...relays.map(({ member }) => member)]);
  const pid = await c.ask<string>('register', 'desk');
  expect(await a.ask('callPid', pid, ['name', []], 5_000)).toBe(c.name);

  const counts = await Promise.all(relays.map(({ member }) => carried(member)));
  const used = counts[0] === 0 ? 1 : 0;
  await relays[used]?.member.kill();
  await until(async () => (await reached(a, pid)) === c.name, 20_000);
  const other = relays[1 - used];
  expect(other && (await carried(other.member))).toBeGreaterThan(0);
});

interface Relay {
  member: FleetMember;
  start(): Promise<FleetMember>;
}

type Metrics = Readonly<Record<string, number>>;

/** `a` and `c`, with a wire to each relay and none to each other. */
async function wheel(relayCount: number): Promise<{
  readonly a: FleetMember;
  readonly c: FleetMember;
  readonly relays: readonly Relay[];
}> {
  const [machineA, machineC] = [network.machine('a'), network.machine('c')];
  const relays: Relay[] = [];
  const contacts: { readonly a: string[]; readonly c: string[] } = { a: [], c: [] };
  const advertised: { readonly a: string[]; readonly c: string[] } = { a: [], c: [] };
  for (let index = 0; index < relayCount; index += 1) {
    const machine = network.machine(`b${index}`);
    const [toA, toC] = [network.wire(machine, machineA), network.wire(machine, machineC)];
    const here = [address(toA.from), address(toC.from)];
    contacts.a.push(address(toA.from));
    contacts.c.push(address(toC.from));
    advertised.a.push(address(toA.to));
    advertised.c.push(address(toC.to));
    const options = {
      name: `b${index}@test`,
      ...listening(here),
      contacts: contacts.a.slice(0, 1),
    };
    const start = (): Promise<FleetMember> => fleet.start(options, machine);
    relays.push({ member: await start(), start });
  }
  const [a, c] = await Promise.all([
    fleet.start({ name: 'a@test', ...listening(advertised.a), contacts: contacts.a }, machineA),
    fleet.start({ name: 'c@test', ...listening(advertised.c), contacts: contacts.c }, machineC),
  ]);
  return { a, c, relays };
}

function listening(advertise: readonly string[]): Readonly<Record<string, unknown>> {
  return { listen: { host: '0.0.0.0', port: PORT }, advertise };
}

function address(ip: string): string {
  return `${ip}:${PORT}`;
}

async function reached(from: FleetMember, pid: string): Promise<unknown> {
  return from.ask('callPid', pid, ['name', []], 2_000).catch(() => undefined);
}

async function carried(member: FleetMember): Promise<number> {
  const metrics = await member.ask<Metrics>('metrics');
  return metrics['barrel_routing_total{what="carried"}'] ?? 0;
}
