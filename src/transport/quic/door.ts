/**
 * The door of the transport: what a stranger's datagrams have to show before native code sees them.
 * With a join secret that is a keyed tag; and where many connections are half open, that the sender
 * hears what is sent to its address. Whatever the door answers by itself is smaller than what it
 * answers, is made without keeping anything, and has a rate of its own.
 */
import { TokenBucket } from '../../core/membership/token-bucket.ts';
import type { Host } from '../../host/host.ts';
import type { Counter } from '../../host/meter.ts';
import type { Endpoint } from '../../host/udp.ts';
import { hasLongHeader, type InitialHeader, initialHeaderOf } from './datagram.ts';
import { DatagramTag, type Role } from './datagram-tag.ts';
import {
  NAMED_AGAIN_MS,
  NAMED_NETWORKS_MAX,
  NETWORK_OPENINGS_AT_ONCE_MAX,
  NETWORK_OPENINGS_PER_SECOND_MAX,
  NETWORK_REFUSALS_AT_ONCE_MAX,
  NETWORK_REFUSALS_PER_SECOND_MAX,
  NETWORK_RETRIES_AT_ONCE_MAX,
  NETWORK_RETRIES_PER_SECOND_MAX,
  OPENINGS_AT_ONCE_MAX,
  OPENINGS_PER_SECOND_MAX,
  REFUSALS_AT_ONCE_MAX,
  REFUSALS_PER_SECOND_MAX,
  RETRIES_AT_ONCE_MAX,
  RETRIES_PER_SECOND_MAX,
  TAG_BYTES,
} from './door-limits.ts';
import { HalfOpen } from './half-open.ts';
import { native } from './native.ts';
import { networkOf } from './network.ts';
import { NetworkBuckets } from './network-buckets.ts';
import type { PathPair } from './path-pair.ts';
import { RetryTokens } from './retry-tokens.ts';
import { encodeSecretRefusal } from './secret-refusal.ts';
import { CONNECTION_ID_BYTES, FIRST_DATAGRAM_BYTES_MIN } from './settings.ts';

const TOKEN_KEY_BYTES = 32;
const RETRY_BYTES_MAX = 256;
const QUIC_VERSION = 1;

export interface DoorOptions {
  readonly host: Pick<Host, 'clock' | 'logger' | 'meter' | 'random'>;
  /** Derived join secret; undefined without one. */
  readonly secretKey: Uint8Array | undefined;
  readonly send: (datagram: Uint8Array, way: PathPair) => void;
}

/** With what a new connection begins. */
export interface Entry {
  /** The datagram as native code shall see it. */
  readonly datagram: Uint8Array;
  /** The id of the new connection at this end. */
  readonly id: Uint8Array;
  /** What the client addressed first, where it was told to try again. */
  readonly originalId: Uint8Array | null;
}

/** Why a datagram of a stranger is dropped. */
type Reason = 'garbage' | 'unknown' | 'overload' | 'rate' | 'tag' | 'token';

