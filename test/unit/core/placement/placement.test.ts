import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyHash } from '../../../../src/core/placement/key-hash.ts';
import type { PlacementTable } from '../../../../src/core/placement/placement-table.ts';
import type { PlacedMember } from '../../../../src/core/placement/ranked-member.ts';
import { hash, loads, members, moved, owners, placed } from './members.ts';

const ROUNDS = 5;

describe('owners', () => {
  test('are those of the pure function of the members (K2)', () => {
    const { table } = placed(members(2));
    const again = placed(members(2)).table;
    for (const key of ['tea', 42, 1n, ['room', 7], true]) {
      const partition = keyHash(key, hash) % 4_096;
      expect(table.ownerOf(partition)).toBe(again.ownerOf(partition));
    }
    expect(new Set(owners(table))).toEqual(new Set(['n0@round0', 'n1@round0']));
  });

  test('do not depend on the order in which members are told (K3)', () => {
    const list = members(9);
    const shuffled = [...list.slice(4), ...list.slice(0, 2), ...list.slice(2, 4)];
    expect(owners(placed(shuffled, 128).table)).toEqual(owners(placed(list, 128).table));
    expect(owners(placed(list.toReversed(), 128).table)).toEqual(owners(placed(list, 128).table));
  });

  test('are known', () => {
    const list = ['a@local', 'b@local', 'c@local'].map((node) => ({ node, weight: 1 }));
    const { table } = placed([...list.slice(0, 2), { node: 'c@local', weight: 2 }]);
    expect(table.epoch).toBe('c2123cff89632196');
    expect([0, 1, 4_095].map((partition) => table.ownerOf(partition))).toEqual([
      'b@local',
      'a@local',
      'a@local',
    ]);
    expect(list.map(({ node }) => table.partitionsOf(node).length)).toEqual([994, 1_038, 2_064]);
  });

  test('are asked for partitions that there are', () => {
    const { table } = placed(members(3), 64);
    for (const partition of [-1, 64, 0.5]) {
      expect(() => table.ownerOf(partition)).toThrow(RangeError);
    }
    expect(table.partitionsOf('nobody@local')).toEqual([]);
  });
});

describe('the load of equal members', () => {
  test.each([3, 4, 5, 8, 13, 16, 27, 32, 48, 64])(
    'is at most 1.10 times the mean for %i',
    (count) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const list = members(count, round);
        const most = Math.max(...loads(placed(list).table, list));
        expect((most * count) / 4_096).toBeLessThanOrEqual(1.1);
      }
    },
  );

  test('is rounded up where few are due, so that there is room to move', () => {
    const list = members(65);
    const placement = placed(list.slice(1), 64);
    expect(Math.max(...loads(placement.table, list))).toBe(2);
    const begun = placement.evaluations;
    placement.update(list);
    expect(placement.evaluations - begun).toBeLessThan(2 * 64);
  });

  test('is one partition at most where there are more members than partitions', () => {
    const list = members(100);
    const each = loads(placed(list, 64).table, list);
    expect(each.filter((load) => load === 1)).toHaveLength(64);
    expect(Math.max(...each)).toBe(1);
  });
});

describe('the load of members with weights', () => {
  test('is at most 1.10 times what is due by weight', () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const list = members(12, round).map((member, i) => ({ ...member, weight: 1 + (i % 4) }));
      const total = list.reduce((sum, { weight }) => sum + weight, 0);
      for (const [i, load] of loads(placed(list).table, list).entries()) {
        const due = (4_096 * (list[i]?.weight ?? 0)) / total;
        expect(load).toBeLessThanOrEqual(Math.ceil(1.1 * due));
        expect(load).toBeGreaterThan(0.85 * due);
      }
    }
  });

  test('is next to nothing for the lightest beside the heaviest', () => {
    const list = [
      { node: 'a@local', weight: 0.01 },
      { node: 'b@local', weight: 100 },
    ];
    expect(loads(placed(list).table, list)[0]).toBeLessThanOrEqual(1);
  });
});

