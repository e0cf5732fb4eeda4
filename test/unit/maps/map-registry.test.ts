import { describe, expect, test } from 'vitest';
import { BarrelError } from '../../../src/errors.ts';
import { MAPS_MAX } from '../../../src/limits.ts';
import type { MapOptions } from '../../../src/maps/maps.ts';
import { type Settlement, settlement } from '../../../src/settlement.ts';
import { codeOf, errorOf, listen, mapsUnderTest } from './map-under-test.ts';

describe('opening', () => {
  test('again gives a handle to the same map; hosting stops with the last one', async () => {
    const { maps, stores } = mapsUnderTest();
    const [one, two] = [await maps.open('m'), await maps.open('m')];
    await one.put('k', 1);
    expect(two.get('k')).toBe(1);
    expect(stores.opened).toHaveLength(1);
    const store = stores.of('m');
    await one[Symbol.asyncDispose]();
    await one[Symbol.asyncDispose]();
    expect([store.isClosed, one.get('k'), one.size, [...one]]).toEqual([false, undefined, 0, []]);
    expect(await codeOf(() => one.put('k', 2))).toBe('ERR_CLOSED');
    expect(await codeOf(() => one.remove('k'))).toBe('ERR_CLOSED');
    expect(two.get('k')).toBe(1);
    await two[Symbol.asyncDispose]();
    expect([store.isClosed, maps.get('m'), maps.list()]).toEqual([true, undefined, []]);
  });

  test('by several at once opens one store', async () => {
    const { maps, stores } = mapsUnderTest();
    const handles = await Promise.all([maps.open('m'), maps.open('m'), maps.open('m')]);
    expect(stores.opened).toHaveLength(1);
    for (const handle of handles) await handle[Symbol.asyncDispose]();
    expect(stores.opened[0]?.isClosed).toBe(true);
  });

  test('resolves when the store has met another host; get has it before', async () => {
    const { maps, stores } = mapsUnderTest();
    stores.meeting = settlement();
    let isOpen = false;
    const opening = maps.open('m').then((map) => {
      isOpen = true;
      return map;
    });
    await turns();
    expect([isOpen, maps.get('m')?.size]).toEqual([false, 0]);
    stores.meeting.resolve();
    await opening;
  });

  test('while the last handle goes waits for that, and opens anew', async () => {
    const { maps, stores } = mapsUnderTest();
    const first = await maps.open('m', { tombstoneTtlMs: 5 });
    const ending = first[Symbol.asyncDispose]();
    const second = await maps.open('m', { tombstoneTtlMs: 6 });
    await ending;
    expect(stores.opened.map(({ options }) => options.tombstoneTtlMs)).toEqual([5, 6]);
    await second.put('k', 1);
  });

  test('that fails fails for all who wait, and may be tried again', async () => {
    const { maps, stores } = mapsUnderTest();
    const gate = stores.hold();
    const both = Promise.allSettled([maps.open('m'), maps.open('m')]);
    await turns();
    gate.reject(new BarrelError('ERR_STORE', 'not readable'));
    const reasons = (await both).map((one) => ('reason' in one ? one.reason.code : undefined));
    expect(reasons).toEqual(['ERR_STORE', 'ERR_STORE']);
    stores.gate = undefined;
    await maps.open('m');
  });

  test('maps the options to those of the store', async () => {
    const { maps, stores } = mapsUnderTest();
    await maps.open('plain');
    await maps.open('full', { persist: true, tombstoneTtlMs: 9, pruneOnMemberDown: true });
    expect(stores.opened.map(({ name, options }) => ({ name, ...options }))).toEqual([
      {
        name: 'map:plain',
        persist: false,
        tombstoneTtlMs: 3_600_000,
        ownership: 'anyone',
        lifetime: 'own',
        rival: 'presence:plain',
      },
      {
        name: 'presence:full',
        persist: true,
        tombstoneTtlMs: 9,
        ownership: 'anyone',
        lifetime: 'writer',
        rival: 'map:full',
      },
    ]);
  });

  test('has a bound', async () => {
    const { maps } = mapsUnderTest();
    for (let at = 0; at < MAPS_MAX; at += 1) await maps.open(`m${at}`);
    expect(await codeOf(() => maps.open('one more'))).toBe('ERR_OVERLOADED');
    await maps.open('m7');
  });
});

