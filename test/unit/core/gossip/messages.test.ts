import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeGossip,
  encodeGossip,
  faultOf,
  type GossipMessage,
  isGossipKind,
} from '../../../../src/core/gossip/messages.ts';
import { Reader } from '../../../../src/core/wire/reader.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { Writer } from '../../../../src/core/wire/writer.ts';
import { expectNoOtherError, expectWholeFramesOnly } from '../hostile-bytes.ts';

const origin = fc.stringMatching(/^[a-z][a-z0-9_.-]{0,10}$/).map((name) => `${name}@host`);
const incarnation = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const sequence = fc.integer({ min: 1, max: 2 ** 48 - 1 });
const hops = fc.integer({ min: 1, max: 255 });
const start = { origin, incarnation };
const sequences = fc.array(sequence, { minLength: 1, maxLength: 16 });
const groups = fc.array(fc.record({ ...start, sequences }), { maxLength: 4 });
const announced = fc
  .record({ ...start, ids: fc.array(fc.tuple(sequence, hops), { minLength: 1, maxLength: 16 }) })
  .map(({ ids, ...rest }) => ({
    ...rest,
    sequences: ids.map(([id]) => id),
    hops: ids.map(([, count]) => count),
  }));
const mark = fc
  .record({
    ...start,
    oldest: fc.integer({ min: 1, max: 2 ** 40 }),
    length: fc.nat(500),
    gaps: fc.uniqueArray(fc.nat(499), { maxLength: 200 }),
  })
  .map(({ oldest, length, gaps, ...rest }) => ({
    ...rest,
    highest: oldest + length - 1,
    oldest,
    gaps: gaps
      .filter((gap) => gap < length)
      .sort((a, b) => a - b)
      .map((gap) => oldest + gap),
  }));

const message: fc.Arbitrary<GossipMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('gossip' as const),
    isShaping: fc.boolean(),
    broadcast: fc.record({
      id: fc.record({ ...start, sequence }),
      tag: fc.nat(255),
      payload: fc.uint8Array({ maxLength: 100 }),
      hops,
    }),
  }),
  fc.record({
    kind: fc.constant('ihave' as const),
    groups: fc.array(announced, { maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constant('graft' as const),
    groups,
    origin: fc.option(origin, { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant('prune' as const),
    origin: fc.option(origin, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('unknown' as const), groups }),
  fc.record({
    kind: fc.constant('digest' as const),
    marks: fc.array(mark, { maxLength: 5 }),
    isLast: fc.boolean(),
    isTruncated: fc.boolean(),
    isGreeting: fc.boolean(),
  }),
);

const id = { origin: 'a@h', incarnation: 7n, sequence: 300 };
const broadcast = { id, tag: 3, payload: Uint8Array.of(1, 2, 3), hops: 2 };
const group = { origin: 'a@h', incarnation: 7n, sequences: [1, 2, 300] };
const samples: readonly GossipMessage[] = [
  { kind: 'gossip', broadcast, isShaping: true },
  { kind: 'ihave', groups: [{ ...group, hops: [1, 2, 3] }] },
  { kind: 'graft', groups: [group, { ...group, origin: 'b@h' }], origin: undefined },
  { kind: 'graft', groups: [], origin: 'a@h' },
  { kind: 'prune', origin: 'a@h' },
  { kind: 'unknown', groups: [group] },
  {
    kind: 'digest',
    marks: [{ origin: 'a@h', incarnation: 7n, highest: 12, oldest: 4, gaps: [5, 12] }],
    isLast: true,
    isTruncated: false,
    isGreeting: true,
  },
];

describe('frames of broadcasts', () => {
  test('carry every message unchanged', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodeGossip(encodeGossip(sent))).toEqual(sent);
      }),
    );
  });

  test('begin with a kind of their own, 56 to 63', () => {
    for (const sample of samples) {
      expect(isGossipKind(new Reader(encodeGossip(sample)).uint())).toBe(true);
    }
    expect([55, 56, 63, 64].map(isGossipKind)).toEqual([false, true, true, false]);
  });

  test('are refused when cut at any byte or followed by more', () => {
    for (const sample of samples) expectWholeFramesOnly(decodeGossip, encodeGossip(sample));
  });

  test('of random bytes decode or end in a WireError, nothing else (N13)', () => {
    expectNoOtherError(decodeGossip, samples.map(encodeGossip));
  });

  test('name an origin once for all its ids', () => {
    const long = `${'x'.repeat(200)}@h`;
    const ids = Array.from({ length: 64 }, (_, i) => i + 1);
    const frame = encodeGossip({
      kind: 'ihave',
      groups: [{ origin: long, incarnation: 1n, sequences: ids, hops: ids }],
    });
    expect(frame.length).toBeLessThan(200 + 64 * 2 + 30);
  });

  test('above a bound, or whose parts contradict each other, are refused', () => {
    const ids = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
    const marks = { origin: 'a@h', incarnation: 1n, highest: 9, oldest: 1, gaps: [] };
    const gossip = { kind: 'gossip', broadcast, isShaping: false } as const;
    const flags = { isLast: true, isTruncated: false, isGreeting: false };
    const digest = { kind: 'digest', marks: [marks], ...flags } as const;
    const bad: GossipMessage[] = [
      { ...gossip, broadcast: { ...broadcast, payload: new Uint8Array(65_537) } },
      { ...gossip, broadcast: { ...broadcast, hops: 256 } },
      { ...gossip, broadcast: { ...broadcast, hops: 0 } },
      { ...gossip, broadcast: { ...broadcast, tag: 256 } },
      { ...gossip, broadcast: { ...broadcast, id: { ...id, sequence: 0 } } },
      { ...gossip, broadcast: { ...broadcast, id: { ...id, sequence: 2 ** 48 } } },
      { ...gossip, broadcast: { ...broadcast, id: { ...id, origin: '../x' } } },
      { kind: 'graft', groups: [{ ...group, sequences: ids(65) }] },
      {
        kind: 'graft',
        groups: [
          { ...group, sequences: ids(40) },
          { ...group, sequences: ids(40) },
        ],
      },
      { kind: 'unknown', groups: [{ ...group, sequences: [] }] },
      { kind: 'ihave', groups: [{ ...group, hops: [1, 2, 0] }] },
      { ...digest, marks: [{ ...marks, oldest: 11 }] },
      { ...digest, marks: [{ ...marks, gaps: [3, 3] }] },
      { ...digest, marks: [{ ...marks, gaps: [10] }] },
      { ...digest, marks: [{ ...marks, highest: 400, gaps: ids(257) }] },
      { ...digest, marks: Array.from({ length: 129 }, () => marks) },
    ];
    for (const sample of bad) {
      const text = JSON.stringify(sample, (_, v) => (typeof v === 'bigint' ? `${v}` : v));
      expect(() => decodeGossip(encodeGossip(sample)), text.slice(0, 300)).toThrow(WireError);
    }
    expect(bad.filter((sample) => faultOf(sample) === undefined)).toMatchObject([
      { broadcast: { id: { origin: '../x' } } },
    ]);
  });

  test('that announce 10^9 ids, or have an unknown kind, are refused at once', () => {
    const huge = new Writer().uint(58).uint(1).string('a@h').big(1n).uint(1_000_000_000).take();
    const unknownKind = new Writer().uint(63).take();
    for (const frame of [huge, unknownKind]) expect(() => decodeGossip(frame)).toThrow(WireError);
  });
});
