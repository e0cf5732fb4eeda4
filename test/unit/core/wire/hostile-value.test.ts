import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pidOf } from '../../../../src/core/pid.ts';
import { decodeValue, encodeValue } from '../../../../src/core/wire/value.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { VALUE_NUMERIC_KEYS_MAX } from '../../../../src/limits.ts';
import { anyValue, concatenated, damaged, fromHex, RandomBytes, toHex } from './arbitraries.ts';

/** One of everything, with each length of header. */
const EVERYTHING = [
  [null, undefined, true, 5, 200, 300, 70_000, 2 ** 40, -5, -100, -300, -70_000, -(2 ** 40)],
  [1.5, -0, Number.NaN, 'short', 'é€😀', 'long'.repeat(20), 'longer'.repeat(50)],
  { a: Uint8Array.of(1, 2), constructor: 1n, é: -(2n ** 70n), '': [] },
  new Map<unknown, unknown>([
    ['k', new Set([1, 'x'])],
    [2n, {}],
  ]),
  [new Date(1_700_000_000_123), pidOf('worker@10.0.0.1', 2n ** 60n, 70_000)],
];

test('a value that is cut or has a byte changed is refused, or has that one form', () => {
  let taken = 0;
  for (const bytes of damaged(encodeValue(EVERYTHING))) taken += isTaken(bytes) ? 1 : 0;
  // Most changes of a text or number give another value: both ends of the test were reached.
  expect(taken).toBeGreaterThan(100);
});

test('any value that is cut or changed is refused, or has that one form', () => {
  fc.assert(
    fc.property(anyValue, fc.infiniteStream(fc.nat()), (value, choices) => {
      const bytes = encodeValue(value);
      for (let i = 0; i < 20; i++) {
        const at = (choices.next().value ?? 0) % bytes.length;
        const copy = bytes.slice();
        copy[at] = (choices.next().value ?? 0) & 0xff;
        isTaken(copy);
        if (isTaken(bytes.slice(0, at))) throw new Error('took a cut value');
      }
    }),
    { numRuns: 100 },
  );
});

test('random bytes are refused, or are one value in its one form', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new RandomBytes(seed);
      for (let i = 0; i < 1_000; i++) isTaken(random.bytes(40));
    }),
  );
});

test('an announced length with nothing behind it is refused at once', () => {
  for (const hex of [
    ...['ddffffffff', 'dfffffffff', 'dbffffffff', 'c6ffffffff', 'c9ffffffff03', 'c9ffffffff01'],
    ...['dcffff', 'deffff', 'daffff', 'c5ffff', 'c8ffff02', '9f', '8f', 'bf', 'c4ff', 'c7ff01'],
    ...['c90000000503dfffffffff', 'c90000000504ddffffffff', 'c9000000ff0401'],
  ]) {
    expect(() => decodeValue(fromHex(hex)), hex).toThrow(WireError);
    expect(() => decodeValue(concatenated(fromHex(hex), new Uint8Array(9))), hex).toThrow(
      WireError,
    );
  }
});

test('a million nested containers are refused for their depth', () => {
  for (const opening of ['91', '81a161', 'c9001000000491']) {
    const bytes = repeated(fromHex(opening), 1_000_000 / (opening.length / 2));
    expect(() => decodeValue(bytes)).toThrow(/too deep|extension|cut short/);
  }
  expect(() => decodeValue(new Uint8Array(1_000_000).fill(0x91))).toThrow('nested too deep');
  const map = repeated(fromHex('81a161'), 300_000);
  expect(() => decodeValue(map)).toThrow('nested too deep');
});

test('nested counts of 65,535 end at the budget of elements', () => {
  for (const opening of ['dcffff', 'deffffa161']) {
    for (const bytes of [70_000, 140_000, 1_000_000]) {
      const hostile = repeated(fromHex(opening), bytes / (opening.length / 2));
      expect(() => decodeValue(hostile)).toThrow(/too many elements|cut short/);
    }
  }
  const arrays = repeated(fromHex('dcffff'), 300_000);
  expect(() => decodeValue(arrays)).toThrow('too many elements');
});

test('elements are counted over all parts of a value', () => {
  // Four of them and the array around them are as many as may be.
  const part = concatenated(fromHex('dcffff'), new Uint8Array(65_535));
  expect(decodeValue(concatenated(fromHex('94'), part, part, part, part))).toHaveLength(4);
  const tooMany = concatenated(fromHex('95'), part, part, part, part, part);
  expect(() => decodeValue(tooMany)).toThrow('too many elements');
});

test('numeric Map keys and Set members are few, for they may all fall into one bucket', () => {
  // All have the same low 64 bits, which is all that V8 hashes.
  const count = VALUE_NUMERIC_KEYS_MAX + 1;
  const members = Array.from({ length: count }, (_, i) => encodeValue((BigInt(i + 1) << 64n) + 5n));
  const body = concatenated(fromHex('dc1001'), ...members);
  const header = fromHex(`c9${body.length.toString(16).padStart(8, '0')}04`);
  expect(() => decodeValue(concatenated(header, body))).toThrow('too many numeric keys');
});

