import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  counterOf,
  packStamp,
  STAMP_MAX,
  type Stamp,
  wallMsOf,
} from '../../../../src/core/clock/stamp.ts';
import { LEAST_STAMP_MAX, StampClock } from '../../../../src/core/clock/stamp-clock.ts';
import { CLOCK_WALL_MS_MAX } from '../../../../src/limits.ts';

const T = 1_767_225_600_000;
const REFUSED = expect.objectContaining({ code: 'ERR_VALUE' });

/** What a machine may say: right, stepped, repeated, broken. */
const WALL_MS = fc.oneof(
  fc.integer({ min: T - 5, max: T + 5 }),
  fc.integer({ min: 0, max: CLOCK_WALL_MS_MAX }),
  fc.double(),
  fc.constantFrom(0, -1, CLOCK_WALL_MS_MAX, CLOCK_WALL_MS_MAX + 1, 2 ** 48, 2 ** 53),
);
/** What a peer may send: nearby, far away, near the end of the range, no stamp at all. */
const REMOTE = fc.oneof(
  fc.bigInt({ min: packStamp(T - 70_000, 0), max: packStamp(T + 70_000, 0) }),
  fc.bigInt({ min: 0n, max: STAMP_MAX }),
  fc.bigInt({ min: STAMP_MAX - 3n, max: STAMP_MAX + 3n }),
  fc.bigInt({ min: -3n, max: 3n }),
);

