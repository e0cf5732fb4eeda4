import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BucketDigest, bucketOf, DIGEST_BUCKETS } from '../../../../src/core/roster/digest.ts';
import type { RosterEntry } from '../../../../src/core/roster/entry.ts';
import { hashText } from '../../../../src/core/roster/mix32.ts';

const dead = (node: string, incarnation = 1n, refutation = 0): RosterEntry => {
  return { node, incarnation, refutation, status: 'dead' };
};

describe('the digest of a roster', () => {
  test('is the same for the same entries, in whatever order they came and went', () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}@t$/), { maxLength: 50 });
    fc.assert(
      fc.property(names, (nodes) => {
        const [one, other] = [new BucketDigest(), new BucketDigest()];
        for (const node of nodes) one.toggle(dead(node));
        other.toggle(dead('gone@t'));
        for (const node of [...nodes].reverse()) other.toggle(dead(node));
        other.toggle(dead('gone@t'));
        expect(other.snapshot()).toEqual(one.snapshot());
      }),
    );
  });

  test('differs in the bucket of each entry that differs, in any part of the order', () => {
    const changes: RosterEntry[] = [
      dead('a@t', 2n),
      dead('a@t', 1n + 2n ** 40n),
      dead('a@t', 1n, 1),
      dead('a@t', 1n, 2 ** 35),
      { ...dead('a@t'), status: 'left' },
      { ...dead('a@t'), status: 'suspect', by: [] },
    ];
    for (const change of changes) {
      const [one, other] = [new BucketDigest(), new BucketDigest()];
      one.toggle(dead('a@t'));
      other.toggle(change);
      expect(one.differing(other.snapshot())).toEqual([bucketOf('a@t')]);
    }
  });

  test('a snapshot stays as it was', () => {
    const digest = new BucketDigest();
    const before = digest.snapshot();
    digest.toggle(dead('a@t'));
    expect(before).toEqual(new Uint32Array(DIGEST_BUCKETS));
  });

  test('spreads like names over all buckets', () => {
    const counts = new Uint32Array(DIGEST_BUCKETS);
    for (let i = 0; i < 25_600; i += 1) {
      const bucket = bucketOf(`node${i}@10.0.0.1`);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(60);
    expect(Math.max(...counts)).toBeLessThan(150);
    expect(new Set(Array.from({ length: 10_000 }, (_, i) => hashText(`n${i}@t`))).size).toBe(
      10_000,
    );
  });
});
