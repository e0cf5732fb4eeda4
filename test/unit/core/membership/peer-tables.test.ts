import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HYPARVIEW_DEFAULTS } from '../../../../src/core/membership/config.ts';
import { Departed } from '../../../../src/core/membership/departed.ts';
import { FailureTable } from '../../../../src/core/membership/failures.ts';
import { PassiveView } from '../../../../src/core/membership/passive-view.ts';
import type { PeerDescriptor } from '../../../../src/core/membership/peer.ts';
import { pick, sample } from '../../../../src/core/membership/randomness.ts';
import { TokenBucket } from '../../../../src/core/membership/token-bucket.ts';
import { seeded } from '../overlay-network.ts';

describe('the failure table', () => {
  test('waits with full jitter up to a bound that doubles from 2 s to 5 min (C1, C2)', () => {
    const longest = { float: (): number => 0.999_999 };
    const failures = new FailureTable(HYPARVIEW_DEFAULTS, longest);
    const waits = Array.from({ length: 12 }, () => {
      failures.record('a', 0);
      return waitOf(failures, 'a');
    });
    expect(waits.slice(0, 4)).toEqual([2, 4, 8, 16]);
    expect(waits.at(-1)).toBe(300);
  });

  test('counts one by one, and makes a peer wait about 2 s at most after the first (C4, C5)', () => {
    const failures = new FailureTable(HYPARVIEW_DEFAULTS, { float: (): number => 0.999_999 });
    failures.record('a', 500);
    expect(failures.count('a')).toBe(1);
    expect(failures.isBackingOff('a', 2_400)).toBe(true);
    expect(failures.isBackingOff('a', 2_500)).toBe(false);
    failures.record('a', 500);
    expect(failures.count('a')).toBe(2);
  });

  test('lets a peer be tried that never failed, and from the end of its wait on (C3)', () => {
    const failures = new FailureTable(HYPARVIEW_DEFAULTS, { float: () => 0 });
    failures.record('a', 0);
    expect(failures.isBackingOff('never', 0)).toBe(false);
    expect([999, 1_000, 1_001].map((nowMs) => failures.isBackingOff('a', nowMs))).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('waits longer than nothing and no longer than its bound, whatever base and count (C21)', () => {
    const waits = fc.record({
      backoffBaseMs: fc.integer({ min: 1, max: 60_000 }),
      count: fc.integer({ min: 1, max: 2_000 }),
      float: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    });
    fc.assert(
      fc.property(waits, ({ backoffBaseMs, count, float }) => {
        const config = { ...HYPARVIEW_DEFAULTS, backoffBaseMs };
        const failures = new FailureTable(config, { float: () => float });
        for (let i = 0; i < count; i += 1) failures.record('a', 0);
        expect(failures.isBackingOff('a', 0)).toBe(true);
        expect(failures.isBackingOff('a', HYPARVIEW_DEFAULTS.backoffMaxMs)).toBe(false);
      }),
    );
  });

  test('waits a second at least', () => {
    const failures = new FailureTable(HYPARVIEW_DEFAULTS, { float: () => 0 });
    failures.record('a', 0);
    expect(failures.isBackingOff('a', 999)).toBe(true);
    expect(failures.isBackingOff('a', 1_000)).toBe(false);
  });

  test('counts each peer by itself, from one again after a success (C4, C7)', () => {
    const failures = new FailureTable(HYPARVIEW_DEFAULTS, seeded(1));
    failures.record('a', 0);
    failures.record('a', 0);
    failures.record('b', 0);
    failures.clear('a');
    failures.clear('unknown');
    expect([failures.count('a'), failures.count('b')]).toEqual([0, 1]);
    expect(failures.isBackingOff('a', 0)).toBe(false);
  });

  test('remembers 1,024 peers, the ones that failed last', () => {
    const failures = new FailureTable(HYPARVIEW_DEFAULTS, seeded(1));
    for (let i = 0; i < 1_025; i += 1) failures.record(`n${i}`, 0);
    expect([failures.count('n0'), failures.count('n1')]).toEqual([0, 1]);
  });
});

describe('departures', () => {
  test('hold for that start and earlier ones, for a time', () => {
    const departed = new Departed(1_000);
    departed.add('a', 5n, 0);
    expect(departed.has({ ...peer('a'), incarnation: 4n }, 999)).toBe(true);
    expect(departed.has({ ...peer('a'), incarnation: 5n }, 999)).toBe(true);
    expect(departed.has({ ...peer('a'), incarnation: 6n }, 999)).toBe(false);
    expect(departed.has({ ...peer('a'), incarnation: 5n }, 1_000)).toBe(false);
  });

  test('are bounded: the oldest goes', () => {
    const departed = new Departed(60_000);
    for (let i = 0; i < 1_025; i += 1) departed.add(`n${i}`, 1n, 0);
    expect(departed.has(peer('n0'), 1)).toBe(false);
    expect(departed.has(peer('n1'), 1)).toBe(true);
  });
});

describe('the passive view', () => {
  test('never exceeds its capacity, and a capacity of none holds nobody', () => {
    const view = new PassiveView(3, seeded(1));
    for (let i = 0; i < 10; i += 1) view.add(peer(`n${i}`), 0);
    expect(view.size).toBe(3);
    expect(view.has('n9')).toBe(true);
    const none = new PassiveView(0, seeded(1));
    none.add(peer('a'), 0);
    expect(none.size).toBe(0);
  });

  test('keeps what is known of a peer against older word, and tells its age as it grows', () => {
    const view = new PassiveView(3, seeded(1));
    view.add({ ...peer('a'), addresses: ['1.1.1.1:1'], ageMs: 100 }, 1_000);
    view.add({ ...peer('a'), addresses: ['2.2.2.2:2'], ageMs: 500 }, 1_000);
    expect(view.get('a', 1_400)).toMatchObject({ addresses: ['1.1.1.1:1'], ageMs: 500 });
    view.add({ ...peer('a'), addresses: ['3.3.3.3:3'], ageMs: 0 }, 1_400);
    expect(view.get('a', 1_400)).toMatchObject({ addresses: ['3.3.3.3:3'], ageMs: 0 });
  });

  test('drops on expiry whom nobody heard for an hour, and keeps the others (C9, C11, C12)', () => {
    const view = new PassiveView(3, seeded(1));
    view.add({ ...peer('old'), ageMs: 3_000_000 }, 0);
    view.add(peer('young'), 0);
    view.expire(599_999);
    expect(view.nodes()).toEqual(['old', 'young']);
    view.expire(600_000);
    expect(view.nodes()).toEqual(['young']);
    expect(view.candidates(600_000, () => true)).toEqual(['young']);
  });

  test('holds after expiry only peers within the age, whatever was added (C22)', () => {
    const additions = fc.array(fc.tuple(fc.nat(9), fc.nat(4_000_000), fc.nat(100_000)));
    fc.assert(
      fc.property(additions, (added) => {
        const view = new PassiveView(5, seeded(1));
        let nowMs = 0;
        for (const [name, ageMs, waitMs] of added) {
          nowMs += waitMs;
          view.add({ ...peer(`n${name}`), ageMs }, nowMs);
          view.expire(nowMs);
          expect(view.size).toBeLessThanOrEqual(5);
          for (const known of view.known(nowMs)) expect(known.ageMs).toBeLessThan(3_600_000);
        }
      }),
    );
  });

  test('offers no cooling peer as a candidate, newer word or not', () => {
    const view = new PassiveView(3, seeded(1));
    view.add(peer('a'), 0, { coolUntilMs: 500 });
    view.add(peer('a'), 100);
    view.add(peer('b'), 100);
    expect(view.candidates(499, () => true)).toEqual(['b']);
    expect(view.candidates(500, () => true)).toEqual(['a', 'b']);
    expect(view.candidates(500, (node) => node !== 'b')).toEqual(['a']);
  });
});

describe('choices and rates', () => {
  test('a sample has distinct items, each as likely as another', () => {
    const random = seeded(3);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6_000; i += 1) {
      const chosen = sample(random, ['a', 'b', 'c', 'd'], 2);
      expect(new Set(chosen).size).toBe(2);
      for (const each of chosen) counts.set(each, (counts.get(each) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 3_000)).toBeLessThan(200);
    expect(sample(random, ['a'], 5)).toEqual(['a']);
    expect(pick(random, [])).toBeUndefined();
  });

  test('a bucket gives its burst, then its rate, and never saves more than its burst', () => {
    const bucket = new TokenBucket(3, 2, 0);
    const taken = (nowMs: number): number => {
      let count = 0;
      while (bucket.take(nowMs)) count += 1;
      return count;
    };
    expect(taken(0)).toBe(3);
    expect(taken(1_000)).toBe(2);
    expect(taken(900)).toBe(0);
    expect(taken(60_000)).toBe(3);
  });
});

/** Whole seconds until the peer may be tried. */
function waitOf(failures: FailureTable, node: string): number {
  let seconds = 0;
  while (failures.isBackingOff(node, seconds * 1_000)) seconds += 1;
  return seconds;
}

function peer(node: string): PeerDescriptor {
  return { node, incarnation: 1n, addresses: [], ageMs: 0 };
}
