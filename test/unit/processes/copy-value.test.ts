import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pidOf } from '../../../src/core/pid.ts';
import { decodeValue, encodeValue } from '../../../src/core/wire/value.ts';
import { BarrelError } from '../../../src/errors.ts';
import { VALUE_DEPTH_MAX } from '../../../src/limits.ts';
import { copyValue } from '../../../src/processes/copy-value.ts';

test('a copy is what the wire would have made of the value, or the same refusal', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constant('\ud800'));
  const key = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'toString'));
  const { tree } = fc.letrec((tie) => ({
    leaf: fc.oneof(
      fc.constantFrom(null, undefined, true, Number.NaN, -0, 2n ** 63n, -(2n ** 80n)),
      fc.double(),
      fc.bigInt(),
      text,
      fc.uint8Array({ maxLength: 8 }),
      fc.date({ noInvalidDate: false }),
      fc.nat(9).map((serial) => pidOf('a@h', 1n, serial)),
      fc.constantFrom(() => 1, Symbol('no'), new Error('no'), new Array(2)),
    ),
    tree: fc.oneof(
      { depthSize: 'small' },
      tie('leaf'),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 4, noNullPrototype: false }),
      fc.array(fc.tuple(text, tie('tree')), { maxLength: 3 }).map((list) => new Map(list)),
      fc.array(tie('tree'), { maxLength: 3 }).map((list) => new Set(list)),
    ),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      const wired = result(() => decodeValue(encodeValue(value)));
      const copied = result(() => copyValue(value));
      if (wired instanceof BarrelError || copied instanceof BarrelError) {
        expect(copied).toMatchObject({ code: 'ERR_VALUE' });
        expect((copied as Error).message).toBe((wired as Error).message);
      } else {
        expect(isDeepStrictEqual(copied, wired)).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('the bounds are those of the wire: size, elements, depth, nesting in itself', () => {
  const nested = (depth: number): unknown => {
    let value: unknown = 1;
    for (let i = 0; i < depth; i += 1) value = [value];
    return value;
  };
  const own: unknown[] = [];
  own.push(own);
  const fits: unknown[] = [
    nested(VALUE_DEPTH_MAX),
    'x'.repeat(1_048_000),
    new Uint8Array(1_048_000),
    new Array(200_000).fill(1),
  ];
  const tooMuch: unknown[] = [
    nested(VALUE_DEPTH_MAX + 1),
    own,
    'x'.repeat(1_048_577),
    'é'.repeat(600_000),
    new Uint8Array(1_048_577),
    new Array(300_000).fill(1),
    new Array(250_000).fill(123_456_789),
  ];
  for (const value of fits) expect(isDeepStrictEqual(copyValue(value), value)).toBe(true);
  for (const value of tooMuch) {
    expect(() => copyValue(value)).toThrow(expect.objectContaining({ code: 'ERR_VALUE' }));
  }
});

test('a copy shares no memory with the value', () => {
  const bytes = new Uint8Array([1, 2]);
  const value = { bytes, list: [{ n: 1 }], map: new Map([['k', [1]]]) };
  const copy = copyValue(value) as typeof value;
  bytes[0] = 9;
  value.list[0] = { n: 2 };
  value.map.get('k')?.push(2);
  expect(copy).toEqual({
    bytes: new Uint8Array([1, 2]),
    list: [{ n: 1 }],
    map: new Map([['k', [1]]]),
  });
});

function result(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
