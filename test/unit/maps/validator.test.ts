import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { encodeValue } from '../../../src/core/wire/value.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { keyText } from '../../../src/maps/map-key.ts';
import { isValidator, judgeOf } from '../../../src/maps/validator.ts';
import type { StandardSchema } from '../../../src/standard-schema.ts';
import {
  arrive,
  codeOf,
  errorOf,
  listen,
  type MapsUnderTest,
  mapsUnderTest,
  REMOVED,
} from './map-under-test.ts';

const isNumber = (value: unknown): value is number => typeof value === 'number';

describe('a validator', () => {
  test('refuses a local put, and nothing changes', async () => {
    const { maps, stores } = mapsUnderTest();
    const map = await maps.open('m', { validator: isNumber });
    const heard = listen(map);
    const error = await errorOf(() => map.put('k', 'one' as unknown as number));
    expect(error?.code).toBe('ERR_INVALID_VALUE');
    expect(error?.message).toBe('map "m" refuses the value: not valid');
    expect([heard, map.size, stores.of('m').writes]).toEqual([[], 0, []]);
    await map.put('k', 1);
    expect(map.get('k')).toBe(1);
  });

  test('that throws refuses, and the cause tells why', async () => {
    const cause = new TypeError('no such field');
    const validator = (): never => {
      throw cause;
    };
    const map = await mapsUnderTest().maps.open('m', { validator: validator as never });
    const error = await errorOf(() => map.put('k', 1));
    expect(error).toMatchObject({ code: 'ERR_INVALID_VALUE', cause });
    expect(error?.message).toContain('the validator threw: no such field');
  });

  test('accepts with true alone', () => {
    const verdicts = [true, 1, 'yes', false, undefined].map(
      (answer) => judgeOf((() => answer) as never)?.(0).kind,
    );
    expect(verdicts).toEqual(['accepted', 'refused', 'refused', 'refused', 'refused']);
  });

  test('judges a copy: what it changes is not what is stored', async () => {
    const validator = (value: unknown): value is number[] => (value as number[]).push(9) > 0;
    const map = await mapsUnderTest().maps.open('m', { validator });
    const list = [1];
    await map.put('k', list);
    expect([list, map.get('k')]).toEqual([[1], [1]]);
  });

  test('is asked once for a put, and not for reads', async () => {
    let asked = 0;
    const validator = (value: unknown): value is unknown => {
      asked += 1;
      return value !== null;
    };
    const parts = mapsUnderTest();
    const map = await parts.maps.open('m', { validator });
    await map.put('a', 1);
    arrive(parts, 'm', ['b', null]);
    for (const key of ['a', 'b', 'c']) map.get(key);
    expect([[...map].length, map.size, asked]).toEqual([1, 1, 2]);
  });
});

describe('a schema', () => {
  const schema: StandardSchema<{ readonly name: string }> = v.object({ name: v.string() });

  test('refuses with what it says of the value', async () => {
    const map = await mapsUnderTest().maps.open('m', { validator: schema });
    await map.put('k', { name: 'x' });
    const error = await errorOf(() => map.put('k', { name: 7 } as never));
    expect(error?.code).toBe('ERR_INVALID_VALUE');
    expect(error?.message).toMatch(/^map "m" refuses the value: name: .*Expected string/);
    expect(map.get('k')).toEqual({ name: 'x' });
  });

  test('does not transform what is stored', async () => {
    const upper = v.pipe(
      v.string(),
      v.transform((text) => text.toUpperCase()),
    );
    const map = await mapsUnderTest().maps.open<string>('m', { validator: upper as never });
    await map.put('k', 'low');
    expect(map.get('k')).toBe('low');
  });

  test('may be a function that has one', () => {
    const judge = judgeOf(Object.assign(() => true, schema) as never);
    expect(judge?.({ name: 7 }).kind).toBe('refused');
  });

  test('that is asynchronous is ERR_OPTION for a put, and hides what comes in', async () => {
    const errors: string[] = [];
    const logger = { ...silentLogger, error: (text: string) => errors.push(text) };
    const later: unknown[] = [v.objectAsync({}), async () => true, async () => fail()];
    for (const validator of later) {
      const parts = mapsUnderTest({ logger });
      const map = await parts.maps.open('m', { validator: validator as never });
      expect(await codeOf(() => map.put('k', {}))).toBe('ERR_OPTION');
      arrive(parts, 'm', ['k', {}]);
      arrive(parts, 'm', ['l', {}]);
      expect(map.size).toBe(0);
    }
    const line = 'the validator of a map is asynchronous: it hides all';
    expect(errors).toEqual(later.map(() => line));
  });

  test('with odd answers refuses and never throws', () => {
    const check = fc.property(fc.anything(), (answer) => {
      const odd = { '~standard': { version: 1, vendor: 'odd', validate: () => answer } } as const;
      const kind = judgeOf(odd)?.(0).kind;
      const { issues } = Object(answer) as { readonly issues?: unknown };
      const isFine = typeof answer === 'object' && answer !== null && (issues ?? null) === null;
      expect(kind).toBe(isFine ? 'accepted' : 'refused');
    });
    fc.assert(check, { numRuns: 300 });
  });

  test('is told from what is none', () => {
    expect([schema, isNumber].every(isValidator)).toBe(true);
    const wrong = [null, {}, 'x', { '~standard': { version: 2, validate: () => ({}) } }];
    expect(wrong.some(isValidator)).toBe(false);
  });
});

