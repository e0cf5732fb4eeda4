import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { exitCodeOf } from '../../../src/cli/exit-code.ts';
import { keyOfWord, valueOfWord } from '../../../src/cli/maps.ts';
import { renderMapEvent, renderMaps } from '../../../src/cli/reports.ts';
import { BarrelError } from '../../../src/errors.ts';

describe('a key on the command line', () => {
  test.each([
    ['tea', 'tea'],
    ['"tea"', 'tea'],
    ['7', 7],
    ['"7"', '7'],
    ['-0', 0],
    ['true', true],
    ['["a",[1]]', ['a', [1]]],
    ['{"$bigint":"7"}', 7n],
    ['', ''],
    ['null', 'null'],
    ['{"a":1}', '{"a":1}'],
    ['[null]', '[null]'],
    ['{"$bigint"', '{"$bigint"'],
  ])('%s', (word, key) => {
    expect(keyOfWord(word)).toEqual(key === 0 ? -0 : key);
  });
});

test.each(['9007199254740993', '1e400', '[1,-9007199254740993]'])(
  'a key whose number would become another one is an error: %s',
  (word) => {
    expect(() => keyOfWord(word)).toThrow(/\$bigint/);
  },
);

describe('a value on the command line', () => {
  test.each([
    ['five', 'five'],
    ['5', 5],
    ['"5"', '5'],
    ['null', null],
    ['{"a":[1]}', { a: [1] }],
    ['{"$date":"2026-01-31T12:00:00.000Z"}', new Date('2026-01-31T12:00:00.000Z')],
    ['{a:1}', '{a:1}'],
  ])('%s', (word, value) => {
    expect(valueOfWord(word)).toEqual(value);
  });

  test.each(['9007199254740993', '-12345678901234567890', '1e400', '[1,{"a":[-1e400]}]'])(
    'with a number that would not stay what it is is an error: %s',
    (word) => {
      expect(() => valueOfWord(word)).toThrow(/\$bigint/);
    },
  );

  test.each([
    ['9007199254740992', 2 ** 53],
    ['100000000000000000000', 1e20],
    ['1e300', 1e300],
    ['0.1', 0.1],
    ['"9007199254740993"', '9007199254740993'],
    ['{"\\"9007199254740993":"1e400\\\\"}', { '"9007199254740993': '1e400\\' }],
  ])('with one that does is that number: %s', (word, value) => {
    expect(valueOfWord(word)).toEqual(value);
  });

  test('with a tag that is wrong is an error, as it was meant to be something', () => {
    expect(() => valueOfWord('{"$bigint":"x"}')).toThrow(BarrelError);
    expect(() => keyOfWord('{"$unknown":"x"}')).toThrow(BarrelError);
  });
});

describe('reports of maps', () => {
  test('are a table, and none is a sentence', () => {
    const report = { name: 'prices', entries: 12, persist: true, handles: 1 };
    expect(stripVTControlCharacters(renderMaps([report]))).toBe(
      'MAP     ENTRIES  PERSIST  HANDLES\nprices  12       yes      1',
    );
    expect(renderMaps([])).toBe('no map is hosted');
  });

  test('events are a line each', () => {
    const key = { $bigint: '1' };
    expect(renderMapEvent({ type: 'put', key, value: 'a\nb' })).toBe(
      'put     {"$bigint":"1"}  "a\\nb"',
    );
    expect(renderMapEvent({ type: 'remove', key: 'k' })).toBe('remove  "k"');
    expect(renderMapEvent({ type: 'lagged', dropped: 3 })).toMatch(/^lagged {2}3 events/);
  });
});

test('a refused value ends as a wrong argument does', () => {
  expect(exitCodeOf(new BarrelError('ERR_INVALID_VALUE', ''))).toBe(2);
});
