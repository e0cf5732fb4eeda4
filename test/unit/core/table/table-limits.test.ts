import { describe, expect, test } from 'vitest';
import type { TableEffect, TableEntry } from '../../../../src/core/table/contract.ts';
import type { OwnerBounds } from '../../../../src/core/table/owner-entries.ts';
import { OwnerTable } from '../../../../src/core/table/owner-table.ts';
import { BarrelError } from '../../../../src/errors.ts';
import { TABLE_BYTES_MAX } from '../../../../src/limits.ts';

describe('an exchange', () => {
  test('says nothing more of an owner that went meanwhile', () => {
    const { table } = tableOf(['a', 'b']);
    receive(table, many('a', 300));
    receive(table, many('b', 300));
    const pages = table.exchange();
    expect(pages.next().value?.length).toBe(256);
    table.handle({ kind: 'ownerGone', node: 'a@t', incarnation: 5n });
    const rest = [...pages].flat();
    expect(rest).toHaveLength(300);
    expect(new Set(rest.map(({ owner }) => owner.node))).toEqual(new Set(['b@t']));
  });

  test('gives each entry as it is when its page is taken', () => {
    const { table } = tableOf(['a']);
    receive(table, many('a', 300));
    const pages = table.exchange();
    pages.next();
    // The entry at which the first page was full, and one further on.
    receive(table, [entry('a', 'k256', 900, 'new'), entry('a', 'k299', 901, undefined)]);
    const versions = new Map([...pages].flat().map(({ key, version }) => [key, version]));
    expect(versions.get('k256')).toBe(900);
    expect(versions.get('k299')).toBe(901);
    expect(versions.size).toBe(44);
  });

  test('ends, however much is written and whoever comes while it runs', () => {
    const { table, alive } = tableOf(['a']);
    receive(table, many('a', 300));
    let pages = 0;
    for (const _ of table.exchange()) {
      pages += 1;
      if (pages > 10) break;
      alive.add(`late${pages}`);
      receive(table, many(`late${pages}`, 300));
      const more = many('a', 300).map((one) => ({ ...one, key: `${one.key} ${pages}` }));
      receive(table, more);
    }
    expect(pages).toBeLessThan(10);
  });
});

describe('an entry in this node’s name', () => {
  test('with an own version and another value is forged, and the own one is said again', () => {
    const { table } = tableOf([]);
    put(table, 'k', 'v');
    table.handle({ kind: 'neighborUp', node: 'x@t' });
    expect(receive(table, [entry('self', 'k', 1, 'bad')])).toEqual([
      { kind: 'forged', from: 'x@t', key: 'k' },
      { kind: 'send', to: 'x@t', entries: [entry('self', 'k', 2, 'v')] },
    ]);
  });

  test('forged many times in one message costs one write', () => {
    const { table } = tableOf([]);
    put(table, 'k', 'v');
    table.handle({ kind: 'neighborUp', node: 'x@t' });
    const forged = Array.from({ length: 256 }, (_, i) => entry('self', 'k', 10 + 2 * i, 'bad'));
    expect(receive(table, forged)).toEqual([
      { kind: 'forged', from: 'x@t', key: 'k' },
      { kind: 'send', to: 'x@t', entries: [entry('self', 'k', 521, 'v')] },
    ]);
  });

  test('cannot take the room of the own entries with tombstones of long keys', () => {
    const { table } = tableOf([], { entriesMax: 100, bytesMax: 10_000 });
    for (let i = 0; i < 100; i += 1) {
      receive(table, [entry('self', `${'k'.repeat(900)}${i}`, 1_000 + i, 'bad')]);
    }
    put(table, 'own', 'v'.repeat(9_000));
    expect(new TextDecoder().decode(table.get('self@t', 'own'))).toBe('v'.repeat(9_000));
    const bytes = [...table.exchange()].flat().reduce((sum, one) => sum + one.key.length, 0);
    expect(bytes).toBeLessThan(10_000);
  });
});

