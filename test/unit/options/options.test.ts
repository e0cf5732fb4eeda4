import { describe, expect, test } from 'vitest';
import { defaultNodeName } from '../../../src/credentials.ts';
import { BarrelError } from '../../../src/errors.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { type NodeOptions, type OptionHost, resolveOptions } from '../../../src/options.ts';

const SECRET = 'a secret of at least 32 characters';

describe('defaults', () => {
  test('no option at all is a node on loopback with every option filled in', () => {
    expect(resolveOptions({}, host())).toEqual({
      name: undefined,
      cluster: 'default',
      secret: undefined,
      insecure: false,
      listen: { host: '127.0.0.1', port: 0 },
      advertise: undefined,
      dataDir: undefined,
      contacts: [],
      discovery: [],
      trust: 'tofu',
      meta: {},
      zone: undefined,
      membership: { activeSize: 5, passiveSize: 30, arwl: 6, prwl: 3, shufflePeriodMs: 10_000 },
      links: { idleMs: 60_000, onDemandMax: 256 },
      liveness: { heartbeatMs: 500, suspicionMinMs: 2_000, suspicionMaxMs: 10_000 },
      shards: { ringSize: 4_096, weight: 1, handOffMs: 10_000 },
      maps: {},
      paths: { auto: true },
      drainMs: 10_000,
      logger: silentLogger,
      signal: undefined,
    });
  });

  test('an option that is undefined counts as left out', () => {
    const options = { name: undefined, listen: { host: undefined }, membership: undefined };
    expect(resolveOptions(options, host())).toEqual(resolveOptions({}, host()));
  });

  test('a node without a name is named after its key and its machine', () => {
    const key = new Uint8Array(32).fill(0xab);
    expect(defaultNodeName('machine', key)).toBe('node-abababab@machine');
    expect(defaultNodeName("Kim's laptop", key)).toBe('node-abababab@Kim-s-laptop');
    expect(defaultNodeName('', key)).toBe('node-abababab@localhost');
  });

  test('a string secret becomes its bytes, and bytes are copied', () => {
    expect(resolveOptions({ secret: SECRET }, host()).secret).toEqual(
      new TextEncoder().encode(SECRET),
    );
    const secret = new Uint8Array(16).fill(7);
    const resolved = resolveOptions({ secret }, host());
    secret.fill(0);
    expect(resolved.secret).toEqual(new Uint8Array(16).fill(7));
  });
});

