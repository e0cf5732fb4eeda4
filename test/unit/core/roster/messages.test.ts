import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MemberRecord, RosterEntry } from '../../../../src/core/roster/entry.ts';
import {
  decodeRoster,
  encodeRoster,
  isRosterKind,
  type RosterMessage,
} from '../../../../src/core/roster/messages.ts';
import { Reader } from '../../../../src/core/wire/reader.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { Writer } from '../../../../src/core/wire/writer.ts';
import { REFUTATION_MAX } from '../../../../src/limits.ts';
import { expectNoOtherError, expectWholeFramesOnly } from '../hostile-bytes.ts';

const RECORD: MemberRecord = {
  addresses: ['127.0.0.1:4433', '[::1]:4433'],
  fingerprint: 'SHA256:f',
  version: '1.2.3',
  zone: 'north',
  weight: 1.5,
  meta: Uint8Array.of(1, 2, 3),
};
const ALIVE: RosterEntry = {
  node: 'a@host',
  incarnation: 5n,
  refutation: 3,
  status: 'alive',
  record: RECORD,
};
const DEAD: RosterEntry = { node: 'b@host', incarnation: 5n, refutation: 0, status: 'dead' };
const samples: readonly RosterMessage[] = [
  { kind: 'entries', entries: [ALIVE, DEAD, { ...ALIVE, status: 'left' }] },
  { kind: 'ping' },
  { kind: 'pong' },
];

const record: fc.Arbitrary<MemberRecord> = fc.record({
  addresses: fc.array(fc.constant('10.1.2.3:9'), { maxLength: 8 }),
  fingerprint: fc.stringMatching(/^[ -~]{0,128}$/),
  version: fc.stringMatching(/^[0-9.]{0,64}$/),
  zone: fc.option(fc.stringMatching(/^[a-z]{0,64}$/), { nil: undefined }),
  weight: fc.double({ min: 0, max: 1e6, noNaN: true }).map((weight) => weight + 0),
  meta: fc.uint8Array({ maxLength: 1024 }),
});
const entry: fc.Arbitrary<RosterEntry> = fc.record({
  node: fc.stringMatching(/^[a-z]{1,10}@host$/),
  incarnation: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  refutation: fc.nat(REFUTATION_MAX),
  record,
  status: fc.constantFrom('alive' as const, 'dead' as const, 'left' as const),
});

describe('frames of the roster', () => {
  test('carry every entry unchanged', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 64 }), (entries) => {
        const back = decodeRoster(encodeRoster({ kind: 'entries', entries }));
        expect(back).toEqual({ kind: 'entries', entries });
      }),
      { numRuns: 50 },
    );
    for (const sample of samples) expect(decodeRoster(encodeRoster(sample))).toEqual(sample);
  });

  test('begin with a kind of their own, 32 to 39', () => {
    for (const sample of samples) {
      expect(isRosterKind(new Reader(encodeRoster(sample)).uint())).toBe(true);
    }
    expect([31, 32, 39, 40].map(isRosterKind)).toEqual([false, true, true, false]);
  });

  test('keep nothing of the frame’s own bytes', () => {
    const frame = encodeRoster({ kind: 'entries', entries: [ALIVE] });
    const back = decodeRoster(frame);
    frame.fill(0);
    expect(back).toEqual({ kind: 'entries', entries: [ALIVE] });
  });

  test('are refused when cut at any byte or followed by more', () => {
    for (const sample of samples) expectWholeFramesOnly(decodeRoster, encodeRoster(sample));
  });

  test('of random bytes decode or end in a WireError, nothing else', () => {
    expectNoOtherError(decodeRoster, samples.map(encodeRoster));
  });

  test('with a part above its bound, or a living node without a record, are refused', () => {
    const bad: RosterEntry[] = [
      { ...ALIVE, record: { ...RECORD, meta: new Uint8Array(1025) } },
      { ...ALIVE, record: { ...RECORD, fingerprint: 'x'.repeat(129) } },
      { ...ALIVE, record: { ...RECORD, zone: 'x'.repeat(65) } },
      { ...ALIVE, record: { ...RECORD, weight: -1 } },
      { ...ALIVE, record: { ...RECORD, weight: Number.NaN } },
      { ...ALIVE, record: { ...RECORD, weight: Number.POSITIVE_INFINITY } },
      { ...ALIVE, record: { ...RECORD, addresses: ['x'] } },
      { ...DEAD, node: 'no name' },
    ];
    for (const one of bad) {
      const frame = encodeRoster({ kind: 'entries', entries: [one] });
      expect(() => decodeRoster(frame)).toThrow(WireError);
    }
    const tooMany = Array.from({ length: 65 }, () => DEAD);
    const bare = new Writer().uint(32).uint(1).string('a@host').big(1n).uint(0).uint(0).bool(false);
    const huge = new Writer().uint(32).uint(4_000_000_000).take();
    for (const frame of [encodeRoster({ kind: 'entries', entries: tooMany }), bare.take(), huge]) {
      expect(() => decodeRoster(frame)).toThrow(WireError);
    }
  });
});
