import { describe, expect, test } from 'vitest';
import { parseRequest, parseResponse } from '../../../src/admin/control-protocol.ts';
import { EventStream } from '../../../src/admin/control-server.ts';
import type { MapQuery } from '../../../src/admin/map-queries.ts';
import { answerMaps } from '../../../src/admin/node-maps.ts';
import { BarrelError } from '../../../src/errors.ts';
import { codeOf, type MapsUnderTest, mapsUnderTest } from '../maps/map-under-test.ts';

const NEVER = new AbortController().signal;

describe('requests about maps', () => {
  test('carry keys and values', () => {
    const key = '["a",{"$bigint":"1"}]';
    const line = `{"id":3,"method":"mapPut","map":"m","key":${key},"value":{"$undefined":true}}`;
    expect(parseRequest(line).query).toEqual({
      method: 'mapPut',
      map: 'm',
      key: ['a', 1n],
      value: undefined,
      ttlMs: undefined,
    });
    expect(parseRequest('{"id":3,"method":"mapWatch","map":"m"}').query).toEqual({
      method: 'mapWatch',
      map: 'm',
    });
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['{"id":1,"method":"mapGet","key":"k"}', /`map`/],
    [`{"id":1,"method":"mapWatch","map":"${'m'.repeat(256)}"}`, /`map`/],
    ['{"id":1,"method":"mapGet","map":"m"}', /`key`/],
    ['{"id":1,"method":"mapRemove","map":"m","key":{"a":1}}', /key/],
    ['{"id":1,"method":"mapPut","map":"m","key":"k"}', /`value`/],
    ['{"id":1,"method":"mapPut","map":"m","key":"k","value":1,"ttlMs":0}', /`ttlMs`/],
    ['{"id":1,"method":"mapDrop","map":"m"}', /`method` must be one of .*mapWatch/],
  ];
  test.each(wrong)('that are wrong are refused and say why: %s', (line, message) => {
    expect(() => parseRequest(line)).toThrow(message);
    expect(() => parseRequest(line)).toThrow(BarrelError);
  });

  test('may be answered by events', () => {
    expect(parseResponse('{"id":1,"event":{"type":"lagged","dropped":2}}')).toEqual({
      id: 1,
      event: { type: 'lagged', dropped: 2 },
    });
  });
});

describe('the maps of a node', () => {
  test('are listed', async () => {
    const parts = mapsUnderTest();
    const map = await parts.maps.open('b', { persist: true });
    await map.put('k', 1);
    await parts.maps.open('a');
    await parts.maps.open('a');
    expect(await asked(parts, { method: 'maps' })).toEqual([
      { name: 'a', entries: 0, persist: false, handles: 2 },
      { name: 'b', entries: 1, persist: true, handles: 1 },
    ]);
  });

  test('are read and written', async () => {
    const parts = mapsUnderTest();
    await parts.maps.open('m');
    const entry = { map: 'm', key: 'k' };
    expect(await asked(parts, { method: 'mapPut', ...entry, value: 7n, ttlMs: 9 })).toBeNull();
    expect(parts.stores.of('m').writes[0]?.[0]?.ttlMs).toBe(9);
    expect(await asked(parts, { method: 'mapGet', ...entry })).toEqual({
      value: { $bigint: '7' },
    });
    await asked(parts, { method: 'mapPut', ...entry, value: undefined });
    expect(await asked(parts, { method: 'mapGet', ...entry })).toEqual({
      value: { $undefined: true },
    });
    expect(await asked(parts, { method: 'mapRemove', ...entry })).toBeNull();
    expect(await asked(parts, { method: 'mapGet', ...entry })).toBeNull();
  });

  test('judge what is put', async () => {
    const parts = mapsUnderTest();
    const validator = (value: unknown): value is number => typeof value === 'number';
    await parts.maps.open('m', { validator });
    const put = { method: 'mapPut', map: 'm', key: 'k', value: 'text' } as const;
    expect(await codeOf(() => asked(parts, put))).toBe('ERR_INVALID_VALUE');
  });

  test('that are not hosted are not found, and not opened', async () => {
    const parts = mapsUnderTest();
    for (const query of [
      { method: 'mapGet', map: 'm', key: 'k' },
      { method: 'mapWatch', map: 'm' },
    ] as const) {
      await expect(asked(parts, query)).rejects.toMatchObject({
        code: 'ERR_NOT_FOUND',
        message: 'this node does not host a map "m"; it hosts what its program opens',
      });
    }
    expect(parts.maps.list()).toEqual([]);
  });

  test('are watched until they end or the client goes', async () => {
    const parts = mapsUnderTest();
    const map = await parts.maps.open('m');
    const gone = new AbortController();
    const [stays, leaves] = [await watch(parts, NEVER), await watch(parts, gone.signal)];
    await map.put(1n, new Date(0));
    expect(await leaves.next()).toMatchObject({ value: { key: { $bigint: '1' } } });
    const next = leaves.next();
    gone.abort('gone');
    await expect(next).rejects.toBe('gone');
    await map.remove(1n);
    await map[Symbol.asyncDispose]();
    const events: unknown[] = [];
    for await (const event of { [Symbol.asyncIterator]: () => stays }) events.push(event);
    expect(events).toEqual([
      { type: 'put', key: { $bigint: '1' }, value: { $date: '1970-01-01T00:00:00.000Z' } },
      { type: 'remove', key: { $bigint: '1' } },
    ]);
  });
});

function asked({ maps }: MapsUnderTest, query: MapQuery): Promise<unknown> {
  return answerMaps(maps, query, NEVER);
}

async function watch(
  { maps }: MapsUnderTest,
  signal: AbortSignal,
): Promise<AsyncIterator<unknown>> {
  const stream = await answerMaps(maps, { method: 'mapWatch', map: 'm' }, signal);
  if (!(stream instanceof EventStream)) throw new Error('no stream of events');
  return stream.events[Symbol.asyncIterator]();
}
