import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameReader } from '../../../src/core/wire/frame.ts';
import { FRAME_BYTES_MAX, LANE_COUNT } from '../../../src/limits.ts';
import { routeOf } from '../../../src/transport/quic/datagram.ts';
import { Outbox } from '../../../src/transport/quic/outbox.ts';
import { streamOfChannel } from '../../../src/transport/quic/settings.ts';

describe('routing of datagrams', () => {
  test('a short header is for the connection of its 16 bytes and opens nothing', () => {
    const id = Uint8Array.from({ length: 16 }, (_, index) => index + 1);
    const datagram = new Uint8Array([0x40, ...id, 9, 9, 9]);
    expect(routeOf(datagram)).toEqual({
      connection: latin1(id),
      version: undefined,
      mayOpen: false,
    });
  });

  test('a first datagram of a client may open a connection', () => {
    expect(routeOf(initial({}))).toEqual({
      connection: latin1(clientId(8)),
      version: 1,
      mayOpen: true,
    });
  });

  test('one that is too small, of another version or another type may not', () => {
    expect(routeOf(initial({ bytes: 1_199 }))?.mayOpen).toBe(false);
    expect(routeOf(initial({ version: 2 }))?.mayOpen).toBe(false);
    expect(routeOf(initial({ version: 0 }))?.mayOpen).toBe(false);
    expect(routeOf(initial({ first: 0xe0 }))?.mayOpen).toBe(false);
    expect(routeOf(initial({ idBytes: 7 }))?.mayOpen).toBe(false);
  });

  test('a connection id over 20 bytes, or one that is cut, is no datagram of ours', () => {
    expect(routeOf(initial({ idBytes: 21 }))).toBeUndefined();
    expect(routeOf(initial({}).subarray(0, 10))).toBeUndefined();
  });

  test('no bytes make it throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_400 }), (bytes) => {
        const route = routeOf(bytes);
        expect(route === undefined || typeof route.connection === 'string').toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the outbox', () => {
  test('gives every frame of every channel once, whole and in order, however little is taken', () => {
    const frame = fc.record({
      channel: fc.nat(LANE_COUNT),
      bytes: fc.uint8Array({ maxLength: 40_000 }),
    });
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 40 }),
        fc.infiniteStream(fc.nat(9_000)),
        (frames, takes) => {
          const outbox = new Outbox();
          const written = new Map<number, Uint8Array[]>();
          for (const { channel, bytes } of frames) outbox.push(channel, bytes);
          for (let rounds = 0; outbox.bytes > 0 && rounds < 100_000; rounds += 1) {
            outbox.drain((channel, bytes) => {
              const taken = Math.min(bytes.length, takes.next().value ?? 0);
              const chunks = written.get(channel) ?? [];
              written.set(channel, [...chunks, bytes.slice(0, taken)]);
              return taken;
            });
          }
          expect(outbox.bytes).toBe(0);
          for (let channel = 0; channel <= LANE_COUNT; channel += 1) {
            const sent = frames.filter((one) => one.channel === channel).map(({ bytes }) => bytes);
            expect(framesOf(written.get(channel) ?? [])).toEqual(sent);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test('writes control first and then gives each lane its turn', () => {
    const outbox = new Outbox();
    for (const channel of [3, 1, 0]) outbox.push(channel, new Uint8Array(10));
    const order: number[] = [];
    const takeNothing = (channel: number): number => {
      order.push(channel);
      return 0;
    };
    outbox.drain(takeNothing);
    outbox.drain(takeNothing);
    expect(order).toEqual([0, 1, 3, 0, 3, 1]);
  });

  test('counts control apart from the lanes', () => {
    const outbox = new Outbox();
    outbox.push(0, new Uint8Array(10));
    outbox.push(5, new Uint8Array(100));
    expect([outbox.bytesOf(0), outbox.bytesOf(1), outbox.bytes]).toEqual([11, 102, 113]);
    outbox.clear();
    expect(outbox.bytes).toBe(0);
  });
});

test('channels have streams of their own, those of the two ends apart', () => {
  const streams = [true, false].flatMap((dialer) =>
    Array.from({ length: LANE_COUNT }, (_, lane) => streamOfChannel(lane + 1, dialer)),
  );
  expect(new Set(streams).size).toBe(2 * LANE_COUNT);
  expect(streamOfChannel(0, true)).toBe(streamOfChannel(0, false));
});

interface InitialParts {
  readonly first?: number;
  readonly version?: number;
  readonly idBytes?: number;
  readonly bytes?: number;
}

function initial({
  first = 0xc0,
  version = 1,
  idBytes = 8,
  bytes = 1_200,
}: InitialParts): Uint8Array {
  const datagram = new Uint8Array(bytes);
  datagram.set([first, 0, 0, 0, version, idBytes, ...clientId(idBytes)]);
  return datagram;
}

function clientId(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, index) => 0xa0 + index);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function framesOf(chunks: readonly Uint8Array[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const reader = new FrameReader(FRAME_BYTES_MAX);
  for (const chunk of chunks) reader.push(chunk, (frame) => frames.push(frame.slice()));
  return frames;
}
