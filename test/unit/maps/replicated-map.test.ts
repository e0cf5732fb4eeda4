import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pidOf } from '../../../src/core/pid.ts';
import { encodeKey, type Key } from '../../../src/core/wire/key.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import {
  EVENT_BACKLOG_MAX,
  MAP_EVENT_BYTES_WAITING_MAX,
  MAP_EVENTS_WAITING_MAX,
  MAP_PUT_ALL_BYTES_MAX,
  MAP_PUT_ALL_MAX,
  MAP_TTL_MS_MAX,
  SMALL_VALUE_BYTES_MAX,
} from '../../../src/limits.ts';
import { keyOfText, keyText } from '../../../src/maps/map-key.ts';
import { settlement } from '../../../src/settlement.ts';
import { arrive, codeOf, listen, mapsUnderTest, REMOVED } from './map-under-test.ts';

describe('a map', () => {
  test('gives back what was put, and nothing that was removed', async () => {
    const map = await mapsUnderTest().maps.open<number>('m');
    await map.put('a', 1);
    await map.put('b', 2);
    expect([map.get('a'), map.has('a'), map.size]).toEqual([1, true, 2]);
    expect([...map].sort()).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    await map.remove('a');
    expect([map.get('a'), map.has('a'), map.size]).toEqual([undefined, false, 1]);
    expect([...map.keys()]).toEqual(['b']);
  });

  test('has nothing to do with another map', async () => {
    const { maps } = mapsUnderTest();
    const [a, b] = [await maps.open('a'), await maps.open('b')];
    await a.put('k', 1);
    expect([a.get('k'), b.get('k')]).toEqual([1, undefined]);
  });

  test('shows a put at once, before it is durable', async () => {
    const parts = mapsUnderTest();
    const map = await parts.maps.open('m');
    const disk = settlement<void>();
    parts.stores.of('m').durable = disk.promise;
    let isDone = false;
    const done = map.put('k', 1).then(() => {
      isDone = true;
    });
    expect(map.get('k')).toBe(1);
    await Promise.resolve();
    expect(isDone).toBe(false);
    disk.resolve();
    await done;
  });

  test('gives copies: nobody can change what is in it', async () => {
    const map = await mapsUnderTest().maps.open<number[]>('m');
    const list = [1];
    const heard: number[][] = [];
    map.on('put', ({ value }) => heard.push(value));
    await map.put('k', list);
    list.push(2);
    map.get('k')?.push(3);
    heard[0]?.push(4);
    for (const [, value] of map) value.push(5);
    expect(map.get('k')).toEqual([1]);
  });

  test('tells keys apart by value', async () => {
    const map = await mapsUnderTest().maps.open('m');
    const pid = pidOf('a@b', 7n, 1);
    const keys: Key[] = ['1', 1, 1n, true, Uint8Array.of(1), pid, ['a', [1]]];
    for (const [at, key] of keys.entries()) await map.put(key, at);
    await map.put(-0, 'zero');
    expect(keys.map((key) => map.get(key))).toEqual(keys.map((_, at) => at));
    expect([map.get(0), map.get(['a', [1]]), map.size]).toEqual(['zero', 6, 8]);
    expect([...map.keys()]).toEqual([...keys, 0]);
  });

  test('every key survives the way to the store and back', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.bigInt(), fc.boolean(), fc.uint8Array());
    const anyKey = fc.oneof(leaf, fc.array(leaf, { maxLength: 5 }));
    const check = fc.property(anyKey, (key) => {
      fc.pre(encodeKey(key).length <= 1_000);
      expect(keyOfText(keyText(key))).toStrictEqual(key);
    });
    fc.assert(check, { numRuns: 200 });
  });

  test('refuses what is no key, no value, too large or no time to live', async () => {
    const { maps, stores } = mapsUnderTest();
    const map = await maps.open('m');
    expect(await codeOf(() => map.put(Number.NaN, 1))).toBe('ERR_VALUE');
    expect(await codeOf(() => map.get({} as unknown as Key))).toBe('ERR_VALUE');
    expect(await codeOf(() => map.remove(null as unknown as Key))).toBe('ERR_VALUE');
    expect(await codeOf(() => map.put('k', () => 1))).toBe('ERR_VALUE');
    const tooLarge = new Uint8Array(SMALL_VALUE_BYTES_MAX);
    expect(await codeOf(() => map.put('k', tooLarge))).toBe('ERR_VALUE');
    for (const ttlMs of [0, -1, 1.5, Number.NaN, MAP_TTL_MS_MAX + 1]) {
      expect(await codeOf(() => map.put('k', 1, { ttlMs }))).toBe('ERR_OPTION');
    }
    expect(stores.of('m').writes).toEqual([]);
    await map.put('k', tooLarge.subarray(10));
    await map.put('t', 1, { ttlMs: MAP_TTL_MS_MAX });
    expect(stores.of('m').writes.map(([write]) => write?.ttlMs)).toEqual([
      undefined,
      MAP_TTL_MS_MAX,
    ]);
  });
});

