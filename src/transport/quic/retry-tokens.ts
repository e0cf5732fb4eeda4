/**
 * Tokens of stateless retries (RFC 9000 section 8.1.2): who gives one back hears what is sent
 * to its address. Nothing is kept for them: a token carries the first connection id of the client,
 * and a MAC binds it to the address, to the id that the client shall use now, and to ten seconds.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Endpoint } from '../../host/udp.ts';
import { RETRY_TOKEN_MS } from './door-limits.ts';

const TIME_BYTES = 6;
const MAC_BYTES = 16;
const ORIGINAL_ID_BYTES_MAX = 20;

/** Whose token it is. */
export interface RetryClaim {
  readonly from: Endpoint;
  /** The id that the retry gave; the client's next datagram is for it. */
  readonly retryId: Uint8Array;
}

export class RetryTokens {
  readonly #key: Uint8Array;

  /** `key` is random and lives as long as the transport. */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** `originalId` has 8 to 20 bytes, the time is monotonic. */
  issue(claim: RetryClaim, originalId: Uint8Array, nowMs: number): Uint8Array {
    const macAt = TIME_BYTES + originalId.length;
    const token = Buffer.alloc(macAt + MAC_BYTES);
    token.writeUIntBE(Math.max(0, Math.floor(nowMs)), 0, TIME_BYTES);
    token.set(originalId, TIME_BYTES);
    token.set(this.#macOf(token.subarray(0, macAt), claim), macAt);
    return token;
  }

  /** The client's first connection id; undefined for a token that is forged, or too old. */
  open(claim: RetryClaim, token: Uint8Array, nowMs: number): Uint8Array | undefined {
    const macAt = token.length - MAC_BYTES;
    const idBytes = macAt - TIME_BYTES;
    if (idBytes < 0 || idBytes > ORIGINAL_ID_BYTES_MAX) return undefined;
    const body = token.subarray(0, macAt);
    if (!timingSafeEqual(this.#macOf(body, claim), token.subarray(macAt))) return undefined;
    const view = Buffer.from(token.buffer, token.byteOffset, TIME_BYTES);
    if (nowMs - view.readUIntBE(0, TIME_BYTES) > RETRY_TOKEN_MS) return undefined;
    return new Uint8Array(token.subarray(TIME_BYTES, macAt));
  }

  #macOf(body: Uint8Array, { from, retryId }: RetryClaim): Uint8Array {
    const mac = createHmac('sha256', this.#key).update(`${from.host} ${from.port}\n`);
    const length = Uint8Array.of(retryId.length);
    return mac.update(length).update(retryId).update(body).digest().subarray(0, MAC_BYTES);
  }
}
