/** The maps of one node: who hosts what, and how many handles there are to it. */
import type { Stores } from '../cluster/ports.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { Counter } from '../host/meter.ts';
import { MAPS_MAX } from '../limits.ts';
import type { Cancellable } from '../observable.ts';
import { abortable } from '../settlement.ts';
import { MapHandle } from './map-handle.ts';
import { MapHosting } from './map-hosting.ts';
import { checkMapName, storeOfMap } from './map-name.ts';
import {
  checkAgreement,
  checkIsObject,
  checkMapOptions,
  isKept,
  resolveMapOptions,
} from './map-options.ts';
import type { HostedMap, MapOptions, Maps, ReplicatedMap } from './maps.ts';
import type { MapReplica } from './replicated-map.ts';

export interface MapRegistryOptions {
  readonly stores: Stores;
  readonly host: Pick<Host, 'logger' | 'meter'>;
  /** Whether maps may be kept on disk. */
  readonly hasDataDir: boolean;
}

export class MapRegistry implements Maps {
  readonly #options: MapRegistryOptions;
  readonly #hidden: Counter;
  readonly #hostings = new Map<string, MapHosting>();
  /** What ends under a name now. Opens of that name wait for it. */
  readonly #endings = new Map<string, Promise<void>>();
  #isClosed = false;

  constructor(options: MapRegistryOptions) {
    const { meter } = options.host;
    this.#options = options;
    this.#hidden = meter.counter('barrel_maps_hidden_total');
    meter.gauge('barrel_maps_hosted', () => this.#hostings.size);
    meter.gauge('barrel_maps_entries', () => this.list().reduce((sum, { size }) => sum + size, 0));
  }

  async open<V = unknown>(
    name: string,
    options: MapOptions<V> & Cancellable = {},
  ): Promise<ReplicatedMap<V>> {
    checkMapName(name);
    checkIsObject(name, options);
    const { signal, ...given } = options;
    const hosting = await this.#host(name, given, signal);
    try {
      const replica = await abortable(hosting.ready, signal);
      return this.#handle<V>(replica, () => this.#release(hosting));
    } catch (error) {
      this.#release(hosting).catch((cause: unknown) => this.#complain(name, cause));
      throw error;
    }
  }

  /**
   * Hosts the maps of the node's options until the end. Resolves when they are loaded and `get`
   * has them, and does not wait for other hosts.
   * @throws as `open`.
   */
  async openDeclared(maps: Readonly<Record<string, MapOptions<unknown>>>): Promise<void> {
    const opening = Object.entries(maps).map(async ([name, options]) => {
      const hosting = await this.#host(name, options, undefined);
      await hosting.loaded;
    });
    await Promise.all(opening);
  }

  get<V = unknown>(name: string): ReplicatedMap<V> | undefined {
    const replica = this.#hostings.get(name)?.replica;
    return replica && this.#handle<V>(replica, async () => {});
  }

  async drop(name: string): Promise<void> {
    checkMapName(name);
    this.#checkOpen();
    const hosting = this.#hostings.get(name);
    this.#hostings.delete(name);
    await this.#ending(name, async () => {
      await hosting?.end();
      await this.#options.stores.drop(storeOfMap(name));
    });
  }

  list(): readonly HostedMap[] {
    return [...this.#hostings.values()]
      .map(({ name, replica, options, users }) => ({
        name,
        size: replica?.size ?? 0,
        persist: isKept(options),
        handles: users,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Closes every handle and its streams at once, then the stores of the maps. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const hosting of [...this.#hostings.values()]) {
      this.#end(hosting).catch((cause: unknown) => this.#complain(hosting.name, cause));
    }
    await Promise.all(this.#endings.values());
  }

  /** A hosting of that name, with one user more. */
  async #host(
    name: string,
    given: MapOptions<unknown>,
    signal: AbortSignal | undefined,
  ): Promise<MapHosting> {
    checkMapName(name);
    checkMapOptions(name, given, this.#options.hasDataDir);
    signal?.throwIfAborted();
    for (let end = this.#endings.get(name); end !== undefined; end = this.#endings.get(name)) {
      await abortable(end, signal);
    }
    this.#checkOpen();
    const hosting = this.#hostings.get(name) ?? this.#start(name, given);
    checkAgreement(name, given, hosting.options);
    hosting.users += 1;
    return hosting;
  }

  #start(name: string, given: MapOptions<unknown>): MapHosting {
    if (this.#hostings.size >= MAPS_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `this node hosts ${MAPS_MAX} maps already`);
    }
    const { stores, host } = this.#options;
    const options = resolveMapOptions(given);
    const hidden = this.#hidden;
    const hosting = new MapHosting({ name, options, stores, logger: host.logger, hidden });
    this.#hostings.set(name, hosting);
    return hosting;
  }

  async #release(hosting: MapHosting): Promise<void> {
    hosting.users -= 1;
    const isCurrent = this.#hostings.get(hosting.name) === hosting;
    if (hosting.users === 0 && isCurrent) await this.#end(hosting);
    // One that ends already ends for this handle, too.
    else if (!isCurrent) await this.#endings.get(hosting.name);
  }

  #end(hosting: MapHosting): Promise<void> {
    this.#hostings.delete(hosting.name);
    return this.#ending(hosting.name, () => hosting.end());
  }

  /** Runs the work after what else ends under that name. Its caller sees a failure. */
  #ending(name: string, work: () => Promise<void>): Promise<void> {
    const before = this.#endings.get(name);
    const done = before === undefined ? work() : before.then(work);
    const finish = (): void => {
      if (this.#endings.get(name) === settled) this.#endings.delete(name);
    };
    const settled = done.then(finish, finish);
    this.#endings.set(name, settled);
    return done;
  }

  #handle<V>(replica: MapReplica, onDispose: () => Promise<void>): MapHandle<V> {
    return new MapHandle<V>({ replica, logger: this.#options.host.logger, onDispose });
  }

  #complain(map: string, error: unknown): void {
    this.#options.host.logger.warn('a map could not be closed in order', { map, error });
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new BarrelError('ERR_CLOSED', 'the maps of this node are closed');
  }
}
