/**
 * The topics of one node: what it publishes goes out as a broadcast, what comes in goes to its
 * subscribers. A message is judged before it is passed on, whether anybody here wants it or not.
 */
import type { Broadcasts } from '../cluster/ports.ts';
import type { Broadcast, MessageId } from '../core/gossip/contract.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { BarrelError } from '../errors.ts';
import type { Logger } from '../host/logger.ts';
import { SUBSCRIPTIONS_MAX, TOPIC_BYTES_MAX } from '../limits.ts';
import { decodeTopic, encodeTopic, type TopicPayload } from './topic-payload.ts';
import type { TopicMessage, Topics } from './topics.ts';

/** Tag of the topics' broadcasts. */
const TOPIC_TAG = 1;

type Listener = (message: TopicMessage) => void;

export interface TopicHubOptions {
  readonly broadcasts: Broadcasts;
  readonly logger: Logger;
}

export class TopicHub implements Topics {
  readonly #options: TopicHubOptions;
  readonly #listeners = new Map<string, Set<Listener>>();
  #subscriptions = 0;
  /** A payload is judged and delivered in one go: it is read once. */
  #read: { readonly bytes: Uint8Array; readonly payload: TopicPayload } | undefined;
  #isClosed = false;

  constructor(options: TopicHubOptions) {
    this.#options = options;
    options.broadcasts.attach(TOPIC_TAG, {
      accepts: (bytes) => this.#accepts(bytes),
      onBroadcast: (broadcast) => this.#onBroadcast(broadcast),
    });
  }

  publish(topic: string, message: unknown): string {
    this.#check(topic);
    const payload = encodeTopic(topic, message);
    return idText(this.#options.broadcasts.broadcast(TOPIC_TAG, payload));
  }

  subscribe(topic: string, listener: Listener): Disposable {
    this.#check(topic);
    if (this.#subscriptions >= SUBSCRIPTIONS_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${SUBSCRIPTIONS_MAX} subscriptions exist already`);
    }
    // An entry of its own, so that one listener may subscribe twice.
    const entry: Listener = (message) => listener(message);
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(entry));
    this.#subscriptions += 1;
    return { [Symbol.dispose]: () => this.#unsubscribe(topic, entry) };
  }

  /** Nothing is published or delivered any more. */
  close(): void {
    this.#isClosed = true;
    this.#listeners.clear();
  }

  #unsubscribe(topic: string, entry: Listener): void {
    const listeners = this.#listeners.get(topic);
    if (listeners?.delete(entry) !== true) return;
    this.#subscriptions -= 1;
    if (listeners.size === 0) this.#listeners.delete(topic);
  }

  #accepts(bytes: Uint8Array): boolean {
    try {
      this.#payloadOf(bytes);
      return true;
    } catch (error) {
      if (error instanceof WireError) return false;
      throw error;
    }
  }

  #onBroadcast({ id, payload: bytes }: Broadcast): void {
    const { topic, message } = this.#payloadOf(bytes);
    for (const listener of [...(this.#listeners.get(topic) ?? [])]) {
      try {
        listener({ topic, message: message(), from: id.origin, id: idText(id) });
      } catch (error) {
        this.#options.logger.error('a topic listener threw', { topic, error });
      }
    }
  }

  #payloadOf(bytes: Uint8Array): TopicPayload {
    if (this.#read?.bytes !== bytes) this.#read = { bytes, payload: decodeTopic(bytes) };
    return this.#read.payload;
  }

  #check(topic: unknown): void {
    if (this.#isClosed) throw new BarrelError('ERR_CLOSED', 'the node is closed');
    const isTopic = typeof topic === 'string' && topic !== '' && isShort(topic);
    if (isTopic) return;
    const rule = `a topic must be a string of 1 to ${TOPIC_BYTES_MAX} bytes`;
    throw new BarrelError('ERR_OPTION', `${rule}, received ${describe(topic)}`);
  }
}

function idText({ origin, incarnation, sequence }: MessageId): string {
  return `${origin}/${incarnation}/${sequence}`;
}

function isShort(topic: string): boolean {
  return new TextEncoder().encode(topic).length <= TOPIC_BYTES_MAX;
}

function describe(topic: unknown): string {
  return typeof topic === 'string' ? JSON.stringify(topic.slice(0, 80)) : typeof topic;
}
