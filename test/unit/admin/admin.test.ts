import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  errorOf,
  failureOf,
  parseRequest,
  parseResponse,
} from '../../../src/admin/control-protocol.ts';
import { controlPath } from '../../../src/admin/control-socket.ts';
import { fromJson, toJson } from '../../../src/admin/json-value.ts';
import { LineReader } from '../../../src/admin/line-reader.ts';
import { pidOf } from '../../../src/core/pid.ts';
import { BarrelError } from '../../../src/errors.ts';

describe('values as JSON', () => {
  test('what JSON has stands for itself', () => {
    const value = { text: 'a', count: 1.5, on: true, none: null, list: [1, 'b'] };
    expect(toJson(value)).toEqual(value);
    expect(fromJson(value)).toEqual(value);
  });

  test('what JSON lacks is an object with one tag', () => {
    expect(toJson(12n)).toEqual({ $bigint: '12' });
    expect(toJson(Uint8Array.of(1, 2))).toEqual({ $bytes: 'AQI=' });
    expect(toJson(new Date(0))).toEqual({ $date: '1970-01-01T00:00:00.000Z' });
    expect(toJson(pidOf('a@b', 7n, 1))).toEqual({ $pid: 'a@b/7.1' });
    expect(toJson(new Map([[1n, 'x']]))).toEqual({ $map: [[{ $bigint: '1' }, 'x']] });
    expect(toJson(new Set(['x']))).toEqual({ $set: ['x'] });
    expect(toJson([undefined])).toEqual([{ $undefined: true }]);
    expect(toJson(-0)).toEqual({ $number: '-0' });
  });

  test('an object that looks like a tag is wrapped, and comes back as it was', () => {
    const value = { $bigint: 'mine' };
    expect(toJson(value)).toEqual({ $object: value });
    expect(fromJson(toJson(value))).toEqual(value);
    expect(fromJson({ $set: 1, other: 2 })).toEqual({ $set: 1, other: 2 });
  });

  test('every value survives the way through a JSON text', () => {
    const check = fc.property(anyValue, (value) => {
      expect(fromJson(JSON.parse(JSON.stringify(toJson(value))))).toStrictEqual(value);
    });
    // A failure prints its seed.
    fc.assert(check, { numRuns: 300 });
  });

  test('a pid comes back as the same object', () => {
    const pid = pidOf('a@b', 7n, 1);
    expect(fromJson(toJson(pid))).toBe(pid);
  });

  test('the key __proto__ is an own key and changes no prototype', () => {
    const parsed = fromJson(JSON.parse('{"__proto__": {"polluted": 1}, "a": 1}')) as object;
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
    expect(Object.keys(parsed)).toContain('__proto__');
    expect('polluted' in {}).toBe(false);
  });

  const wrong = [
    { $bigint: '1.5' },
    { $bigint: 12 },
    { $bytes: '***' },
    { $date: 'soon' },
    { $number: '7' },
    { $map: [1] },
    { $set: 'x' },
    { $pid: 'nobody' },
    { $undefined: false },
    { $unknown: 'x' },
  ];
  test.each(wrong)('a wrong tag is refused: %j', (json) => {
    expect(codeOf(() => fromJson(json))).toBe('ERR_VALUE');
  });

  test('what is no value and what is nested too deeply is refused', () => {
    let deep: unknown = [];
    for (let depth = 0; depth < 100; depth++) deep = [deep];
    expect(codeOf(() => toJson(deep))).toBe('ERR_VALUE');
    expect(codeOf(() => fromJson(deep))).toBe('ERR_VALUE');
    expect(codeOf(() => toJson(() => 1))).toBe('ERR_VALUE');
  });
});

