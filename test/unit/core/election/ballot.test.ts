/** Ballots and promises as bytes: they come back as they were, and hostile ones are refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Ballot,
  decodeBallot,
  encodeBallot,
  isBallotKind,
  type Verdict,
} from '../../../../src/core/election/ballot.ts';
import { FENCE_TOKEN_MAX } from '../../../../src/core/election/fence-token.ts';
import { decodeVote, encodeVote } from '../../../../src/core/election/vote-record.ts';
import type { Voters } from '../../../../src/core/election/voters.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { QUORUM_VOTERS_MAX } from '../../../../src/limits.ts';

const NAME = fc.string({ minLength: 1, maxLength: 100 });
const TOKEN = fc.bigInt({ min: 1n, max: FENCE_TOKEN_MAX });
const HIGHEST = fc.bigInt({ min: 0n, max: FENCE_TOKEN_MAX });
const NONCE = fc.nat();
const NODE = fc.nat(1_000).map((id) => `n${id}@t`);
const INCARNATION = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const VOTERS: fc.Arbitrary<Voters> = fc
  .uniqueArray(fc.nat(1_000), { minLength: 1, maxLength: QUORUM_VOTERS_MAX })
  .map((ids) => (ids.length % 2 === 0 ? ids.slice(1) : ids))
  .map((ids) => ids.map((id) => `n${id}@t`).sort());
const VERDICT: fc.Arbitrary<Verdict> = fc.oneof(
  fc.constant<Verdict>({ kind: 'granted' }),
  HIGHEST.map((highest): Verdict => ({ kind: 'refused', highest })),
  fc.constant<Verdict>({ kind: 'conflict' }),
);
const BALLOT: fc.Arbitrary<Ballot> = fc.oneof(
  fc.record({
    kind: fc.constant('request' as const),
    name: NAME,
    token: TOKEN,
    nonce: NONCE,
    voters: VOTERS,
  }),
  fc.record({
    kind: fc.constant('answer' as const),
    name: NAME,
    token: TOKEN,
    nonce: NONCE,
    verdict: VERDICT,
  }),
  fc.record({ kind: fc.constant('release' as const), name: NAME, token: TOKEN }),
  fc.record({ kind: fc.constant('recall' as const), name: NAME }),
  fc.record({
    kind: fc.constant('memory' as const),
    name: NAME,
    isSure: fc.boolean(),
    term: fc.option(fc.record({ token: TOKEN, node: NODE, incarnation: INCARNATION }), {
      nil: undefined,
    }),
  }),
);

/** What a peer may make of a frame: it is read, or is no frame, and nothing else happens. */
function outcome(read: () => unknown): 'read' | 'refused' {
  try {
    read();
    return 'read';
  } catch (error) {
    if (error instanceof WireError) return 'refused';
    throw error;
  }
}

describe('ballots', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(BALLOT, (ballot) => {
        const frame = encodeBallot(ballot);
        expect(isBallotKind(frame[0] ?? 0)).toBe(true);
        expect(decodeBallot(frame)).toEqual(ballot);
      }),
    );
  });

  test('any bytes are read or refused', () => {
    const mutated = fc.tuple(BALLOT, fc.nat(), fc.nat(255)).map(([ballot, at, byte]) => {
      const frame = encodeBallot(ballot);
      frame[at % frame.length] = byte;
      return frame;
    });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        outcome(() => decodeBallot(bytes));
      }),
    );
  });

  test.each([
    ['no voters', []],
    ['an even number', ['a@t', 'b@t']],
    ['one twice', ['a@t', 'a@t', 'b@t']],
    ['out of order', ['b@t', 'a@t', 'c@t']],
    ['what is no name', ['a', 'b@t', 'c@t']],
    ['too many', Array.from({ length: QUORUM_VOTERS_MAX + 2 }, (_, i) => `n${100 + i}@t`)],
  ])('a question with %s is refused', (_, voters) => {
    const frame = encodeBallot({ kind: 'request', name: 'n', token: 1n, nonce: 1, voters });
    expect(() => decodeBallot(frame)).toThrow(WireError);
  });

  test('a token that is none, no name, bytes that are left and bytes that are missing are refused', () => {
    const token = FENCE_TOKEN_MAX + 1n;
    const none = encodeBallot({ kind: 'release', name: 'n', token: 0n });
    const tooGreat = encodeBallot({ kind: 'release', name: 'n', token });
    const fine = encodeBallot({ kind: 'recall', name: 'n' });
    const unnamed = encodeBallot({ kind: 'recall', name: '' });
    const cut = fine.subarray(0, -1);
    for (const frame of [none, tooGreat, unnamed, Uint8Array.of(...fine, 0), cut]) {
      expect(outcome(() => decodeBallot(frame))).toBe('refused');
    }
  });
});

describe('promises', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(TOKEN, VOTERS, (token, voters) => {
        const promise = { token, node: 'x@t', incarnation: 5n, voters };
        expect(decodeVote(encodeVote(promise))).toEqual(promise);
      }),
    );
  });

  test('any bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        outcome(() => decodeVote(bytes));
      }),
    );
  });
});
