/** Discovery by DNS, with a real server on loopback and the resolver of the system's library. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Discovery } from '../../src/discovery/discovery.ts';
import { type DnsDiscoveryOptions, dnsDiscoveryOn } from '../../src/discovery/dns.ts';
import type { Resolver } from '../../src/host/resolver.ts';
import { systemClock, systemRandom, systemTimers } from '../../src/host/system-clock.ts';
import { resolverOf, systemResolver } from '../../src/host/system-resolver.ts';
import { type BarrelNode, createNode } from '../../src/index.ts';
import { DnsServer, type Misbehaviour } from './fixtures/dns-server.ts';
import { SECRET, until } from './fixtures/fleet.ts';

const NAME = 'barrel.test';
const SERVICE = '_barrel._udp.test';

let server: DnsServer;
let nodes: BarrelNode[];

beforeEach(async () => {
  server = await DnsServer.start();
  nodes = [];
});

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.close()));
  await server.close();
});

describe('a name', () => {
  test('gives the contacts of its A and AAAA records', async () => {
    server.add(NAME, { type: 'A', ip: '10.0.0.1' }, { type: 'A', ip: '10.0.0.2' });
    server.add(NAME, { type: 'AAAA', ip: '2001:db8::5' });

    expect(await contactsOf(byName())).toEqual([
      '10.0.0.1:4433',
      '10.0.0.2:4433',
      '[2001:db8::5]:4433',
    ]);
  });

  test('with one kind of records only is found by these', async () => {
    server.add(NAME, { type: 'AAAA', ip: '::1' });

    expect(await contactsOf(byName())).toEqual(['[::1]:4433']);
  });

  test('that is not there, or has no such record, has no contacts', async () => {
    server.add(NAME, { type: 'SRV', target: 'x.test', port: 1 });

    expect(await contactsOf(byName())).toEqual([]);
    expect(await contactsOf(byName('nowhere.test'))).toEqual([]);
  });

  test('with a thousand addresses gives 256 of them', async () => {
    for (let i = 0; i < 1_000; i++)
      server.add(NAME, { type: 'A', ip: `10.1.${i >> 8}.${i & 255}` });

    expect(await contactsOf(byName())).toHaveLength(256);
  });

  test('tells how long its answer may be kept', async () => {
    server.add(NAME, { type: 'A', ip: '10.0.0.1', ttl: 7 });

    const { signal } = new AbortController();
    const answer = await resolverOf([server.address]).addresses(NAME, signal);
    expect(answer).toEqual([{ ip: '10.0.0.1', ttlMs: 7_000 }]);
  });

  test.each<Misbehaviour>(['servfail', 'refused', 'garbage', 'silence'])(
    'whose server answers with %s is a failure within bounds, and asked for again later',
    async (fault) => {
      server.misbehaving.set(NAME, fault);
      const discovery = byName();

      await expect(contactsOf(discovery)).rejects.toThrow();
      server.misbehaving.clear();
      server.add(NAME, { type: 'A', ip: '10.0.0.1' });
      await until(async () => (await foundBy(discovery)).includes('10.0.0.1:4433'), 20_000);
    },
  );

  test.each<Misbehaviour>(['truncated', 'wrongType'])(
    'whose server answers with %s has no contacts from that',
    async (fault) => {
      server.misbehaving.set(NAME, fault);

      expect(await foundBy(byName())).toEqual([]);
    },
  );

  test('is asked for no more once the caller has given up', async () => {
    server.misbehaving.set(NAME, 'silence');
    const abort = new AbortController();
    const asked = byName().contacts?.({ signal: abort.signal });
    const outcome = expect(asked).rejects.toBe('enough');
    await until(() => server.asked.length >= 2, 10_000);

    abort.abort('enough');
    await outcome;
  });
});

describe('a service', () => {
  test('gives its targets with their ports, those of the first priority first', async () => {
    server.add(
      SERVICE,
      { type: 'SRV', target: 'spare.test', port: 3, priority: 2 },
      { type: 'SRV', target: 'one.test', port: 1, priority: 1 },
      { type: 'SRV', target: 'gone.test', port: 9, priority: 1 },
    );
    server.add('one.test', { type: 'A', ip: '10.0.0.1' }, { type: 'AAAA', ip: '2001:db8::1' });
    server.add('spare.test', { type: 'A', ip: '10.0.0.3' });

    const discovery = byService();
    expect(await discovery.contacts?.({})).toEqual(['10.0.0.1:1', '[2001:db8::1]:1', '10.0.0.3:3']);
    expect(await discovery.resolve('a@spare.test', {})).toEqual(['10.0.0.3:3']);
  });

  test('with a thousand targets has 32 of them asked for', async () => {
    for (let i = 0; i < 1_000; i++) {
      server.add(SERVICE, { type: 'SRV', target: `n${i}.test`, port: 1 });
      server.add(`n${i}.test`, { type: 'A', ip: `10.1.${i >> 8}.${i & 255}` });
    }

    expect(await contactsOf(byService())).toHaveLength(32);
    const hosts = new Set(server.asked.map((question) => question.split(' ')[0]));
    expect(hosts.size).toBe(1 + 32);
  });

  test('that is expressly not there, or of port 0, has no contacts', async () => {
    server.add(SERVICE, { type: 'SRV', target: '.', port: 1 });
    server.add(SERVICE, { type: 'SRV', target: 'one.test', port: 0 });

    expect(await contactsOf(byService())).toEqual([]);
  });

  test('with a target that points to itself is refused or empty', async () => {
    server.misbehaving.set(SERVICE, 'loop');

    expect(await foundBy(byService())).toEqual([]);
  });
});

test('names of the machine itself are found, too', async () => {
  const discovery = dnsDiscoveryOn(worldOf(systemResolver), { host: 'localhost', port: 4433 });

  expect(await contactsOf(discovery)).toContain('127.0.0.1:4433');
});

test('nodes behind one name become a cluster, and one that comes later is found', async () => {
  const port = 40_000 + (process.pid % 20_000);
  for (const last of [2, 3, 4]) server.add(NAME, { type: 'A', ip: `127.0.0.${last}`, ttl: 0 });
  const start = async (last: number): Promise<void> => {
    const listen = { host: `127.0.0.${last}`, port };
    const discovery = [byName(NAME, port)];
    nodes.push(await createNode({ name: `n${last}@${NAME}`, secret: SECRET, listen, discovery }));
  };

  await Promise.all([start(2), start(3)]);
  await until(() => nodes.every((node) => node.members().length === 2), 20_000);
  await start(4);
  await until(() => nodes.every((node) => node.members().length === 3), 20_000);
  await Promise.all(nodes.map((node) => node.ready()));
});

test('a node whose name server is silent is not ready, and says why', async () => {
  server.misbehaving.set(NAME, 'silence');
  const node = await createNode({ secret: SECRET, discovery: [byName()] });
  nodes.push(node);

  await until(() => node.status().reasons.some((reason) => reason.startsWith('dns: ')), 20_000);
  expect(node.status().state).toBe('starting');

  server.misbehaving.clear();
  await node.ready({ timeoutMs: 40_000 });
});

function byName(host: string = NAME, port = 4433): Discovery {
  return discoveryOf({ host, port });
}

function byService(): Discovery {
  return discoveryOf({ host: SERVICE, srv: true });
}

function discoveryOf(options: DnsDiscoveryOptions): Discovery {
  return dnsDiscoveryOn(worldOf(resolverOf([server.address])), options);
}

function worldOf(resolver: Resolver): Parameters<typeof dnsDiscoveryOn>[0] {
  return { resolver, clock: systemClock, timers: systemTimers, random: systemRandom };
}

async function contactsOf(discovery: Discovery): Promise<readonly string[]> {
  return [...((await discovery.contacts?.({})) ?? [])].sort();
}

/** Nothing when the answer is a failure. */
function foundBy(discovery: Discovery): Promise<readonly string[]> {
  return contactsOf(discovery).catch(() => []);
}
