/** The order of candidates, and what travels of them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeAttest,
  encodeAttest,
  isAttestKind,
} from '../../../../src/core/election/attest-frames.ts';
import { type Candidate, precedes, type Rival } from '../../../../src/core/election/candidate.ts';
import { decodeCandidate, encodeCandidate } from '../../../../src/core/election/candidate-codec.ts';
import { FENCE_TOKEN_MAX } from '../../../../src/core/election/fence-token.ts';
import { decodeTerm, encodeTerm } from '../../../../src/core/election/term-record.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { Writer } from '../../../../src/core/wire/writer.ts';
import { expectNoOtherError, expectWholeFramesOnly } from '../hostile-bytes.ts';

const anyCandidate: fc.Arbitrary<Candidate> = fc.record({
  priority: fc.integer({ min: -3, max: 3 }),
  isSticky: fc.boolean(),
  serial: fc.integer({ min: 1, max: 1_000 }),
  term: fc.option(fc.bigInt(1n, 5n), { nil: undefined }),
});
const anyRivals: fc.Arbitrary<Rival[]> = fc
  .array(anyCandidate, { minLength: 3, maxLength: 3 })
  .map((candidates) =>
    candidates.map((candidate, i) => ({ ...candidate, node: `n${i}@t`, incarnation: 1n })),
  );

describe('the order of candidates', () => {
  test('is total: of two one goes first, and never in a circle', () => {
    fc.assert(
      fc.property(anyRivals, ([a, b, c]) => {
        if (a === undefined || b === undefined || c === undefined) return;
        expect(precedes(a, b)).toBe(!precedes(b, a));
        expect(precedes(a, b) && precedes(b, c) && precedes(c, a)).toBe(false);
        expect(precedes(b, a) && precedes(c, b) && precedes(a, c)).toBe(false);
      }),
    );
  });

  test('of two that lead and are sticky, the later term goes first', () => {
    const one = { priority: 0, isSticky: true, serial: 1, incarnation: 1n };
    const early = { ...one, node: 'a@t', term: 1n };
    const late = { ...one, node: 'b@t', term: 2n };
    expect(precedes(late, early)).toBe(true);
  });
});

describe('a candidacy on the wire', () => {
  test('comes back as it was', () => {
    const anyPriority = fc.integer({ min: -(2 ** 31 - 1), max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(anyCandidate, anyPriority, (candidate, priority) => {
        const told = { ...candidate, priority };
        expect(decodeCandidate(encodeCandidate(told))).toEqual(told);
      }),
    );
  });

  test('is refused when it is cut, too long, or anything else', () => {
    const candidate = { priority: -1, isSticky: true, serial: 7, term: FENCE_TOKEN_MAX };
    const bytes = encodeCandidate(candidate);
    expectWholeFramesOnly(decodeCandidate, bytes);
    expectNoOtherError(decodeCandidate, [
      bytes,
      encodeCandidate({ ...candidate, term: undefined }),
    ]);
  });

  test('has one form for each number, and a process', () => {
    const minusZero = new Writer().bool(true).uint(0).bool(true).uint(1).bool(false).take();
    const noProcess = new Writer().bool(false).uint(0).bool(true).uint(0).bool(false).take();
    const noTerm = new Writer().bool(false).uint(0).bool(true).uint(1).bool(true).big(0n).take();
    const tooLate = new Writer().bool(false).uint(0).bool(true).uint(1).bool(true);
    const frames = [minusZero, noProcess, noTerm, tooLate.big(FENCE_TOKEN_MAX + 1n).take()];
    for (const bytes of frames) expect(() => decodeCandidate(bytes)).toThrow(WireError);
  });
});

describe('the greatest token on the wire', () => {
  const term = { token: 77n, node: 'a@t', incarnation: 2n ** 60n };

  test('comes back as it was', () => {
    expect(decodeTerm(encodeTerm(term))).toEqual(term);
  });

  test('is refused when it is cut, too long, or anything else', () => {
    expectWholeFramesOnly(decodeTerm, encodeTerm(term));
    expectNoOtherError(decodeTerm, [encodeTerm(term)]);
    const nobody = new Writer().big(1n).string('nobody').big(1n).take();
    expect(() => decodeTerm(nobody)).toThrow(WireError);
  });
});

describe('a question for a sign of life', () => {
  test.each(['ask', 'attest'] as const)('and its frame: %s', (kind) => {
    const frame = encodeAttest({ kind, nonce: 300 });
    expect(decodeAttest(frame)).toEqual({ kind, nonce: 300 });
    expect(isAttestKind(frame[0] ?? 0)).toBe(true);
    expectWholeFramesOnly(decodeAttest, frame);
    expectNoOtherError(decodeAttest, [frame]);
  });
});
