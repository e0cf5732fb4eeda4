/** The broadcasts of features: each has a tag of its own, judges what comes, and gets it once. */
import type { Broadcast, MessageId } from '../core/gossip/contract.ts';
import { BarrelError } from '../errors.ts';
import { GOSSIP_PAYLOAD_BYTES_MAX } from '../limits.ts';
import type { BroadcastReader, Broadcasts } from './ports.ts';

export class TaggedBroadcasts implements Broadcasts {
  readonly #readers = new Map<number, BroadcastReader>();
  readonly #send: (tag: number, payload: Uint8Array) => MessageId;

  /** `send` hands one broadcast to the overlay. */
  constructor(send: (tag: number, payload: Uint8Array) => MessageId) {
    this.#send = send;
  }

  attach(tag: number, reader: BroadcastReader): void {
    this.#readers.set(tag, reader);
  }

  broadcast(tag: number, payload: Uint8Array): MessageId {
    if (payload.length > GOSSIP_PAYLOAD_BYTES_MAX) {
      const size = `${payload.length} bytes, the limit is ${GOSSIP_PAYLOAD_BYTES_MAX}`;
      throw new BarrelError('ERR_VALUE', `the broadcast has ${size}`);
    }
    return this.#send(tag, payload);
  }

  /** A tag that this node does not know may be a newer node's: it is passed on. */
  accepts({ tag, payload }: Broadcast): boolean {
    return this.#readers.get(tag)?.accepts(payload) ?? true;
  }

  deliver(broadcast: Broadcast): void {
    this.#readers.get(broadcast.tag)?.onBroadcast(broadcast);
  }
}
