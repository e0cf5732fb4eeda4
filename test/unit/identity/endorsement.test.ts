import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WireError } from '../../../src/core/wire/wire-error.ts';
import {
  countersign,
  decodeEndorsement,
  endorse,
  isCountersigned,
  isForked,
  keysBefore,
  successionOf,
} from '../../../src/identity/endorsement.ts';
import { createKeyPair, type KeyPair } from '../../../src/identity/keys.ts';
import { ENDORSEMENT_BYTES_MAX } from '../../../src/limits.ts';
import { testHost } from './fixtures.ts';

const { random } = testHost('endorsements');
const OWNER = { cluster: 'default', name: 'a@host' };
const keys: readonly KeyPair[] = Array.from({ length: 5 }, () => createKeyPair(random));

describe('a chain of endorsements', () => {
  test('leads from each of its keys to the last one', () => {
    const endorsements = [statement(0, 1, 1), statement(1, 2, 2), statement(2, 3, 3)];
    for (const from of [0, 1, 2]) {
      const keys = [2, 1, 0].filter((index) => index >= from).map(key);
      expect(succession(endorsements, from, 3)).toEqual({ seq: 3, previousKey: key(2), keys });
    }
    expect(succession(endorsements, 4, 3)).toBe(undefined);
    expect(succession(endorsements, 0, 2)).toBe(undefined);
  });

  test('with a missing, a foreign, a repeated or a swapped statement leads nowhere', () => {
    const [first, second, third] = [statement(0, 1, 1), statement(1, 2, 2), statement(2, 3, 3)];
    const foreign = sign(1, 2, 2, { ...OWNER, name: 'b@host' });
    const elsewhere = sign(1, 2, 2, { ...OWNER, cluster: 'other' });
    for (const chain of [
      [first, third],
      [first, foreign, third],
      [first, elsewhere, third],
      [first, second, second, third],
      [second, first, third],
      [first, statement(1, 2, 1), third],
      [first, second, third, third],
      [],
    ]) {
      expect(succession(chain, 0, 3)).toBe(undefined);
    }
  });

  test('that another key has signed leads nowhere', () => {
    const forged = endorse(
      (keys[4] as KeyPair).privateKeyPem,
      { oldKey: key(0), newKey: key(1), seq: 1 },
      OWNER,
    );
    expect(succession([forged], 0, 1)).toBe(undefined);
  });

  test('is followed by later numbers only', () => {
    const chain = [statement(0, 1, 3)];
    expect(succession(chain, 0, 1, 2)).toMatchObject({ seq: 3 });
    expect(succession(chain, 0, 1, 3)).toBe(undefined);
  });

  test('that one key has signed twice under one number is told from a rotation', () => {
    const known = { seq: 1, previousKey: key(0), publicKey: key(1) };
    expect(isForked([statement(0, 2, 1)], known, OWNER)).toBe(true);
    expect(isForked([statement(0, 1, 1)], known, OWNER)).toBe(false);
    expect(isForked([statement(3, 2, 1)], known, OWNER)).toBe(false);
    expect(isForked([sign(0, 2, 1, { ...OWNER, name: 'b@host' })], known, OWNER)).toBe(false);
  });
});

test('a statement is countersigned by the key that it names, and by no other', () => {
  const named = decodeEndorsement(statement(0, 1, 1));
  const by = (index: number, owner = OWNER): Uint8Array =>
    countersign((keys[index] as KeyPair).privateKeyPem, statement(0, 1, 1), owner);
  expect(isCountersigned(named, by(1), OWNER)).toBe(true);
  expect(isCountersigned(named, by(0), OWNER)).toBe(false);
  expect(isCountersigned(named, by(1, { ...OWNER, name: 'b@host' }), OWNER)).toBe(false);
  expect(isCountersigned({ ...named, seq: 2 }, by(1), OWNER)).toBe(false);
  // By which the same key names another one: something else is signed then.
  expect(isCountersigned(named, named.signature, OWNER)).toBe(false);
});

test('the keys before a proven one are those that truly lead to it', () => {
  const endorsements = [statement(0, 1, 1), statement(1, 2, 2), statement(2, 3, 3)];
  expect(keysBefore(key(3), endorsements, OWNER)).toEqual([2, 1, 0].map(key));
  const forged = endorse(
    (keys[4] as KeyPair).privateKeyPem,
    { oldKey: key(1), newKey: key(2), seq: 2 },
    OWNER,
  );
  expect(keysBefore(key(3), [statement(0, 1, 1), forged, statement(2, 3, 3)], OWNER)).toEqual([
    key(2),
  ]);
  expect(keysBefore(key(2), endorsements, OWNER)).toEqual([]);
  expect(keysBefore(key(3), [Uint8Array.of(1)], OWNER)).toEqual([]);
});

test('a statement arrives as it was sent, within its bound, and nothing else is read', () => {
  const bytes = statement(0, 1, Number.MAX_SAFE_INTEGER);
  expect(bytes.length).toBeLessThanOrEqual(ENDORSEMENT_BYTES_MAX);
  expect(decodeEndorsement(bytes)).toMatchObject({
    oldKey: key(0),
    newKey: key(1),
    seq: Number.MAX_SAFE_INTEGER,
  });
  for (let length = 0; length < bytes.length; length += 1) {
    expect(() => decodeEndorsement(bytes.subarray(0, length))).toThrow(WireError);
  }
  expect(() => decodeEndorsement(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(WireError);
});

test('hostile statements lead nowhere and throw nothing', () => {
  const valid = statement(0, 1, 1);
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, flip]) => {
      const changed = valid.slice();
      changed[at] = (changed[at] ?? 0) ^ flip;
      return changed;
    }),
  );
  fc.assert(
    fc.property(hostile, (bytes) => {
      expect(succession([bytes], 0, 1)).toBe(undefined);
    }),
    { numRuns: 300 },
  );
});

function key(index: number): Uint8Array {
  return (keys[index] as KeyPair).publicKey;
}

function statement(from: number, to: number, seq: number): Uint8Array {
  return sign(from, to, seq, OWNER);
}

function sign(from: number, to: number, seq: number, owner: typeof OWNER): Uint8Array {
  const { privateKeyPem } = keys[from] as KeyPair;
  return endorse(privateKeyPem, { oldKey: key(from), newKey: key(to), seq }, owner);
}

function succession(
  endorsements: readonly Uint8Array[],
  from: number,
  to: number,
  above?: number,
): ReturnType<typeof successionOf> {
  return successionOf({ endorsements, owner: OWNER, from: key(from), to: key(to), above });
}
