import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  encodeFrame,
  FrameReader,
  frameBytes,
  frameHeader,
  writeFrame,
} from '../../../../src/core/wire/frame.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { anyBytes, concatenated, fromHex, RandomBytes, toHex } from './arbitraries.ts';

test('a frame is the length of its body and the body', () => {
  expect(toHex(encodeFrame(fromHex('010203')))).toBe('03010203');
  expect(toHex(encodeFrame(new Uint8Array(0)))).toBe('00');
  expect(toHex(frameHeader(15_293))).toBe('7bbd');
  expect(frameBytes(15_293)).toBe(15_295);
  const out = new Uint8Array(6);
  expect(writeFrame(fromHex('aabb'), out, 2)).toBe(5);
  expect(toHex(out)).toBe('000002aabb00');
});

test('bodies come back whole and in order, however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(anyBytes, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 12 }),
      (bodies, cuts) => {
        const stream = concatenated(...bodies.map(encodeFrame));
        const reader = new FrameReader(300);
        const seen: string[] = [];
        let at = 0;
        for (let i = 0; at < stream.length; i++) {
          const end = at + (cuts[i % cuts.length] ?? 1);
          reader.push(stream.subarray(at, end), (body) => seen.push(toHex(body)));
          at = end;
        }
        expect(seen).toEqual(bodies.map(toHex));
        expect(reader.bufferedBytes).toBe(0);
      },
    ),
  );
});

test('a stream fed byte by byte gives its bodies, and holds what is not whole', () => {
  const bodies = [new Uint8Array(0), new Uint8Array(63).fill(1), new Uint8Array(20_000).fill(2)];
  const reader = new FrameReader(20_000);
  const seen: Uint8Array[] = [];
  for (const byte of concatenated(...bodies.map(encodeFrame), fromHex('4070aa'))) {
    reader.push(Uint8Array.of(byte), (body) => seen.push(body));
  }
  expect(seen).toStrictEqual(bodies);
  expect(reader.bufferedBytes).toBe(3);
});

test('a body within one chunk is a view of it, also when the chunk is a Buffer', () => {
  const chunk = Buffer.from(encodeFrame(fromHex('0102')));
  new FrameReader(10).push(chunk, (body) => {
    expect(body.buffer).toBe(chunk.buffer);
    expect(body.constructor).toBe(Uint8Array);
    expect(toHex(body)).toBe('0102');
  });
});

test('a frame above the bound is refused at its header', () => {
  for (const header of [
    frameHeader(101),
    frameHeader(2 ** 32),
    frameHeader(Number.MAX_SAFE_INTEGER),
    fromHex('ffffffffffffffff'),
  ]) {
    expect(() => new FrameReader(100).push(header, () => {})).toThrow(WireError);
    const slowly = new FrameReader(100);
    for (const byte of header.subarray(0, -1)) slowly.push(Uint8Array.of(byte), () => {});
    expect(() => slowly.push(header.subarray(-1), () => {})).toThrow(WireError);
  }
  const exact = new FrameReader(100);
  const seen: number[] = [];
  exact.push(encodeFrame(new Uint8Array(100)), (body) => seen.push(body.length));
  expect(seen).toEqual([100]);
});

test('a length in a longer form than needed is refused', () => {
  expect(() => new FrameReader(100).push(fromHex('4003010203'), () => {})).toThrow(WireError);
});

test('a broken stream stays broken', () => {
  const reader = new FrameReader(4);
  expect(() => reader.push(frameHeader(5), () => {})).toThrow(WireError);
  expect(() => reader.push(encodeFrame(fromHex('01')), () => {})).toThrow(WireError);
  const thrown = new FrameReader(4);
  const fails = (): never => {
    throw new Error('from the callback');
  };
  expect(() => thrown.push(encodeFrame(fromHex('01')), fails)).toThrow('from the callback');
  expect(() => thrown.push(encodeFrame(fromHex('01')), () => {})).toThrow(WireError);
});

test('a new bound holds from the next header on', () => {
  const reader = new FrameReader(4);
  const seen: number[] = [];
  const note = (body: Uint8Array): unknown => seen.push(body.length);
  reader.push(encodeFrame(new Uint8Array(4)), note);
  reader.limitTo(8);
  reader.push(encodeFrame(new Uint8Array(8)), note);
  expect(seen).toEqual([4, 8]);
  reader.limitTo(2);
  expect(() => reader.push(encodeFrame(new Uint8Array(3)), note)).toThrow(WireError);
});

test('an announced length takes no memory', () => {
  const start = concatenated(frameHeader(1_000_000), new Uint8Array(10));
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 1_000 }, () => new FrameReader(1_048_576));
  for (const reader of readers) reader.push(start, () => {});
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
  expect(readers.every((reader) => reader.bufferedBytes === start.length)).toBe(true);
});

test('random bytes give bodies within the bound, or end the stream', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new RandomBytes(seed);
      for (let i = 0; i < 200; i++) {
        const reader = new FrameReader(50);
        try {
          for (let chunk = 0; chunk < 5; chunk++) {
            reader.push(random.bytes(40), (body) => {
              if (body.length > 50) throw new Error(`body of ${body.length} bytes`);
            });
            if (reader.bufferedBytes > 58) throw new Error(`holds ${reader.bufferedBytes} bytes`);
          }
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
        }
      }
    }),
  );
});
