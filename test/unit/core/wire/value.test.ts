import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { Unpackr } from 'msgpackr';
import { expect, test } from 'vitest';
import { pidOf } from '../../../../src/core/pid.ts';
import { decodeValue, encodeValue } from '../../../../src/core/wire/value.ts';
import { BarrelError } from '../../../../src/errors.ts';
import { VALUE_BYTES_MAX, VALUE_NUMERIC_KEYS_MAX } from '../../../../src/limits.ts';
import { anyPlainValue, anyValue, fromHex, toHex } from './arbitraries.ts';

const PID = pidOf('a@h', 5n, 300);

/** Vectors of the MessagePack specification and of the extensions. */
const VECTORS: readonly (readonly [unknown, string])[] = [
  [null, 'c0'],
  [false, 'c2'],
  [true, 'c3'],
  [undefined, 'd40000'],
  [0, '00'],
  [127, '7f'],
  [128, 'cc80'],
  [255, 'ccff'],
  [256, 'cd0100'],
  [65_535, 'cdffff'],
  [65_536, 'ce00010000'],
  [2 ** 32 - 1, 'ceffffffff'],
  [2 ** 32, 'cf0000000100000000'],
  [2 ** 53 - 1, 'cf001fffffffffffff'],
  [2 ** 53, 'cb4340000000000000'],
  [-1, 'ff'],
  [-32, 'e0'],
  [-33, 'd0df'],
  [-128, 'd080'],
  [-129, 'd1ff7f'],
  [-32_768, 'd18000'],
  [-32_769, 'd2ffff7fff'],
  [-(2 ** 31), 'd280000000'],
  [-(2 ** 31) - 1, 'd3ffffffff7fffffff'],
  [-(2 ** 53) + 1, 'd3ffe0000000000001'],
  [1.5, 'cb3ff8000000000000'],
  [-0, 'cb8000000000000000'],
  [Number.NaN, 'cb7ff8000000000000'],
  [Number.NEGATIVE_INFINITY, 'cbfff0000000000000'],
  ['', 'a0'],
  ['a', 'a161'],
  ['é€😀', 'a9c3a9e282acf09f9880'],
  ['\uFEFF', 'a3efbbbf'],
  ['x'.repeat(32), `d920${'78'.repeat(32)}`],
  ['é'.repeat(16), `d920${'c3a9'.repeat(16)}`],
  [Uint8Array.of(1, 2), 'c4020102'],
  [[1, 'a'], '9201a161'],
  [{ a: 1, b: undefined }, '82a16101a162d40000'],
  [0n, 'c7010200'],
  [255n, 'c7020200ff'],
  [-256n, 'c70302010100'],
  [new Map<unknown, unknown>([[1, 'a']]), 'c900000004038101a161'],
  [new Set([1, 2]), 'c90000000304920102'],
  [new Date(1), 'c70cff000f42400000000000000000'],
  [new Date(-1), 'c70cff3b8b87c0ffffffffffffffff'],
  [PID, 'c70d010000000000000005412c614068'],
];

test('values have the bytes of the specification, and come back', () => {
  for (const [value, hex] of VECTORS) {
    expect(toHex(encodeValue(value)), String(value)).toBe(hex);
    const back = decodeValue(fromHex(hex));
    expect(back).toStrictEqual(value);
    if (typeof value !== 'object') expect(Object.is(back, value)).toBe(true);
  }
  expect(decodeValue(encodeValue(PID))).toBe(PID);
});

test('any value comes back, and has one form', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const bytes = encodeValue(value);
      const back = decodeValue(bytes);
      if (!isDeepStrictEqual(back, value)) throw new Error('another value');
      if (toHex(encodeValue(back)) !== toHex(bytes)) throw new Error('another form');
    }),
    { numRuns: 300 },
  );
});

