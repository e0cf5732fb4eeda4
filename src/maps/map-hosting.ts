/**
 * The life of one map on this node: its store is opened, meets other hosts, is used by counted
 * handles, and ends with the last of them, or when it is dropped.
 */
import type { ReplicatedStore, Stores } from '../cluster/ports.ts';
import type { Logger } from '../host/logger.ts';
import type { Counter } from '../host/meter.ts';
import { settlement } from '../settlement.ts';
import { storeOfMap } from './map-name.ts';
import { type ResolvedMapOptions, storeOptionsOf } from './map-options.ts';
import { closedMap, MapReplica } from './replicated-map.ts';
import { judgeOf } from './validator.ts';

export interface MapHostingOptions {
  readonly name: string;
  readonly options: ResolvedMapOptions;
  readonly stores: Stores;
  readonly logger: Logger;
  readonly hidden: Counter;
}

export class MapHosting {
  readonly name: string;
  readonly options: ResolvedMapOptions;
  /** Handles, and those who wait for one. */
  users = 0;
  /** Its entries are in memory; other hosts may know more. Rejects with ERR_CLOSED at the end. */
  readonly loaded: Promise<MapReplica>;
  /** It has met another host, or is alone. Rejects with ERR_CLOSED at the end. */
  readonly ready: Promise<MapReplica>;
  readonly #parts: MapHostingOptions;
  readonly #opening: Promise<ReplicatedStore>;
  readonly #ended = settlement<never>();
  #replica: MapReplica | undefined;
  #isEnded = false;

  constructor(parts: MapHostingOptions) {
    this.name = parts.name;
    this.options = parts.options;
    this.#parts = parts;
    const isPruned = parts.options.pruneOnMemberDown;
    this.#opening = parts.stores.open(storeOfMap(parts.name, isPruned), {
      ...storeOptionsOf(parts.options),
      rival: storeOfMap(parts.name, !isPruned),
    });
    this.loaded = this.#orEnd(this.#load());
    this.ready = this.#orEnd(this.#meet());
  }

  /** Undefined until it is loaded, and after the end. */
  get replica(): MapReplica | undefined {
    return this.#replica;
  }

  /** Ends handles and streams at once, then closes the store. Call it once. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#ended.reject(closedMap(this.name));
    this.#replica?.end();
    this.#replica = undefined;
    // Whoever waits for the opening is told of its failure; there is nothing to close then.
    const store = await this.#opening.catch(() => undefined);
    await store?.close();
  }

  async #load(): Promise<MapReplica> {
    const { name, options, logger, hidden } = this.#parts;
    const store = await this.#opening;
    if (this.#isEnded) throw closedMap(name);
    const judge = judgeOf(options.validator);
    this.#replica = new MapReplica({ name, store, judge, logger, hidden });
    return this.#replica;
  }

  async #meet(): Promise<MapReplica> {
    const replica = await this.loaded;
    const store = await this.#opening;
    await store.synced;
    return replica;
  }

  #orEnd(work: Promise<MapReplica>): Promise<MapReplica> {
    const promise = Promise.race([work, this.#ended.promise]);
    // Whoever waits sees a failure; that nobody waits any more is no failure of its own.
    promise.catch(() => {});
    return promise;
  }
}
