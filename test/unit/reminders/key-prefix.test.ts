/** Which keys begin with which, by their bytes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyTextOf } from '../../../src/core/schedule/reminder-id.ts';
import type { Key } from '../../../src/core/wire/key.ts';
import { keyPrefix, startsWith } from '../../../src/reminders/key-prefix.ts';

function begins(key: Key, prefix: readonly Key[]): boolean {
  return startsWith(keyTextOf(key), keyPrefix(prefix));
}

test('a key begins with its first items, and with all of them', () => {
  expect(begins(['a', 1, 'b'], ['a', 1])).toBe(true);
  expect(begins(['a', 1], ['a', 1])).toBe(true);
  expect(begins(['a'], ['a', 1])).toBe(false);
  expect(begins(['ab', 1], ['a'])).toBe(false);
  expect(begins([['a', 1], 2], [['a']])).toBe(false);
  expect(begins([1n], [1])).toBe(false);
});

test('every array begins with nothing, and what is no array with no prefix', () => {
  expect(begins(['a'], [])).toBe(true);
  expect(begins([], [])).toBe(true);
  expect(begins('a', [])).toBe(false);
  expect(begins(7, [])).toBe(false);
  expect(startsWith(keyTextOf('a'), undefined)).toBe(true);
});

test('it is as with arrays, also with more than fifteen items', () => {
  const item = fc.oneof(fc.constantFrom('a', 'b', 1, 2), fc.constant<Key>(['a']));
  const items = fc.array(item, { maxLength: 20 });
  fc.assert(
    fc.property(items, items, fc.nat(20), (one, other, count) => {
      for (const prefix of [other, one.slice(0, count)]) {
        const expected =
          prefix.length <= one.length &&
          JSON.stringify(one.slice(0, prefix.length)) === JSON.stringify(prefix);
        expect(begins(one, prefix)).toBe(expected);
      }
    }),
  );
});

test('a prefix that is no array, no key or above 512 bytes is refused', () => {
  expect(() => keyPrefix('a' as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
  const value = expect.objectContaining({ code: 'ERR_VALUE' });
  expect(() => keyPrefix([undefined as never])).toThrow(value);
  expect(() => keyPrefix(['x'.repeat(600)])).toThrow(value);
});