describe('rules', () => {
  const wrong: readonly (readonly [option: string, options: unknown, message: RegExp])[] = [
    ['name', { name: 'nameless' }, /`name` must be name@host .*received "nameless"/],
    ['cluster', { cluster: '' }, /`cluster` must be a string of 1 to 255 bytes, received ""/],
    ['insecure', { insecure: 'yes' }, /`insecure` must be true or false, received "yes"/],
    ['listen', { listen: 7100 }, /`listen` must be an object of host, port, received 7100/],
    ['listen.port', { listen: { port: 65_536 } }, /`listen.port` .* 0 to 65535, received 65536/],
    ['listen.port', { listen: { port: '7100' } }, /`listen.port` .*received "7100"/],
    ['listen.host', { listen: { host: 'a b' } }, /`listen.host` must be .*received "a b"/],
    ['advertise', { advertise: [] }, /`advertise` must be a list of 1 to 8 .*received \[\]/],
    ['advertise', { advertise: ['host'] }, /`advertise` .*received \["host"\]/],
    ['dataDir', { dataDir: '' }, /`dataDir` must be the path of a directory, received ""/],
    ['contacts', { contacts: ['x y:1'] }, /`contacts` must be .*received \["x y:1"\]/],
    ['contacts', { contacts: 'a@b' }, /`contacts` must be .*received "a@b"/],
    ['discovery', { discovery: [{ name: 'x' }] }, /`discovery.0` must be an object with a name/],
    [
      'trust',
      { trust: 'everybody' },
      /`trust` must be 'tofu', 'strict' or 'authority', received "everybody"/,
    ],
    ['meta', { meta: { text: 'x'.repeat(1025) } }, /`meta` must be .*1024 bytes/],
    ['meta', { meta: { run: () => 1 } }, /`meta` must be a plain object of plain data/],
    ['meta', { meta: new Map() }, /`meta` must be .*received a Map/],
    ['zone', { zone: 'z'.repeat(65) }, /`zone` must be a string of 1 to 64 bytes/],
    ['activeSize', { membership: { activeSize: 0 } }, /`membership.activeSize` .*received 0/],
    ['arwl', { membership: { arwl: 2.5 } }, /`membership.arwl` .* 1 to 16, received 2.5/],
    ['idleMs', { links: { idleMs: 999 } }, /`links.idleMs` must be an integer from 1000 .* 999/],
    ['onDemandMax', { links: { onDemandMax: -1 } }, /`links.onDemandMax` must be .* from 0 .* -1/],
    ['dial', { dial: 'up' }, /`dial` must be a function, received "up"/],
    ['heartbeatMs', { liveness: { heartbeatMs: Number.NaN } }, /`liveness.heartbeatMs` .*NaN/],
    ['ringSize', { shards: { ringSize: 65_537 } }, /`shards.ringSize` .*1 to 65536.*65537/],
    ['handOffMs', { shards: { handOffMs: -1 } }, /`shards.handOffMs` .*0 to 3600000.*-1/],
    ['weight', { shards: { weight: -1 } }, /`shards.weight` .*0, or .*0.01 to 100, received -1/],
    ['maps', { maps: [] }, /`maps` must be a plain object of maps by name, received \[\]/],
    ['maps', { maps: new Map() }, /`maps` must be .*received a Map/],
    ['map', { maps: { a: 1 } }, /`maps.a` must be an object of validator, .*received 1/],
    ['name of a map', { maps: { 'a\n': {} } }, /must be a name of 1 to 255 bytes without control/],
    ['ttl', { maps: { a: { tombstoneTtlMs: 0 } } }, /`maps.a.tombstoneTtlMs` .* 2592000000, .* 0/],
    ['flag', { maps: { a: { persist: 1 } } }, /`maps.a.persist` must be true or false, received 1/],
    ['validator', { maps: { a: { validator: {} } } }, /`maps.a.validator` must be a function or/],
    ['option of a map', { maps: { a: { ttlMs: 1 } } }, /`maps.a.ttlMs` is not an option/],
    ['listen.host', { listen: { host: '10.0.0.1:7' } }, /`listen.host` must be an IP address or/],
    ['paths', { paths: { auto: 1 } }, /`paths.auto` must be true or false, received 1/],
    ['drainMs', { drainMs: -1 }, /`drainMs` must be an integer from 0 to 3600000, received -1/],
    ['logger', { logger: { info: () => {} } }, /`logger` must be an object with the functions/],
    ['signal', { signal: {} }, /`signal` must be an AbortSignal, received an object of nothing/],
    ['unknown', { nmae: 'a@b' }, /`nmae` is not an option/],
    ['unknown inside', { listen: { prot: 1 } }, /`listen.prot` is not an option/],
    ['all', 'options', /`options` must be an object, received "options"/],
    ['all', null, /`options` must be an object, received null/],
  ];

  test.each(wrong)('a wrong %s is named with its rule and the value: %j', (_, options, message) => {
    const error = refusal(options);
    expect(error.code).toBe('ERR_OPTION');
    expect(error.message).toMatch(message);
  });

  test('all faults are named in one error, relations included', () => {
    const { message } = refusal({
      name: '?',
      port: 7100,
      listen: { host: '0.0.0.0', port: -1 },
      membership: { activeSize: 40, prwl: 7 },
    });
    const named = ['`name`', '`port`', '`listen.port`', '`secret`', 'passiveSize`', 'prwl`'];
    for (const option of named) expect(message).toContain(option);
    expect(message.split('; ')).toHaveLength(6);
  });

  test('a relation is not asked while one of its sides is wrong by itself', () => {
    const { message } = refusal({ membership: { activeSize: 'many', passiveSize: 1 } });
    expect(message).toMatch(/^`membership.activeSize` must be [^;]*$/);
  });

  test('a secret that is too short is measured, never printed', () => {
    expect(refusal({ secret: 'hunter2' }).message).toMatch(/received a string of 7 characters$/);
    expect(refusal({ secret: new Uint8Array(15) }).message).toMatch(/received 15 bytes$/);
  });
});