describe('putAll', () => {
  test('writes once; of entries with the same key the last one counts', async () => {
    const { maps, stores } = mapsUnderTest();
    const map = await maps.open<number>('m');
    const heard = listen(map);
    await map.putAll(
      new Map<Key, number>([
        ['a', 1],
        ['b', 2],
      ]),
    );
    await map.putAll([
      ['c', 3],
      ['c', 4],
    ]);
    await map.putAll([]);
    expect(stores.of('m').writes.map(({ length }) => length)).toEqual([2, 1]);
    expect(heard).toEqual(['put a 1', 'put b 2', 'put c 4']);
  });

  test('writes nothing when one of them is refused', async () => {
    const { maps, stores } = mapsUnderTest();
    const validator = (value: unknown): value is number => typeof value === 'number';
    const map = await maps.open<number>('m', { validator });
    const entries: [Key, unknown][] = [
      ['a', 1],
      ['b', 'two'],
    ];
    const work = (): Promise<void> => map.putAll(entries as [Key, number][]);
    expect(await codeOf(work)).toBe('ERR_INVALID_VALUE');
    expect([map.size, stores.of('m').writes]).toEqual([0, []]);
  });

  test('takes 10,000 entries and not one more, however many there are', async () => {
    const map = await mapsUnderTest().maps.open<number>('m');
    function* endless(): Generator<[Key, number]> {
      for (let at = 0; ; at += 1) yield [at, at];
    }
    expect(await codeOf(() => map.putAll(endless()))).toBe('ERR_OVERLOADED');
    expect(map.size).toBe(0);
    await map.putAll(Array.from({ length: MAP_PUT_ALL_MAX }, (_, at) => [at, at] as const));
    expect(map.size).toBe(MAP_PUT_ALL_MAX);
  });

  test('has a bound in bytes, and nothing has changed above it', async () => {
    const { maps, stores } = mapsUnderTest();
    const map = await maps.open('m');
    const value = new Uint8Array(SMALL_VALUE_BYTES_MAX - 10);
    const count = Math.floor(MAP_PUT_ALL_BYTES_MAX / SMALL_VALUE_BYTES_MAX);
    const entries = Array.from({ length: count + 1 }, (_, at) => [at, value] as const);
    expect(await codeOf(() => map.putAll(entries))).toBe('ERR_OVERLOADED');
    expect([map.size, stores.of('m').writes]).toEqual([0, []]);
    await map.putAll(entries.slice(0, count));
    expect(map.size).toBe(count);
  });
});

describe('an abort', () => {
  test('before the call writes nothing and throws its reason', async () => {
    const { maps, stores } = mapsUnderTest();
    const map = await maps.open('m');
    await map.put('k', 1);
    const signal = AbortSignal.abort('enough');
    await expect(map.put('k', 2, { signal })).rejects.toBe('enough');
    await expect(map.putAll([['k', 2]], { signal })).rejects.toBe('enough');
    await expect(map.remove('k', { signal })).rejects.toBe('enough');
    expect([map.get('k'), stores.of('m').writes.length]).toEqual([1, 1]);
  });

  test('while the disk works ends the waiting alone, also when the disk fails later', async () => {
    const { maps, stores } = mapsUnderTest();
    const map = await maps.open('m');
    const disk = settlement<void>();
    stores.of('m').durable = disk.promise;
    const giveUp = new AbortController();
    const put = map.put('k', 1, { signal: giveUp.signal });
    giveUp.abort('enough');
    await expect(put).rejects.toBe('enough');
    expect(map.get('k')).toBe(1);
    disk.reject(new Error('full'));
  });

  test('from within a listener is no lost failure of the disk', async () => {
    const { maps, stores } = mapsUnderTest();
    const map = await maps.open('m');
    stores.of('m').durable = Promise.reject(new Error('full'));
    const giveUp = new AbortController();
    map.on('put', () => giveUp.abort('enough'));
    await expect(map.put('k', 1, { signal: giveUp.signal })).rejects.toBe('enough');
  });
});

describe('a removal', () => {
  test('of a key that is not known here writes nothing', async () => {
    const { maps, stores } = mapsUnderTest();
    const map = await maps.open('m');
    const heard = listen(map);
    await map.remove('k');
    expect([heard, stores.of('m').writes]).toEqual([[], []]);
  });
});

