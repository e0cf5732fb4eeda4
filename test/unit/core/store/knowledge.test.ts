import { describe, expect, test } from 'vitest';
import type { Stamp } from '../../../../src/core/clock/stamp.ts';
import type { Replica } from '../../../../src/core/store/entry.ts';
import type { KnowledgeSnapshot } from '../../../../src/core/store/exchange/messages.ts';
import { Knowledge } from '../../../../src/core/store/knowledge.ts';
import { KNOWN_RANGES_MAX, KNOWN_REMOVED_MAX, KNOWN_REPLICAS_MAX } from '../../../../src/limits.ts';

function replica(name: string, incarnation = 1n): Replica {
  return { node: `${name}@test`, incarnation };
}

const A = replica('a');
const B = replica('b');
const C = replica('c');

/** What B says: of itself at `clock`, and of others. */
function told(
  clock: Stamp,
  known: readonly (readonly [Replica, Stamp, Stamp])[] = [],
  floor: Stamp = 0n,
): KnowledgeSnapshot {
  const list = known.map(([of, know, ack]) => ({
    replica: of,
    know,
    ack,
    had: [{ after: 0n, upTo: know }],
  }));
  const own = { replica: B, know: clock, ack: 0n, had: [{ after: 0n, upTo: clock }] };
  return { self: B, clock, floor, known: [own, ...list] };
}

/** An absent entry with that stamp is not new. */
function covers(knowledge: Knowledge, writer: Replica, stamp: Stamp): boolean {
  return knowledge.absence(writer, stamp) !== 'new';
}

function knowledgeOf(...live: readonly Replica[]): Knowledge {
  const knowledge = new Knowledge(A);
  knowledge.setLive(live, 1n);
  return knowledge;
}

