import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Asking, Discovery } from '../../../src/discovery/discovery.ts';
import { MDNS_NODES_MAX } from '../../../src/discovery/discovery-limits.ts';
import { mdnsDiscoveryOn } from '../../../src/discovery/mdns.ts';
import { announcementsIn, recordsOf } from '../../../src/discovery/mdns-records.ts';
import { MdnsTable } from '../../../src/discovery/mdns-table.ts';
import type { MulticastRecord } from '../../../src/host/multicast-dns.ts';
import { MemorySegment } from './memory-segment.ts';

const SERVICE = '_barrel._udp.local';

describe('mdns discovery', () => {
  test('nodes of one network find each other, and themselves not', async () => {
    const segment = new MemorySegment();
    const [a, b] = [machineOf(segment, '10.0.0.1'), machineOf(segment, '10.0.0.2')];
    await a.announce?.('a@h', ['10.0.0.1:1', '[2001:db8::1]:1'], {});
    await b.announce?.('b@h', ['10.0.0.2:2', 'b.example:3'], {});

    expect(await found(segment, a)).toEqual(['b@h/10.0.0.2:2', 'b@h/b.example:3']);
    expect(await found(segment, b)).toEqual(['a@h/10.0.0.1:1', 'a@h/[2001:db8::1]:1']);
    expect(await resolved(segment, a, 'b@h')).toEqual(['10.0.0.2:2', 'b.example:3']);
    expect(await resolved(segment, a, 'c@h')).toEqual([]);
  });

  test('who starts alone has waited for answers before it says so', async () => {
    const segment = new MemorySegment();
    const asked = machineOf(segment, '10.0.0.1').contacts?.({});

    await segment.time.advance(1_400);
    const late = announcedAs('b@h', ['10.0.0.2:2']);
    segment.send({ kind: 'response', records: late }, '10.0.0.2');
    await segment.time.advance(1);

    expect(await asked).toEqual(['b@h/10.0.0.2:2']);
  });

  test('a withdrawn node is gone at once, and the port is closed with the last one', async () => {
    const segment = new MemorySegment();
    const [a, b] = [machineOf(segment, '10.0.0.1'), machineOf(segment, '10.0.0.2')];
    const handle = await a.announce?.('a@h', ['10.0.0.1:1'], {});
    const other = await b.announce?.('b@h', ['10.0.0.2:2'], {});
    expect(await found(segment, b)).toEqual(['a@h/10.0.0.1:1']);

    await handle?.[Symbol.asyncDispose]();
    await handle?.[Symbol.asyncDispose]();

    expect(await found(segment, b)).toEqual([]);
    expect(segment.open).toBe(1);
    await other?.[Symbol.asyncDispose]();
    expect(segment.open).toBe(0);
  });

  test('a node that ended without a word is forgotten after a minute', async () => {
    const segment = new MemorySegment();
    const b = machineOf(segment, '10.0.0.2');
    await b.announce?.('b@h', ['10.0.0.2:2'], {});
    segment.send({ kind: 'response', records: announcedAs('a@h', ['10.0.0.1:1']) }, '10.0.0.1');

    await segment.time.advance(59_000);
    expect(await found(segment, b)).toEqual(['a@h/10.0.0.1:1']);
    await segment.time.advance(2_000);
    expect(await found(segment, b)).toEqual([]);
  });

  test('clusters and services of one network are told apart', async () => {
    const segment = new MemorySegment();
    const one = machineOf(segment, '10.0.0.1');
    const two = machineOf(segment, '10.0.0.2');
    const three = mdnsDiscoveryOn(segment.machine('10.0.0.3'), { service: 'other' });
    await one.announce?.('a@h', ['10.0.0.1:1'], { cluster: 'blue' });
    await two.announce?.('b@h', ['10.0.0.2:2'], { cluster: 'green' });
    await three.announce?.('c@h', ['10.0.0.3:3'], { cluster: 'blue' });

    expect(await found(segment, one, { cluster: 'blue' })).toEqual([]);
    expect(await found(segment, one, { cluster: 'green' })).toEqual(['b@h/10.0.0.2:2']);
    expect(JSON.stringify(segment.sent)).not.toMatch(/blue|green/);
  });

  test('a node announces itself twice, and answers a flood of questions once a second', async () => {
    const segment = new MemorySegment();
    await machineOf(segment, '10.0.0.1').announce?.('a@h', ['10.0.0.1:1'], {});
    await segment.time.advance(5_000);
    expect(segment.sent).toHaveLength(2);

    for (let i = 0; i < 100; i++) {
      const questions = [{ name: '_BARREL._udp.local', type: 'PTR' }];
      segment.send({ kind: 'query', questions }, '10.0.0.9');
      await segment.time.advance(50);
    }

    const answers = segment.sent.filter(({ message }) => message.kind === 'response');
    expect(answers.length).toBeGreaterThanOrEqual(2 + 5);
    expect(answers.length).toBeLessThanOrEqual(2 + 6);
  });

  test('questions about other things are not answered', async () => {
    const segment = new MemorySegment();
    await machineOf(segment, '10.0.0.1').announce?.('a@h', ['10.0.0.1:1'], {});
    await segment.time.advance(5_000);

    const questions = [
      { name: '_ipp._tcp.local', type: 'PTR' },
      { name: SERVICE, type: 'A' },
    ];
    segment.send({ kind: 'query', questions }, '10.0.0.9');
    await segment.time.advance(5_000);

    expect(segment.sent).toHaveLength(2 + 1);
  });

  test('a network on which all look for nodes is asked once in ten seconds', async () => {
    const segment = new MemorySegment();
    const machines = Array.from({ length: 10 }, (_, i) => machineOf(segment, `10.0.0.${i + 1}`));
    await Promise.all(
      machines.map((each, i) => each.announce?.(`n${i}@h`, [`10.0.0.${i + 1}:1`], {})),
    );
    for (const each of machines) expect(await found(segment, each)).toHaveLength(9);
    segment.sent.length = 0;

    for (let second = 0; second < 60; second += 1) {
      const asked = machines.map((each) => each.contacts?.({}));
      await segment.time.advance(1_000);
      await Promise.all(asked);
    }

    const queries = segment.sent.filter(({ message }) => message.kind === 'query');
    expect(queries.length).toBeLessThanOrEqual(7);
    for (const each of machines) expect(await found(segment, each)).toHaveLength(9);
  });

  test('what cannot be sent or opened is a failure, and leaves no port open', async () => {
    const segment = new MemorySegment();
    const a = machineOf(segment, '10.0.0.1');
    segment.fault = new Error('send ENETUNREACH');
    await expect(a.announce?.('a@h', ['h:1'], {})).rejects.toThrow('ENETUNREACH');
    await expect(a.contacts?.({})).rejects.toThrow('ENETUNREACH');

    segment.fault = undefined;
    expect(await found(segment, a)).toEqual([]);
    expect(segment.open).toBe(0);
  });

  test('an aborted call rejects with the reason and leaves no port open', async () => {
    const segment = new MemorySegment();
    const a = machineOf(segment, '10.0.0.1');
    const abort = new AbortController();
    const asked = a.contacts?.({ signal: abort.signal });
    const outcome = expect(asked).rejects.toBe('enough');
    await segment.time.advance(100);
    abort.abort('enough');
    await outcome;
    await segment.time.advance(1);

    expect(segment.open).toBe(0);
    await expect(a.announce?.('a@h', ['h:1'], { signal: abort.signal })).rejects.toBe('enough');
  });

  test('a name that fits into no TXT record is refused', async () => {
    const long = `${'a'.repeat(125)}@${'b'.repeat(125)}`;
    const segment = new MemorySegment();

    await expect(machineOf(segment, '10.0.0.1').announce?.(long, ['h:1'], {})).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_OPTION' }),
    );
    expect(segment.open).toBe(0);
  });

  test.each(['', '-a', 'a-', 'a--b', '12', 'x'.repeat(16), 'a.b', '_a'])(
    'the service %j is refused with ERR_OPTION',
    (service) => {
      const world = new MemorySegment().machine('10.0.0.1');
      expect(() => mdnsDiscoveryOn(world, { service })).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION', message: expect.stringMatching(/service/) }),
      );
    },
  );
});