describe('an abort of an open', () => {
  test('before it throws the reason and opens nothing', async () => {
    const { maps, stores } = mapsUnderTest();
    await expect(maps.open('m', { signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
    expect(stores.opened).toEqual([]);
  });

  test('undoes the hosting when nobody else waits', async () => {
    const { maps, stores } = mapsUnderTest();
    const gate = stores.hold();
    const giveUp = new AbortController();
    const opening = maps.open('m', { signal: giveUp.signal });
    await turns();
    giveUp.abort('enough');
    await expect(opening).rejects.toBe('enough');
    expect(maps.list()).toEqual([]);
    const again = maps.open('m');
    await turns();
    expect(stores.opened).toHaveLength(1);
    gate.resolve();
    await again;
    expect(stores.opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  test('leaves it to the others who wait', async () => {
    const { maps, stores } = mapsUnderTest();
    stores.meeting = settlement();
    const giveUp = new AbortController();
    const opening = maps.open('m', { signal: giveUp.signal });
    const other = maps.open('m');
    await turns();
    giveUp.abort('enough');
    await expect(opening).rejects.toBe('enough');
    stores.meeting.resolve();
    await (await other).put('k', 1);
    expect(maps.list()).toEqual([{ name: 'm', size: 1, persist: false, handles: 1 }]);
  });
});

test('a map that ends with its writers is listed as not kept', async () => {
  const { maps } = mapsUnderTest();
  await maps.open('kept', { persist: true });
  await maps.open('presence', { persist: true, pruneOnMemberDown: true });
  await maps.open('presence', { persist: true, pruneOnMemberDown: true });
  expect(maps.list().map(({ name, persist }) => [name, persist])).toEqual([
    ['kept', true],
    ['presence', false],
  ]);
});

describe('the options of a map', () => {
  const validator = (value: unknown): value is unknown => value !== 7;

  test.each([null, 5, 'persist'])('that are no object are named: %j', async (options) => {
    const { maps } = mapsUnderTest();
    const error = await errorOf(() => maps.open('m', options as unknown as MapOptions<unknown>));
    expect(error?.code).toBe('ERR_OPTION');
    expect(error?.message).toMatch(/the options must be an object/);
    expect(maps.list()).toEqual([]);
  });

  test('are those of the first open; a later one may leave them out or say the same', async () => {
    const { maps } = mapsUnderTest();
    const map = await maps.open('m', { persist: true, tombstoneTtlMs: 5, validator });
    await maps.open('m');
    await maps.open('m', { persist: true, tombstoneTtlMs: 5, validator, pruneOnMemberDown: false });
    const later = await maps.open('m');
    expect(await codeOf(() => later.put('k', 7))).toBe('ERR_INVALID_VALUE');
    expect(map.name).toBe('m');
  });

  test('may not differ: the error names all differences', async () => {
    const { maps } = mapsUnderTest();
    await maps.open('m', { tombstoneTtlMs: 5 });
    const options = { persist: true, tombstoneTtlMs: 6, pruneOnMemberDown: true, validator };
    const error = await errorOf(() => maps.open('m', options));
    expect(error?.code).toBe('ERR_OPTION');
    expect(error?.message).toBe(
      'map "m": it is open here with `persist` false, not true;' +
        ' it is open here with `tombstoneTtlMs` 5, not 6;' +
        ' it is open here with `pruneOnMemberDown` false, not true;' +
        ' it is open here without a `validator`',
    );
    expect(maps.list()[0]?.handles).toBe(1);
  });

  test('are judged, all at once', async () => {
    const { maps } = mapsUnderTest();
    const wrong = { persist: 'yes', tombstoneTtlMs: 0, validator: {}, ttl: 1, toString: 1 };
    const error = await errorOf(() => maps.open('m', wrong as never));
    expect(error?.code).toBe('ERR_OPTION');
    for (const text of ['`persist` must be true or false, received "yes"', '`tombstoneTtlMs`']) {
      expect(error?.message).toContain(text);
    }
    expect(error?.message).toMatch(/`ttl` is not an option; `toString` is not an option$/);
    expect(await codeOf(() => maps.open('m', { tombstoneTtlMs: 2_592_000_001 }))).toBe(
      'ERR_OPTION',
    );
  });

  test('may ask for the disk with a dataDir only', async () => {
    const { maps } = mapsUnderTest({ hasDataDir: false });
    const error = await errorOf(() => maps.open('m', { persist: true }));
    expect(error?.message).toBe('map "m": `persist` needs the node to have a `dataDir`');
    await maps.open('m', { persist: false });
  });

  test('and its name: 1 to 255 bytes without control characters', async () => {
    const { maps } = mapsUnderTest();
    for (const name of ['', 'a\n', '\ud800', 'ä'.repeat(128), 7 as unknown as string]) {
      expect(await codeOf(() => maps.open(name))).toBe('ERR_OPTION');
      expect(await codeOf(() => maps.drop(name))).toBe('ERR_OPTION');
      expect(maps.get(name)).toBeUndefined();
    }
    await maps.open('ä'.repeat(127));
  });
});

describe('get', () => {
  test('gives a handle that keeps nothing alive and ends with the map', async () => {
    const { maps } = mapsUnderTest();
    expect(maps.get('m')).toBeUndefined();
    const map = await maps.open('m');
    const [view, other] = [maps.get('m'), maps.get('m')];
    if (view === undefined || other === undefined) throw new Error('not hosted');
    const heard = listen(other);
    await view[Symbol.asyncDispose]();
    await map.put('k', 1);
    expect([view.get('k'), other.get('k'), heard]).toEqual([undefined, 1, ['put k 1']]);
    expect(maps.list()[0]?.handles).toBe(1);
    await map[Symbol.asyncDispose]();
    expect(other.get('k')).toBeUndefined();
    expect(await codeOf(() => other.put('k', 1))).toBe('ERR_CLOSED');
  });
});

describe('drop', () => {
  test('closes all handles, then removes the files', async () => {
    const { maps, stores } = mapsUnderTest();
    const [one, two] = [await maps.open('m', { persist: true }), await maps.open('m')];
    const events = one.events()[Symbol.asyncIterator]();
    await one.put('k', 1);
    await maps.drop('m');
    expect(stores.dropped).toEqual(['map:m']);
    expect(await codeOf(() => two.put('k', 2))).toBe('ERR_CLOSED');
    expect(await events.next()).toMatchObject({ value: { type: 'put' } });
    expect(await events.next()).toMatchObject({ done: true });
    const fresh = await maps.open('m', { persist: true });
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    expect([fresh.size, maps.list()[0]?.handles]).toEqual([0, 1]);
  });

  test('of a map that is not open removes its files, and of an unknown one is no error', async () => {
    const { maps, stores } = mapsUnderTest();
    const map = await maps.open('m', { persist: true });
    await map.put('k', 1);
    await map[Symbol.asyncDispose]();
    await maps.drop('m');
    await maps.drop('never heard of');
    expect(stores.dropped).toEqual(['map:m', 'map:never heard of']);
    expect((await maps.open('m', { persist: true })).size).toBe(0);
  });

  test('of a map that is being opened ends that opening', async () => {
    const { maps, stores } = mapsUnderTest();
    const gate = stores.hold();
    const opening = codeOf(() => maps.open('m'));
    await turns();
    const drop = maps.drop('m');
    const again = maps.open('m');
    expect(await opening).toBe('ERR_CLOSED');
    gate.resolve();
    await drop;
    await (await again).put('k', 1);
    expect(stores.opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });
});

describe('the maps of the node options', () => {
  test('are there when they are loaded, before they have met other hosts', async () => {
    const { maps, stores } = mapsUnderTest();
    stores.meeting = settlement();
    await maps.openDeclared({ a: {}, b: { persist: true } });
    expect(maps.get('a')?.size).toBe(0);
    expect(maps.list()).toEqual([
      { name: 'a', size: 0, persist: false, handles: 1 },
      { name: 'b', size: 0, persist: true, handles: 1 },
    ]);
    stores.meeting.resolve();
    const handle = await maps.open('a');
    await handle[Symbol.asyncDispose]();
    expect(stores.of('a').isClosed).toBe(false);
  });

  test('that cannot be loaded fail', async () => {
    const { maps, stores } = mapsUnderTest();
    stores.hold().reject(new BarrelError('ERR_STORE', 'not readable'));
    expect(await codeOf(() => maps.openDeclared({ a: {} }))).toBe('ERR_STORE');
    await maps.close();
  });
});

describe('close', () => {
  test('ends handles, streams and openings, and closes the stores', async () => {
    const parts = mapsUnderTest();
    const { maps, stores, meter } = parts;
    const map = await maps.open('m');
    await map.put('k', 1);
    expect(meter.snapshot()).toMatchObject({ barrel_maps_hosted: 1, barrel_maps_entries: 1 });
    const events = map.events()[Symbol.asyncIterator]();
    const gate: Settlement<void> = stores.hold();
    const opening = codeOf(() => maps.open('slow'));
    await turns();
    const [one, two] = [maps.close(), maps.close()];
    expect(await events.next()).toMatchObject({ done: true });
    expect(await opening).toBe('ERR_CLOSED');
    gate.resolve();
    await Promise.all([one, two, maps.close()]);
    expect(stores.opened.every(({ isClosed }) => isClosed)).toBe(true);
    expect(await codeOf(() => maps.open('m'))).toBe('ERR_CLOSED');
    expect(await codeOf(() => maps.drop('m'))).toBe('ERR_CLOSED');
    await map[Symbol.asyncDispose]();
    expect(map.get('k')).toBeUndefined();
  });
});

/** Lets promises that are due settle. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
