import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRequest } from '../../../src/admin/control-protocol.ts';
import type { ShardsReport, ShareReport } from '../../../src/admin/shard-queries.ts';
import { renderPlace, renderShards } from '../../../src/cli/shards-report.ts';

const EPOCH = '0123456789abcdef';

function member(node: string, partitions: number, more: Partial<ShareReport> = {}): ShareReport {
  return { node, zone: null, weight: 1, partitions, ...more };
}

function reportOf(members: readonly ShareReport[]): ShardsReport {
  const ringSize = members.reduce((sum, { partitions }) => sum + partitions, 0);
  return { node: 'a@host', ringSize, epoch: EPOCH, held: 3, waiting: 0, members };
}

function linesOf(members: readonly ShareReport[], width?: number): readonly string[] {
  return stripVTControlCharacters(renderShards(reportOf(members), width)).split('\n');
}

/** So many members with 1, 2, 3 ... partitions. */
function growing(count: number): readonly ShareReport[] {
  return Array.from({ length: count }, (_, at) => member(`n${at}@host`, at + 1));
}

describe('a report of shards', () => {
  test('has a line for each member, the largest first, and a summary', () => {
    const members = [member('a@host', 3), member('b@host', 1)];
    expect(linesOf(members, 60)).toEqual(
      [
        'MEMBER  WEIGHT  PARTITIONS               SHARE   OFF BY',
        'a@host       1           3  ███████████  75.0 %  +50.0 %',
        'b@host       1           1  ████         25.0 %  -50.0 %',
        '',
        'ring of 4, epoch 0123456789abcdef, 2 members; a@host holds 3 and waits for 0',
      ].map((line) => expect.stringMatching(asPattern(line))),
    );
  });

  test('tells what is due by weight, and zones where there are some', () => {
    const zoned = { zone: 'north', weight: 3 };
    const [head, first, second] = linesOf([member('a@host', 6, zoned), member('b@host', 2)]);
    expect(head).toMatch(/^MEMBER +ZONE +WEIGHT/);
    expect(first).toMatch(/^a@host +north +3 +6 .* 75\.0 % +0\.0 %$/);
    expect(second).toMatch(/^b@host +- +1 +2 .* 25\.0 % +0\.0 %$/);
  });

  test('tells that nothing is due with weight 0, and equal shares where all have 0', () => {
    const spare = { weight: 0 };
    const [, , second] = linesOf([member('a@host', 4), member('b@host', 0, spare)]);
    expect(second).toMatch(/^b@host +0 +0 +0\.0 % +0\.0 %$/);
    const [, first] = linesOf([member('a@host', 3, spare), member('b@host', 1, spare)]);
    expect(first).toMatch(/^a@host +0 +3 .* 75\.0 % +\+50\.0 %$/);
  });

  test('of one member is one line', () => {
    const lines = linesOf([member('a@host', 4_096)]);
    expect(lines[1]).toMatch(/^a@host +1 +4096 +█{40} +100\.0 % +0\.0 %$/);
    expect(lines.at(-1)).toContain('1 member;');
  });

  test('of 40 members has all of them', () => {
    expect(linesOf(growing(40))).toHaveLength(1 + 40 + 2);
  });

  test('of 1,000 members has the 20 largest and smallest ones, and counts the others', () => {
    const lines = linesOf(growing(1_000));
    expect(lines).toHaveLength(1 + 20 + 1 + 20 + 2);
    expect(lines[1]).toMatch(/^n999@host /);
    expect(lines[20]).toMatch(/^n980@host /);
    expect(lines[21]).toBe('... 960 more, 21 to 980 partitions each');
    expect(lines[22]).toMatch(/^n19@host /);
    expect(lines[41]).toMatch(/^n0@host /);
    expect(lines.at(-1)).toContain('1000 members;');
  });

  test('has bars in proportion, scaled to the largest, and some bar for whoever owns something', () => {
    const members = [member('a@host', 400), member('b@host', 200), member('c@host', 1)];
    const bars = linesOf([...members, member('d@host', 0)])
      .slice(1, 5)
      .map(barOf);
    expect(bars).toEqual([40, 20, 1, 0]);
  });

  test('is as wide as the terminal at most, and names stay readable', () => {
    const names = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 80 });
    const someone = fc.record({ node: names, zone: fc.option(names), partitions: fc.nat(65_536) });
    fc.assert(
      fc.property(
        fc.array(someone, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 66, max: 300 }),
        (members, width) => {
          const all = members.map(({ node, ...more }) => member(node, 1, more));
          const lines = linesOf(all, width);
          expect(
            Math.max(...lines.slice(0, -2).map((line) => [...line].length)),
          ).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  test('cuts no name where nothing says how wide it may be', () => {
    const node = `${'n'.repeat(200)}@host`;
    expect(linesOf([member(node, 1)])[1]).toContain(node);
    expect(linesOf([member(node, 1)], 80)[1]).toMatch(/^n+… /);
  });
});

test('a place is the owner, the partition and the epoch, or several owners', () => {
  const place = { key: 'tea', partition: 3996, owner: 'b@host', epoch: EPOCH };
  expect(renderPlace(place)).toBe(
    ['owner      b@host', 'partition  3996', `epoch      ${EPOCH}`].join('\n'),
  );
  expect(renderPlace({ ...place, owners: ['b@host', 'a@host'] })).toMatch(
    /^owners {5}b@host a@host\n/,
  );
});

describe('a question for a place', () => {
  test('carries a key of any type, and a count', () => {
    const line = '{"id":1,"method":"place","key":["room",{"$bigint":"7"}],"count":2}';
    expect(parseRequest(line).query).toEqual({ method: 'place', key: ['room', 7n], count: 2 });
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['{"id":1,"method":"place"}', /`key` is missing/],
    ['{"id":1,"method":"place","key":{"a":1}}', /key/],
    ['{"id":1,"method":"place","key":"tea","count":0}', /`count` must be an integer from 1 to/],
    ['{"id":1,"method":"place","key":"tea","count":1.5}', /`count`/],
    ['{"id":1,"method":"place","key":"tea","count":16385}', /`count`/],
    ['{"id":1,"method":"place","key":"tea","count":"2"}', /`count`/],
    ['{"id":1,"method":"shard"}', /`method` must be one of .*place, shards/],
  ];
  test.each(wrong)('that is wrong is refused and says why: %s', (line, why) => {
    expect(() => parseRequest(line)).toThrow(why);
  });
});

function barOf(line: string): number {
  return [...line].filter((character) => character === '█').length;
}

/** The same words, with gaps and bars of any length. */
function asPattern(line: string): RegExp {
  const words = line.split(/\s+/).map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${words.map((word) => (word.startsWith('█') ? '█+' : word)).join('\\s+')}$`);
}
