import { expect, test } from 'vitest';
import { inBatches } from '../../../../src/core/roster/batches.ts';
import { bucketOf } from '../../../../src/core/roster/digest.ts';
import {
  type MemberRecord,
  nextRefutation,
  type RosterEntry,
} from '../../../../src/core/roster/entry.ts';
import {
  decodeLiveness,
  encodeEntries,
  encodeLiveness,
} from '../../../../src/core/roster/messages.ts';
import { Roster } from '../../../../src/core/roster/roster.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { REFUTATION_MAX } from '../../../../src/limits.ts';
import { SeededRandom } from '../../../../src/testing/seeded-random.ts';

const RECORD: MemberRecord = {
  addresses: [],
  fingerprint: 'SHA256:f',
  version: '1.0.0',
  weight: 1,
  meta: new Uint8Array(),
  neighbors: [],
};

const ALL = Array.from({ length: 256 }, (_, i) => i);

test('an exchange gives each entry as it is when its page is taken', () => {
  const roster = rosterOf(150);
  const pages = roster.entriesIn(ALL);
  pages.next();
  receive(roster, [{ node: 'm149@t', incarnation: 1n, refutation: 0, status: 'left' }]);
  const rest = [...pages].flat();
  expect(rest).toHaveLength(86);
  expect(rest.at(-1)).toMatchObject({ node: 'm149@t', status: 'left' });
});

test('an exchange ends, however many nodes come while it runs', () => {
  const roster = rosterOf(150);
  let pages = 0;
  for (const _ of roster.entriesIn(ALL)) {
    pages += 1;
    if (pages > 10) break;
    receive(roster, living(64, `late${pages}-`));
  }
  expect(pages).toBe(3);
});

test('a refutation never goes above what a frame carries', () => {
  expect(nextRefutation(0)).toBe(1);
  expect(nextRefutation(REFUTATION_MAX - 1)).toBe(REFUTATION_MAX);
  expect(nextRefutation(REFUTATION_MAX)).toBe(REFUTATION_MAX);
  const frameOf = (refutation: number): Uint8Array =>
    encodeLiveness({ kind: 'entries', entries: living(1, 'a').map((a) => ({ ...a, refutation })) });
  expect(() => decodeLiveness(frameOf(REFUTATION_MAX))).not.toThrow();
  expect(() => decodeLiveness(frameOf(REFUTATION_MAX + 1))).toThrow(WireError);
});

test('an exchange of some buckets gives the entries in them and no other', () => {
  const roster = rosterOf(150);
  const chosen = new Set([3, 70, 255]);
  const given = [...roster.entriesIn([...chosen])].flat().map(({ node }) => node);
  const expected = roster.entries.filter(({ node }) => chosen.has(bucketOf(node)));
  expect(given).toEqual(expected.map(({ node }) => node));
  expect([...roster.entriesIn([])]).toEqual([]);
});

test('a batch of large entries stays below what a broadcast carries', () => {
  const neighbors = Array.from({ length: 64 }, (_, i) => `${i}@${'h'.repeat(240)}`);
  const addresses = Array.from({ length: 8 }, () => `${'a'.repeat(255)}:65535`);
  const record = { ...RECORD, meta: new Uint8Array(1_024), neighbors, addresses };
  const entries = living(64, 'a').map((entry) => ({ ...entry, record }) as RosterEntry);
  for (const batch of inBatches(entries)) {
    expect(encodeEntries(batch).length).toBeLessThan(65_536);
  }
});

function rosterOf(count: number): Roster {
  const roster = new Roster({ node: 'self@t', incarnation: 7n }, { random: new SeededRandom(1) });
  for (let start = 0; start < count; start += 1) receive(roster, [...living(1, 'm', start)]);
  return roster;
}

function living(count: number, name: string, start = 0): RosterEntry[] {
  return Array.from({ length: count }, (_, i) => ({
    node: `${name}${start + i}@t`,
    incarnation: 1n,
    refutation: 0,
    status: 'alive',
    record: RECORD,
  }));
}

function receive(roster: Roster, entries: readonly RosterEntry[]): void {
  roster.handle({ kind: 'heard', from: 'x@t', entries, by: 'exchange' }, 0);
}
