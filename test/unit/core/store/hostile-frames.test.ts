/** Frames of exchanges and broadcasts of stores, as honest nodes and as others send them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeDelta, encodeDelta } from '../../../../src/cluster/store-delta.ts';
import { packStamp } from '../../../../src/core/clock/stamp.ts';
import type { Entry } from '../../../../src/core/store/entry.ts';
import {
  decodeExchange,
  encodeExchange,
} from '../../../../src/core/store/exchange/exchange-codec.ts';
import type { ExchangeBody } from '../../../../src/core/store/exchange/messages.ts';
import { decodeKept, encodeKept } from '../../../../src/core/store/knowledge-codec.ts';
import { CodedPrefix } from '../../../../src/core/store/sketch/coded-prefix.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';

const writer = { node: 'a@h', incarnation: 7n };
const stamp = packStamp(1_000, 3);
const entry: Entry = {
  key: 'k\u00ff\0',
  stamp,
  writer,
  value: Uint8Array.of(1, 2),
  expiresAtMs: 9_000,
};
const tombstone: Entry = { ...entry, key: 'gone', value: undefined, expiresAtMs: 0 };
const knowledge = {
  self: writer,
  clock: stamp,
  floor: 5n,
  known: [
    {
      replica: { node: 'b@h', incarnation: 1n },
      know: 4n,
      ack: 2n,
      had: [{ after: 0n, upTo: 3n }],
    },
  ],
};
const digest = Uint8Array.from({ length: 16 }, (_, i) => i);
const ids = ['0123456789abcdef', 'fedcba9876543210'];
const symbols = (() => {
  const prefix = new CodedPrefix(64);
  for (const id of ids) prefix.add(id);
  return prefix.symbols(0, 8);
})();
const store = 'map:stöck';

const BODIES: readonly ExchangeBody[] = [
  { kind: 'open', digest, knowledge: [{ store, knowledge }] },
  { kind: 'same', knowledge: [{ store, knowledge }] },
  { kind: 'differ', stores: [{ store, digest, count: 3, symbols, knowledge }] },
  {
    kind: 'differ',
    stores: [{ store, digest, count: 0, symbols: undefined, knowledge: undefined }],
  },
  { kind: 'busy' },
  { kind: 'more', store, from: 8, count: 40 },
  { kind: 'symbols', store, symbols },
  { kind: 'buckets', store, digests: new Uint8Array(0) },
  { kind: 'buckets', store, digests: new Uint8Array(4_096 * 8).fill(3) },
  { kind: 'ids', store, buckets: [{ bucket: 4_095, ids }] },
  { kind: 'entries', store, entries: [entry, tombstone] },
  { kind: 'want', store, ids },
  { kind: 'answered', store },
  { kind: 'ended', store },
  { kind: 'buried', store, entries: [{ key: 'k', stamp, writer, isCertain: true }] },
  { kind: 'took' },
  { kind: 'done', store },
];
const FRAMES = BODIES.map((body) => encodeExchange({ exchange: 12, isAsking: true, body }));

describe('frames of exchanges', () => {
  test.each(BODIES)('$kind comes back as it was sent', (body) => {
    const message = { exchange: 1_000_000, isAsking: false, body };
    expect(decodeExchange(encodeExchange(message))).toEqual(message);
  });

  test('equal stores cost at most 64 bytes', () => {
    const open = encodeExchange({
      exchange: 100_000,
      isAsking: true,
      body: { kind: 'open', digest, knowledge: [] },
    });
    const same = encodeExchange({
      exchange: 100_000,
      isAsking: false,
      body: { kind: 'same', knowledge: [] },
    });
    expect(open.length + same.length).toBeLessThanOrEqual(64);
  });

  test('with changed, cut or added bytes are read or refused, never worse', () => {
    const mutation = fc.record({
      frame: fc.constantFrom(...FRAMES),
      at: fc.nat(),
      byte: fc.integer({ min: 0, max: 255 }),
      cut: fc.nat(3),
    });
    fc.assert(
      fc.property(mutation, ({ frame, at, byte, cut }) => {
        const bytes = frame.slice(0, frame.length - cut);
        bytes[at % Math.max(1, bytes.length)] = byte;
        expectReadOrRefused(() => decodeExchange(bytes));
      }),
      { numRuns: 20_000 },
    );
  });

  test('of random bytes are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expectReadOrRefused(() => decodeExchange(Uint8Array.of(40, ...bytes)));
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('broadcasts of stores, and what is kept', () => {
  const after = 7n;
  const delta = encodeDelta({ store, entries: [entry, tombstone], after });
  const kept = encodeKept({
    incarnation: 3n,
    exchangedAt: stamp,
    knowledge: {
      floor: 1n,
      known: [
        {
          replica: writer,
          had: [{ after: 0n, upTo: 3n }],
          know: 3n,
          ack: 2n,
          seen: 9n,
          removedAt: undefined,
        },
      ],
    },
  });

  test('come back as they were sent', () => {
    expect(decodeDelta(delta)).toEqual({ store, entries: [entry, tombstone], after });
    expect(encodeKept(decodeKept(kept))).toEqual(kept);
  });

  test('with changed or cut bytes are read or refused', () => {
    const mutation = fc.record({
      at: fc.nat(),
      byte: fc.integer({ min: 0, max: 255 }),
      cut: fc.nat(3),
    });
    fc.assert(
      fc.property(mutation, ({ at, byte, cut }) => {
        for (const [bytes, decode] of [
          [delta.slice(0, delta.length - cut), decodeDelta],
          [kept.slice(0, kept.length - cut), decodeKept],
        ] as const) {
          bytes[at % bytes.length] = byte;
          expectReadOrRefused(() => decode(bytes));
        }
      }),
      { numRuns: 5_000 },
    );
  });
});

function expectReadOrRefused(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
  }
}
