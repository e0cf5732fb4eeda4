import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CustodyMessage,
  decodeCustody,
  encodeCustody,
  isCustodyKind,
} from '../../../../src/core/placement/custody-codec.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { Writer } from '../../../../src/core/wire/writer.ts';
import {
  CUSTODY_FRAME_PARTITIONS_MAX,
  CUSTODY_HOPS_MAX,
  RING_SIZE_MAX,
} from '../../../../src/limits.ts';
import { expectNoOtherError, expectWholeFramesOnly } from '../hostile-bytes.ts';

const SOME = [0, 1, 130, 4_095, RING_SIZE_MAX - 1];
const MESSAGES: readonly CustodyMessage[] = [
  { kind: 'ask', partitions: SOME },
  { kind: 'grant', partitions: [7], hops: CUSTODY_HOPS_MAX, leaver: 'a@one' },
  { kind: 'grant', partitions: SOME, hops: 1, leaver: undefined },
  { kind: 'redirect', partitions: SOME, holder: 'b@two' },
  { kind: 'none', partitions: [RING_SIZE_MAX - 1] },
];

const anyPartitions = fc
  .uniqueArray(fc.nat(RING_SIZE_MAX - 1), { minLength: 1, maxLength: 200 })
  .map((partitions) => partitions.sort((a, b) => a - b));

describe('frames of custody', () => {
  test.each(MESSAGES)('a $kind is read as it was written', (message) => {
    const frame = encodeCustody(message);
    expect(decodeCustody(frame)).toEqual(message);
    expect(isCustodyKind(frame[0] ?? 0)).toBe(true);
  });

  test('any partitions are read as they were written', () => {
    fc.assert(
      fc.property(anyPartitions, (partitions) => {
        const message: CustodyMessage = { kind: 'ask', partitions };
        expect(decodeCustody(encodeCustody(message))).toEqual(message);
      }),
    );
  });

  test('neighbouring partitions take one byte each', () => {
    const partitions = Array.from({ length: CUSTODY_FRAME_PARTITIONS_MAX }, (_, i) => i);
    const { length } = encodeCustody({ kind: 'ask', partitions });
    expect(length).toBeLessThan(CUSTODY_FRAME_PARTITIONS_MAX + 8);
  });

  test.each(MESSAGES)('a $kind that is cut or too long is refused', (message) => {
    expectWholeFramesOnly(decodeCustody, encodeCustody(message));
  });

  test('hostile bytes are refused with a WireError', () => {
    expectNoOtherError(decodeCustody, MESSAGES.map(encodeCustody));
  });

  test('more partitions than a frame may have are refused', () => {
    const partitions = Array.from({ length: CUSTODY_FRAME_PARTITIONS_MAX + 1 }, (_, i) => i);
    const frame = encodeCustody({ kind: 'ask', partitions });
    expect(() => decodeCustody(frame)).toThrow(WireError);
  });

  test.each([
    ['no partition', new Writer().uint(51).uint(0)],
    ['a partition that no ring has', new Writer().uint(51).uint(1).uint(RING_SIZE_MAX)],
    ['partitions beyond the ring', new Writer().uint(54).uint(2).uint(40_000).uint(40_000)],
    [
      'too many hops',
      new Writer()
        .uint(52)
        .uint(CUSTODY_HOPS_MAX + 1)
        .bool(false)
        .uint(1)
        .uint(0),
    ],
    ['a holder without a name', new Writer().uint(53).string('nobody').uint(1).uint(0)],
    ['another kind', new Writer().uint(55).uint(1).uint(0)],
  ])('%s is refused', (_, writer) => {
    expect(() => decodeCustody(writer.take())).toThrow(WireError);
  });
});
