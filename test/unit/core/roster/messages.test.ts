import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MemberRecord, RosterEntry } from '../../../../src/core/roster/entry.ts';
import {
  decodeEntries,
  decodeLiveness,
  encodeEntries,
  encodeLiveness,
  isLivenessKind,
  type LivenessMessage,
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
  neighbors: ['b@host', 'c@host'],
};
const ALIVE: RosterEntry = {
  node: 'a@host',
  incarnation: 5n,
  refutation: 3,
  status: 'alive',
  record: RECORD,
};
const DEAD: RosterEntry = { node: 'b@host', incarnation: 5n, refutation: 0, status: 'dead' };
const SUSPECT: RosterEntry = { ...DEAD, status: 'suspect', by: ['x@host', 'y@host'] };
const BUCKETS = Uint32Array.from({ length: 256 }, (_, i) => (i * 0x9e3779b1) >>> 0);
const ROUTE = ['a@host', 'b@host', 'c@host'];
const samples: readonly LivenessMessage[] = [
  { kind: 'entries', entries: [ALIVE, DEAD, { ...ALIVE, status: 'left' }] },
  { kind: 'entries', entries: [SUSPECT, { ...SUSPECT, by: [], record: RECORD }] },
  { kind: 'entries', entries: [{ ...ALIVE, record: { ...RECORD, ephemeral: true } }] },
  { kind: 'digest', purpose: 'greeting', entryCount: 3, buckets: BUCKETS },
  { kind: 'digest', purpose: 'answer', entryCount: 0, buckets: new Uint32Array(256) },
  { kind: 'ping', isNeighbor: true },
  { kind: 'pong' },
  { kind: 'pingRequest', nonce: 7, target: 'a@host' },
  { kind: 'pingAnswer', nonce: 7, isAlive: false },
  { kind: 'audit', nonce: 9, route: ROUTE, position: 2 },
  { kind: 'audited', nonce: 9, route: ROUTE, position: 0 },
];

const record: fc.Arbitrary<MemberRecord> = fc.record({
  addresses: fc.array(fc.constant('10.1.2.3:9'), { maxLength: 8 }),
  fingerprint: fc.stringMatching(/^[ -~]{0,128}$/),
  version: fc.stringMatching(/^[0-9.]{0,64}$/),
  zone: fc.option(fc.stringMatching(/^[a-z]{0,64}$/), { nil: undefined }),
  weight: fc.double({ min: 0.01, max: 100, noNaN: true }),
  meta: fc.uint8Array({ maxLength: 1024 }),
  neighbors: fc.array(fc.constant('n@host'), { maxLength: 64 }),
  ephemeral: fc.constantFrom(true, undefined),
});
const base = fc.record({
  node: fc.stringMatching(/^[a-z]{1,10}@host$/),
  incarnation: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  refutation: fc.nat(REFUTATION_MAX),
  record,
});
const standing: fc.Arbitrary<
  | { readonly status: 'alive' | 'dead' | 'left' }
  | { readonly status: 'suspect'; readonly by: readonly string[] }
> = fc.oneof(
  fc.record({ status: fc.constantFrom('alive' as const, 'dead' as const, 'left' as const) }),
  fc.record({
    status: fc.constant('suspect' as const),
    by: fc.array(fc.constant('s@host'), { maxLength: 4 }),
  }),
);
const entry: fc.Arbitrary<RosterEntry> = fc
  .tuple(base, standing)
  .map(([parts, status]) => ({ ...parts, ...status }));

