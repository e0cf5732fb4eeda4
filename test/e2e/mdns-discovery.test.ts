/**
 * Discovery by multicast DNS on a real network: machines are network namespaces behind one switch,
 * and nobody knows an address beforehand.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Fleet, type FleetMember, type MemberOptions, until, whole } from './fixtures/fleet.ts';
import { NetworkNamespaces } from './fixtures/network-namespaces.ts';

const PORT = 4433;
const FORMED_MS = 40_000;

let fleet: Fleet;
let network: NetworkNamespaces;
let machines: readonly string[];
let ips: readonly string[];

beforeEach(() => {
  fleet = new Fleet();
  network = new NetworkNamespaces();
  machines = ['a', 'b', 'c'].map((label) => network.machine(label));
  ips = network.lan(machines);
});

afterEach(async () => {
  await fleet.close();
  network.close();
});

test('nodes of one network become a cluster, and one that comes later is found', async () => {
  const [a, b] = await Promise.all([start(0, 'a@lan'), start(1, 'b@lan')]);
  await whole([a, b]);
  const c = await start(2, 'c@lan');
  await whole([a, b, c]);
});

test('nodes of other clusters and services on that network are left alone', async () => {
  const [a, b, other, service] = await Promise.all([
    start(0, 'a@lan'),
    start(1, 'b@lan'),
    start(2, 'other@lan', { cluster: 'other' }),
    start(2, 'service@lan', { mdns: { service: 'elsewhere' }, listen: { host: '0.0.0.0' } }),
  ]);

  await whole([a, b]);
  for (const member of [other, service]) {
    expect(await member.view()).toMatchObject({ members: [member.name] });
    expect(await refusals(member)).toBe(0);
  }
  expect(await refusals(a)).toBe(0);
});

test('one that leaves says goodbye to the network', async () => {
  const [watcher, a] = await Promise.all([watch(0), start(1, 'a@lan'), start(2, 'b@lan')]);
  await until(async () => (await told(watcher)).length === 2, FORMED_MS);

  await a.ask('close');
  await until(async () => (await told(watcher)).length === 1, 5_000);
  expect(await told(watcher)).toEqual([`b@lan/${ips[2]}:${PORT}`]);
});

test('a flood of hostile messages hides nobody, and no process falls', async () => {
  const a = await start(0, 'a@lan');
  const hostile = await start(1, 'hostile@lan', { cluster: 'hostile' });
  await hostile.ask('flood5353', 3_000);
  const b = await start(2, 'b@lan');
  await whole([a, b]);
  expect((await hostile.view()).members).toEqual([hostile.name]);
});

/** Looks at what the network tells, in the place of a node of the cluster. */
async function watch(machine: number): Promise<FleetMember> {
  const listen = { host: ips[machine], port: PORT };
  const options = { name: 'watcher@lan', cluster: 'watching', listen };
  return fleet.start(options, machines[machine]);
}

function told(watcher: FleetMember): Promise<readonly string[]> {
  return watcher.ask('mdnsContacts');
}

function start(
  machine: number,
  name: string,
  options: Partial<MemberOptions> = {},
): Promise<FleetMember> {
  const listen = { host: ips[machine], port: PORT };
  return fleet.start({ name, listen, mdns: {}, ...options }, machines[machine]);
}

async function refusals(member: FleetMember): Promise<number> {
  const metrics = await member.ask<Record<string, number>>('metrics');
  return Object.entries(metrics)
    .filter(([name]) => name.includes('refus'))
    .reduce((sum, [, value]) => sum + value, 0);
}
