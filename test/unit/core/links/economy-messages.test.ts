import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeEconomy,
  ECONOMY_KINDS,
  type EconomyMessage,
  encodeEconomy,
  isEconomyKind,
} from '../../../../src/core/links/economy-messages.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';

const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const message: fc.Arbitrary<EconomyMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('propose' as const),
    round: number,
    cause: fc.constantFrom('idle' as const, 'room' as const),
    framesSent: number,
  }),
  fc.record({ kind: fc.constant('agree' as const), round: number, framesSent: number }),
  fc.record({ kind: fc.constantFrom('refuse' as const, 'withdraw' as const), round: number }),
);

describe('a message about the end of a link', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodeEconomy(encodeEconomy(sent))).toEqual(sent);
      }),
    );
  });

  test('has these bytes', () => {
    const propose = { kind: 'propose', round: 3, cause: 'room', framesSent: 200 } as const;
    const frames = [
      propose,
      { kind: 'agree', round: 3, framesSent: 7 },
      { kind: 'refuse', round: 3 },
      { kind: 'withdraw', round: 3 },
    ] as const;
    expect(frames.map((frame) => Buffer.from(encodeEconomy(frame)).toString('hex'))).toEqual([
      '580301ccc8',
      '590307',
      '5a03',
      '5b03',
    ]);
    expect(ECONOMY_KINDS).toEqual([88, 89, 90, 91]);
    expect([87, 88, 91, 92].map(isEconomyKind)).toEqual([false, true, true, false]);
  });

  test('is refused when it is cut, longer, of another kind or cause', () => {
    const whole = encodeEconomy({ kind: 'propose', round: 1, cause: 'idle', framesSent: 1 });
    const broken = [
      whole.subarray(0, -1),
      Uint8Array.of(...whole, 0),
      Uint8Array.of(88, 1, 2, 1),
      Uint8Array.of(92, 1),
      Uint8Array.of(),
    ];
    for (const frame of broken) expect(() => decodeEconomy(frame)).toThrow(WireError);
  });

  test('decodes from random bytes to a message or a WireError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
        try {
          decodeEconomy(Uint8Array.of(88 + ((bytes[0] ?? 0) % 4), ...bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});
