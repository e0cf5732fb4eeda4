/**
 * Coded symbols of a set on the wire: the first index, then three columns. Ids take 16 bytes each,
 * as their characters stand in the id, checks 4, lowest byte first. A count is told as its distance
 * from what the count before it lets expect, which takes one or two bytes: 22 bytes for a symbol.
 * Behind the counts of the symbols may stand those of some that follow.
 */
import { SKETCH_COUNTS, SKETCH_ELEMENTS_MAX } from '../../../limits.ts';
import type { Reader } from '../../wire/reader.ts';
import { readVarint, varintLength, writeVarint } from '../../wire/varint.ts';
import { WireError } from '../../wire/wire-error.ts';
import type { Writer } from '../../wire/writer.ts';
import { CodedSymbols } from './coded-symbols.ts';
import { ID_BYTES } from './element.ts';

const CHECK_BYTES = 4;
const COUNT_BYTES_MAX = 8;

/** Writes at least one symbol of a set; none, or those of a difference, are refused when read. */
export function writeSymbols(writer: Writer, symbols: CodedSymbols): void {
  writer.uint(symbols.from).bytes(bytesOf(symbols.ids)).bytes(bytesOf(symbols.checks));
  writer.bytes(packCounts(symbols));
}

/**
 * Reads symbols with indices below `max`. What is returned is a copy.
 * @throws WireError for anything that `writeSymbols` does not write of a set.
 */
export function readSymbols(reader: Reader, max: number): CodedSymbols {
  const from = reader.uint(max);
  const ids = reader.bytes((max - from) * ID_BYTES);
  const length = ids.length / ID_BYTES;
  if (length === 0 || !Number.isInteger(length)) throw new WireError('not whole coded symbols');
  const checks = reader.bytes(length * CHECK_BYTES);
  if (checks.length !== length * CHECK_BYTES) throw new WireError('not one check for each symbol');
  const counts = unpackCounts(from, reader.bytes((length + SKETCH_COUNTS) * COUNT_BYTES_MAX));
  const ahead = counts.length - length;
  if (ahead < 0 || ahead > SKETCH_COUNTS) throw new WireError('not one count for each symbol');
  const symbols = new CodedSymbols(from, length, ahead);
  fillWords(symbols.ids, ids);
  fillWords(symbols.checks, checks);
  symbols.counts.set(counts.slice(0, length));
  symbols.ahead.set(counts.slice(length));
  return symbols;
}

function bytesOf(words: Int32Array): Uint8Array {
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < words.length; i += 1) view.setInt32(4 * i, words[i] ?? 0, true);
  return bytes;
}

function fillWords(words: Int32Array, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < words.length; i += 1) words[i] = view.getInt32(4 * i, true);
}

function packCounts({ from, counts, ahead }: CodedSymbols): Uint8Array {
  const bytes = new Uint8Array((counts.length + ahead.length) * COUNT_BYTES_MAX);
  let end = 0;
  let before = 0;
  let index = from;
  for (const column of [counts, ahead]) {
    for (const count of column) {
      end = writeVarint(unsigned(count - expected(before, index)), bytes, end);
      before = count;
      index += 1;
    }
  }
  return bytes.subarray(0, end);
}

function unpackCounts(from: number, bytes: Uint8Array): readonly number[] {
  const counts: number[] = [];
  let at = 0;
  let before = 0;
  while (at < bytes.length) {
    const distance = readVarint(bytes, at);
    at += varintLength(distance);
    const count = expected(before, from + counts.length) + signed(distance);
    if (count < 0 || count > SKETCH_ELEMENTS_MAX) throw new WireError('count out of range');
    counts.push(count);
    before = count;
  }
  return counts;
}

/** The count of symbol `index` as its coverage is to that of the symbol before. */
function expected(before: number, index: number): number {
  return Math.floor((before * (index + 1)) / (index + 2));
}

/** 0, -1, 1, -2 ... as 0, 1, 2, 3 ... */
function unsigned(n: number): number {
  return n < 0 ? -2 * n - 1 : 2 * n;
}

function signed(n: number): number {
  return n % 2 === 1 ? -(n + 1) / 2 : n / 2;
}
