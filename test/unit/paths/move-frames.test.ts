import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WireError } from '../../../src/core/wire/wire-error.ts';
import { Writer } from '../../../src/core/wire/writer.ts';
import {
  decodeMove,
  encodeMove,
  MOVE,
  MOVED,
  type MovedMessage,
  type MoveMessage,
} from '../../../src/paths/move-frames.ts';
import { MOVE_ADDRESSES_MAX } from '../../../src/transport/path-limits.ts';

const MESSAGES: readonly (MoveMessage | MovedMessage)[] = [
  { kind: 'move', id: 1, addresses: [] },
  { kind: 'move', id: 2 ** 40, addresses: ['10.0.0.1:7000', '[2001:db8::1]:7000', ':7000'] },
  { kind: 'moved', id: 1, fault: undefined },
  { kind: 'moved', id: 7, fault: 'ERR_PATH_NOT_VALIDATED' },
  { kind: 'moved', id: 8, fault: 'ERR_OVERLOADED' },
];

describe('messages of a move', () => {
  test.each(MESSAGES)('%j is read as it was written', (message) => {
    const frame = encodeMove(message);
    expect(decodeMove(frame)).toEqual(message);
    expect(frame[0]).toBe(message.kind === 'move' ? MOVE : MOVED);
  });

  test.each([
    ['a host name, which would have to be looked up', ['host:7000']],
    ['no port', ['10.0.0.1']],
    ['port 0', [':0']],
    ['a port above the last', ['10.0.0.1:65536']],
    ['more addresses than may be tried', Array(MOVE_ADDRESSES_MAX + 1).fill('10.0.0.1:7000')],
  ])('an address list with %s is refused', (_what, addresses: readonly string[]) => {
    const writer = new Writer().uint(MOVE).uint(1);
    writer.list(addresses, (w, address) => w.string(address));
    expect(() => decodeMove(writer.take())).toThrow(WireError);
  });

  test('what has bytes left, or is cut short, is refused', () => {
    for (const message of MESSAGES) {
      const frame = encodeMove(message);
      expect(() => decodeMove(Uint8Array.of(...frame, 0))).toThrow(WireError);
      expect(() => decodeMove(frame.subarray(0, -1))).toThrow(WireError);
    }
  });

  test('any bytes are read or refused', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(MOVE, MOVED, 1),
        fc.uint8Array({ maxLength: 40 }),
        (kind, rest) => {
          try {
            decodeMove(Uint8Array.of(kind, ...rest));
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        },
      ),
    );
  });
});