describe('events', () => {
  test('tell own and other writes alike, in order, once each', async () => {
    const parts = mapsUnderTest();
    const map = await parts.maps.open('m');
    const heard = listen(map);
    await map.put('a', 1);
    arrive(parts, 'm', ['b', 2]);
    arrive(parts, 'm', ['a', 3]);
    await map.remove('a');
    arrive(parts, 'm', ['b', REMOVED]);
    expect(heard).toEqual(['put a 1', 'put b 2', 'put a 3', 'remove a', 'remove b']);
  });

  test('are for real changes only', async () => {
    const parts = mapsUnderTest();
    const map = await parts.maps.open('m');
    const heard = listen(map);
    await map.put('a', { x: 1 });
    await map.put('a', { x: 1 }, { ttlMs: 5 });
    arrive(parts, 'm', ['a', { x: 1 }]);
    expect(heard).toEqual(['put a {"x":1}']);
    parts.stores.of('m').expire(keyText('a'));
    expect(heard.slice(1)).toEqual(['remove a']);
  });

  test('come to every listener in the order of the changes, when one of them writes', async () => {
    const map = await mapsUnderTest().maps.open<number>('m');
    map.on('put', ({ key, value }) => void (value < 3 && map.put(key, value + 1)));
    const heard = listen(map);
    await map.put('k', 1);
    expect(heard).toEqual(['put k 1', 'put k 2', 'put k 3']);
  });

  test('come after the map has the value, and a throwing listener breaks nothing', async () => {
    const errors: string[] = [];
    const logger = { ...silentLogger, error: (text: string) => errors.push(text) };
    const map = await mapsUnderTest({ logger }).maps.open('m');
    map.on('put', () => {
      throw new Error('mine');
    });
    const seen: unknown[] = [];
    map.on('put', ({ key }) => seen.push(map.get(key)));
    await map.put('k', 1);
    expect([seen, errors]).toEqual([[1], ['an event listener threw']]);
  });

  test('stream with a bound, and end with the handle', async () => {
    const map = await mapsUnderTest().maps.open<number>('m');
    const events = map.events();
    const last = MAP_EVENTS_WAITING_MAX + 5;
    for (let at = 0; at <= last; at += 1) await map.put('k', at);
    await map[Symbol.asyncDispose]();
    const seen: unknown[] = [];
    for await (const event of events) seen.push(event);
    expect(seen).toHaveLength(MAP_EVENTS_WAITING_MAX + 1);
    expect(seen[0]).toEqual({ type: 'lagged', dropped: 6 });
    expect(seen.at(-1)).toEqual({ type: 'put', key: 'k', value: last });
  });

  test('of the largest `putAll` all reach a stream, whoever wrote just before', async () => {
    const map = await mapsUnderTest().maps.open<number>('m');
    const events = map.events();
    for (let at = 0; at < EVENT_BACKLOG_MAX; at += 1) void map.put(`before ${at}`, at);
    await map.putAll(Array.from({ length: MAP_PUT_ALL_MAX }, (_, at) => [`k${at}`, at]));
    await map[Symbol.asyncDispose]();
    const types: string[] = [];
    for await (const { type } of events) types.push(type);
    expect(types).toHaveLength(EVENT_BACKLOG_MAX + MAP_PUT_ALL_MAX);
    expect(new Set(types)).toEqual(new Set(['put']));
  });

  test('that wait for a slow reader have a bound in bytes, too', async () => {
    const map = await mapsUnderTest().maps.open<Uint8Array>('m');
    const events = map.events();
    const value = new Uint8Array(SMALL_VALUE_BYTES_MAX - 10);
    const fitting = Math.floor(MAP_EVENT_BYTES_WAITING_MAX / SMALL_VALUE_BYTES_MAX);
    for (let at = 0; at < fitting + 20; at += 1) {
      value[0] = at;
      await map.put('k', value);
    }
    await map[Symbol.asyncDispose]();
    const seen: { readonly type: string }[] = [];
    for await (const event of events) seen.push(event);
    expect(seen[0]?.type).toBe('lagged');
    expect(seen.length).toBeGreaterThanOrEqual(fitting);
    expect(seen.length).toBeLessThan(fitting + 20);
  });

  test('of one handle end with it, those of the others go on', async () => {
    const { maps } = mapsUnderTest();
    const [one, two] = [await maps.open('m'), await maps.open('m')];
    const [heardOne, heardTwo] = [listen(one), listen(two)];
    await one.put('k', 1);
    await one[Symbol.asyncDispose]();
    await two.put('k', 2);
    expect(heardOne).toEqual(['put k 1']);
    expect(heardTwo).toEqual(['put k 1', 'put k 2']);
    const late = one.events()[Symbol.asyncIterator]();
    expect(await late.next()).toEqual({ done: true, value: undefined });
  });
});