describe('records', () => {
  test('carry any node with its addresses', () => {
    const host = fc.oneof(fc.ipV4(), fc.domain());
    const address = fc.tuple(host, fc.integer({ min: 1, max: 65_535 }));
    fc.assert(
      fc.property(fc.array(address, { minLength: 1, maxLength: 8 }), (parts) => {
        const addresses = parts.map(([name, port]) => `${name}:${port}`);
        for (const heard of announcementsIn(announcedAs('a@h', addresses), SERVICE)) {
          expect(heard).toMatchObject({ node: 'a@h', cluster: 'c', ttl: 60 });
          for (const each of heard.addresses) expect(addresses).toContain(each);
        }
      }),
    );
    const addresses = ['10.0.0.1:1', '[2001:db8::1]:1', '10.0.0.2:7', 'a.example:9'];
    expect(announcementsIn(announcedAs('a@h', addresses), SERVICE)).toEqual([
      { node: 'a@h', cluster: 'c', ttl: 60, addresses },
    ]);
  });

  test.each<[string, (records: readonly MulticastRecord[]) => readonly MulticastRecord[]]>([
    ['without a PTR', (all) => all.filter(({ type }) => type !== 'PTR')],
    ['without a TXT', (all) => all.filter(({ type }) => type !== 'TXT')],
    ['without an SRV', (all) => all.filter(({ type }) => type !== 'SRV')],
    ['without an address', (all) => all.filter(({ type }) => type !== 'A')],
    ['of another service', (all) => all.map((one) => ({ ...one, name: `x${one.name}` }))],
    ['with a name that is none', (all) => withText(all, 'node=a b@h')],
    ['with a path for a name', (all) => withText(all, 'node=../../etc/passwd')],
    ['with a name that is too long', (all) => withText(all, `node=${'a'.repeat(254)}@h`)],
    ['with no name', (all) => withText(all, 'x')],
    ['at 0.0.0.0', (all) => withIp(all, '0.0.0.0')],
    ['at a multicast address', (all) => withIp(all, '224.0.0.251')],
    ['at no address', (all) => withIp(all, '300.1.1.1; rm')],
    ['at port 0', (all) => withPort(all, 0)],
    ['at port 65536', (all) => withPort(all, 65_536)],
  ])('%s are passed over', (_, change) => {
    const sound = announcedAs('a@h', ['10.0.0.1:1']);
    expect(announcementsIn(sound, SERVICE)).toHaveLength(1);

    expect(announcementsIn(change(sound), SERVICE)).toEqual([]);
  });

  test('of more than 16 nodes in one message are not looked into', () => {
    const all = Array.from({ length: 100 }, (_, i) =>
      announcedAs(`n${i}@h`, ['10.0.0.1:1']),
    ).flat();

    expect(announcementsIn(all, SERVICE)).toHaveLength(16);
  });

  test('of any content are an announcement of real names and addresses, or nothing', () => {
    const text = fc.oneof(fc.string(), fc.constantFrom(SERVICE, `i.${SERVICE}`, 'h.local'));
    const ttl = fc.nat();
    const number = fc.nat({ max: 70_000 });
    const any: fc.Arbitrary<MulticastRecord> = fc.oneof(
      fc.record({ type: fc.constantFrom('PTR', 'A', 'AAAA'), name: text, ttl, data: text }),
      fc.record({
        type: fc.constant('TXT'),
        name: text,
        ttl,
        data: fc.array(fc.oneof(fc.string(), fc.constantFrom('v=1', 'node=a@h', 'node=@'))),
      }),
      fc.record({
        type: fc.constant('SRV'),
        name: text,
        ttl,
        data: fc.record({ priority: number, weight: number, port: number, target: text }),
      }),
    );
    fc.assert(
      fc.property(fc.array(any, { maxLength: 40 }), (records) => {
        for (const { addresses, node } of announcementsIn(records, SERVICE)) {
          expect(node).toMatch(/^[\w.-]+@[\w.:[\]-]+$/);
          for (const address of addresses) expect(address).toMatch(/^[\w.:[\]-]+:\d+$/);
        }
      }),
    );
  });
});

