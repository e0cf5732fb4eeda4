import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeRouting,
  encodeRouting,
  isRoutingKind,
  type RoutingMessage,
} from '../../../../src/core/routing/messages.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { Writer } from '../../../../src/core/wire/writer.ts';
import {
  CARRIED_BYTES_MAX,
  QUERY_HOPS_MAX,
  QUERY_TIME_MS_MAX,
  QUERY_VALUE_BYTES_MAX,
} from '../../../../src/limits.ts';
import { expectNoOtherError, expectWholeFramesOnly } from '../hostile-bytes.ts';

const ID = 0x0123_4567_89ab_cdefn;
const FOUND = { node: 'a@host', incarnation: 5n, value: Uint8Array.of(1, 2) };
const samples: readonly RoutingMessage[] = [
  {
    kind: 'query',
    id: ID,
    hopsLeft: 3,
    timeLeftMs: 900,
    target: { kind: 'service', name: 'mail' },
  },
  { kind: 'query', id: 0n, hopsLeft: 0, timeLeftMs: 0, target: { kind: 'node', name: 'a@host' } },
  { kind: 'miss', id: ID, why: 'absent' },
  { kind: 'miss', id: ID, why: 'seen' },
  { kind: 'miss', id: ID, why: 'overloaded' },
  { kind: 'miss', id: ID, why: 'incomplete' },
  { kind: 'found', id: ID, found: FOUND },
  { kind: 'reached', id: ID },
  { kind: 'carry', circuit: ID, datagram: Uint8Array.of(9, 8, 7) },
  { kind: 'cut', circuit: ID },
];
const frames = samples.map(encodeRouting);

describe('a message of routing', () => {
  test('is read as it was written, as a whole frame only', () => {
    for (const message of samples) {
      const frame = encodeRouting(message);
      expect(isRoutingKind(frame[0] ?? 0)).toBe(true);
      expect(decodeRouting(frame)).toEqual(message);
      expectWholeFramesOnly(decodeRouting, frame);
    }
  });

  test('has one form, which other versions read, too', () => {
    expect(frames.map((frame) => Buffer.from(frame).toString('hex'))).toEqual([
      '40cf0123456789abcdef03cd038400a46d61696c',
      '40cf0000000000000000000001a661406'.concat('86f7374'),
      '41cf0123456789abcdef00',
      '41cf0123456789abcdef01',
      '41cf0123456789abcdef02',
      '41cf0123456789abcdef03',
      '42cf0123456789abcdefa66140686f7374cf0000000000000005c4020102',
      '43cf0123456789abcdef',
      '44cf0123456789abcdefc403090807',
      '45cf0123456789abcdef',
    ]);
  });

  test('keeps a value that it was sent, whatever becomes of the frame', () => {
    const frame = encodeRouting({ kind: 'found', id: ID, found: FOUND });
    const message = decodeRouting(frame);
    frame.fill(0);
    expect(message).toEqual({ kind: 'found', id: ID, found: FOUND });
  });

  test('of hostile bytes is refused, and nothing else happens', () => {
    expectNoOtherError(decodeRouting, frames);
  });

  test('above a bound is refused', () => {
    const head = (kind: number): Writer => new Writer().uint(kind).big(ID);
    const query = (hops: number, timeMs: number, target: number, name: string): Uint8Array =>
      head(64).uint(hops).uint(timeMs).uint(target).string(name).take();
    expect(() => decodeRouting(query(3, 9, 0, 'x'))).not.toThrow();
    for (const frame of [
      query(QUERY_HOPS_MAX + 1, 9, 0, 'x'),
      query(3, QUERY_TIME_MS_MAX + 1, 0, 'x'),
      query(3, 9, 2, 'x'),
      query(3, 9, 0, ''),
      query(3, 9, 0, 'x'.repeat(256)),
      query(3, 9, 1, 'no node name'),
      head(65).uint(4).take(),
      head(66)
        .string('a@host')
        .big(2n ** 63n)
        .bytes(FOUND.value)
        .take(),
      head(66)
        .string('a@host')
        .big(1n)
        .bytes(new Uint8Array(QUERY_VALUE_BYTES_MAX + 1))
        .take(),
      head(68)
        .bytes(new Uint8Array(CARRIED_BYTES_MAX + 1))
        .take(),
      head(70).take(),
      head(71).take(),
    ]) {
      expect(() => decodeRouting(frame)).toThrow(WireError);
    }
  });

  test('survives any id, datagram and value', () => {
    const id = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const message = fc.oneof(
      fc.record({
        kind: fc.constant('carry' as const),
        circuit: id,
        datagram: fc.uint8Array({ maxLength: CARRIED_BYTES_MAX }),
      }),
      fc.record({
        kind: fc.constant('found' as const),
        id,
        found: fc.record({
          node: fc.constant('a@host'),
          incarnation: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
          value: fc.uint8Array({ maxLength: 300 }),
        }),
      }),
    );
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodeRouting(encodeRouting(sent))).toEqual(sent);
      }),
    );
  });
});