test('msgpackr reads what has no extension of ours', () => {
  const oracle = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });
  const read = (value: unknown): unknown => oracle.unpack(encodeValue(value));
  fc.assert(
    fc.property(anyPlainValue, (value) => {
      if (!isDeepStrictEqual(withPlainBytes(read(value)), value)) throw new Error('another value');
    }),
    { numRuns: 300 },
  );
  for (const ms of [0, 1, -1, 1_700_000_000_123, -62_135_596_800_000]) {
    expect(read(new Date(ms))).toStrictEqual(new Date(ms));
  }
  expect(read([undefined])).toStrictEqual([undefined]);
});

test('lengths at which the form changes come back', () => {
  for (const length of [15, 16, 31, 32, 48, 49, 255, 256, 65_535, 65_536]) {
    for (const value of [
      'x'.repeat(length),
      'é'.repeat(length),
      `${'x'.repeat(length - 1)}€`,
      new Uint8Array(length).fill(7),
      Array.from({ length }, (_, i) => i),
      Object.fromEntries(Array.from({ length }, (_, i) => [`k${i}`, i])),
      new Map(Array.from({ length }, (_, i) => [`k${i}`, i])),
      new Set(Array.from({ length }, (_, i) => `k${i}`)),
    ]) {
      const back = decodeValue(encodeValue(value));
      if (!isDeepStrictEqual(back, value)) throw new Error(`length ${length}`);
    }
  }
});

test('names that objects inherit are own properties like others', () => {
  const value = JSON.parse('{"constructor":1,"toString":null,"hasOwnProperty":{"valueOf":2}}');
  const back = decodeValue(encodeValue(value)) as object;
  expect(back).toStrictEqual(value);
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
});

test('an object without prototype and a Buffer arrive as plain ones', () => {
  const bare = Object.assign(Object.create(null), { a: 1 });
  expect(decodeValue(encodeValue(bare))).toStrictEqual({ a: 1 });
  const back = decodeValue(encodeValue(Buffer.from('ab')));
  expect(back).toStrictEqual(Uint8Array.of(97, 98));
});

test('decoded bytes share no memory with the frame', () => {
  const bytes = encodeValue(Uint8Array.of(1, 2, 3));
  const back = decodeValue(bytes);
  bytes.fill(0);
  expect(back).toStrictEqual(Uint8Array.of(1, 2, 3));
});

test('encoded values share no memory with each other', () => {
  const first = encodeValue('first');
  expect(first.buffer.byteLength).toBe(first.length);
  encodeValue('other');
  expect(decodeValue(first)).toBe('first');
});

test('what cannot be sent is named with its path', () => {
  class Order {}
  const holed = new Array<number>(3).fill(1);
  delete holed[1];
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  for (const [value, message] of [
    [() => 1, 'value: a function cannot be sent'],
    [{ items: [1, 2, 3, { total: () => 1 }] }, 'value.items[3].total: a function cannot be sent'],
    [[Symbol('x')], 'value[0]: a symbol cannot be sent'],
    [{ 'a b': new Order() }, 'value["a b"]: an instance of Order cannot be sent'],
    [new Map([['k', new Error('x')]]), 'value.get("k"): an instance of Error cannot be sent'],
    [new Map([[7, /x/]]), 'value.get(7): an instance of RegExp cannot be sent'],
    [new Map([[true, parseInt]]), 'value.values()[0]: a function cannot be sent'],
    [new Map([[parseInt, 1]]), 'value.keys()[0]: a function cannot be sent'],
    [new Set([1, parseInt]), 'value.values()[1]: a function cannot be sent'],
    [{ at: new Date(Number.NaN) }, 'value.at: an invalid Date cannot be sent'],
    [holed, 'value[1]: a hole cannot be sent'],
    [JSON.parse('{"__proto__":1}'), 'value.__proto__: this property name cannot be sent'],
    [{ a: 'x\uD800' }, 'value.a: a string with half a surrogate pair cannot be sent'],
    [{ '\uDC00': 1 }, 'a string with half a surrogate pair cannot be sent'],
    [[2n ** 8192n], 'value[0]: a bigint of more than 1024 bytes cannot be sent'],
    [new (class extends Map {})(), 'cannot be sent'],
    [new (class extends Array {})(), 'cannot be sent'],
    [Object.create({ a: 1 }), 'value: an instance of Object cannot be sent'],
    [new Float64Array(1), 'value: an instance of Float64Array cannot be sent'],
    [Object.create(Map.prototype), 'cannot be read'],
    [Promise.resolve(1), 'value: an instance of Promise cannot be sent'],
    [oneByOne(), 'value: an iterator, unless it is asynchronous, cannot be sent'],
    [[1].values(), 'value: an iterator, unless it is asynchronous, cannot be sent'],
    [cyclic, 'nested deeper than 64, or in itself'],
  ] as const) {
    const error = refusal(() => encodeValue(value));
    expect(error.message).toContain(message);
  }
});