describe('a table that is full of bytes', () => {
  test('takes removals and smaller values, refuses larger ones, and takes own ones', () => {
    const owners = ['a', 'b', 'c', 'd', 'e'];
    const { table } = tableOf(owners);
    const value = new Uint8Array(60_000);
    const effects = owners.flatMap((owner) =>
      Array.from({ length: 270 }, (_, i) => ({ ...entry(owner, `k${i}`, i + 1, ''), value })),
    );
    for (const one of effects) receive(table, [one]);
    const isRefused = (heard: TableEntry): boolean =>
      receive(table, [heard]).some(({ kind }) => kind === 'refused');
    expect(isRefused({ ...entry('e', 'other', 900, ''), value })).toBe(true);
    expect(bytesOf(table)).toBeLessThanOrEqual(TABLE_BYTES_MAX);
    expect(isRefused({ ...entry('a', 'k0', 901, ''), value: new Uint8Array(61_440) })).toBe(false);
    while (!isRefused(entry('e', `filler ${bytesOf(table)}`, 902, 'v'.repeat(500))));
    expect(isRefused({ ...entry('a', 'k1', 903, ''), value: new Uint8Array(61_440) })).toBe(true);
    expect(isRefused(entry('a', 'k1', 904, 'short'))).toBe(false);
    expect(isRefused(entry('a', 'k2', 905, undefined))).toBe(false);
    put(table, 'own', 'v'.repeat(61_440));
    expect(table.get('a@t', 'k2')).toBeUndefined();
  });
});

test('a tombstone above the bound is passed on once, however often it comes back', () => {
  const { table } = tableOf(['a'], { entriesMax: 4 });
  table.handle({ kind: 'neighborUp', node: 'y@t' });
  const tombstones = [1, 2, 3, 4].map((i) => entry('a', `k${i}`, i, undefined));
  let sent = 0;
  for (let round = 0; round < 5; round += 1) {
    for (const one of tombstones) sent += receive(table, [one]).length;
  }
  expect(sent).toBe(4);
});

test('a put of a key that no frame can carry is refused, and changes nothing', () => {
  const { table } = tableOf([]);
  table.handle({ kind: 'neighborUp', node: 'x@t' });
  for (const key of ['half \ud800', '\udc00 half']) {
    let code: unknown;
    try {
      put(table, key, 'v');
    } catch (error) {
      code = error instanceof BarrelError ? error.code : error;
    }
    expect(code).toBe('ERR_VALUE');
  }
  put(table, 'whole \u{1f600}', 'v');
  expect([...table.exchange()].flat()).toEqual([entry('self', 'whole \u{1f600}', 1, 'v')]);
});

test('entries of owners that the roster does not know as alive are refused until it does', () => {
  const { table, alive } = tableOf([]);
  const heard = [entry('a', 'k', 1, 'v')];
  const refused = { kind: 'refused', owner: { node: 'a@t', incarnation: 5n }, key: 'k' };
  expect(receive(table, heard)).toEqual([refused]);
  alive.add('a');
  expect(receive(table, heard)).toMatchObject([{ kind: 'change', cause: 'owner' }]);
  alive.delete('a');
  table.handle({ kind: 'ownerGone', node: 'a@t', incarnation: 5n });
  expect(receive(table, heard)).toEqual([refused]);
  expect([...table.exchange()]).toEqual([]);
});

/** A table whose roster knows these owners as alive, with incarnation 5. */
function tableOf(
  owners: readonly string[],
  bounds: Partial<OwnerBounds> = {},
): { readonly table: OwnerTable; readonly alive: Set<string> } {
  const alive = new Set(owners);
  const isAlive = (node: string, start: bigint): boolean =>
    start === 5n && alive.has(node.slice(0, -2));
  const table = new OwnerTable({ node: 'self@t', incarnation: 5n }, { ...bounds, isAlive });
  return { table, alive };
}

function receive(table: OwnerTable, entries: readonly TableEntry[]): readonly TableEffect[] {
  return table.handle({ kind: 'received', from: 'x@t', entries });
}

function put(table: OwnerTable, key: string, value: string): void {
  table.handle({ kind: 'put', key, value: new TextEncoder().encode(value) });
}

function many(owner: string, count: number): TableEntry[] {
  return Array.from({ length: count }, (_, i) => entry(owner, `k${i}`, i + 1, 'v'));
}

/** Bytes of the values that stand: at most what the table counts. */
function bytesOf(table: OwnerTable): number {
  return [...table.entries()].reduce((sum, one) => sum + (one.value?.length ?? 0), 0);
}

function entry(owner: string, key: string, version: number, text: string | undefined): TableEntry {
  const value = text === undefined ? undefined : new TextEncoder().encode(text);
  return { owner: { node: `${owner}@t`, incarnation: 5n }, key, version, value };
}
