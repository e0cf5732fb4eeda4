import { describe, expect, test } from 'vitest';
import { ReceiveWindow } from '../../../../src/transport/streams/receive-window.ts';
import {
  STREAM_WINDOW_BYTES_INITIAL,
  STREAM_WINDOW_BYTES_MAX,
  STREAM_WINDOW_BYTES_SHORT,
} from '../../../../src/transport/streams/stream-limits.ts';

/** Reads all in pieces of 16 KiB, each of which takes so long to come. */
function kept(window: ReceiveWindow, ground: Ground, pieceMs: number, pieces = 2_000): number {
  let limit = STREAM_WINDOW_BYTES_INITIAL;
  for (let piece = 0; piece < pieces; piece += 1) {
    ground.ms += pieceMs;
    window.receive(16_384);
    limit = window.read(16_384) ?? limit;
  }
  return limit;
}

class Ground {
  ms = 0;
  left = Number.POSITIVE_INFINITY;

  nowMs(): number {
    return this.ms;
  }

  rttMs(): number {
    return 10;
  }

  reserve(bytes: number): boolean {
    this.left -= bytes;
    return this.left >= 0;
  }
}

describe('the window of a reader', () => {
  test('that keeps up on a short path grows to what is enough there', () => {
    const ground = new Ground();
    const window = new ReceiveWindow(ground);
    kept(window, ground, 4);
    expect(window.size).toBe(STREAM_WINDOW_BYTES_SHORT);
  });

  test('that keeps up on a path that is long for its rate grows to the bound', () => {
    const ground = new Ground();
    const window = new ReceiveWindow(ground);
    const limit = kept(window, ground, 0.01);
    expect(window.size).toBe(STREAM_WINDOW_BYTES_MAX);
    expect(limit).toBeLessThanOrEqual(2_000 * 16_384 + STREAM_WINDOW_BYTES_MAX);
  });

  test('that lags stays, and its credit follows what was read', () => {
    const ground = new Ground();
    const window = new ReceiveWindow(ground);
    window.receive(STREAM_WINDOW_BYTES_INITIAL);
    expect(window.read(32_767)).toBe(undefined);
    expect(window.read(1)).toBe(32_768 + STREAM_WINDOW_BYTES_INITIAL);
    expect(window.size).toBe(STREAM_WINDOW_BYTES_INITIAL);
  });

  test('does not grow when the budget of the connection is used up', () => {
    const ground = new Ground();
    ground.left = STREAM_WINDOW_BYTES_INITIAL;
    const window = new ReceiveWindow(ground);
    kept(window, ground, 0.01);
    expect(window.size).toBe(2 * STREAM_WINDOW_BYTES_INITIAL);
  });

  test('is a bound: a writer that passes it breaks the rules', () => {
    const window = new ReceiveWindow(new Ground());
    window.receive(STREAM_WINDOW_BYTES_INITIAL);
    expect(() => window.receive(1)).toThrow('more of a stream');
  });
});