test('what a getter throws is the cause, and leaves the encoder clean', () => {
  const cause = new Error('from the getter');
  const value = {
    a: {
      get b(): number {
        throw cause;
      },
    },
  };
  const error = refusal(() => encodeValue(value));
  expect(error.message).toBe('value.a.b: cannot be read');
  expect(error.cause).toBe(cause);
  expect(toHex(encodeValue('a'))).toBe('a161');
});

test('a getter may encode another value meanwhile', () => {
  const value = {
    get inner(): Uint8Array {
      return encodeValue('x'.repeat(20_000));
    },
  };
  const back = decodeValue(encodeValue([1, value, 2])) as [number, { inner: Uint8Array }, number];
  expect(decodeValue(back[1].inner)).toBe('x'.repeat(20_000));
});

test('a Map that changes while it is read is refused', () => {
  const map = new Map<unknown, unknown>();
  map.set('a', {
    get grow(): number {
      return map.set('b', 1).size;
    },
  });
  expect(refusal(() => encodeValue(map)).message).toContain('changed while it was read');
});

test('depth, elements, numeric keys and bytes have bounds', () => {
  expect(decodeValue(encodeValue(nested(64)))).toStrictEqual(nested(64));
  refusal(() => encodeValue(nested(65)));
  expect(encodeValue(new Array(262_144).fill(0)).length).toBe(262_149);
  refusal(() => encodeValue(new Array(262_145).fill(0)));
  refusal(() => encodeValue([new Array(200_000).fill(0), new Array(100_000).fill(0)]));
  // Length of a sparse array is believed, its holes are not.
  refusal(() => encodeValue(new Array(2 ** 32 - 1)));
  const numbers = Array.from({ length: VALUE_NUMERIC_KEYS_MAX }, (_, i) => i);
  expect(decodeValue(encodeValue(new Set(numbers)))).toStrictEqual(new Set(numbers));
  expect(refusal(() => encodeValue([new Set(numbers), new Set([1n])])).message).toContain('Set');
  expect(encodeValue('x'.repeat(VALUE_BYTES_MAX - 5)).length).toBe(VALUE_BYTES_MAX);
  refusal(() => encodeValue('x'.repeat(VALUE_BYTES_MAX - 4)));
  refusal(() => encodeValue('€'.repeat(VALUE_BYTES_MAX / 2)));
  refusal(() => encodeValue(new Uint8Array(VALUE_BYTES_MAX)));
  const shared = 'x'.repeat(1_000_000);
  refusal(() => encodeValue(new Array(1_000).fill(shared)));
  expect(encodeValue('abc', 4).length).toBe(4);
  expect(refusal(() => encodeValue('abcd', 4)).message).toContain('more than 4 bytes');
  expect(toHex(encodeValue(1))).toBe('01');
});

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

function refusal(encode: () => unknown): BarrelError {
  try {
    encode();
  } catch (error) {
    if (error instanceof BarrelError && error.code === 'ERR_VALUE') return error;
    throw error;
  }
  throw new Error('not refused');
}

/** msgpackr gives Buffers. */
function withPlainBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(withPlainBytes);
  if (value === null || typeof value !== 'object') return value;
  const pairs = Object.entries(value).map(([key, part]) => [key, withPlainBytes(part)]);
  return Object.fromEntries(pairs);
}

function* oneByOne(): Generator<number> {
  yield 1;
}
