/**
 * Replicated maps as a user holds them: each node that opens a map has all of it, reads its own
 * memory, and hears of every change.
 */
import type { Key } from '../core/wire/key.ts';
import type { Cancellable, Observable } from '../observable.ts';
import type { StandardSchema } from '../standard-schema.ts';

/** How this node hosts a map. All handles on one node share what the first `open` said. */
export interface MapOptions<V> {
  /**
   * Judges values, at least once each, as they come back from the wire; only `true` accepts, a
   * throw refuses. A local put of a refused value fails with ERR_INVALID_VALUE. A refused value of
   * another node is kept and passed on, but hidden here: reads, `size` and events treat it as
   * absent, and it is counted. Each node has a validator of its own; use the same on all of them.
   * @default none: every value is fine
   */
  readonly validator?: ((value: unknown) => value is V) | StandardSchema<V> | undefined;
  /**
   * Keeps the map in the node's `dataDir`, which it needs.
   * @default false
   */
  readonly persist?: boolean | undefined;
  /**
   * Lower bound of the age at which a removal may be forgotten, in milliseconds, 1 to
   * 2,592,000,000 (30 days).
   * @default 3_600_000
   */
  readonly tombstoneTtlMs?: number | undefined;
  /**
   * Entries disappear when the node that wrote them is gone. Use the same on all nodes: one with
   * the other setting shares nothing, and a warning is logged.
   * @default false
   */
  readonly pruneOnMemberDown?: boolean | undefined;
}

/** Of `put`. */
export interface PutOptions extends Cancellable {
  /**
   * Milliseconds after which the entry disappears, 1 to 315,360,000,000 (10 years); the next put of
   * the key counts anew. Looked at once a second: it may be seen for a second longer.
   * @default never
   */
  readonly ttlMs?: number | undefined;
}

/**
 * Emitted for real changes of the visible value only, of this and of other nodes alike: a put of
 * what is there already emits nothing. The value is a copy for this handle.
 */
export type MapEvent<V> =
  | { readonly type: 'put'; readonly key: Key; readonly value: V }
  | { readonly type: 'remove'; readonly key: Key };

/**
 * One handle to a map. Reads are local and synchronous and give copies: changing one changes
 * nothing in the map. They throw ERR_VALUE for what is no key. Once the handle is disposed, the map
 * dropped or the node closed, reads find nothing and writes fail with ERR_CLOSED.
 */
export interface ReplicatedMap<V>
  extends Observable<MapEvent<V>>,
    Iterable<[Key, V]>,
    AsyncDisposable {
  readonly name: string;
  /** Visible entries. */
  readonly size: number;
  /**
   * Last writer wins, by hybrid logical clock; there is no compare-and-set. Readers on this node
   * see it at once; resolves when it is durable here, at once without `persist`. An abort before
   * the call writes nothing; a later one only ends the waiting, and the value stands.
   * @throws ERR_VALUE (no key, or a value that cannot be encoded or is over 60 KiB), ERR_OPTION
   * (`ttlMs`, an asynchronous validator), ERR_INVALID_VALUE, ERR_OVERLOADED, ERR_CLOSED: nothing
   * has changed. ERR_STORE: the value stands here, but is not durable.
   */
  put(key: Key, value: V, options?: PutOptions): Promise<void>;
  /**
   * Writes all entries at once, or none; of entries with the same key the last one counts. Atomic
   * for readers on this node; others may see a part first.
   * @throws as `put`; ERR_OVERLOADED for more than 10,000 entries, or 40 MiB of keys and values.
   */
  putAll(entries: Iterable<readonly [Key, V]>, options?: Cancellable): Promise<void>;
  /**
   * Removes what this node knows under the key, hidden values included. A key that is not known
   * here writes nothing, so a put that is still on its way from another node stands.
   * @throws ERR_VALUE (no key), ERR_OVERLOADED, ERR_CLOSED, ERR_STORE.
   */
  remove(key: Key, options?: Cancellable): Promise<void>;
  get(key: Key): V | undefined;
  has(key: Key): boolean;
  /** In no order; what is written meanwhile may be seen or not. */
  keys(): Iterable<Key>;
  /** In no order; what is written meanwhile may be seen or not. */
  entries(): Iterable<[Key, V]>;
}

/** A map that this node hosts. */
export interface HostedMap {
  readonly name: string;
  /** Visible entries. */
  readonly size: number;
  /** Whether it is kept on disk, which a map with `pruneOnMemberDown` is not. */
  readonly persist: boolean;
  /** Handles of `open`, this node's own one for a map of `NodeOptions.maps` included. */
  readonly handles: number;
}

/** The maps of one node. A name has 1 to 255 bytes and no control characters. */
export interface Maps {
  /**
   * Hosts the map on this node, and gives a handle to it; hosting stops when the last handle is
   * disposed. Resolves after the first exchange with another host, or at once when alone. Opening
   * a map again takes it as it is: an option that is given then must be the one of the first open,
   * the validator the same function or schema.
   *
   * Values that were kept on disk are judged here, in one go. An abort gives up this call alone,
   * and hosting too when nobody else has or awaits a handle.
   * @throws ERR_OPTION (the name, an option, one that differs from the first open, `persist`
   * without a `dataDir`), ERR_STORE, ERR_OVERLOADED (256 maps), ERR_CLOSED.
   */
  open<V = unknown>(name: string, options?: MapOptions<V> & Cancellable): Promise<ReplicatedMap<V>>;
  /**
   * A handle that keeps nothing alive, to a map that this node hosts; undefined for any other.
   * Other than `open` it does not wait for the first exchange.
   */
  get<V = unknown>(name: string): ReplicatedMap<V> | undefined;
  /**
   * Stops hosting here, closes every handle and removes this node's files. Not a cluster-wide
   * erase: other nodes keep the map, and an `open` fetches it again. No effect for unknown names.
   * @throws ERR_OPTION (the name), ERR_STORE, ERR_CLOSED.
   */
  drop(name: string): Promise<void>;
  /** What this node hosts, sorted by name. */
  list(): readonly HostedMap[];
}
