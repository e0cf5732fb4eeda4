import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Discovery } from '../../../src/discovery/discovery.ts';
import { dnsDiscovery, dnsDiscoveryOn } from '../../../src/discovery/dns.ts';
import { dnsNameOf } from '../../../src/discovery/dns-name.ts';
import { inOrderOfUse } from '../../../src/discovery/srv-order.ts';
import type { ServiceRecord } from '../../../src/host/resolver.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { MemoryZone } from './memory-zone.ts';

const NAME = 'barrel.example';
const SERVICE = '_barrel._udp.example';

describe('dns discovery of addresses', () => {
  test('all addresses of the name are contacts, at the given port', async () => {
    const { zone, discovery } = byName();
    zone.host(NAME, ['10.0.0.1', '10.0.0.2', '2001:db8::1']);

    expect(await contactsOf(discovery)).toEqual([
      '10.0.0.1:4433',
      '10.0.0.2:4433',
      '[2001:db8::1]:4433',
    ]);
  });

  test('a node is found by its host part, where that is the name or below it (D6)', async () => {
    const { zone, discovery } = byName();
    zone.host(NAME, ['10.0.0.1', '10.0.0.2']);
    zone.host('n1.barrel.example', ['2001:db8::1', '10.0.0.1']);
    zone.host('elsewhere.example', ['10.9.9.9']);
    zone.host('xbarrel.example', ['10.9.9.9']);

    expect(await discovery.resolve('a@N1.barrel.example', {})).toEqual([
      '10.0.0.1:4433',
      '[2001:db8::1]:4433',
    ]);
    expect((await discovery.resolve(`a@${NAME}`, {})).toSorted()).toEqual([
      '10.0.0.1:4433',
      '10.0.0.2:4433',
    ]);
    expect(await discovery.resolve('a@elsewhere.example', {})).toEqual([]);
    expect(await discovery.resolve('a@xbarrel.example', {})).toEqual([]);
    expect(zone.asked).not.toContain('elsewhere.example');
  });

  test('a node named after one of the addresses is found there (D6)', async () => {
    const { zone, discovery } = byName();
    zone.host(NAME, ['10.0.0.1', '2001:db8::1']);

    expect(await discovery.resolve('a@10.0.0.1', {})).toEqual(['10.0.0.1:4433']);
    expect(await discovery.resolve('a@[2001:db8::1]', {})).toEqual(['[2001:db8::1]:4433']);
    expect(await discovery.resolve('a@10.0.0.3', {})).toEqual([]);
  });

  test('addresses at which nobody can be are passed over', async () => {
    const { zone, discovery } = byName();
    const nobody = ['0.0.0.0', '224.0.0.251', '255.255.255.255', '::', 'ff02::fb', 'fe80::1', 'x'];
    zone.host(NAME, [...nobody, '10.0.0.1']);

    expect(await contactsOf(discovery)).toEqual(['10.0.0.1:4433']);
  });

  test('of too many addresses 256 are taken, by lot', async () => {
    const { zone, discovery } = byName();
    const all = Array.from({ length: 1_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    zone.host(NAME, all, 1_000);

    const first = await contactsOf(discovery);
    await zone.time.advance(1_001);
    const second = await contactsOf(discovery);

    expect([first.length, second.length]).toEqual([256, 256]);
    expect(new Set([...first, ...second]).size).toBeGreaterThan(300);
  });
});

describe('dns answers', () => {
  test.each([
    [5_000, 5_000],
    [0, 1_000],
    [86_400_000, 15_000],
    [undefined, 5_000],
  ])('with a TTL of %s ms are kept for %i ms', async (ttlMs, keptMs) => {
    const { zone, discovery } = byName();
    zone.hosts.set(NAME, [{ ip: '10.0.0.1', ttlMs }]);
    await contactsOf(discovery);
    zone.host(NAME, ['10.0.0.2']);

    await zone.time.advance(keptMs - 1);
    expect(await contactsOf(discovery)).toEqual(['10.0.0.1:4433']);
    await zone.time.advance(2);
    expect(await contactsOf(discovery)).toEqual(['10.0.0.2:4433']);
  });

  test('that there is nothing are kept for a second', async () => {
    const { zone, discovery } = byName();
    expect(await contactsOf(discovery)).toEqual([]);
    zone.host(NAME, ['10.0.0.1']);

    expect(await contactsOf(discovery)).toEqual([]);
    await zone.time.advance(1_001);
    expect(await contactsOf(discovery)).toEqual(['10.0.0.1:4433']);
  });

  test('that fail are no empty answers, and are kept for a second', async () => {
    const { zone, discovery } = byName();
    zone.faults.set(NAME, new Error('queryA ESERVFAIL'));

    await expect(contactsOf(discovery)).rejects.toThrow('ESERVFAIL');
    await expect(contactsOf(discovery)).rejects.toThrow('ESERVFAIL');
    expect(zone.asked).toHaveLength(1);

    zone.faults.clear();
    zone.host(NAME, ['10.0.0.1']);
    await zone.time.advance(1_001);
    expect(await contactsOf(discovery)).toEqual(['10.0.0.1:4433']);
  });

  test('that do not come are waited for 5 s, and then asked for no more', async () => {
    const { zone, discovery } = byName();
    zone.faults.set(NAME, 'silence');

    const outcome = contactsOf(discovery).catch((error: unknown) => error);
    await zone.time.advance(5_001);

    expect(await outcome).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(zone.aborted).toBe(1);
  });

  test('are shared by those who ask at once; the last who gives up ends the question', async () => {
    const { zone, discovery } = byName();
    zone.faults.set(NAME, 'silence');
    const [one, two] = [new AbortController(), new AbortController()];
    const asked = [one, two].map(({ signal }) => discovery.contacts?.({ signal }));
    const outcomes = Promise.allSettled(asked);

    one.abort('enough');
    await zone.time.advance(1);
    expect([zone.asked.length, zone.aborted]).toEqual([1, 0]);

    two.abort('enough too');
    await zone.time.advance(1);
    expect(zone.aborted).toBe(1);
    expect(await outcomes).toEqual([
      { status: 'rejected', reason: 'enough' },
      { status: 'rejected', reason: 'enough too' },
    ]);

    zone.faults.clear();
    zone.host(NAME, ['10.0.0.1']);
    expect(await contactsOf(discovery)).toEqual(['10.0.0.1:4433']);
  });

  test('of names of nodes are kept for 256 of them', async () => {
    const { zone, discovery } = byName();
    const nodes = Array.from({ length: 257 }, (_, i) => `a@n${i}.${NAME}`);
    for (const node of nodes) await discovery.resolve(node, {});
    zone.asked.length = 0;

    await discovery.resolve(`a@n256.${NAME}`, {});
    await discovery.resolve(`a@n0.${NAME}`, {});

    expect(zone.asked).toEqual([`n0.${NAME}`]);
  });
});

describe('dns discovery of services', () => {
  test('targets are contacts with their own ports, by priority', async () => {
    const { zone, discovery } = byService([
      srv('spare.example', 3, { priority: 20 }),
      srv('one.example', 1, { priority: 10 }),
      srv('two.example', 2, { priority: 15 }),
    ]);
    zone.host('one.example', ['10.0.0.1', '2001:db8::1']);
    zone.host('two.example', ['10.0.0.2']);
    zone.host('spare.example', ['10.0.0.3']);

    expect(await discovery.contacts?.({})).toEqual([
      '10.0.0.1:1',
      '[2001:db8::1]:1',
      '10.0.0.2:2',
      '10.0.0.3:3',
    ]);
  });

  test('a node is found where its host part is a target, at that port (D6)', async () => {
    const { zone, discovery } = byService([srv('one.example.', 1), srv('TWO.example', 2)]);
    zone.host('one.example', ['10.0.0.1']);
    zone.host('two.example', ['10.0.0.2']);
    zone.host('three.example', ['10.0.0.3']);

    expect(await discovery.resolve('a@two.example', {})).toEqual(['10.0.0.2:2']);
    expect(await discovery.resolve('a@10.0.0.1', {})).toEqual(['10.0.0.1:1']);
    expect(await discovery.resolve('a@three.example', {})).toEqual([]);
  });

  test('targets that are none are passed over', async () => {
    const { zone, discovery } = byService([
      srv('.', 1),
      srv('', 1),
      srv('10.0.0.9', 1),
      srv('a b.example', 1),
      srv(`${'x'.repeat(64)}.example`, 1),
      srv('one.example', 0),
      srv('one.example', 65_536),
      srv('one.example', 7),
    ]);
    zone.host('one.example', ['10.0.0.1']);

    expect(await discovery.contacts?.({})).toEqual(['10.0.0.1:7']);
    expect(zone.asked).toEqual([SERVICE, 'one.example']);
  });

  test('one target that cannot be resolved does not stand in the way of the others', async () => {
    const { zone, discovery } = byService([srv('bad.example', 1), srv('one.example', 2)]);
    zone.faults.set('bad.example', new Error('queryA ESERVFAIL'));
    zone.host('one.example', ['10.0.0.1']);

    expect(await discovery.contacts?.({})).toEqual(['10.0.0.1:2']);
  });

  test('targets none of which can be resolved are a failure, not an empty answer', async () => {
    const { zone, discovery } = byService([srv('bad.example', 1)]);
    zone.faults.set('bad.example', new Error('queryA ESERVFAIL'));

    await expect(discovery.contacts?.({})).rejects.toThrow('ESERVFAIL');
  });

  test('of a thousand targets 32 are asked for, of a target eight addresses are taken', async () => {
    const { zone, discovery } = byService(
      Array.from({ length: 1_000 }, (_, i) => srv(`n${i}.example`, 1)),
    );
    for (let i = 0; i < 1_000; i++) {
      zone.host(
        `n${i}.example`,
        Array.from({ length: 20 }, (_, k) => `10.${i >> 8}.${i & 255}.${k + 1}`),
      );
    }

    expect(await discovery.contacts?.({})).toHaveLength(32 * 8);
    expect(zone.asked).toHaveLength(33);
  });
});

describe('SRV records', () => {
  test('are all used, by priority, whatever the lots', () => {
    const record = fc.record({
      target: fc.constantFrom('a', 'b', 'c'),
      port: fc.integer({ min: 1, max: 9 }),
      priority: fc.integer({ min: 0, max: 3 }),
      weight: fc.integer({ min: 0, max: 65_535 }),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 30 }), fc.integer(), (records, seed) => {
        const order = inOrderOfUse(records, new SeededRandom(seed));

        expect(order.map(({ priority }) => priority)).toEqual(
          records.map(({ priority }) => priority).sort((a, b) => a - b),
        );
        expect(new Set(order)).toEqual(new Set(records));
        expect(order).toHaveLength(records.length);
      }),
    );
  });

  test('of one priority come first as often as their weight says', () => {
    const random = new SeededRandom(7);
    const records = [srv('light', 1, { weight: 10 }), srv('heavy', 1, { weight: 30 })];
    let heavy = 0;
    for (let i = 0; i < 10_000; i++) {
      if (inOrderOfUse(records, random)[0]?.target === 'heavy') heavy += 1;
    }

    expect(heavy / 10_000).toBeGreaterThan(0.7);
    expect(heavy / 10_000).toBeLessThan(0.8);
  });
});