describe('the table of what was heard', () => {
  test('is bounded: one that floods loses its own entries, not those of others', () => {
    const table = new MdnsTable();
    for (let i = 0; i < 20; i++) table.note(heardOf(`good${i}@h`), '10.0.0.1', 0);
    for (let i = 0; i < 5_000; i++) table.note(heardOf(`bad${i}@h`), '10.0.0.66', 0);

    expect(table.size).toBe(MDNS_NODES_MAX);
    for (let i = 0; i < 20; i++) expect(table.known(1, { node: `good${i}@h` })).toHaveLength(1);
  });

  test('lets nobody replace or take back what another has said', () => {
    const table = new MdnsTable();
    table.note(heardOf('a@h', '10.0.0.1:1'), '10.0.0.1', 0);
    table.note(heardOf('a@h', '10.6.6.6:6'), '10.6.6.6', 0);
    table.note({ ...heardOf('a@h'), ttl: 0 }, '10.6.6.6', 0);

    expect(table.known(1, { node: 'a@h' }).map(({ addresses }) => addresses)).toEqual([
      ['10.0.0.1:1'],
    ]);
  });

  test('believes no announcement for more than two minutes', () => {
    const table = new MdnsTable();
    table.note({ ...heardOf('a@h'), ttl: 4_000_000 }, '10.0.0.1', 0);

    expect(table.known(119_999)).toHaveLength(1);
    expect(table.known(120_000)).toHaveLength(0);
  });
});