describe('lines', () => {
  test('lines come out whole however they arrive', () => {
    const bytes = Buffer.from('{"a":"ö"}\n\n{"b":2}\nrest');
    for (let size = 1; size <= bytes.length; size++) {
      const reader = new LineReader(100);
      const lines: string[] = [];
      for (let start = 0; start < bytes.length; start += size) {
        reader.push(bytes.subarray(start, start + size));
        for (let line = reader.take(); line !== undefined; line = reader.take()) lines.push(line);
      }
      expect(lines).toEqual(['{"a":"ö"}', '', '{"b":2}']);
    }
  });

  test('what is held is bounded, and taking a line makes room', () => {
    const reader = new LineReader(8);
    reader.push(Buffer.from('123\n'));
    reader.push(Buffer.from('123\n'));
    expect(codeOf(() => new LineReader(8).push(Buffer.alloc(9)))).toBe('ERR_OVERLOADED');
    expect(reader.take()).toBe('123');
    expect(codeOf(() => reader.push(Buffer.from('1234')))).toBeUndefined();
    expect(codeOf(() => reader.push(Buffer.from('5')))).toBe('ERR_OVERLOADED');
  });

  test('bytes that are no UTF-8 do not upset the count', () => {
    const reader = new LineReader(4);
    for (let round = 0; round < 100; round++) {
      reader.push(Buffer.of(0xff, 0xff, 0xff, 0x0a));
      expect(reader.take()).toBe('\ufffd\ufffd\ufffd');
    }
  });
});

describe('requests and responses', () => {
  test('a call carries values', () => {
    const line = '{"id":3,"method":"call","service":"s","name":"m","args":[{"$bigint":"1"}]}';
    expect(parseRequest(line)).toEqual({
      id: 3,
      query: { method: 'call', service: 's', name: 'm', args: [1n], timeoutMs: undefined },
    });
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /not JSON/],
    ['{', /not JSON/],
    ['[]', /`id`/],
    ['null', /no JSON object/],
    ['{"id":"1","method":"status"}', /`id`/],
    ['{"id":1,"method":"stop"}', /`method`/],
    ['{"id":1,"method":"call"}', /`service`/],
    ['{"id":1,"method":"call","service":"s","name":""}', /`name`/],
    ['{"id":1,"method":"call","service":"s","name":"m","args":{}}', /`args`/],
    ['{"id":1,"method":"call","service":"s","name":"m","timeoutMs":0}', /`timeoutMs`/],
  ];
  test.each(wrong)('a wrong request is refused and says why: %s', (line, message) => {
    expect(() => parseRequest(line)).toThrow(message);
    expect(codeOf(() => parseRequest(line))).toBe('ERR_VALUE');
  });

  test('an error arrives with its code, reason and what the callee threw', () => {
    const remote = { name: 'TypeError', message: 'no' };
    const error = new BarrelError('ERR_REMOTE', 'orders.create threw', { remote, node: 'a@b' });
    const line = JSON.stringify({ id: 1, error: failureOf(error) });
    const response = parseResponse(line);
    const arrived = 'error' in response ? errorOf(response.error) : undefined;
    expect(arrived).toBeInstanceOf(BarrelError);
    expect(arrived).toMatchObject({ ...error, message: 'orders.create threw' });
  });

  test('an error of another kind arrives with its message alone', () => {
    const failure = failureOf(new TypeError('a bug'));
    expect(failure).toEqual({ code: 'ERR_INTERNAL', message: 'a bug' });
    expect(errorOf(failure)).not.toBeInstanceOf(BarrelError);
  });
});

describe('the path of the socket', () => {
  test('it is control.sock in the data directory', () => {
    expect(controlPath('/data/a')).toBe('/data/a/control.sock');
  });

  test('a data directory too long for a socket is refused by name', () => {
    expect(codeOf(() => controlPath(`/${'d'.repeat(90)}`))).toBe('ERR_OPTION');
    expect(() => controlPath(`/${'d'.repeat(90)}`)).toThrow(/`dataDir` is too long.* at most 103/);
  });
});

const leaf = fc.oneof(
  fc.constantFrom<unknown>(null, undefined, true, Number.NaN, Infinity, -0),
  fc.double(),
  fc.bigInt(),
  fc.string(),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array(),
);
const anyKey = fc.string().filter((key) => key !== '__proto__');
const anyValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('value')),
    fc.dictionary(fc.oneof(anyKey, fc.constantFrom('$set', '$object')), tie('value'), {
      noNullPrototype: true,
    }),
    fc.array(fc.tuple(fc.string(), tie('value'))).map((entries) => new Map(entries)),
    fc.array(tie('value')).map((items) => new Set(items)),
  ),
})).value;

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof BarrelError) return error.code;
    throw error;
  }
  return undefined;
}
