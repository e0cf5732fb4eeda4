import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TableEntry } from '../../../../src/core/table/contract.ts';
import { decodeTable, encodeTable, isTableKind } from '../../../../src/core/table/messages.ts';
import { Reader } from '../../../../src/core/wire/reader.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { Writer } from '../../../../src/core/wire/writer.ts';
import { TABLE_VERSION_MAX } from '../../../../src/limits.ts';
import { expectNoOtherError, expectWholeFramesOnly } from '../hostile-bytes.ts';

const ENTRY: TableEntry = {
  owner: { node: 'a@host', incarnation: 5n },
  key: 'service/orders',
  version: 70_000,
  value: Uint8Array.of(1, 2, 3),
};
const TOMBSTONE: TableEntry = { ...ENTRY, key: '', value: undefined };
const frame = encodeTable({ kind: 'entries', entries: [ENTRY, TOMBSTONE] });

describe('frames of the table', () => {
  test('carry every entry unchanged', () => {
    const entry: fc.Arbitrary<TableEntry> = fc.record({
      owner: fc.record({
        node: fc.stringMatching(/^[a-z]{1,10}@host$/),
        incarnation: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
      }),
      key: fc.stringMatching(/^[ -~]{0,200}$/),
      version: fc.nat(TABLE_VERSION_MAX),
      value: fc.option(fc.uint8Array({ maxLength: 2_000 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 256 }), (entries) => {
        const back = decodeTable(encodeTable({ kind: 'entries', entries }));
        expect(back).toEqual({ kind: 'entries', entries });
      }),
      { numRuns: 50 },
    );
  });

  test('begin with a kind of their own, 40 to 47', () => {
    expect(isTableKind(new Reader(frame).uint())).toBe(true);
    expect([39, 40, 47, 48].map(isTableKind)).toEqual([false, true, true, false]);
  });

  test('keep nothing of the frame’s own bytes', () => {
    const bytes = frame.slice();
    const back = decodeTable(bytes);
    bytes.fill(0);
    expect(back.entries).toEqual([ENTRY, TOMBSTONE]);
  });

  test('are refused when cut at any byte or followed by more', () => {
    expectWholeFramesOnly(decodeTable, frame);
  });

  test('of random bytes decode or end in a WireError, nothing else', () => {
    expectNoOtherError(decodeTable, [frame]);
  });

  test('with too many entries, too long a key or value, or a bad owner are refused', () => {
    const bad: readonly (readonly TableEntry[])[] = [
      Array.from({ length: 257 }, () => TOMBSTONE),
      [{ ...ENTRY, key: 'k'.repeat(1_025) }],
      [{ ...ENTRY, value: new Uint8Array(61_441) }],
      [{ ...ENTRY, version: TABLE_VERSION_MAX + 1 }],
      [{ ...ENTRY, owner: { node: 'nobody', incarnation: 1n } }],
      [{ ...ENTRY, owner: { node: 'a@host', incarnation: 2n ** 63n } }],
    ];
    for (const entries of bad) {
      expect(() => decodeTable(encodeTable({ kind: 'entries', entries }))).toThrow(WireError);
    }
    const huge = new Writer().uint(40).uint(4_000_000_000).take();
    expect(() => decodeTable(huge)).toThrow(WireError);
    expect(() => decodeTable(new Writer().uint(41).uint(0).take())).toThrow(WireError);
  });
});
