/**
 * How the end of a connection travels: an application close whose phrase is `word` or
 * `word: detail`. What the TLS or QUIC layer ended is translated into the same words.
 */
import { printable } from '../../core/printable.ts';
import type { Closure } from '../transport.ts';
import type { NativeCloseError, NativeConnection } from './native.ts';

const PHRASE = /^([a-z][a-z-]{0,31})(?:: (.*))?$/;
const PHRASE_BYTES_MAX = 256;
/** TLS alerts are carried in this range of transport errors (RFC 9001 section 4.8). */
const CRYPTO_ERROR_FIRST = 0x100;
const CRYPTO_ERROR_LAST = 0x1ff;

/** The library throws plain errors, whose message is the name of what went wrong. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function closePhrase(reason: string, detail?: string): Uint8Array {
  const phrase = detail === undefined ? reason : `${reason}: ${detail}`;
  return new TextEncoder().encode(phrase).subarray(0, PHRASE_BYTES_MAX);
}

/** What a connection that is draining or closed ended of; `failure` is what its last read threw. */
export function closureOf(connection: NativeConnection, failure: unknown): Closure {
  const byPeer = connection.peerError();
  if (byPeer !== null) return translated(byPeer, 'peer', '');
  const byUs = connection.localError();
  if (byUs !== null) {
    return translated(byUs, 'local', failure instanceof Error ? failure.message : '');
  }
  return { reason: 'lost', by: 'local', detail: 'nothing heard for the idle time-out' };
}

function translated(error: NativeCloseError, by: 'local' | 'peer', failure: string): Closure {
  const text = printable(new TextDecoder().decode(error.reason));
  if (error.isApp) {
    const [, reason, detail] = PHRASE.exec(text) ?? [];
    if (reason === undefined) return { reason: 'protocol', by, detail: 'close without a reason' };
    return detail === undefined ? { reason, by } : { reason, by, detail };
  }
  const inTls = error.errorCode >= CRYPTO_ERROR_FIRST && error.errorCode <= CRYPTO_ERROR_LAST;
  const detail = `${inTls ? 'TLS' : 'QUIC'} error ${error.errorCode} ${text}${failure}`.trimEnd();
  return { reason: inTls ? 'certificate' : 'protocol', by, detail };
}