describe('relations', () => {
  test('a secret is required beyond loopback in tofu, unless insecure (I29)', () => {
    const beyond = { listen: { host: '0.0.0.0' } };
    expect(refusal(beyond).message).toMatch(/`secret` is required .*"0.0.0.0"/);
    const fine: NodeOptions[] = [
      { ...beyond, secret: SECRET },
      { ...beyond, insecure: true },
      { ...beyond, trust: 'strict', dataDir: '/data' },
      { listen: { host: 'localhost' } },
      { listen: { host: '127.8.9.10' } },
    ];
    for (const options of fine) expect(() => resolveOptions(options, host())).not.toThrow();
  });

  test('a name that only begins like a loopback address is not loopback', () => {
    expect(refusal({ listen: { host: '127.0.0.1.example.org' } }).message).toMatch(/`secret`/);
  });

  test('strict needs a dataDir, where the pins are; authority also what an operator has signed', () => {
    expect(refusal({ trust: 'strict' }).message).toMatch(/`dataDir` is required/);
    expect(refusal({ trust: 'authority' }).message).toMatch(
      /`dataDir` is required when .* \(the certified key is there\).*; `authority` is required/,
    );
  });

  test('a map that is kept needs a dataDir', () => {
    const maps = { a: {}, b: { persist: true } };
    expect(refusal({ maps }).message).toBe(
      '`dataDir` is required by `maps.b.persist`, received undefined',
    );
    expect(resolveOptions({ maps, dataDir: '/data' }, host()).maps).toBe(maps);
    expect(refusal({ maps: { a: null } }).message).toMatch(/^`maps.a` must be [^;]*$/);
  });

  test('there may be 256 maps', () => {
    expect(() => resolveOptions({ maps: manyMaps(256) }, host())).not.toThrow();
    expect(refusal({ maps: manyMaps(257) }).message).toMatch(/`maps` must be at most 256 maps/);
  });

  test('a given value is compared with the default of the other', () => {
    expect(refusal({ membership: { activeSize: 31 } }).message).toMatch(/`membership.passiveSize`/);
    expect(refusal({ membership: { arwl: 2 } }).message).toMatch(/`membership.prwl`/);
  });

  test('a suspicion lasts at least a heartbeat, and no shorter at its longest than at least', () => {
    const { message } = refusal({ liveness: { heartbeatMs: 900, suspicionMinMs: 800 } });
    expect(message).toMatch(/`liveness.suspicionMinMs` must be at least .*900.*received 800/);
    expect(refusal({ liveness: { suspicionMaxMs: 1_000 } }).message).toMatch(
      /`liveness.suspicionMaxMs` must be at least `liveness.suspicionMinMs` .2000., received 1000/,
    );
    const { liveness } = resolveOptions({ liveness: { heartbeatMs: 20_000 } }, host());
    expect(liveness).toEqual({
      heartbeatMs: 20_000,
      suspicionMinMs: 20_000,
      suspicionMaxMs: 20_000,
    });
  });

  test('contacts may be addresses, names, or both', () => {
    const contacts = ['10.0.0.1:7100', 'seed@host', 'seed@host/seed.example.org:7100'];
    expect(resolveOptions({ contacts }, host()).contacts).toEqual(contacts);
  });
});

function manyMaps(count: number): Record<string, object> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${at}`, {}]));
}

function host(): OptionHost {
  return { logger: silentLogger };
}

function refusal(options: unknown): BarrelError {
  try {
    resolveOptions(options as NodeOptions, host());
  } catch (error) {
    if (error instanceof BarrelError) return error;
    throw error;
  }
  throw new Error('the options were not refused');
}