export class Door {
  readonly halfOpen: HalfOpen<object> = new HalfOpen();
  readonly #options: DoorOptions;
  readonly #tag: DatagramTag | undefined;
  readonly #tokens: RetryTokens;
  readonly #openings: TokenBucket;
  readonly #openingsOf = new NetworkBuckets({
    atOnce: NETWORK_OPENINGS_AT_ONCE_MAX,
    perSecond: NETWORK_OPENINGS_PER_SECOND_MAX,
  });
  readonly #retries: TokenBucket;
  readonly #retriesOf = new NetworkBuckets({
    atOnce: NETWORK_RETRIES_AT_ONCE_MAX,
    perSecond: NETWORK_RETRIES_PER_SECOND_MAX,
  });
  readonly #refusals: TokenBucket;
  readonly #refusalsOf = new NetworkBuckets({
    atOnce: NETWORK_REFUSALS_AT_ONCE_MAX,
    perSecond: NETWORK_REFUSALS_PER_SECOND_MAX,
  });
  readonly #namings = new NetworkBuckets(
    { atOnce: 1, perSecond: 1_000 / NAMED_AGAIN_MS },
    NAMED_NETWORKS_MAX,
  );
  readonly #retried: Counter;

  constructor(options: DoorOptions) {
    const { host, secretKey } = options;
    const nowMs = host.clock.monotonicMs();
    this.#options = options;
    this.#tag = secretKey === undefined ? undefined : new DatagramTag(secretKey);
    this.#tokens = new RetryTokens(host.random.bytes(TOKEN_KEY_BYTES));
    this.#openings = new TokenBucket(OPENINGS_AT_ONCE_MAX, OPENINGS_PER_SECOND_MAX, nowMs);
    this.#retries = new TokenBucket(RETRIES_AT_ONCE_MAX, RETRIES_PER_SECOND_MAX, nowMs);
    this.#refusals = new TokenBucket(REFUSALS_AT_ONCE_MAX, REFUSALS_PER_SECOND_MAX, nowMs);
    this.#retried = host.meter.counter('barrel_transport_retries_total');
    host.meter.gauge('barrel_transport_half_open', () => this.halfOpen.size);
  }

  /** Room that must follow each datagram in its memory before it is sealed. */
  get tagBytes(): number {
    return this.#tag === undefined ? 0 : TAG_BYTES;
  }

  /** The datagram as it goes out: with its tag, where it needs one. */
  seal(datagram: Uint8Array, from: Role): Uint8Array {
    if (this.#tag === undefined || !hasLongHeader(datagram)) return datagram;
    const { buffer, byteOffset, length } = datagram;
    return this.#tag.seal(new Uint8Array(buffer, byteOffset, length + TAG_BYTES), from);
  }

  /** The datagram of a known connection as native code shall see it; undefined: drop it. */
  unseal(datagram: Uint8Array, from: Role): Uint8Array | undefined {
    if (this.#tag === undefined || !hasLongHeader(datagram)) return datagram;
    const inside = this.#tag.open(datagram, from);
    if (inside === undefined) this.drop('tag');
    return inside;
  }

  /** What a first datagram opens; undefined where it opens nothing, with or without an answer. */
  welcome(datagram: Uint8Array, way: PathPair): Entry | undefined {
    const from = way.remote;
    const header = initialHeaderOf(datagram);
    if (header === undefined) return this.drop('garbage');
    const inside = this.#untagged(datagram, header);
    if (inside === undefined) return this.#refuse(header, way);
    if (inside.length < FIRST_DATAGRAM_BYTES_MIN) return this.drop('unknown');
    if (!this.halfOpen.hasRoom(from.host)) return this.drop('overload');
    if (header.token.length === 0 && this.halfOpen.isPressed(from.host)) {
      return this.#retry(header, way);
    }
    const ids = this.#idsOf(header, from);
    if (ids === undefined) return this.drop('token');
    return this.#mayOpen(from.host) ? { datagram: inside, ...ids } : this.drop('rate');
  }

  drop(reason: Reason): undefined {
    const { meter } = this.#options.host;
    meter.counter('barrel_transport_datagrams_dropped_total', { reason }).value += 1;
    return undefined;
  }

  /** Undefined where this end and the sender do not share a join secret, or the lack of one. */
  #untagged(datagram: Uint8Array, { end }: InitialHeader): Uint8Array | undefined {
    if (this.#tag !== undefined) return this.#tag.open(datagram, 'dialer');
    // A client without a secret sends zeros behind its only packet.
    const last = datagram.subarray(Math.max(end, datagram.length - TAG_BYTES));
    return last.every((byte) => byte === 0) ? datagram : undefined;
  }

  #mayOpen(host: string): boolean {
    const nowMs = this.#options.host.clock.monotonicMs();
    return this.#openingsOf.take(networkOf(host), nowMs) && this.#openings.take(nowMs);
  }

  #idsOf(
    { destinationId, token }: InitialHeader,
    from: Endpoint,
  ): Omit<Entry, 'datagram'> | undefined {
    const { clock, random } = this.#options.host;
    if (token.length === 0) {
      return { id: random.bytes(CONNECTION_ID_BYTES), originalId: null };
    }
    const id = new Uint8Array(destinationId);
    const originalId = this.#tokens.open({ from, retryId: id }, token, clock.monotonicMs());
    return originalId === undefined ? undefined : { id, originalId };
  }

  /** Asks the client to come again, with proof that it is where it says. */
  #retry({ destinationId, sourceId }: InitialHeader, way: PathPair): undefined {
    const from = way.remote;
    const { clock, random } = this.#options.host;
    const nowMs = clock.monotonicMs();
    const mayRetry = this.#retriesOf.take(networkOf(from.host), nowMs) && this.#retries.take(nowMs);
    if (!mayRetry) return this.drop('overload');
    const retryId = random.bytes(CONNECTION_ID_BYTES);
    const token = this.#tokens.issue({ from, retryId }, destinationId, nowMs);
    const target = new Uint8Array(RETRY_BYTES_MAX);
    const bytes = native.retry(sourceId, destinationId, retryId, token, QUIC_VERSION, target);
    this.#retried.value += 1;
    this.#options.send(this.seal(target.subarray(0, bytes), 'acceptor'), way);
    return undefined;
  }

  /** Says that the secrets differ, so that whoever typed a wrong one hears of it. */
  #refuse(header: InitialHeader, way: PathPair): undefined {
    const from = way.remote;
    const { clock, logger, meter } = this.#options.host;
    const nowMs = clock.monotonicMs();
    const network = networkOf(from.host);
    this.drop('tag');
    if (!this.#refusalsOf.take(network, nowMs) || !this.#refusals.take(nowMs)) return undefined;
    const labels = { reason: 'secret', by: 'local', role: 'acceptor' };
    meter.counter('barrel_admission_refused_total', labels).value += 1;
    if (this.#namings.take(network, nowMs)) {
      const detail = 'another join secret or none, or another cluster';
      logger.warn('admission refused', { ...labels, detail, remote: `${from.host} ${from.port}` });
    }
    this.#options.send(encodeSecretRefusal(header), way);
    return undefined;
  }
}
