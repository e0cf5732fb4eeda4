import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CodedSymbols } from '../../../../../src/core/store/sketch/coded-symbols.ts';
import { coverage } from '../../../../../src/core/store/sketch/index-sequence.ts';
import { readSymbols, writeSymbols } from '../../../../../src/core/store/sketch/symbols-codec.ts';
import { Reader } from '../../../../../src/core/wire/reader.ts';
import { encodeVarint } from '../../../../../src/core/wire/varint.ts';
import { WireError } from '../../../../../src/core/wire/wire-error.ts';
import { Writer } from '../../../../../src/core/wire/writer.ts';
import { SKETCH_COUNTS, SKETCH_ELEMENTS_MAX } from '../../../../../src/limits.ts';
import { expectNoOtherError, expectWholeFramesOnly } from '../../hostile-bytes.ts';
import { Ids, prefixOf } from './sets.ts';

const MAX = 2_048;

function encode(symbols: CodedSymbols): Uint8Array {
  const writer = new Writer();
  writeSymbols(writer, symbols);
  return writer.take();
}

function decode(bytes: Uint8Array): CodedSymbols {
  const reader = new Reader(bytes);
  const symbols = readSymbols(reader, MAX);
  reader.end();
  return symbols;
}

test('symbols of any set come back as they were', () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(500), fc.nat(MAX - 1), fc.nat(300), (seed, n, from, more) => {
      const symbols = prefixOf(new Ids(seed).many(n)).symbols(from, from + 1 + more);
      expect(decode(encode(symbols))).toEqual(symbols);
    }),
  );
});

test('any counts in range come back as they were', () => {
  const counts = fc.array(fc.nat(SKETCH_ELEMENTS_MAX), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(counts, fc.nat(MAX - 50), (values, from) => {
      const symbols = new CodedSymbols(from, values.length);
      symbols.counts.set(values);
      expect(decode(encode(symbols)).counts).toEqual(symbols.counts);
    }),
  );
});

test('with the first symbols of a set come counts of further ones, but not of a very small set', () => {
  const ids = new Ids(4);
  const first = decode(encode(prefixOf(ids.many(5_000)).symbols(0, 8)));
  expect(first.length + first.ahead.length).toBe(SKETCH_COUNTS);
  expect(first).toEqual(prefixOf(new Ids(4).many(5_000)).symbols(0, 8));
  expect(prefixOf(ids.many(5_000)).symbols(8, 20).ahead.length).toBe(0);
  expect(prefixOf(ids.many(8)).symbols(0, 8).ahead.length).toBe(0);
});

test('what is read does not change with the frame', () => {
  const symbols = prefixOf(new Ids(1).many(50)).symbols(0, 20);
  const frame = encode(symbols);
  const read = decode(frame);
  frame.fill(0);
  expect(read).toEqual(symbols);
});

test('the ids stand in the frame as their characters, lowest byte first', () => {
  const frame = encode(prefixOf(['ABCDEFGHIJKLMNOP']).symbols(0, 1));
  expect(Buffer.from(frame).toString('latin1')).toContain('ABCDEFGHIJKLMNOP');
});

test('a symbol of a set of a million takes 22 bytes, and 23.2 in a first batch of 8', () => {
  const symbols = new CodedSymbols(0, MAX);
  for (let i = 0; i < MAX; i += 1) {
    const share = coverage(i) * 1_000_000;
    // Each is four standard deviations off, its neighbours to the other side.
    const deviation = 4 * Math.sqrt(share * (1 - coverage(i)));
    symbols.counts[i] = Math.max(0, Math.round(share + (i % 2 === 0 ? deviation : -deviation)));
  }
  expect(encode(symbols.slice(0, 8)).length / 8).toBeLessThan(23.2);
  expect(encode(symbols.slice(8, 32)).length / 24).toBeLessThan(22.5);
  expect(encode(symbols).length / MAX).toBeLessThan(22.1);
});

test('cut frames, frames with bytes changed and random bytes are refused with a WireError', () => {
  const ids = new Ids(3);
  const prefix = prefixOf(ids.many(3_000));
  const frames = [prefix.symbols(0, 1), prefix.symbols(0, 8), prefix.symbols(2_000, MAX)].map(
    encode,
  );
  for (const frame of frames) expectWholeFramesOnly(decode, frame);
  expectNoOtherError(decode, frames);
});

test('columns that do not fit each other or the bound are refused', () => {
  const [id, check] = [new Uint8Array(16), new Uint8Array(4)];
  const one = Uint8Array.of(0);
  expect(decode(frameOf(0, id, check, one)).length).toBe(1);
  expect(() => decode(frameOf(0, new Uint8Array(0), new Uint8Array(0), new Uint8Array(0)))).toThrow(
    WireError,
  );
  const refused: readonly Uint8Array[] = [
    frameOf(MAX, id, check, one),
    frameOf(MAX - 1, new Uint8Array(32), new Uint8Array(8), Uint8Array.of(0, 0)),
    frameOf(0, new Uint8Array(17), check, one),
    frameOf(0, id, new Uint8Array(3), one),
    frameOf(0, id, new Uint8Array(8), one),
    frameOf(0, new Uint8Array(32), check, one),
    frameOf(0, id, check, new Uint8Array(0)),
    frameOf(0, id, check, new Uint8Array(1 + SKETCH_COUNTS + 1)),
    frameOf(0, id, check, Uint8Array.of(1)),
    frameOf(0, id, check, Uint8Array.of(0x40, 0)),
    frameOf(0, id, check, encodeVarint(2 * SKETCH_ELEMENTS_MAX + 2)),
    frameOf(0, id, check, encodeVarint(Number.MAX_SAFE_INTEGER)),
  ];
  for (const frame of refused) expect(() => decode(frame)).toThrow(WireError);
  expect(decode(frameOf(0, id, check, encodeVarint(2 * SKETCH_ELEMENTS_MAX))).counts[0]).toBe(
    SKETCH_ELEMENTS_MAX,
  );
});

test('symbols of a difference and no symbols are refused by the reader', () => {
  const symbols = new CodedSymbols(0, 2);
  symbols.counts[1] = -1;
  expect(() => decode(encode(symbols))).toThrow(WireError);
  expect(() => decode(encode(new CodedSymbols(0, 0)))).toThrow(WireError);
});

function frameOf(from: number, ...columns: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer().uint(from);
  for (const column of columns) writer.bytes(column);
  return writer.take();
}