describe('a value of another node that is refused', () => {
  test('is kept, hidden from reads and events, and counted', async () => {
    const parts = mapsUnderTest();
    const map = await parts.maps.open<number>('m', { validator: isNumber });
    const heard = listen(map);
    arrive(parts, 'm', ['k', 'text']);
    expect([map.get('k'), map.has('k'), map.size, [...map], heard]).toEqual([
      undefined,
      false,
      0,
      [],
      [],
    ]);
    expect(parts.stores.of('m').size).toBe(1);
    expect(hiddenTotal(parts)).toBe(1);
  });

  test('over a visible one is a removal, and the next good one a put', async () => {
    const parts = mapsUnderTest();
    const map = await parts.maps.open<number>('m', { validator: isNumber });
    const heard = listen(map);
    for (const value of [1, 'text', 'other', 1, REMOVED]) arrive(parts, 'm', ['k', value]);
    expect(heard).toEqual(['put k 1', 'remove k', 'put k 1', 'remove k']);
    expect(hiddenTotal(parts)).toBe(2);
  });

  test('can be removed and overwritten here', async () => {
    const parts = mapsUnderTest();
    const map = await parts.maps.open<number>('m', { validator: isNumber });
    const heard = listen(map);
    arrive(parts, 'm', ['a', 'text']);
    arrive(parts, 'm', ['b', 'text']);
    await map.remove('a');
    await map.put('b', 2);
    expect([parts.stores.of('m').size, map.size, heard]).toEqual([1, 1, ['put b 2']]);
  });

  test('includes bytes that are no value and keys that are no key', async () => {
    const parts = mapsUnderTest();
    const map = await parts.maps.open('m');
    const heard = listen(map);
    const store = parts.stores.of('m');
    const bytes = [Uint8Array.of(), Uint8Array.of(0xc1), encodeValue(new Uint8Array(70_000))];
    for (const [at, broken] of bytes.entries()) store.arrive(keyText(at), broken);
    store.arrive('\xff\xff', encodeValue(1));
    store.arrive(keyText('good'), encodeValue(1));
    expect([[...map], map.size, heard]).toEqual([[['good', 1]], 1, ['put good 1']]);
    expect(hiddenTotal(parts)).toBe(4);
  });

  test('is hidden from the start when it was kept on disk', async () => {
    const parts = mapsUnderTest();
    const first = await parts.maps.open('m', { persist: true });
    await first.putAll([
      ['a', 1],
      ['b', 'text'],
    ]);
    await first[Symbol.asyncDispose]();
    const map = await parts.maps.open<number>('m', { persist: true, validator: isNumber });
    expect([[...map], map.size, hiddenTotal(parts)]).toEqual([[['a', 1]], 1, 1]);
  });
});

/** What a reader sees is a map of valid values, whatever is written by whom and in which order. */
test('reads and events agree with a model under any writes', async () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    value: fc.constantFrom<unknown>(1, 2, 'hidden', 'hidden too', REMOVED),
  });
  const check = fc.asyncProperty(fc.array(step), async (steps) => {
    const parts = mapsUnderTest();
    const map = await parts.maps.open<number>('m', { validator: isNumber });
    const told = new Map<unknown, unknown>();
    map.on('put', ({ key, value }) => {
      expect(told.get(key)).not.toBe(value);
      told.set(key, value);
    });
    map.on('remove', ({ key }) => expect(told.delete(key)).toBe(true));
    const model = new Map<unknown, unknown>();
    for (const { key, value } of steps) {
      arrive(parts, 'm', [key, value]);
      if (typeof value === 'number') model.set(key, value);
      else model.delete(key);
      expect(new Map<unknown, unknown>(map)).toEqual(model);
      expect([map.size, told]).toEqual([model.size, model]);
    }
  });
  await fc.assert(check, { numRuns: 100 });
});

function hiddenTotal({ meter }: MapsUnderTest): number | undefined {
  return meter.snapshot()['barrel_maps_hidden_total'];
}

function fail(): never {
  throw new Error('later');
}
