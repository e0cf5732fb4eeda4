import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import type { StreamCarrier } from '../../../../src/transport/streams/stream-carrier.ts';
import type { StreamEnd } from '../../../../src/transport/streams/stream-end.ts';
import {
  decodeCreditFrame,
  decodeStreamFrame,
  encodeCredit,
  encodeStop,
  encodeStreamFrame,
} from '../../../../src/transport/streams/stream-frames.ts';
import {
  PEER_STREAMS_HELD_MAX,
  RESET_OVERLOADED,
  STREAM_WINDOW_BYTES_INITIAL,
  STREAM_WINDOWS_BYTES_MAX,
  STREAMS_PER_END_MAX,
} from '../../../../src/transport/streams/stream-limits.ts';
import { StreamTable } from '../../../../src/transport/streams/stream-table.ts';

describe('streams of the peer', () => {
  test('whose first bytes overtook those of earlier ones are taken in any order', () => {
    const { table, given } = tableOf('acceptor');
    for (const id of [12, 4, 8]) table.at(id)?.received(Uint8Array.of(1));
    expect(given).toEqual([12, 4, 8]);
  });

  test('that are over are not opened again', () => {
    const { table, given } = tableOf('acceptor');
    table.at(4)?.reset(1);
    expect(table.at(4)).toBe(undefined);
    expect(given).toEqual([4]);
  });

  test('that were stopped before they came are not opened at all', () => {
    const { table, given } = tableOf('acceptor');
    table.credit(encodeStop({ id: 8, code: 5 }));
    expect([table.at(8), table.at(4)?.id]).toEqual([undefined, 4]);
    expect(given).toEqual([4]);
  });

  test('above the bound are reset', () => {
    const { table, given, resets } = tableOf('acceptor');
    for (let index = 1; index <= PEER_STREAMS_HELD_MAX + 1; index += 1) table.at(4 * index);
    expect(given).toHaveLength(PEER_STREAMS_HELD_MAX);
    expect(resets).toEqual([[4 * (PEER_STREAMS_HELD_MAX + 1), RESET_OVERLOADED]]);
  });

  test.each([
    ['acceptor', [0, 2, 3, 1, 6]],
    ['dialer', [2, 3, 4, 7]],
  ] as const)('of an %s have no numbers that are not theirs', (role, ids) => {
    const { table } = tableOf(role);
    for (const id of ids) expect(() => table.at(id)).toThrow(WireError);
    expect(() => table.at(1_000_000_000 - (role === 'dialer' ? 3 : 0))).toThrow('too many');
  });
});

describe('a stream', () => {
  test('of which more comes than there is credit for breaks the rules', () => {
    const { table } = tableOf('acceptor');
    const stream = table.at(4);
    stream?.received(new Uint8Array(STREAM_WINDOW_BYTES_INITIAL));
    expect(() => stream?.received(Uint8Array.of(1))).toThrow(WireError);
  });

  test('is sent no more than the peer has credit for, and more with more', () => {
    const { table, written } = tableOf('dialer');
    const stream = table.open();
    stream.attach({
      onReadable: () => {},
      onWritable: () => {},
      onReset: () => {},
      onLost: () => {},
    });
    expect(stream.write(new Uint8Array(100_000))).toBe(STREAM_WINDOW_BYTES_INITIAL);
    expect(stream.write(new Uint8Array(1))).toBe(0);
    table.credit(encodeCredit({ id: stream.id, limit: STREAM_WINDOW_BYTES_INITIAL + 10 }));
    expect(stream.write(new Uint8Array(100))).toBe(10);
    table.credit(encodeCredit({ id: stream.id, limit: 5 }));
    expect(stream.write(new Uint8Array(1))).toBe(0);
    expect(written()).toBe(STREAM_WINDOW_BYTES_INITIAL + 10);
  });
});

test('windows together grow to 32 MiB, and are 80 MiB with all streams that there may be', () => {
  const { table } = tableOf('acceptor');
  const ends: StreamEnd[] = [];
  const windows = (): number => ends.reduce((sum, { windowBytes }) => sum + windowBytes, 0);
  const open = (id: number): StreamEnd => {
    const stream = table.at(id);
    if (stream === undefined) throw new Error('it was refused');
    ends.push(stream);
    return stream;
  };
  for (let index = 1; index <= PEER_STREAMS_HELD_MAX; index += 1) {
    const stream = open(4 * index);
    for (let count = 0; index <= 9 && count < 400; count += 1) {
      stream.received(new Uint8Array(STREAM_WINDOW_BYTES_INITIAL / 2));
      stream.read();
    }
    if (index === 8) expect(windows()).toBe(STREAM_WINDOWS_BYTES_MAX);
  }
  expect(windows()).toBe(STREAM_WINDOWS_BYTES_MAX + 504 * STREAM_WINDOW_BYTES_INITIAL);
  for (let index = 0; index < STREAMS_PER_END_MAX; index += 1) {
    ends.push(table.open() as StreamEnd);
  }
  expect(windows()).toBeLessThanOrEqual(80 * 2 ** 20);
});

test('frames of streams come back as they were, and no bytes make a decoder throw anything else', () => {
  const id = fc.nat();
  const frame = fc.oneof(
    fc.record({ kind: fc.constant('bytes' as const), id, bytes: fc.uint8Array() }),
    fc.record({ kind: fc.constant('end' as const), id }),
    fc.record({ kind: fc.constant('reset' as const), id, code: fc.nat() }),
  );
  fc.assert(
    fc.property(frame, (one) => {
      expect(decodeStreamFrame(encodeStreamFrame(one))).toEqual(one);
    }),
  );
  expect(decodeCreditFrame(encodeStop({ id: 4, code: 2 }))).toEqual({
    kind: 'stop',
    id: 4,
    code: 2,
  });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      for (const decode of [decodeStreamFrame, decodeCreditFrame]) {
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

interface TestedTable {
  readonly table: StreamTable;
  readonly given: number[];
  readonly resets: (readonly [id: number, code: number])[];
  readonly written: () => number;
}

/** A table on a path that takes everything. */
function tableOf(role: 'dialer' | 'acceptor'): TestedTable {
  const given: number[] = [];
  const resets: (readonly [number, number])[] = [];
  let written = 0;
  const carrier: StreamCarrier = {
    write: (_id, bytes) => {
      written += bytes.length;
      return bytes.length;
    },
    hasRoom: () => true,
    finish: () => {},
    reset: (id, code) => resets.push([id, code]),
    over: () => {},
    nowMs: () => 0,
    rttMs: () => 1,
    sendCredit: () => {},
  };
  const table = new StreamTable(role, carrier);
  table.listen((stream) => {
    given.push(stream.id);
    const nothing = (): void => {};
    stream.attach({ onReadable: nothing, onWritable: nothing, onReset: nothing, onLost: nothing });
  });
  return { table, given, resets, written: () => written };
}