describe('frames of the roster and the failure detector', () => {
  test('carry every entry unchanged', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 64 }), (entries) => {
        const back = decodeLiveness(encodeLiveness({ kind: 'entries', entries }));
        expect(back).toEqual({ kind: 'entries', entries });
        expect(decodeEntries(encodeEntries(entries))).toEqual(entries);
      }),
      { numRuns: 50 },
    );
    for (const sample of samples) expect(decodeLiveness(encodeLiveness(sample))).toEqual(sample);
  });

  test('begin with a kind of their own, 32 to 39', () => {
    for (const sample of samples) {
      expect(isLivenessKind(new Reader(encodeLiveness(sample)).uint())).toBe(true);
    }
    expect([31, 32, 39, 40].map(isLivenessKind)).toEqual([false, true, true, false]);
  });

  test('keep nothing of the frame’s own bytes', () => {
    const frame = encodeLiveness({ kind: 'entries', entries: [ALIVE] });
    const back = decodeLiveness(frame);
    frame.fill(0);
    expect(back).toEqual({ kind: 'entries', entries: [ALIVE] });
  });

  test('are refused when cut at any byte or followed by more', () => {
    for (const sample of samples) expectWholeFramesOnly(decodeLiveness, encodeLiveness(sample));
    expectWholeFramesOnly(decodeEntries, encodeEntries([ALIVE, SUSPECT, DEAD]));
  });

  test('of random bytes decode or end in a WireError, nothing else', () => {
    expectNoOtherError(decodeLiveness, samples.map(encodeLiveness));
    expectNoOtherError(decodeEntries, [encodeEntries([ALIVE, SUSPECT, DEAD])]);
  });

  test('with a part above its bound, or a living node without a record, are refused', () => {
    const bad: RosterEntry[] = [
      { ...ALIVE, record: { ...RECORD, meta: new Uint8Array(1025) } },
      { ...ALIVE, record: { ...RECORD, fingerprint: 'x'.repeat(129) } },
      { ...ALIVE, record: { ...RECORD, zone: 'x'.repeat(65) } },
      { ...ALIVE, record: { ...RECORD, addresses: ['x'] } },
      { ...ALIVE, record: { ...RECORD, neighbors: ['x'] } },
      { ...ALIVE, record: { ...RECORD, neighbors: Array.from({ length: 65 }, () => 'x@t') } },
      { ...SUSPECT, by: ['x'] },
      { ...SUSPECT, by: Array.from({ length: 5 }, () => 'x@t') },
      { ...DEAD, node: 'no name' },
    ];
    for (const one of bad) {
      const frame = encodeLiveness({ kind: 'entries', entries: [one] });
      expect(() => decodeLiveness(frame)).toThrow(WireError);
    }
    const tooMany = Array.from({ length: 65 }, () => DEAD);
    const bare = new Writer().uint(32).uint(1).string('a@host').big(1n).uint(0).uint(0).bool(false);
    const huge = new Writer().uint(32).uint(4_000_000_000).take();
    for (const frame of [
      encodeLiveness({ kind: 'entries', entries: tooMany }),
      bare.take(),
      huge,
    ]) {
      expect(() => decodeLiveness(frame)).toThrow(WireError);
    }
  });

  test('with a weight that no member may have are refused, and others come in (K8)', () => {
    const decoded = (weight: number): LivenessMessage =>
      decodeLiveness(
        encodeLiveness({ kind: 'entries', entries: [{ ...ALIVE, record: { ...RECORD, weight } }] }),
      );
    for (const weight of [-1, -0, 1e-300, 0.0099, 100.01, 1e300, Infinity, Number.NaN]) {
      expect(() => decoded(weight), String(weight)).toThrow(WireError);
    }
    for (const weight of [0, 0.01, 1, 2.5, 100]) {
      expect(decoded(weight)).toMatchObject({ entries: [{ record: { weight } }] });
    }
    const text = encodeLiveness({ kind: 'entries', entries: [ALIVE] });
    // 1.5 as a float of eight bytes: its tag is that of an integer now.
    expect(() => decodeLiveness(text.map((byte) => (byte === 0xcb ? 0xcf : byte)))).toThrow(
      WireError,
    );
  });

  test('of an audit longer than 16 hops, or beside its route, are refused', () => {
    const long = Array.from({ length: 18 }, (_, i) => `n${i}@t`);
    const bad: LivenessMessage[] = [
      { kind: 'audit', nonce: 1, route: long, position: 1 },
      { kind: 'audited', nonce: 1, route: ROUTE, position: 3 },
      { kind: 'audit', nonce: 1, route: [], position: 0 },
    ];
    for (const message of bad) {
      expect(() => decodeLiveness(encodeLiveness(message))).toThrow(WireError);
    }
  });

  test('of a digest that is no digest are refused', () => {
    const short = new Writer().uint(33).uint(0).uint(1).bytes(new Uint8Array(1_020)).take();
    const unknown = new Writer().uint(33).uint(3).uint(1).bytes(new Uint8Array(1_024)).take();
    for (const frame of [short, unknown]) expect(() => decodeLiveness(frame)).toThrow(WireError);
  });
});