test('each value has one form only', () => {
  for (const hex of [
    // Longer integers, lengths and counts than needed.
    ...['cc7f', 'cd00ff', 'ce0000ffff', 'cf00000000ffffffff', 'd0ff', 'd1ff80', 'd2ffff8000'],
    ...['d3ffffffff80000000', 'd000', 'd10001', 'd200000001', 'd30000000000000001'],
    ...['d90161', 'da000161', 'db0000000161', 'c5000101', 'c60000000101', 'dc000101'],
    ...['dd0000000101', 'de0001a16101', 'df00000001a16101', 'c80002020001'],
    // Numbers that are integers as floats, single floats, other NaNs, unsafe integers.
    ...['cb3ff0000000000000', 'cb0000000000000000', 'ca3fc00000', 'cb7ff8000000000001'],
    ...['cbfff8000000000000', 'cf0020000000000000', 'cfffffffffffffffff', 'd3ffe0000000000000'],
    ...['d38000000000000000'],
    // Bigints: no sign, another sign, minus nothing, leading zeros, too long.
    ...['c70002', 'c7020202ff', 'c7010201', 'c702020000', 'd40200', 'd5020001'],
    `c8040202${'01'.repeat(1_026)}`,
    // Undefined, timestamps and pids in other forms.
    ...['d40001', 'd401', 'd4ff00', 'd6ff00000001', 'd7ff0000000000000001', 'c7010000'],
    ...['c70cff000000010000000000000000', 'c70cff3b9aca000000000000000000'],
    ...['c70cff000f4240000007dba8218000', 'c70cff000000007fffffffffffffff'],
    ...['c70d018000000000000005412c614068', 'c70d010000000000000005412c61ff68'],
    ...['c70b010000000000000005412c61', 'c70e01000000000000000540412c614068', 'c70401000000ff'],
    ...['c7080100000000000000ff', 'c90000000d010000000000000005412c614068'],
    // Maps and Sets in other forms, with a wrong length, or a wrong body.
    ...['c7010380', 'd40380', 'c9000000010390', 'c9000000010480', 'c900000002038000'],
    ...['c90000000003', 'c900000003049101', 'c9000000020481a1', 'c900000001049100'],
  ]) {
    expect(() => decodeValue(fromHex(hex)), hex).toThrow(WireError);
  }
});

test('tags without meaning and unknown extensions are refused', () => {
  for (const tag of [0xc1, 0xca, 0xd5, 0xd6, 0xd7, 0xd8]) {
    expect(() => decodeValue(concatenated(Uint8Array.of(tag), new Uint8Array(20)))).toThrow(
      WireError,
    );
  }
  for (let type = 5; type < 255; type++) {
    const body = Uint8Array.of(0xc7, 1, type, 0);
    expect(() => decodeValue(body)).toThrow('unknown extension');
  }
});

test('names and keys are strings and come once', () => {
  for (const hex of [
    ...['810101', '81c001', '81c4016101', '82a16101a16102', 'c9000000050382016102'],
    ...['c900000005038201610161', 'c90000000304920101'],
    ...['c90000000b0381cb800000000000000001', 'c90000000a0491cb8000000000000000'],
    '82a8746f537472696e6701a8746f537472696e6702',
  ]) {
    expect(() => decodeValue(fromHex(hex)), hex).toThrow(WireError);
  }
});

test('the name __proto__ is refused and no prototype changes', () => {
  const name = `a9${Buffer.from('__proto__').toString('hex')}`;
  for (const hex of [`81${name}01`, `81${name}81a16101`, `82a16101${name}80`, `9181${name}c0`]) {
    expect(() => decodeValue(fromHex(hex))).toThrow('property __proto__');
  }
  expect('a' in {}).toBe(false);
});

test('text that is not UTF-8 is refused, short or long', () => {
  for (const bad of ['ff', 'c080', 'eda080', 'f4908080', 'c3', 'e282']) {
    for (const before of ['', '78'.repeat(40)]) {
      const length = (bad.length + before.length) / 2;
      const header = length < 32 ? (0xa0 | length).toString(16) : `d9${length.toString(16)}`;
      expect(() => decodeValue(fromHex(header + before + bad))).toThrow('not UTF-8');
    }
  }
});

test('bytes behind a value, and too many for its bound, are refused', () => {
  expect(() => decodeValue(fromHex('0101'))).toThrow('bytes after the end');
  expect(() => decodeValue(new Uint8Array(0))).toThrow('cut short');
  expect(decodeValue(fromHex('a3616263'), 4)).toBe('abc');
  expect(() => decodeValue(fromHex('a3616263'), 3)).toThrow('value above its bound');
});

test('after each refusal the next value is read right', () => {
  const good = encodeValue(EVERYTHING);
  for (const hex of ['81a9', 'a2ffff', '9191c1', 'c70d0100', 'c9000000050381']) {
    expect(() => decodeValue(fromHex(hex))).toThrow(WireError);
    expect(decodeValue(good)).toStrictEqual(EVERYTHING);
  }
});

/** True when the bytes are one value, which then has no other bytes; only WireError if not. */
function isTaken(bytes: Uint8Array): boolean {
  let value: unknown;
  try {
    value = decodeValue(bytes);
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
  const again = encodeValue(value);
  // JavaScript moves names that are array indices to the front: as many bytes, in another order.
  const isSame =
    toHex(again) === toHex(bytes) ||
    (again.length === bytes.length && isDeepStrictEqual(decodeValue(again), value));
  if (!isSame) throw new Error(`another form of ${toHex(again)}: ${toHex(bytes)}`);
  return true;
}

function repeated(part: Uint8Array, count: number): Uint8Array {
  const times = Math.floor(count);
  const whole = new Uint8Array(part.length * times);
  for (let i = 0; i < times; i++) whole.set(part, i * part.length);
  return whole;
}
