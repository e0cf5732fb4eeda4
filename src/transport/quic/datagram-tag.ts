/**
 * The keyed tag of nodes with a join secret: 16 bytes behind each datagram with a long header, all
 * those of a handshake. A stranger cannot make one, so that what it sends never reaches the native
 * code. Datagrams with a short header have none: QUIC opens them with keys that a handshake left.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { TAG_BYTES } from './door-limits.ts';

const LABEL = 'barrel-p2p datagram tag 1';

export type Role = 'dialer' | 'acceptor';

export class DatagramTag {
  readonly #key: Uint8Array;

  /** `secretKey` is the one that proofs of the join secret are made with. */
  constructor(secretKey: Uint8Array) {
    this.#key = createHmac('sha256', secretKey).update(LABEL).digest();
  }

  /** Writes the tag into the last 16 bytes, over all before them. `from` is who sends. */
  seal(datagram: Uint8Array, from: Role): Uint8Array {
    const end = datagram.length - TAG_BYTES;
    datagram.set(this.#tagOf(datagram.subarray(0, end), from), end);
    return datagram;
  }

  /** The datagram without its tag, a view; undefined where the tag is wrong or missing. */
  open(datagram: Uint8Array, from: Role): Uint8Array | undefined {
    const end = datagram.length - TAG_BYTES;
    if (end <= 0) return undefined;
    const inside = datagram.subarray(0, end);
    return timingSafeEqual(this.#tagOf(inside, from), datagram.subarray(end)) ? inside : undefined;
  }

  #tagOf(datagram: Uint8Array, from: Role): Uint8Array {
    const mac = createHmac('sha256', this.#key).update(from === 'dialer' ? 'd' : 'a');
    return mac.update(datagram).digest().subarray(0, TAG_BYTES);
  }
}
