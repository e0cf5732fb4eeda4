/** Tokens: they fit, they grow with whatever is known, and two nodes do not share one. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packStamp } from '../../../../src/core/clock/stamp.ts';
import { StampClock } from '../../../../src/core/clock/stamp-clock.ts';
import {
  counterOf,
  FENCE_TOKEN_MAX,
  mintToken,
  packToken,
  tagOf,
} from '../../../../src/core/election/fence-token.ts';
import type { StampSource } from '../../../../src/core/store/contract.ts';

const WALL_MS = 1_800_000_000_000;

/** A node's hybrid clock on a wall clock that the test sets. */
class NodeClock implements StampSource {
  readonly clock = new StampClock();
  wallMs = WALL_MS;

  now(): bigint {
    return this.clock.now(this.wallMs);
  }

  observe(stamp: bigint): boolean {
    return this.clock.observe(stamp, this.wallMs);
  }
}

const A = { node: 'a@t', incarnation: 1n };
const B = { node: 'b@t', incarnation: 1n };

describe('a token', () => {
  test('fits a signed integer of 64 bits, up to its last one', () => {
    expect(FENCE_TOKEN_MAX).toBe(2n ** 63n - 1n);
    expect(packToken(2n ** 40n - 1n, 0x7f_ffff)).toBe(FENCE_TOKEN_MAX);
  });

  test('is greater than all before, also within one millisecond', () => {
    const clock = new NodeClock();
    let last = 0n;
    for (let i = 0; i < 1_000; i += 1) {
      const token = mintToken(clock, A, 0n) ?? 0n;
      expect(token).toBeGreaterThan(last);
      last = token;
    }
  });

  test('is greater than one that is known, whatever the clock says', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 40n - 2n), fc.nat(2 ** 41), (counter, wallMs) => {
        const clock = new NodeClock();
        clock.wallMs = wallMs;
        const highest = packToken(counter, 0x7f_ffff);
        expect(mintToken(clock, A, highest)).toBeGreaterThan(highest);
      }),
    );
  });

  test('is greater than that of whoever was heard since, though the wall clock is behind', () => {
    const early = new NodeClock();
    const late = new NodeClock();
    late.wallMs = WALL_MS - 50_000;
    const first = mintToken(early, A, 0n) ?? 0n;
    late.observe(early.now());
    expect(mintToken(late, B, 0n)).toBeGreaterThan(first);
  });

  test('comes from a stamp that is later for a greater token, so that the later word is greater', () => {
    fc.assert(
      fc.property(fc.integer({ min: -20_000, max: 20_000 }), (offsetMs) => {
        const [one, other] = [new NodeClock(), new NodeClock()];
        other.wallMs += offsetMs;
        const tokens = [mintToken(one, A, 0n) ?? 0n, mintToken(other, B, 0n) ?? 0n];
        const stamps = [one.now(), other.now()];
        const [x = 0n, y = 0n] = tokens.map(counterOf);
        const [s = 0n, t = 0n] = stamps;
        if (x !== y) expect(x > y).toBe(s > t);
      }),
    );
  });

  test('is none when no counter is left', () => {
    expect(mintToken(new NodeClock(), A, FENCE_TOKEN_MAX)).toBeUndefined();
    const beyond = new NodeClock();
    beyond.observe(packStamp(WALL_MS, 0));
    expect(mintToken(beyond, A, packToken(2n ** 40n - 2n, 0))).toBe(
      packToken(2n ** 40n - 1n, tagOf(A)),
    );
  });

  test('tells nodes and their starts apart', () => {
    const tags = new Set<number>();
    for (let i = 0; i < 2_000; i += 1) tags.add(tagOf({ node: `n${i}@t`, incarnation: 1n }));
    for (let i = 0n; i < 2_000n; i += 1n) tags.add(tagOf({ node: 'a@t', incarnation: i << 16n }));
    expect(tags.size).toBeGreaterThan(3_990);
  });
});