function machineOf(segment: MemorySegment, ip: string): Discovery {
  return mdnsDiscoveryOn(segment.machine(ip));
}

/** What is found by waiting as long as it takes at most. */
async function found(
  segment: MemorySegment,
  discovery: Discovery,
  options: Asking = {},
): Promise<readonly string[]> {
  return waited(segment, discovery.contacts?.(options));
}

function resolved(
  segment: MemorySegment,
  discovery: Discovery,
  node: string,
): Promise<readonly string[]> {
  return waited(segment, discovery.resolve(node, {}));
}

async function waited(
  segment: MemorySegment,
  asked: Promise<readonly string[]> | undefined,
): Promise<readonly string[]> {
  let isOver = false;
  const outcome = asked?.finally(() => {
    isOver = true;
  });
  outcome?.catch(() => {});
  for (let step = 0; step < 200 && !isOver; step += 1) await segment.time.advance(10);
  return [...((await outcome) ?? [])].sort();
}

function announcedAs(node: string, addresses: readonly string[]): readonly MulticastRecord[] {
  const id = node.replace(/[^a-z0-9]/g, '-');
  return recordsOf({ node, addresses, cluster: 'c' }, { service: SERVICE, id }, 60);
}

function heardOf(node: string, address = '10.0.0.1:1') {
  return { node, addresses: [address], cluster: undefined, ttl: 60 };
}

function withText(records: readonly MulticastRecord[], text: string): readonly MulticastRecord[] {
  return records.map((one) => (one.type === 'TXT' ? { ...one, data: ['v=1', text] } : one));
}

function withIp(records: readonly MulticastRecord[], ip: string): readonly MulticastRecord[] {
  return records.map((one) => (one.type === 'A' ? { ...one, data: ip } : one));
}

function withPort(records: readonly MulticastRecord[], port: number): readonly MulticastRecord[] {
  return records.map((one) => (one.type === 'SRV' ? { ...one, data: { ...one.data, port } } : one));
}
