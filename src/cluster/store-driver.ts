/**
 * Runs the replicator over links and disk: carries out its effects, tells it what happened, and is
 * the `Stores` of the features.
 */

import type { NodeName } from '../core/names.ts';
import type { StoreChange, StoreWrite } from '../core/store/contract.ts';
import { decodeExchange, encodeExchange } from '../core/store/exchange/exchange-codec.ts';
import { BUILT_IN, SERVICES } from '../core/store/hosts.ts';
import { Replicator } from '../core/store/replicator.ts';
import type {
  ReplicatorEffect,
  ReplicatorInput,
  ReplicatorTime,
} from '../core/store/replicator-contract.ts';
import type { StoreReplica } from '../core/store/store-replica.ts';
import { unreachable } from '../core/unreachable.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { BarrelError } from '../errors.ts';
import type { DurableStore } from '../host/durable-store.ts';
import type { Host } from '../host/host.ts';
import { FRAME_BYTES_MAX, STORES_MAX } from '../limits.ts';
import { settlement } from '../settlement.ts';
import type { CurrentEntry } from './entry-writer.ts';
import type { Link } from './link.ts';
import type { NodeClock } from './node-clock.ts';
import type {
  Broadcasts,
  NodeRef,
  ReplicatedStore,
  SavedStore,
  SavedStores,
  StoreOptions,
} from './ports.ts';
import { type Delta, decodeDelta, encodeDelta } from './store-delta.ts';
import { StoreDisk } from './store-disk.ts';

/** Tag of the broadcasts of stores. */
const STORE_TAG = 2;
const TICK_MS = 1_000;

export interface StoreDriverOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'random' | 'logger' | 'meter' | 'digest'>;
  readonly self: NodeRef;
  readonly clock: NodeClock;
  /** Of the cluster: enters all hashes. */
  readonly salt: string;
  /** Undefined without a data directory. */
  readonly durable: DurableStore | undefined;
  readonly broadcasts: Broadcasts;
  /** Sends a frame of the control channel; a link is made if there is none. */
  readonly send: (node: NodeName, frame: Uint8Array) => void;
  readonly onProtocolError: (node: NodeName, detail: string) => void;
  /** An exchange of the stores that all nodes host is complete: of those `services` is the last. */
  readonly onExchanged: (node: NodeName) => void;
}

interface OpenStore {
  readonly listeners: Set<(change: StoreChange) => void>;
  readonly synced: ReturnType<typeof settlement<void>>;
  /** Undefined for a store that is not kept. */
  readonly disk: StoreDisk | undefined;
}

export class StoreDriver implements SavedStores {
  readonly #options: StoreDriverOptions;
  readonly #replicator: Replicator;
  readonly #open = new Map<string, OpenStore>();
  readonly #effects: ReplicatorEffect[] = [];
  #isRunning = false;
  #tick: Disposable;
  #isClosed = false;
  /** A payload is judged and delivered in one go: it is read once. */
  #read: { readonly bytes: Uint8Array; readonly delta: Delta } | undefined;

