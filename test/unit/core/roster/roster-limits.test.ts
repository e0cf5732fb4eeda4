import { expect, test } from 'vitest';
import {
  type MemberRecord,
  nextRefutation,
  type RosterEntry,
} from '../../../../src/core/roster/entry.ts';
import { decodeRoster, encodeRoster } from '../../../../src/core/roster/messages.ts';
import { Roster } from '../../../../src/core/roster/roster.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { REFUTATION_MAX } from '../../../../src/limits.ts';

const RECORD: MemberRecord = {
  addresses: [],
  fingerprint: 'SHA256:f',
  version: '1.0.0',
  weight: 1,
  meta: new Uint8Array(),
};

test('an exchange gives each entry as it is when its page is taken', () => {
  const roster = rosterOf(150);
  const pages = roster.exchange();
  pages.next();
  receive(roster, [{ node: 'm149@t', incarnation: 1n, refutation: 0, status: 'dead' }]);
  const rest = [...pages].flat();
  expect(rest).toHaveLength(86);
  expect(rest.at(-1)).toMatchObject({ node: 'm149@t', status: 'dead' });
});

test('an exchange ends, however many nodes come while it runs', () => {
  const roster = rosterOf(150);
  let pages = 0;
  for (const _ of roster.exchange()) {
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
    encodeRoster({ kind: 'entries', entries: living(1, 'a').map((a) => ({ ...a, refutation })) });
  expect(() => decodeRoster(frameOf(REFUTATION_MAX))).not.toThrow();
  expect(() => decodeRoster(frameOf(REFUTATION_MAX + 1))).toThrow(WireError);
});

function rosterOf(count: number): Roster {
  const roster = new Roster({ node: 'self@t', incarnation: 7n });
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
  roster.handle({ kind: 'received', from: 'x@t', entries }, 0);
}
