/** Every reason of a refusal, at either end, and the page that lists them. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { judge } from '../../../src/identity/admission.ts';
import { openTrustTable } from '../../../src/identity/trust.ts';
import { claim, testHost } from './fixtures.ts';
import { type Cell, contextOf, helloTo, MATRIX, type Role } from './refusal-cells.ts';

const cells = Object.entries(MATRIX).flatMap(([reason, ends]) =>
  Object.entries(ends).map(([role, cell]: [string, Cell]) => ({ reason, role, cell })),
);
const judged = cells.flatMap(({ reason, role, cell }) =>
  typeof cell === 'string' ? [] : [{ reason, role: role as Role, ...cell }],
);

test.each(judged)('the $role refuses with $reason', ({ reason, role, hello, context }) => {
  expect(judge(helloTo(role, hello), contextOf(role, context))).toMatchObject({ reason });
  // Without the fault nobody is refused: the reason is its own.
  expect(judge(helloTo(role), contextOf(role))).toEqual({ kind: 'accept' });
});

test('either end refuses with overloaded when it may pin no more keys', async () => {
  const host = testHost();
  const table = await openTrustTable({
    host,
    dataDir: undefined,
    mode: 'tofu',
    onRemoved: () => {},
  });
  const verdicts = [];
  for (let at = 0; at < 61; at += 1) verdicts.push(await table.admit(`n${at}@h`, claim(`${at}`)));
  expect(verdicts.at(-2)).toEqual({ kind: 'accept' });
  expect(verdicts.at(-1)).toMatchObject({ reason: 'overloaded' });
});

describe('the page of refusals', () => {
  test('has a row for each reason, and says never where there is no such refusal', async () => {
    const page = await readFile(
      new URL('../../../docs/reference/refusals.md', import.meta.url),
      'utf8',
    );
    const rows = [...page.matchAll(/^\| `([a-z-]+)` \| ([^|]+) \| ([^|]+) \| /gm)];
    const told = rows.map(([, reason, acceptor, dialer]) => [
      reason,
      acceptor?.trim() === 'never',
      dialer?.trim() === 'never',
    ]);
    const known = Object.entries(MATRIX).map(([reason, { acceptor, dialer }]) => [
      reason,
      acceptor === 'never',
      dialer === 'never',
    ]);
    expect(told).toEqual(known);
  });
});