describe('deleted history', () => {
  test('is what the writer had when its state was taken in', () => {
    const knowledge = knowledgeOf(B);
    knowledge.learn(told(50n), 60n);
    expect([covers(knowledge, B, 50n), covers(knowledge, B, 51n)]).toEqual([true, false]);
    expect(covers(knowledge, C, 1n)).toBe(false);
  });

  test('is also what others knew, of replicas that were never met', () => {
    const knowledge = knowledgeOf(B);
    knowledge.learn(told(50n, [[C, 30n, 0n]]), 60n);
    expect([covers(knowledge, C, 30n), covers(knowledge, C, 31n)]).toEqual([true, false]);
  });

  test('is what was seen above that, and not what is between', () => {
    const knowledge = knowledgeOf(B);
    for (const stamp of [10n, 30n]) knowledge.saw(B, stamp);
    const stamps = [10n, 20n, 30n, 31n];
    expect(stamps.map((stamp) => covers(knowledge, B, stamp))).toEqual([true, false, true, false]);
  });

  test('is all that came in order, however much, and what a gap leaves out is not', () => {
    const knowledge = knowledgeOf(B);
    for (let stamp = 10n; stamp <= 20_000n; stamp += 10n) {
      if (stamp === 5_000n) continue;
      expect(knowledge.isBehind).toBe(stamp > 5_010n);
      knowledge.saw(B, stamp);
      knowledge.heard(B, { after: stamp - 10n, upTo: stamp });
    }
    const stamps = [1n, 4_990n, 5_000n, 5_001n, 20_000n];
    const covered = stamps.map((stamp) => covers(knowledge, B, stamp));
    expect(covered).toEqual([true, true, false, true, true]);
    knowledge.learn(told(20_000n), 30_000n);
    expect([covers(knowledge, B, 5_000n), knowledge.isBehind]).toEqual([true, false]);
  });

  test('only so many ranges are told apart: the lowest ones are not remembered', () => {
    const knowledge = knowledgeOf(B);
    const count = BigInt(KNOWN_RANGES_MAX) + 1n;
    for (let stamp = 102n; stamp <= 100n + 2n * count; stamp += 2n) knowledge.saw(B, stamp);
    const absences = [101n, 102n, 103n, 104n].map((stamp) => knowledge.absence(B, stamp));
    expect(absences).toEqual(['new', 'new', 'new', 'deleted']);
    knowledge.learn(told(103n), 5_000n);
    expect(knowledge.absence(B, 103n)).toBe('deleted');
  });

  test('is of a new replica all that it wrote, and of one that goes on what it wrote since', () => {
    for (const [startedAt, absences] of [
      [0n, ['deleted', 'deleted', 'new']],
      [5n, ['new', 'deleted', 'new']],
    ] as const) {
      const knowledge = new Knowledge(A, { startedAt });
      knowledge.wrote(10n);
      knowledge.learn(told(50n, [[A, 40n, 40n]]), 60n);
      expect([4n, 9n, 11n].map((stamp) => knowledge.absence(replica('a'), stamp))).toEqual(
        absences,
      );
    }
  });

  test('is of one that goes on told as what it wrote since, whatever the others think', () => {
    const [a, b] = [new Knowledge(A, { startedAt: 20n }), new Knowledge(B)];
    expect(a.snapshot(30n).known[0]?.had).toEqual([{ after: 20n, upTo: 30n }]);
    b.enter(A);
    b.learn(a.snapshot(30n), 40n);
    expect([20n, 21n, 30n, 31n].map((stamp) => covers(b, A, stamp))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test('is nothing of a writer that was forgotten', () => {
    const knowledge = knowledgeOf(B);
    knowledge.learn(told(50n), 60n);
    knowledge.forget(B);
    expect([covers(knowledge, B, 50n), knowledge.size]).toEqual([false, 1]);
    knowledge.forget(A);
    expect(knowledge.size).toBe(1);
  });

  test('a stamp that is later than the own clock is not believed', () => {
    const knowledge = knowledgeOf(B);
    const late = 2n ** 64n - 1n;
    knowledge.learn(told(late, [[C, late, late]], late), 60n);
    expect([B, C].map((writer) => covers(knowledge, writer, 61n))).toEqual([false, false]);
    expect(knowledge.floor).toBe(60n);
  });
});

describe('a stable stamp', () => {
  test('is the own clock for a replica that is alone', () => {
    expect(knowledgeOf().stable(77n)).toBe(77n);
  });

  test('waits for those of whom nothing is known', () => {
    expect(knowledgeOf(B, C).stable(77n)).toBe(0n);
  });

  test('is the least that a live replica acknowledges, this one included', () => {
    const knowledge = knowledgeOf(B, C);
    knowledge.learn(
      told(50n, [
        [B, 50n, 45n],
        [C, 40n, 48n],
      ]),
      60n,
    );
    expect(knowledge.stable(77n)).toBe(40n);
    knowledge.learn(
      told(70n, [
        [B, 70n, 61n],
        [C, 65n, 63n],
      ]),
      75n,
    );
    expect(knowledge.stable(77n)).toBe(61n);
    expect(knowledge.stable(60n)).toBe(60n);
  });

  test('does not wait for a replica that is gone, and waits again when it is back', () => {
    const knowledge = knowledgeOf(B, C);
    knowledge.learn(told(50n, [[B, 50n, 45n]]), 60n);
    knowledge.setLive([B], 61n);
    expect(knowledge.stable(77n)).toBe(45n);
    knowledge.setLive([B, C], 78n);
    expect(knowledge.stable(79n)).toBe(0n);
    knowledge.leave(C, 80n);
    expect(knowledge.stable(81n)).toBe(45n);
    knowledge.enter(C);
    expect(knowledge.stable(82n)).toBe(0n);
  });

  test('what was acknowledged is not taken back by older word', () => {
    const knowledge = knowledgeOf(B);
    knowledge.learn(told(50n, [[B, 50n, 45n]]), 60n);
    knowledge.learn(told(40n, [[B, 40n, 35n]]), 61n);
    expect(knowledge.stable(77n)).toBe(45n);
  });
});

describe('a snapshot', () => {
  test('says of this replica what it is now', () => {
    const knowledge = knowledgeOf(B);
    knowledge.learn(told(50n, [[B, 50n, 45n]]), 60n);
    expect(knowledge.snapshot(70n)).toEqual({
      self: A,
      clock: 70n,
      floor: 0n,
      known: [
        { replica: A, know: 70n, ack: 50n, had: [{ after: 0n, upTo: 70n }] },
        { replica: B, know: 50n, ack: 45n, had: [{ after: 0n, upTo: 50n }] },
      ],
    });
  });

  test('two that exchange twice both ways agree on what is stable', () => {
    const [a, b] = [new Knowledge(A), new Knowledge(B)];
    a.setLive([B], 1n);
    b.setLive([A], 1n);
    for (const clock of [10n, 20n]) {
      const [ofA, ofB] = [a.snapshot(clock), b.snapshot(clock)];
      a.learn(ofB, clock + 1n);
      b.learn(ofA, clock + 1n);
    }
    expect([a.stable(30n), b.stable(30n)]).toEqual([10n, 10n]);
  });
});

describe('the replica set', () => {
  test('shares one object among equal replicas and tells starts of a node apart', () => {
    const knowledge = knowledgeOf(B);
    const first = knowledge.intern(replica('b'));
    expect(knowledge.intern(replica('b'))).toBe(first);
    expect(knowledge.intern(replica('b', 2n))).not.toBe(first);
    expect(knowledge.intern(replica('b', 2n)).incarnation).toBe(2n);
    expect(knowledge.size).toBe(3);
  });

  test('a writer that nobody has named yet does not hold anything up, and may have gaps', () => {
    const knowledge = knowledgeOf();
    knowledge.intern(B);
    knowledge.saw(B, 30n);
    expect(knowledge.stable(40n)).toBe(40n);
    knowledge.setLive([], 50n);
    knowledge.setLive([B], 60n);
    expect([covers(knowledge, B, 20n), covers(knowledge, B, 30n)]).toEqual([false, true]);
  });

  test('a replica that returns goes on with what was known of it', () => {
    const knowledge = knowledgeOf(B, C);
    knowledge.learn(told(50n), 60n);
    knowledge.setLive([C], 61n);
    knowledge.setLive([B, C], 62n);
    expect([covers(knowledge, B, 50n), knowledge.size]).toEqual([true, 3]);
  });

  test('this replica belongs to it whatever is said', () => {
    const knowledge = knowledgeOf(A, B);
    knowledge.setLive([], 5n);
    knowledge.leave(A, 6n);
    expect([knowledge.stable(7n), knowledge.size]).toEqual([7n, 2]);
  });

  test('1,000 replicas that come and go leave 64, and a floor', () => {
    const knowledge = knowledgeOf(B);
    for (let index = 1n; index <= 1_000n; index += 1n) {
      const clock = 1_000n * index;
      const passing = replica(`p${index}`);
      knowledge.setLive([B, passing], clock);
      knowledge.saw(knowledge.intern(passing), clock + 1n);
      knowledge.setLive([B], clock + 2n);
      knowledge.learn(
        told(clock + 5n, [
          [B, clock + 5n, clock + 5n],
          [passing, clock + 1n, 0n],
        ]),
        clock + 9n,
      );
      expect(knowledge.size).toBeLessThanOrEqual(2 + KNOWN_REMOVED_MAX);
    }
    expect(knowledge.floor).toBe(1_000n * BigInt(1_000 - KNOWN_REMOVED_MAX) + 1n);
    expect(covers(knowledge, replica('p1'), 1_001n)).toBe(true);
    const late = replica('late');
    knowledge.setLive([B, late], 2_000_000n);
    expect(covers(knowledge, late, knowledge.floor)).toBe(true);
    expect(covers(knowledge, late, knowledge.floor + 1n)).toBe(false);
  });

  test('replicas that left while others have not met since are told apart, up to a bound', () => {
    const knowledge = knowledgeOf(B);
    for (let index = 0; index < 2 * KNOWN_REMOVED_MAX; index += 1) {
      knowledge.enter(replica(`p${index}`));
      knowledge.leave(replica(`p${index}`), 10n);
    }
    expect(knowledge.size).toBe(2 + 2 * KNOWN_REMOVED_MAX);
    for (let index = 0; index < 2 * KNOWN_REPLICAS_MAX; index += 1) {
      const writer = knowledge.intern(replica(`w${index}`));
      knowledge.saw(writer, 100n + BigInt(index));
      expect(knowledge.size).toBeLessThanOrEqual(KNOWN_REPLICAS_MAX + 1);
    }
    expect(knowledge.floor).toBeGreaterThan(100n);
  });
});

test('what is restored is what was exported', () => {
  const knowledge = knowledgeOf(B, C);
  knowledge.intern(replica('d'));
  knowledge.learn(told(50n, [[C, 30n, 20n]], 5n), 60n);
  knowledge.saw(B, 55n);
  knowledge.setLive([B], 61n);
  const restored = new Knowledge(A);
  restored.restore(knowledge.export());
  expect(restored.export()).toEqual(knowledge.export());
  expect(restored.snapshot(70n)).toEqual(knowledge.snapshot(70n));
});

test('a restart alone does not take gaps for deleted history', () => {
  const knowledge = knowledgeOf(B);
  knowledge.saw(B, 55n);
  const restored = new Knowledge(A);
  restored.restore(knowledge.export());
  restored.setLive([], 60n);
  restored.setLive([], 70n);
  restored.setLive([B], 80n);
  expect(covers(restored, B, 54n)).toBe(false);
});
