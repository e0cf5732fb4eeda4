import { describe, expect, test } from 'vitest';
import { Strangers } from '../../../src/cluster/strangers.ts';
import type { TableEntry } from '../../../src/core/table/contract.ts';
import { STRANGER_ENTRIES_MAX } from '../../../src/limits.ts';

describe('entries of owners that are not known yet', () => {
  test('wait for their owner and come out once, in order', () => {
    const strangers = new Strangers();
    for (const [node, version] of [
      ['a', 1],
      ['b', 1],
      ['a', 2],
    ] as const) {
      strangers.hold({ from: 'n@t', entry: entry(node, 5n, version) });
    }
    const taken = strangers.take({ node: 'a@t', incarnation: 5n });
    expect(taken.map(({ entry: { version } }) => version)).toEqual([1, 2]);
    expect(strangers.take({ node: 'a@t', incarnation: 5n })).toEqual([]);
    expect(strangers.take({ node: 'b@t', incarnation: 5n })).toHaveLength(1);
  });

  test('of an older start are dropped when a newer one is known, those of a newer one wait on', () => {
    const strangers = new Strangers();
    strangers.hold({ from: 'n@t', entry: entry('a', 4n, 1) });
    strangers.hold({ from: 'n@t', entry: entry('a', 6n, 1) });
    expect(strangers.take({ node: 'a@t', incarnation: 5n })).toEqual([]);
    expect(strangers.take({ node: 'a@t', incarnation: 4n })).toEqual([]);
    expect(strangers.take({ node: 'a@t', incarnation: 6n })).toHaveLength(1);
  });

  test('are bounded: the oldest make room', () => {
    const strangers = new Strangers();
    for (let version = 1; version <= STRANGER_ENTRIES_MAX + 3; version += 1) {
      strangers.hold({ from: 'n@t', entry: entry('a', 5n, version) });
    }
    const taken = strangers.take({ node: 'a@t', incarnation: 5n });
    expect(taken).toHaveLength(STRANGER_ENTRIES_MAX);
    expect(taken[0]?.entry.version).toBe(4);
  });
});

function entry(node: string, incarnation: bigint, version: number): TableEntry {
  return { owner: { node: `${node}@t`, incarnation }, key: 'k', version, value: undefined };
}