describe('the hybrid clock', () => {
  test('shows the wall clock and counter 0 when time has moved on', () => {
    const clock = new StampClock();
    expect(clock.now(T)).toBe(packStamp(T, 0));
    expect(clock.now(T + 1)).toBe(packStamp(T + 1, 0));
  });

  test('gives a second reading that is greater', () => {
    const clock = new StampClock();
    expect([clock.now(T), clock.now(T), clock.now(T - 1)]).toEqual(
      [0, 1, 2].map((counter) => packStamp(T, counter)),
    );
  });

  test('moves past a remote stamp 10 s and 100 ticks ahead', () => {
    const clock = new StampClock();
    const remote = packStamp(T + 10_000, 100);
    expect(clock.update(remote, T)).toBe(packStamp(T + 10_000, 101));
    expect(clock.now(T + 5)).toBe(packStamp(T + 10_000, 102));
    expect(clock.now(T + 10_001)).toBe(packStamp(T + 10_001, 0));
  });

  test('follows the four rules of an update', () => {
    const updated = (last: Stamp, remote: Stamp, wallMs: number): readonly number[] => {
      const stamp = new StampClock(last).update(remote, wallMs);
      return [wallMsOf(stamp), counterOf(stamp)];
    };
    expect(updated(packStamp(10, 5), packStamp(20, 7), 30)).toEqual([30, 0]);
    expect(updated(packStamp(10, 5), packStamp(20, 7), 10)).toEqual([20, 8]);
    expect(updated(packStamp(20, 5), packStamp(10, 7), 10)).toEqual([20, 6]);
    expect(updated(packStamp(20, 5), packStamp(20, 7), 10)).toEqual([20, 8]);
    expect(updated(packStamp(20, 9), packStamp(20, 7), 20)).toEqual([20, 10]);
  });

  test('carries a full counter into the wall', () => {
    expect(new StampClock(packStamp(T, 65_535)).now(T)).toBe(packStamp(T + 1, 0));
    expect(new StampClock().update(packStamp(T, 65_535), T)).toBe(packStamp(T + 1, 0));
    const clock = new StampClock();
    let last = clock.now(T);
    for (let count = 1; count <= 70_000; count += 1) {
      const next = clock.now(T);
      if (next <= last) expect(next).toBeGreaterThan(last);
      last = next;
    }
    expect(last).toBe(packStamp(T + 1, 70_000 - 65_536));
  });

  test('takes a remote stamp 60 s ahead and refuses the next millisecond, unchanged', () => {
    const clock = new StampClock();
    const before = clock.now(T);
    const tooFar = packStamp(T + 60_001, 0);
    expect(() => clock.update(tooFar, T)).toThrow(REFUSED);
    expect(clock.observe(tooFar, T)).toBe(false);
    expect(clock.last).toBe(before);
    const edge = packStamp(T + 60_000, 65_535);
    expect(clock.observe(edge, T)).toBe(true);
    expect(clock.last).toBe(edge);
    expect(clock.update(edge, T)).toBe(packStamp(T + 60_001, 0));
  });

  test('does not creep: what it has taken already lets nobody pull it further', () => {
    const clock = new StampClock();
    for (let step = 1; step <= 20; step += 1) {
      clock.observe(packStamp(T + step * 30_000, 0), T);
    }
    expect(clock.last).toBe(packStamp(T + 60_000, 0));
    expect(clock.aheadMs(T)).toBe(60_000);
    expect(clock.aheadMs(T + 70_000)).toBe(-10_000);
  });

  test('goes on counting when the wall clock is set back an hour, and others refuse it', () => {
    const clock = new StampClock();
    const before = clock.now(T);
    const after = clock.now(T - 3_600_000);
    expect(after).toBe(before + 1n);
    const other = new StampClock();
    expect(other.observe(after, T - 3_600_000)).toBe(false);
    expect(other.observe(after, T - 60_000)).toBe(true);
  });

  test('observes without minting, and never steps back', () => {
    const clock = new StampClock(packStamp(T, 8));
    expect(clock.observe(packStamp(T, 3), T)).toBe(true);
    expect(clock.last).toBe(packStamp(T, 8));
    expect(clock.observe(packStamp(T, 9), T)).toBe(true);
    expect(clock.last).toBe(packStamp(T, 9));
    expect(clock.now(T)).toBe(packStamp(T, 10));
  });

  test('goes on from the least stamp that it is given', () => {
    expect(new StampClock(packStamp(T + 9_000, 4)).now(T)).toBe(packStamp(T + 9_000, 5));
    expect(new StampClock(packStamp(T - 9_000, 4)).now(T)).toBe(packStamp(T, 0));
    for (const bad of [-1n, STAMP_MAX + 1n, STAMP_MAX, LEAST_STAMP_MAX + 1n]) {
      expect(() => new StampClock(bad)).toThrow(REFUSED);
    }
  });

  test('takes fractions off the wall clock, and an impossible reading as none', () => {
    expect(new StampClock().now(T + 0.9)).toBe(packStamp(T, 0));
    const impossible = [Number.NaN, -1, Number.POSITIVE_INFINITY, -Infinity, 2 ** 48, 2 ** 47];
    for (const wallMs of impossible) {
      const clock = new StampClock(packStamp(T, 0));
      expect(clock.now(wallMs)).toBe(packStamp(T, 1));
      expect(clock.observe(packStamp(T, 7), wallMs)).toBe(false);
    }
  });

  test('strictly grows under any wall clock: steps back and forward, repeats, nonsense', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: LEAST_STAMP_MAX }),
        fc.array(WALL_MS),
        (least, walls) => {
          const clock = new StampClock(least);
          let last = least;
          for (const wallMs of walls) {
            const stamp = clock.now(wallMs);
            expect(stamp > last && stamp <= STAMP_MAX).toBe(true);
            last = stamp;
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('gives after an update a stamp greater than both, or has not moved', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(REMOTE, WALL_MS), { minLength: 1 }), (messages) => {
        const clock = new StampClock();
        for (const [remote, wallMs] of messages) {
          const before = clock.last;
          if (new StampClock().observe(remote, wallMs)) {
            const stamp = clock.update(remote, wallMs);
            expect(stamp > before && stamp > remote).toBe(true);
          } else {
            expect(() => clock.update(remote, wallMs)).toThrow(REFUSED);
            expect(clock.last).toBe(before);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('is not killed by malformed or near-overflow stamps: none throws, none moves it', () => {
    const malformed = fc.constantFrom<unknown>(
      -1n,
      STAMP_MAX + 1n,
      7,
      'x',
      null,
      {},
      [],
      undefined,
    );
    const overflow = fc.bigInt({ min: STAMP_MAX - 70_000n, max: STAMP_MAX });
    fc.assert(
      fc.property(fc.oneof(malformed, overflow), WALL_MS, (remote, wallMs) => {
        const clock = new StampClock(packStamp(T, 3));
        // As it may come from JavaScript.
        expect(Reflect.apply(clock.observe, clock, [remote, wallMs])).toBe(false);
        expect(() => Reflect.apply(clock.update, clock, [remote, wallMs])).toThrow(REFUSED);
        expect(clock.last).toBe(packStamp(T, 3));
      }),
      { numRuns: 300 },
    );
    const full = new StampClock(packStamp(T, 65_534));
    expect(full.observe(packStamp(T, 65_535), T)).toBe(true);
    expect(full.now(T)).toBe(packStamp(T + 1, 0));
  });
});

/** One step of the model: a node works alone, or one tells another its newest stamp. */
const STEP = fc.record({
  from: fc.nat(3),
  to: fc.nat(3),
  elapsedMs: fc.nat(3),
  isMessage: fc.boolean(),
});

describe('several hybrid clocks', () => {
  test('that are within 30 s of each other order all that is causally ordered', () => {
    const offsets = fc.array(fc.integer({ min: -15_000, max: 15_000 }), {
      minLength: 4,
      maxLength: 4,
    });
    fc.assert(
      fc.property(offsets, fc.array(STEP, { maxLength: 100 }), (offsetsMs, steps) => {
        const nodes = offsetsMs.map((offsetMs) => new ModelNode(offsetMs));
        let timeMs = T;
        for (const { from, to, elapsedMs, isMessage } of steps) {
          timeMs += elapsedMs;
          const sender = nodes[from];
          const receiver = nodes[to];
          if (sender === undefined || receiver === undefined) continue;
          const stamp = sender.act(timeMs);
          if (isMessage) receiver.receive(stamp, sender.past, timeMs);
        }
        for (const node of nodes) {
          expect(node.violations).toEqual([]);
          // Bounded divergence: nobody is further ahead than the fastest wall clock and its counts.
          expect(wallMsOf(node.last) <= timeMs + Math.max(...offsetsMs)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** Knows by itself which stamps are in its causal past, without any clock. */
class ModelNode {
  readonly #offsetMs: number;
  readonly #clock = new StampClock();
  readonly past = new Set<Stamp>();
  readonly violations: Stamp[] = [];

  constructor(offsetMs: number) {
    this.#offsetMs = offsetMs;
  }

  get last(): Stamp {
    return this.#clock.last;
  }

  act(timeMs: number): Stamp {
    return this.#record(this.#clock.now(timeMs + this.#offsetMs));
  }

  receive(stamp: Stamp, past: ReadonlySet<Stamp>, timeMs: number): void {
    const own = this.#clock.update(stamp, timeMs + this.#offsetMs);
    for (const cause of past) this.past.add(cause);
    this.#record(own);
  }

  #record(stamp: Stamp): Stamp {
    for (const cause of this.past) if (cause >= stamp) this.violations.push(cause);
    this.past.add(stamp);
    return stamp;
  }
}