describe('members with weight 0', () => {
  const spare = members(2).map((member) => ({ ...member, weight: 0 }));
  const willing = { node: 'z@local', weight: 2 };

  test('are in the table and own nothing, and the epoch is that of the others', () => {
    const { table } = placed([...spare, willing]);
    expect(table.nodes).toEqual(['n0@round0', 'n1@round0', 'z@local']);
    expect([...table.counts()]).toEqual([0, 0, 4_096]);
    expect(table.epoch).toBe(placed([willing]).table.epoch);
  });

  test('make another table when they come and go, in which all stays where it is', () => {
    const placement = placed([willing]);
    const before = placement.table;
    const after = placement.update([...spare, willing]);
    expect(after).not.toBe(before);
    expect(moved(before, after)).toEqual([]);
    expect(placement.evaluations).toBe(4_096);
  });

  test('own everything in equal shares where all have 0, also without the one that has not', () => {
    const equal = placed(members(2)).table;
    expect(owners(placed(spare).table)).toEqual(owners(equal));
    const without = placed([...spare, willing]).without(willing.node);
    expect(without && owners(without)).toEqual(owners(equal));
    const one = placed(spare).without('n0@round0');
    expect(one && [...one.counts()]).toEqual([4_096]);
  });
});

describe('what a change moves', () => {
  test('when one joins goes to it, but for what the bound moves (K4)', () => {
    expect(meanRatio(3, joinMoves)).toBeLessThanOrEqual(1.001);
    expect(meanRatio(16, joinMoves)).toBeLessThanOrEqual(1.02);
    expect(meanRatio(64, joinMoves)).toBeLessThanOrEqual(1.25);
  });

  test('when one leaves was its own, but for what the bound moves (K5)', () => {
    expect(meanRatio(3, leaveMoves)).toBeLessThanOrEqual(1.001);
    expect(meanRatio(16, leaveMoves)).toBeLessThanOrEqual(1.02);
    expect(meanRatio(64, leaveMoves)).toBeLessThanOrEqual(1.25);
  });

  test('when a weight doubles is less than if all were placed anew', () => {
    const list = members(10);
    const placement = placed(list);
    const before = placement.table;
    const heavier = list.map((member, i) => ({ ...member, weight: i === 0 ? 2 : 1 }));
    const after = placement.update(heavier);
    const gained = after.partitionsOf('n0@round0').length - before.partitionsOf('n0@round0').length;
    expect(moved(before, after).length).toBeLessThanOrEqual(1.25 * gained);
  });
});

describe('the epoch', () => {
  const list = members(3);

  test('is the same for the same members, and another one for others', () => {
    const { epoch } = placed(list).table;
    expect(epoch).toMatch(/^[0-9a-f]{16}$/);
    expect(placed(list.toReversed()).table.epoch).toBe(epoch);
    const heavier = list.map((member, i) => ({ ...member, weight: i + 1 }));
    const epochs = [placed(heavier), placed(list, 4_095), placed(members(4))];
    for (const other of epochs) expect(other.table.epoch).not.toBe(epoch);
  });

  test('says nothing of zones, and the table stays', () => {
    const placement = placed(list);
    const before = placement.table;
    expect(placement.update(list.map((member) => ({ ...member, zone: 'x' })))).toBe(before);
  });
});

describe('copies', () => {
  const ZONES = ['x', 'x', 'x', 'y', 'y', 'z'];
  const list = members(6).map((member, i) => ({ ...member, zone: ZONES[i] }));
  const zoneOf = new Map(list.map(({ node, zone }) => [node, zone]));

  test('begin with the owner, are all different, and no more than there are members', () => {
    const placement = placed(members(5), 64);
    for (let partition = 0; partition < 64; partition += 1) {
      const copies = placement.owners(partition, 9);
      expect(copies[0]).toBe(placement.table.ownerOf(partition));
      expect(new Set(copies).size).toBe(5);
      expect(copies).toHaveLength(5);
      expect(placement.owners(partition, 2)).toEqual(copies.slice(0, 2));
    }
    expect(placement.owners(0, 0)).toEqual([]);
  });

  test('are in other zones first where zones are set', () => {
    const placement = placed(list, 64);
    for (let partition = 0; partition < 64; partition += 1) {
      const zones = placement.owners(partition, 6).map((node) => zoneOf.get(node));
      expect(new Set(zones.slice(0, 3))).toEqual(new Set(['x', 'y', 'z']));
      expect(new Set(zones.slice(3, 5))).toEqual(new Set(['x', 'y']));
      expect(zones[5]).toBe('x');
    }
  });

  test('follow a member into another zone', () => {
    const placement = placed(list, 64);
    placement.update(list.map((member) => ({ ...member, zone: member.node })));
    const apart = placed(members(6), 64);
    for (let partition = 0; partition < 64; partition += 1) {
      expect(placement.owners(partition, 6)).toEqual(apart.owners(partition, 6));
    }
  });

  test('that come next are the owners when those before are gone', () => {
    const placement = placed(members(3), 512);
    let agreeing = 0;
    for (let partition = 0; partition < 512; partition += 1) {
      const [first = '', second] = placement.owners(partition, 2);
      if (placement.without(first)?.ownerOf(partition) === second) agreeing += 1;
    }
    // But for what the bound moves.
    expect(agreeing).toBeGreaterThan(480);
  });
});

