/** What every decoder of frames must stand: used by the tests of all codecs of the overlay. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { WireError } from '../../../src/core/wire/wire-error.ts';

type Decode = (frame: Uint8Array) => unknown;

/** Every cut of the frame, and every byte too many, is refused with a WireError. */
export function expectWholeFramesOnly(decode: Decode, frame: Uint8Array): void {
  for (let length = 0; length < frame.length; length += 1) {
    expect(() => decode(frame.subarray(0, length)), `cut at ${length}`).toThrow(WireError);
  }
  expect(() => decode(Uint8Array.of(...frame, 0))).toThrow(WireError);
}

/** Random bytes, and frames with a few bytes changed, decode or are refused with a WireError. */
export function expectNoOtherError(decode: Decode, frames: readonly Uint8Array[]): void {
  const changed = fc
    .record({
      frame: fc.constantFrom(...frames),
      at: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
    })
    .map(({ frame, at }) => {
      const bytes = frame.slice();
      for (const [index, byte] of at) bytes[index % bytes.length] = byte;
      return bytes;
    });
  const prefixed = fc
    .tuple(fc.nat(127), fc.uint8Array({ maxLength: 200 }))
    .map(([kind, rest]) => Uint8Array.of(kind, ...rest));
  fc.assert(
    fc.property(fc.oneof(changed, prefixed, fc.uint8Array({ maxLength: 100 })), (bytes) => {
      try {
        decode(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }),
    { numRuns: 500 },
  );
}
