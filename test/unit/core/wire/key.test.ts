import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pidOf } from '../../../../src/core/pid.ts';
import { decodeKey, encodeKey, type Key, readKeyBytes } from '../../../../src/core/wire/key.ts';
import { encodeValue } from '../../../../src/core/wire/value.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { BarrelError } from '../../../../src/errors.ts';
import {
  anyBigint,
  anyBytes,
  anyNumber,
  anyPid,
  damaged,
  fromHex,
  RandomBytes,
  toHex,
} from './arbitraries.ts';

const anyKey: fc.Arbitrary<Key> = fc.letrec<{ key: Key }>((tie) => ({
  key: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      anyNumber.filter((n) => !Number.isNaN(n)),
      anyBigint.map((n) => BigInt.asIntN(100, n)),
      anyBytes.map((bytes) => bytes.slice(0, 40)),
      anyPid.filter((pid) => pid.node.length < 40),
      fc.boolean(),
    ),
    fc.array(tie('key'), { maxLength: 4 }),
  ),
})).key;

test('keys have known bytes, the same on every node', () => {
  for (const [key, hex] of [
    ['user:1', 'a6757365723a31'],
    ['', 'a0'],
    [1, '01'],
    [1n, 'c702020001'],
    [1.5, 'cb3ff8000000000000'],
    [-0, '00'],
    [2 ** 53, 'cb4340000000000000'],
    [true, 'c3'],
    [Uint8Array.of(1, 2), 'c4020102'],
    [pidOf('a@h', 5n, 300), 'c70d010000000000000005412c614068'],
    [['a', [1, -0], []], '93a16192010090'],
  ] as const) {
    expect(toHex(encodeKey(key))).toBe(hex);
  }
});

test('any key comes back, and its bytes are the only ones', () => {
  fc.assert(
    fc.property(anyKey, (key) => {
      const bytes = encodeKey(key);
      const back = decodeKey(bytes);
      expect(toHex(encodeKey(back))).toBe(toHex(bytes));
      expect(back).toStrictEqual(withoutMinusZero(key));
      expect(bytes.buffer.byteLength).toBe(bytes.length);
    }),
    { numRuns: 200 },
  );
});

test('the bytes that are lent during a call are those of the key, whatever came before', () => {
  fc.assert(
    fc.property(fc.array(anyKey, { maxLength: 8 }), (keys) => {
      const expected = keys.map(encodeKey);
      expect(keys.map((key) => readKeyBytes(key, toHex))).toEqual(expected.map(toHex));
    }),
  );
  const inner = (outer: Uint8Array): readonly string[] => [
    toHex(outer),
    readKeyBytes(['b', 1], toHex),
    toHex(outer),
  ];
  const outer = toHex(encodeKey('a'));
  expect(readKeyBytes('a', inner)).toEqual([outer, toHex(encodeKey(['b', 1])), outer]);
  expect(() =>
    readKeyBytes('a', () => {
      throw new RangeError('of the reader');
    }),
  ).toThrow(RangeError);
  expect(readKeyBytes('b', toHex)).toBe(toHex(encodeKey('b')));
});

test('keys are equal when their values are, and only then', () => {
  const same = [
    [0, -0],
    [
      [1, [0]],
      [1, [-0]],
    ],
    [Uint8Array.of(1), Buffer.from([1])],
  ] as const;
  for (const [a, b] of same) expect(toHex(encodeKey(a))).toBe(toHex(encodeKey(b)));
  const different: readonly Key[] = [1, 1n, '1', true, Uint8Array.of(1), [1], ['1'], [[1]], 1.5];
  expect(new Set(different.map((key) => toHex(encodeKey(key)))).size).toBe(different.length);
});

test('what is no key is refused with its path', () => {
  const itself: Key[] = [];
  itself.push(itself);
  for (const [key, message] of [
    [Number.NaN, 'key: this is no part of a key'],
    [['a', [Number.NaN]], 'key[1][0]: this is no part of a key'],
    [null, 'key: '],
    [undefined, 'key: '],
    [{}, 'key: '],
    [new Date(0), 'key: '],
    [new Map(), 'key: '],
    [[undefined], 'key[0]: '],
    [new Array(2), 'key[0]: '],
    ['\uD800', 'key: a string with half a surrogate pair'],
    ['x'.repeat(1_022), 'key: more than 1024 bytes'],
    [new Uint8Array(1_022), 'key: more than 1024 bytes'],
    [['x'.repeat(600), 'x'.repeat(600)], 'key[1]: more than 1024 bytes'],
    [2n ** 8_200n, 'key: '],
    [itself, 'nested deeper than 16'],
    [nested(17), 'nested deeper than 16'],
    [new Array(2 ** 32 - 1), 'more than 1024 bytes'],
    [multiplied(10, 100), 'more than 1024 bytes'],
    [multiplied(15, 2), 'more than 1024 bytes'],
  ] as const) {
    const error = refusal(key as Key);
    expect(error.code).toBe('ERR_VALUE');
    expect(error.message).toContain(message);
  }
  expect(encodeKey('x'.repeat(1_021)).length).toBe(1_024);
  expect(decodeKey(encodeKey(nested(16)))).toStrictEqual(nested(16));
  expect(toHex(encodeKey(1))).toBe('01');
});

test('bytes of a value that is no key are refused', () => {
  for (const value of [null, undefined, {}, new Map(), new Set(), new Date(0), -0, Number.NaN]) {
    expect(() => decodeKey(encodeValue(value))).toThrow(WireError);
    expect(() => decodeKey(encodeValue([1, [value]]))).toThrow(WireError);
  }
  expect(() => decodeKey(encodeValue(nested(17)))).toThrow(WireError);
  expect(() => decodeKey(encodeValue('x'.repeat(1_022)))).toThrow('key above its bound');
});

test('bytes that are cut, changed or random are a key with these bytes, or refused', () => {
  const key = ['user', 5, -7n, Uint8Array.of(1), pidOf('a@h', 1n, 9), [true, 1.5, 'é']];
  for (const bytes of damaged(encodeKey(key))) checkDecode(bytes);
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new RandomBytes(seed);
      for (let i = 0; i < 1_000; i++) checkDecode(random.bytes(30));
    }),
  );
  for (const hex of ['ddffffffff', 'dbffffffff', 'c6ffffffff', '91'.repeat(1_000), '']) {
    expect(() => decodeKey(fromHex(hex))).toThrow(WireError);
  }
});

function checkDecode(bytes: Uint8Array): void {
  let key: Key;
  try {
    key = decodeKey(bytes);
  } catch (error) {
    if (error instanceof WireError) return;
    throw error;
  }
  if (toHex(encodeKey(key)) !== toHex(bytes)) throw new Error(`other bytes: ${toHex(bytes)}`);
}

function refusal(key: Key): BarrelError {
  try {
    encodeKey(key);
  } catch (error) {
    if (error instanceof BarrelError) return error;
    throw error;
  }
  throw new Error('not refused');
}

function nested(depth: number): Key {
  let key: Key = 'x';
  for (let i = 0; i < depth; i++) key = [key];
  return key;
}

/** Few arrays that stand for many: each holds the one before it many times. */
function multiplied(depth: number, times: number): Key {
  let key: Key = [];
  for (let i = 0; i < depth; i++) key = new Array<Key>(times).fill(key);
  return key;
}

function withoutMinusZero(key: Key): Key {
  if (Array.isArray(key)) return key.map(withoutMinusZero);
  return key === 0 ? 0 : key;
}
