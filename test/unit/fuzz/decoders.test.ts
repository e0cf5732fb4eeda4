/**
 * Hostile bytes for every decoder. `npm run fuzz -- --part frames` is the long form; a failure
 * prints seed and bytes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { WireError } from '../../../src/core/wire/wire-error.ts';
import { DECODERS, type Decoder } from './decoders.ts';
import { fuzzCount, fuzzSeed } from './fuzz-run.ts';
import { Mutations } from './mutations.ts';

const SOURCES = join(import.meta.dirname, '../../../src');
const COUNT = fuzzCount(2_000);
const SEED = fuzzSeed();
const GROWTH_BYTES_MAX = 20 * 1024 * 1024;
/** Longer than any decoder of a frame of 64 KiB takes on a busy machine. */
const TIMEOUT_MS = 60_000 + COUNT;

/** Functions of such names that read no bytes of others. */
const NO_DECODERS: ReadonlySet<string> = new Set(['core/wire/key.ts:readKeyBytes']);
/** Rooms whose bytes come from this machine and its owner. */
const OWN_ROOMS = /^(cli|admin|testing|host)\//;

test('no decoder is forgotten', () => {
  const known = new Set(DECODERS.map(({ name }) => name));
  expect(decodersOfSources().filter((name) => !known.has(name))).toEqual([]);
  expect(known.size).toBe(DECODERS.length);
});

describe('good bytes', () => {
  test.each(DECODERS)('are read by $name', ({ decode, samples }) => {
    expect(samples.length).toBeGreaterThan(0);
    for (const bytes of samples) {
      expect(outcomeOf(decode, bytes.slice()), hexOf(bytes)).not.toBeInstanceOf(Error);
    }
  });
});

describe(`${COUNT} hostile frames of seed ${SEED}`, () => {
  test.each(DECODERS)('are read or refused by $name', { timeout: TIMEOUT_MS }, (decoder) => {
    const refused = fuzzed(decoder);
    // Else the bytes were not hostile, or nothing was judged.
    if (!TOTAL.has(decoder.name)) expect(refused).toBeGreaterThan(COUNT / 100);
  });

  test('leave nothing in memory', { timeout: TIMEOUT_MS }, () => {
    const before = heapBytes();
    for (const decoder of DECODERS) fuzzed(decoder, COUNT / 10);
    expect(heapBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
  });
});

/** They take any bytes. */
const TOTAL: ReadonlySet<string> = new Set([
  'core/store/binary-text.ts:decodeText',
  'core/schedule/record-codec.ts:isClaimedValue',
  // What is none is undefined.
  'identity/revocation.ts:readRevocation',
  'transport/quic/datagram.ts:routeOf',
  'transport/quic/datagram.ts:initialHeaderOf',
  'transport/quic/secret-refusal.ts:isSecretRefusal',
]);

/** How many of them were refused. */
function fuzzed({ name, decode, samples }: Decoder, count: number = COUNT): number {
  const mutations = new Mutations(SEED);
  let refused = 0;
  for (let index = 0; index < count; index += 1) {
    const bytes = mutations.next(samples);
    const copy = bytes.length < 512 ? bytes.slice() : bytes;
    const outcome = outcomeOf(decode, bytes);
    if (!(outcome instanceof Error)) continue;
    refused += 1;
    if (outcome instanceof WireError) continue;
    throw new Error(`${name}, seed ${SEED}, ${hexOf(copy)}: ${outcome.stack}`);
  }
  return refused;
}

function outcomeOf(decode: Decoder['decode'], bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** `file:function` of every function that has the name of a decoder and takes bytes or a reader. */
function decodersOfSources(): readonly string[] {
  const pattern =
    /export function ((?:decode|read)\w+)(?:<\w+>)?\(\s*\w+: (?:Uint8Array|Reader|string)\b/g;
  return readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts') && !OWN_ROOMS.test(path))
    .flatMap((path) => {
      const text = readFileSync(join(SOURCES, path), 'utf8');
      return [...text.matchAll(pattern)].map(([, name]) => `${path}:${name}`);
    })
    .filter((name) => !NO_DECODERS.has(name));
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 512)).toString('hex');
}