  constructor(options: StoreDriverOptions) {
    const { host, self, clock, broadcasts, salt } = options;
    this.#options = options;
    this.#replicator = new Replicator({
      self,
      clock,
      random: host.random,
      digest: host.digest,
      salt,
    });
    broadcasts.attach(STORE_TAG, {
      accepts: (payload) => this.#accepts(payload),
      onBroadcast: ({ id, payload }) => {
        if (id.origin !== self.node) this.#onDelta(id.origin, payload);
      },
    });
    this.#tick = host.timers.after(TICK_MS, () => this.#onTick());
    host.meter.gauge('barrel_store_exchanges', () => this.#replicator.exchanges);
    host.meter.gauge('barrel_store_tombstones', () => this.#tombstones());
  }

  /** Removed and expired keys that are remembered, of all stores. */
  #tombstones(): number {
    const replicas = Array.from(this.#open.keys(), (name) => this.#replicator.replica(name));
    return replicas.reduce((sum, replica) => sum + (replica?.buriedSize ?? 0), 0);
  }

  /** Sentences that say which stores are not as they should be. */
  get faults(): readonly string[] {
    return [...this.#open.values()].flatMap(({ disk }) => disk?.faults ?? []);
  }

  async open(name: string, options: StoreOptions): Promise<SavedStore> {
    this.#checkOpen(name);
    const { durable, self, host } = this.#options;
    // What ends with this start of the node is not worth a disk.
    const isKept = options.persist && options.lifetime === 'own' && durable !== undefined;
    const disk = isKept ? new StoreDisk({ store: durable, name, host }) : undefined;
    const opened: OpenStore = { listeners: new Set(), synced: settlement<void>(), disk };
    this.#open.set(name, opened);
    try {
      const kept = await disk?.load(self.incarnation);
      this.#checkStillOpen(name, opened);
      const { incarnation: first = self.incarnation, ...state } = kept ?? {};
      // Of stores that every node hosts, the roster says whose replicas there are: by their starts.
      const incarnation = BUILT_IN.has(name) ? self.incarnation : first;
      const hosting = { ...options, ...state, isDurable: isKept, self: { ...self, incarnation } };
      this.#carry(this.#replicator.host(name, hosting, this.#time()));
    } catch (error) {
      this.#open.delete(name);
      throw error;
    }
    return this.#face(name, opened);
  }

  /** A store of the node itself, which is not kept on disk: there at once. */
  openBuiltIn(name: string, options: Omit<StoreOptions, 'persist'>): ReplicatedStore {
    const opened: OpenStore = {
      listeners: new Set(),
      synced: settlement<void>(),
      disk: undefined,
    };
    this.#open.set(name, opened);
    const { self } = this.#options;
    this.#carry(this.#replicator.host(name, { ...options, isDurable: false, self }, this.#time()));
    return this.#face(name, opened);
  }

  async drop(name: string): Promise<void> {
    const opened = this.#open.get(name);
    this.#open.delete(name);
    if (!this.#isClosed) this.#carry(this.#replicator.unhost(name, true, this.#time()));
    const { durable, host } = this.#options;
    if (durable === undefined) return;
    await (opened?.disk ?? new StoreDisk({ store: durable, name, host })).erase();
  }

  /** Takes a frame of an exchange. @throws WireError */
  frame(link: Link, frame: Uint8Array): void {
    this.submit({ kind: 'received', from: link.node, message: decodeExchange(frame) });
  }

  submit(input: ReplicatorInput): void {
    if (!this.#isClosed) this.#carry(this.#replicator.handle(input, this.#time()));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#tick[Symbol.dispose]();
    const closing = [...this.#open].map(([name, { disk }]) =>
      this.#closeDisk(disk, this.#current(name)),
    );
    await Promise.all(closing);
  }

  /** Undefined while the store is opened. It goes on to tell when the store has ended. */
  #current(name: string): CurrentEntry | undefined {
    const registers = this.#replicator.replica(name)?.registers;
    return registers && ((key) => registers.get(key));
  }

  async #closeDisk(disk: StoreDisk | undefined, current: CurrentEntry | undefined): Promise<void> {
    if (current !== undefined) await disk?.close(current);
  }

  #time(): ReplicatorTime {
    const { clock } = this.#options.host;
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  }

  #onTick(): void {
    this.submit({ kind: 'tick' });
    for (const [name, { disk }] of this.#open) {
      const current = this.#current(name);
      if (current !== undefined) void disk?.entries.retry(current);
      disk?.keepHeard();
    }
    if (!this.#isClosed) {
      this.#tick = this.#options.host.timers.after(TICK_MS, () => this.#onTick());
    }
  }

  // The face of one store

  #face(name: string, opened: OpenStore): SavedStore {
    const replica = (): StoreReplica | undefined =>
      this.#open.get(name) === opened ? this.#replicator.replica(name) : undefined;
    return {
      name,
      get size() {
        return replica()?.size ?? 0;
      },
      get: (key) => replica()?.get(key),
      entries: () => visibleOf(replica()),
      write: (writes) => {
        if (replica() === undefined) throw new BarrelError('ERR_CLOSED', `${name} is closed`);
        return this.#write(name, opened, writes);
      },
      saved: async () => opened.disk?.entries.allDurable(),
      onChange: (listener) => {
        opened.listeners.add(listener);
        return { [Symbol.dispose]: () => void opened.listeners.delete(listener) };
      },
      synced: opened.synced.promise,
      close: async () => {
        if (this.#open.get(name) !== opened) return;
        this.#open.delete(name);
        const current = this.#current(name);
        if (!this.#isClosed) this.#carry(this.#replicator.unhost(name, false, this.#time()));
        await this.#closeDisk(opened.disk, current);
      },
    };
  }

  #write(name: string, { disk }: OpenStore, writes: readonly StoreWrite[]): Promise<void> {
    disk?.entries.checkRoom(writes);
    const effects = this.#replicator.write(name, writes, this.#time());
    const waiting = disk?.entries.handedOver;
    this.#carry(effects);
    // Whatever this write brought to the disk comes last of what waits by now.
    if (disk === undefined || disk.entries.handedOver === waiting) return Promise.resolve();
    return this.#durable(disk);
  }

  /** The clock of the next start is above the stamps of what was written, too. */
  async #durable(disk: StoreDisk): Promise<void> {
    await disk.entries.durable();
    await this.#options.clock.covered();
  }

  // Effects

  /** What a listener sets off waits until the effects before it are carried out. */
  #carry(effects: readonly ReplicatorEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'outcome') this.#open.get(effect.store)?.disk?.keep(effect.outcome);
      this.#effects.push(effect);
    }
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (let next = this.#effects.shift(); next !== undefined; next = this.#effects.shift()) {
        this.#perform(next);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  #perform(effect: ReplicatorEffect): void {
    const { host, broadcasts, onProtocolError } = this.#options;
    switch (effect.kind) {
      case 'send':
        this.#send(effect.to, encodeExchange(effect.message));
        break;
      case 'broadcast':
        broadcasts.broadcast(STORE_TAG, encodeDelta(effect));
        break;
      case 'flushSoon':
        host.timers.soon(() => this.submit({ kind: 'flush' }));
        break;
      case 'outcome':
        this.#tell(effect.store, effect.outcome.changes);
        break;
      case 'synced':
        this.#open.get(effect.store)?.synced.resolve();
        break;
      case 'exchanged':
        this.#onExchanged(effect);
        break;
      case 'rival':
        host.logger.warn('a node hosts the same under other rules: nothing is shared with it', {
          store: effect.store,
          node: effect.node,
        });
        break;
      case 'protocolError':
        onProtocolError(effect.node, effect.detail);
        break;
      case 'count':
        host.meter.counter('barrel_store_total', { what: effect.what }).value += effect.count;
        break;
      default:
        unreachable(effect);
    }
  }

  /** A frame that is too large is a fault here: nothing comes of it but this exchange. */
  #send(node: NodeName, frame: Uint8Array): void {
    const { host, send } = this.#options;
    if (frame.length <= FRAME_BYTES_MAX) send(node, frame);
    else host.logger.error('a frame of an exchange is too large', { node, bytes: frame.length });
  }

  #tell(store: string, changes: readonly StoreChange[]): void {
    for (const change of changes) {
      for (const listener of [...(this.#open.get(store)?.listeners ?? [])]) listener(change);
    }
  }

  #onExchanged({
    store,
    node,
    exchangedAt,
  }: Extract<ReplicatorEffect, { kind: 'exchanged' }>): void {
    const replica = this.#replicator.replica(store);
    if (replica === undefined) return;
    this.#open.get(store)?.disk?.exchanged({
      knowledge: replica.knowledge.export(),
      exchangedAt,
      has: (key) => replica.registers.get(key) !== undefined,
    });
    if (store === SERVICES) this.#options.onExchanged(node);
  }

  // Broadcasts

  #accepts(payload: Uint8Array): boolean {
    try {
      this.#deltaOf(payload);
      return true;
    } catch (error) {
      if (error instanceof WireError) return false;
      throw error;
    }
  }

  #onDelta(from: NodeName, payload: Uint8Array): void {
    this.submit({ kind: 'delta', from, ...this.#deltaOf(payload) });
  }

  #deltaOf(bytes: Uint8Array): Delta {
    if (this.#read?.bytes !== bytes) this.#read = { bytes, delta: decodeDelta(bytes) };
    return this.#read.delta;
  }

  #checkOpen(name: string): void {
    if (this.#isClosed) throw new BarrelError('ERR_CLOSED', 'the node is closed');
    if (this.#open.has(name)) throw new BarrelError('ERR_CONFLICT', `${name} is open already`);
    if (this.#open.size >= STORES_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${STORES_MAX} stores are open already`);
    }
  }

  #checkStillOpen(name: string, opened: OpenStore): void {
    if (this.#isClosed || this.#open.get(name) !== opened) {
      throw new BarrelError('ERR_CLOSED', `${name} was closed while it was opened`);
    }
  }
}

function* visibleOf(
  replica: StoreReplica | undefined,
): IterableIterator<readonly [string, Uint8Array]> {
  for (const { key, value } of replica?.visible() ?? []) {
    if (value !== undefined) yield [key, value];
  }
}