describe('options of dnsDiscovery', () => {
  test.each<[string, Parameters<typeof dnsDiscovery>[0], RegExp]>([
    ['no name', { host: '', port: 1 }, /`host` .* a DNS name, received ""/],
    ['an IP address', { host: '10.0.0.1', port: 1 }, /`host`/],
    ['a label that is too long', { host: 'x'.repeat(64), port: 1 }, /`host`/],
    ['a path', { host: '../etc', port: 1 }, /`host`/],
    ['no port', { host: 'a.example' }, /`port` .* 1 to 65535, received undefined/],
    ['port 0', { host: 'a.example', port: 0 }, /`port`/],
    ['half a port', { host: 'a.example', port: 1.5 }, /`port`/],
    ['a port with srv', { host: '_b._udp.a', port: 1, srv: true }, /`port` .* left out with `srv`/],
  ])('%s is refused with ERR_OPTION', (_, options, message) => {
    expect(() => dnsDiscovery(options)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', message: expect.stringMatching(message) }),
    );
  });

  test('any text is a name or none, and a name stays one', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.domain()), (text) => {
        const name = dnsNameOf(text);
        if (name !== undefined) expect(dnsNameOf(name)).toBe(name);
      }),
    );
    expect(dnsNameOf('A.Example.')).toBe('a.example');
    expect(dnsNameOf(`${'a.'.repeat(126)}a`)).toHaveLength(253);
    expect(dnsNameOf(`${'a.'.repeat(127)}a`)).toBeUndefined();
  });
});

function byName(): { readonly zone: MemoryZone; readonly discovery: Discovery } {
  const zone = new MemoryZone();
  return { zone, discovery: dnsDiscoveryOn(zone.world, { host: NAME, port: 4433 }) };
}

function byService(records: readonly ServiceRecord[]): {
  readonly zone: MemoryZone;
  readonly discovery: Discovery;
} {
  const zone = new MemoryZone();
  zone.srv.set(SERVICE, records);
  return { zone, discovery: dnsDiscoveryOn(zone.world, { host: SERVICE, srv: true }) };
}

function srv(
  target: string,
  port: number,
  { priority = 10, weight = 0 }: Partial<ServiceRecord> = {},
): ServiceRecord {
  return { target, port, priority, weight };
}

/** In the order of their text: who is asked first is a lot. */
async function contactsOf(discovery: Discovery): Promise<readonly string[]> {
  return [...((await discovery.contacts?.({})) ?? [])].sort();
}
