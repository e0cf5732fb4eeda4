import { expect, test } from 'vitest';
import { closePhrase, closureOf } from '../../../../src/transport/quic/closure.ts';
import type { NativeConnection } from '../../../../src/transport/quic/native.ts';

/** What is told of a connection that the peer has closed with that phrase. */
function toldOf(phrase: string | Uint8Array): object {
  const reason = typeof phrase === 'string' ? new TextEncoder().encode(phrase) : phrase;
  const native = {
    peerError: () => ({ isApp: true, errorCode: 0, reason }),
    localError: () => null,
  };
  return closureOf(native as unknown as NativeConnection, undefined);
}

test('a word and its detail come back as they were said', () => {
  expect(toldOf(closePhrase('leaving'))).toEqual({ reason: 'leaving', by: 'peer' });
  const told = { reason: 'clock', by: 'peer', detail: '61 s: behind' };
  expect(toldOf(closePhrase('clock', '61 s: behind'))).toEqual(told);
});

test('what a peer says last is fit for a log and a terminal', () => {
  expect(toldOf('clock: \u001b[2J\nadmission accepted\0 é')).toEqual({
    reason: 'clock',
    by: 'peer',
    detail: '?[2J?admission accepted? ?',
  });
});

test.each(['', 'CLOCK', ': nothing', '\u0000'])('the phrase %j is none of ours', (phrase) => {
  expect(toldOf(phrase)).toMatchObject({ reason: 'protocol', by: 'peer' });
});
