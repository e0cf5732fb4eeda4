/** Keys and frames that are made to cost much: what they cost is bounded. */
import { describe, expect, test } from 'vitest';
import { packStamp } from '../../../../src/core/clock/stamp.ts';
import { bucketOf, KeyHasher } from '../../../../src/core/store/bucket.ts';
import type { Entry } from '../../../../src/core/store/entry.ts';
import { RegisterStore } from '../../../../src/core/store/register-store.ts';
import { systemDigest } from '../../../../src/host/system-digest.ts';
import { EXCHANGE_IDS_MAX } from '../../../../src/limits.ts';

const writer = { node: 'a@h', incarnation: 1n };

function entry(key: string, index: number): Entry {
  return { key, stamp: packStamp(1_000, index), writer, value: undefined, expiresAtMs: 0 };
}

/** All under one bucket, as whoever knows the salt of the cluster can find them. */
function keysOfOneBucket(hasher: KeyHasher, count: number): readonly string[] {
  const keys: string[] = [];
  for (let i = 0; keys.length < count; i += 1) {
    if (bucketOf(hasher.hash(`k${i}`)) === 7) keys.push(`k${i}`);
  }
  return keys;
}

function secretOf(salt: string): Uint8Array {
  return Uint8Array.from(systemDigest(new TextEncoder().encode(salt)), (byte) =>
    byte.charCodeAt(0),
  );
}

describe('keys of one bucket', () => {
  test('cost a frame of ids one way through the bucket, not one for each id', () => {
    let digests = 0;
    const digest = (bytes: Uint8Array): string => {
      digests += 1;
      return systemDigest(bytes);
    };
    const store = new RegisterStore({ digest, salt: 's' });
    const keys = keysOfOneBucket(new KeyHasher(secretOf('s')), 200);
    for (const [i, key] of keys.entries()) store.join(entry(key, i));
    expect([...store.inBucket(7)]).toHaveLength(200);
    const first = store.get(keys[0] ?? '');
    const id = first === undefined ? '' : store.idOf(first);
    const wrong = Array.from({ length: EXCHANGE_IDS_MAX }, (_, i) =>
      id.slice(0, 3).concat(String(i).padStart(13, '.')),
    );
    digests = 0;
    expect([...store.ofIds([...wrong, id, id])]).toEqual([first]);
    expect(digests).toBeLessThanOrEqual(200);
  });

  test('an id that is other by now stands for what its key has, each entry once', () => {
    const store = new RegisterStore({ digest: systemDigest, salt: 's' });
    const old = entry('k', 1);
    const id = store.idOf(old);
    const [now, other] = [entry('k', 2), entry('l', 3)];
    for (const each of [old, other, now]) store.join(each);
    expect([...store.ofIds([id, id, store.idOf(other)])]).toEqual(
      expect.arrayContaining([now, other]),
    );
    expect([...store.ofIds([id, store.idOf(now)])]).toEqual([now]);
    store.forget(now);
    expect([...store.ofIds([id])]).toEqual([]);
  });

  test('are others in another cluster', () => {
    const [one, other] = ['one', 'other'].map((salt) => new KeyHasher(secretOf(salt)));
    const keys = one === undefined ? [] : keysOfOneBucket(one, 100);
    const buckets = new Set(keys.map((key) => bucketOf(other?.hash(key) ?? 0)));
    expect(buckets.size).toBeGreaterThan(80);
  });
});