describe('the table without one member', () => {
  test('is that of the others', () => {
    const list = members(20);
    const placement = placed(list, 256);
    const others = list.filter(({ node }) => node !== 'n7@round0');
    const table = placement.without('n7@round0');
    expect(table && owners(table)).toEqual(owners(placed(others, 256).table));
    expect(table?.epoch).toBe(placed(others, 256).table.epoch);
    expect(owners(placement.table)).toEqual(owners(placed(list, 256).table));
  });

  test('is the same one for a stranger, and none for the last one', () => {
    const placement = placed(members(1), 16);
    expect(placement.without('nobody@local')).toBe(placement.table);
    expect(placement.without('n0@round0')).toBe(undefined);
  });
});

describe('what came before', () => {
  test('does not show: any way to the same members leads to the same table', () => {
    const weight = fc.constantFrom(0.01, 0.5, 1, 1, 1, 2, 100);
    const list = fc.uniqueArray(fc.record({ id: fc.nat(60), weight }), {
      minLength: 1,
      maxLength: 40,
      selector: ({ id }) => id,
    });
    const ringSize = fc.constantFrom(1, 2, 17, 64, 97);
    fc.assert(
      fc.property(fc.array(list, { minLength: 1, maxLength: 6 }), ringSize, (steps, size) => {
        const [first = [], ...rest] = steps.map((step) =>
          step.map((each): PlacedMember => ({ node: `n${each.id}@local`, weight: each.weight })),
        );
        const placement = placed(first, size);
        let last: readonly PlacedMember[] = first;
        for (last of rest) placement.update(last);
        const afresh = placed(last, size);
        expect(owners(placement.table)).toEqual(owners(afresh.table));
        expect(placement.table.epoch).toBe(afresh.table.epoch);
        expect(placement.owners(0, 40)).toEqual(afresh.owners(0, 40));
      }),
      { numRuns: 300 },
    );
  });

  test('is not worked out again: a join looks at each slot once, a leave at few', () => {
    const list = members(200);
    const placement = placed(list.slice(0, 199));
    const begun = placement.evaluations;
    placement.update(list);
    // Slots whose listed members are full ask all of them.
    expect(placement.evaluations - begun).toBeLessThan(1.2 * 4_096);
    const before = placement.evaluations;
    for (let left = 1; left <= 20; left += 1) placement.update(list.slice(left));
    expect((placement.evaluations - before) / 20).toBeLessThan(4_096);
  });
});

type Moves = (list: readonly PlacedMember[]) => number;

/** Of some sets of so many members: what a change moves, over the least that it has to. */
function meanRatio(count: number, moves: Moves): number {
  const ratios = Array.from({ length: ROUNDS }, (_, round) => moves(members(count + 1, round)));
  return ratios.reduce((sum, ratio) => sum + ratio, 0) / ROUNDS;
}

function joinMoves(list: readonly PlacedMember[]): number {
  const placement = placed(list.slice(1));
  const before = placement.table;
  return overLeast(before, placement.update(list), list[0]?.node ?? '');
}

function leaveMoves(list: readonly PlacedMember[]): number {
  const placement = placed(list);
  const before = placement.table;
  return overLeast(placement.update(list.slice(1)), before, list[0]?.node ?? '');
}

function overLeast(without: PlacementTable, table: PlacementTable, node: string): number {
  return moved(without, table).length / table.partitionsOf(node).length;
}
