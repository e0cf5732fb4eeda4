import { describe, expect, test } from 'vitest';
import type { RosterEntry } from '../../../../src/core/roster/entry.ts';
import { findRoute } from '../../../../src/core/roster/route.ts';
import { RECORD } from './roster-network.ts';

describe('a route through the overlay', () => {
  test('is a shortest one, from this node to the target', () => {
    const roster = ring(12);
    expect(findRoute(roster, { self: 'n0', neighbors: ['n1', 'n11'], target: 'n4' })).toEqual([
      'n0',
      'n1',
      'n2',
      'n3',
      'n4',
    ]);
    expect(findRoute(roster, { self: 'n0', neighbors: ['n1', 'n11'], target: 'n9' })).toEqual([
      'n0',
      'n11',
      'n10',
      'n9',
    ]);
  });

  test('begins with one of this node’s own neighbours, whatever others say', () => {
    const roster = ring(12);
    const route = findRoute(roster, { self: 'n0', neighbors: ['n1'], target: 'n10' });
    expect(route?.[1]).toBe('n1');
  });

  test('goes around suspects and the dead', () => {
    const roster = ring(12);
    roster.set('n2', { ...entry('n2', []), status: 'suspect', by: [] });
    const route = findRoute(roster, { self: 'n0', neighbors: ['n1', 'n11'], target: 'n4' });
    expect(route?.[1]).toBe('n11');
  });

  test('is undefined on another island, above 16 hops, and without neighbours', () => {
    expect(findRoute(ring(40), { self: 'n0', neighbors: ['n1', 'n39'], target: 'n20' })).toBe(
      undefined,
    );
    expect(
      findRoute(ring(40), { self: 'n0', neighbors: ['n1', 'n39'], target: 'n16' }),
    ).toHaveLength(17);
    expect(findRoute(ring(12), { self: 'x', neighbors: [], target: 'n4' })).toBe(undefined);
    const islands = new Map([
      ...ring(6),
      ['x', entry('x', ['y'])],
      ['y', entry('y', ['x'])],
    ] as const);
    expect(findRoute(islands, { self: 'n0', neighbors: ['n1'], target: 'x' })).toBe(undefined);
  });
});

function ring(size: number): Map<string, RosterEntry> {
  return new Map(
    Array.from({ length: size }, (_, i) => {
      const name = `n${i}`;
      return [name, entry(name, [`n${(i + 1) % size}`, `n${(i + size - 1) % size}`])];
    }),
  );
}

function entry(node: string, neighbors: readonly string[]): RosterEntry {
  return {
    node,
    incarnation: 1n,
    refutation: 0,
    status: 'alive',
    record: { ...RECORD, neighbors },
  };
}
