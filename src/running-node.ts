/** The node that a user holds: a thin face over the overlay and the features, and their end. */
import type { BarrelNode, Member, NodeEvent, NodeStatus } from './barrel-node.ts';
import type { Cluster } from './cluster/cluster.ts';
import type { ContactLoop } from './cluster/contact-loop.ts';
import { joinThrough } from './cluster/joining.ts';
import type { HybridClock, NodeClock } from './cluster/node-clock.ts';
import type { SavedPeers } from './cluster/saved-peers.ts';
import type { Features } from './compose-features.ts';
import type { Address, NodeName } from './core/names.ts';
import type { LivingEntry } from './core/roster/entry.ts';
import { decodeValue } from './core/wire/value.ts';
import { WireError } from './core/wire/wire-error.ts';
import type { Announcement } from './discovery/announcement.ts';
import type { Contact } from './discovery/discovery.ts';
import { BarrelError } from './errors.ts';
import type { Host } from './host/host.ts';
import type { Identity } from './identity/own-identity.ts';
import type { Trust } from './identity/trust-contract.ts';
import type { Leaders } from './leaders/leaders.ts';
import type { Maps } from './maps/maps.ts';
import { ServiceNames } from './names/service-names.ts';
import type { Cancellable, EventSource, Lagged, Timed } from './observable.ts';
import type { ResolvedOptions } from './options.ts';
import type { Paths } from './paths/paths.ts';
import type { NameRegistry } from './processes/name-registry.ts';
import type { Processes } from './processes/processes.ts';
import type { Reminders } from './reminders/reminders.ts';
import type { Services } from './services/services.ts';
import { settlement } from './settlement.ts';
import type { Shards } from './shards/shards.ts';
import type { Streams } from './streams/streams.ts';
import { within } from './time-limit.ts';
import type { Topics } from './topics/topics.ts';
import type { DatagramPipe } from './transport/pipe.ts';

const JOIN_TIMEOUT_MS = 10_000;
const READY_TIMEOUT_MS = 30_000;
const LEAVE_TIMEOUT_MS = 10_000;

export interface RunningNodeParts extends Features {
  readonly host: Host;
  readonly options: ResolvedOptions;
  readonly cluster: Cluster;
  readonly clock: NodeClock;
  readonly contacts: ContactLoop;
  readonly savedPeers: SavedPeers;
  readonly announcement: Announcement;
  readonly events: EventSource<NodeEvent>;
  /** Disposed at the end, in this order. */
  readonly owned: readonly AsyncDisposable[];
}

export class RunningNode implements BarrelNode {
  readonly name: NodeName;
  readonly incarnation: bigint;
  readonly identity: Identity;
  readonly trust: Trust;
  readonly processes: Processes;
  readonly services: Services;
  readonly names: NameRegistry;
  readonly topics: Topics;
  readonly leaders: Leaders;
  readonly reminders: Reminders;
  readonly maps: Maps;
  readonly streams: Streams;
  readonly paths: Paths;
  readonly clock: HybridClock;
  readonly metrics: BarrelNode['metrics'];
  readonly #parts: RunningNodeParts;
  readonly #ready: Promise<void>;
  /** Ends the joins that a `leave` or `close` overtakes. */
  #joins = new AbortController();
  readonly #closed = settlement<never>();
  /** Settles when the last `leave` has said goodbye. */
  #goodbye: Promise<void> = Promise.resolve();
  #isReady = false;
  #hasLeft = false;
  #closing: Promise<void> | undefined;

  constructor(parts: RunningNodeParts) {
    const { host, cluster } = parts;
    this.#parts = parts;
    this.name = cluster.self.node;
    this.incarnation = cluster.self.incarnation;
    this.identity = parts.identity;
    this.trust = parts.trust;
    this.processes = parts.processes;
    this.services = parts.services;
    this.names = new ServiceNames(parts.services, parts.processes);
    this.topics = parts.topics;
    this.leaders = parts.leaders;
    this.reminders = parts.reminders;
    this.maps = parts.maps;
    this.streams = parts.streams;
    this.paths = parts.paths;
    this.clock = parts.clock;
    this.metrics = { snapshot: () => host.meter.snapshot() };
    parts.leaders.join();
    parts.shards.join();
    this.#ready = this.#becomeReady();
  }

  get address(): Address {
    return this.#parts.cluster.address;
  }

  /** Who does not look at them makes no links for them. */
  get shards(): Shards {
    this.#parts.shards.use();
    return this.#parts.shards;
  }

  /** For who only asks, as the command line does: this node holds no more for it. */
  get shardView(): Shards {
    return this.#parts.shards;
  }

  async ready(options: Timed = {}): Promise<void> {
    this.#checkOpen();
    const { timeoutMs = READY_TIMEOUT_MS, signal } = options;
    const { timers } = this.#parts.host;
    await within({ timers, timeoutMs, signal, what: 'becoming ready' }, () =>
      Promise.race([this.#ready, this.#closed.promise]),
    );
  }

  status(): NodeStatus {
    if (this.#closing !== undefined) return { state: 'closed', reasons: [] };
    if (this.#hasLeft) return { state: 'left', reasons: ['left the cluster'] };
    const { cluster, contacts } = this.#parts;
    const faults = cluster.stores.faults;
    if (faults.length > 0) return { state: 'degraded', reasons: faults };
    if (this.#isReady) return { state: 'ready', reasons: [] };
    return { state: 'starting', reasons: contacts.reasons };
  }

  async join(contact: Contact, options: Timed = {}): Promise<void> {
    this.#checkOpen();
    const { cluster, contacts, events, host } = this.#parts;
    const { timeoutMs = JOIN_TIMEOUT_MS } = options;
    const overtaken = this.#joins.signal;
    const signals = options.signal === undefined ? [overtaken] : [options.signal, overtaken];
    const signal = AbortSignal.any(signals);
    const limit = { timers: host.timers, timeoutMs, signal, what: `joining through ${contact}` };
    const node = await within(limit, async (abort) => {
      // Else a goodbye that partitions still wait for would end what begins here.
      await this.#goodbye;
      abort.throwIfAborted();
      return joinThrough(cluster, contact, abort);
    });
    if (this.#hasLeft) this.#return();
    contacts.noteJoined();
    if (this.#isReady) cluster.settle();
    events.emit({ type: 'joined', contact: node });
  }

  async leave(options: Timed = {}): Promise<void> {
    this.#checkOpen();
    const { contacts, events, host, leaders } = this.#parts;
    this.#overtakeJoins('this node left before it was accepted');
    contacts.stop();
    const wasOut = this.#hasLeft;
    this.#hasLeft = true;
    leaders.leave();
    this.#parts.reminders.leave();
    const { timeoutMs = LEAVE_TIMEOUT_MS, signal } = options;
    await within({ timers: host.timers, timeoutMs, signal, what: 'leaving' }, () => {
      const leaving = this.#sayGoodbye();
      this.#goodbye = leaving.catch(() => {});
      return leaving;
    });
    if (!wasOut) events.emit({ type: 'left' });
  }

  /** When what this node holds is handed over. */
  async #sayGoodbye(): Promise<void> {
    const { announcement, cluster, options, shards, streams } = this.#parts;
    await streams.leave(options.drainMs);
    await shards.leave();
    // The goodbye waits for no discovery.
    void announcement.withdraw();
    await cluster.leave({ isForGood: true });
  }

  acceptPipe(pipe: DatagramPipe): Disposable {
    this.#checkOpen();
    return this.#parts.cluster.acceptPipe(pipe);
  }

  activeView(): NodeName[] {
    return this.#parts.cluster.activeView().sort();
  }

  passiveView(): NodeName[] {
    return this.#parts.cluster.passiveView().sort();
  }

  members(): NodeName[] {
    return this.#parts.cluster
      .alive()
      .map(({ node }) => node)
      .sort();
  }

  roster(): readonly Member[] {
    return [...this.#parts.cluster.alive()]
      .sort((a, b) => (a.node < b.node ? -1 : 1))
      .map(memberOf);
  }

  on<T extends NodeEvent['type']>(
    type: T,
    listener: (event: Extract<NodeEvent, { type: T }>) => void,
  ): Disposable {
    return this.#parts.events.on(type, listener);
  }

  events(options?: Cancellable): AsyncIterable<NodeEvent | Lagged> {
    return this.#parts.events.events(options);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #becomeReady(): Promise<void> {
    const { isAlone } = await this.#parts.contacts.joined;
    if (!isAlone) await this.#parts.cluster.synced;
    this.#parts.cluster.settle();
    this.#parts.leaders.settle();
    // Of being compared the shards hear themselves.
    if (isAlone) this.#parts.shards.settle();
    this.#isReady = true;
  }

  /** Takes part again after `leave`. */
  #return(): void {
    this.#hasLeft = false;
    void this.#parts.announcement.restore();
    this.#parts.contacts.start();
    this.#parts.leaders.join();
    this.#parts.shards.join();
    this.#parts.reminders.join();
  }

  /** No new work, then the work at hand, then goodbye, then the rooms in reverse. */
  async #close(): Promise<void> {
    const { cluster, contacts, events, host, options, owned, processes, services } = this.#parts;
    const { clock, leaders, maps, paths, reminders, savedPeers, shards, streams, topics } =
      this.#parts;
    contacts.stop();
    this.#overtakeJoins(`${this.name} is closed`);
    this.#closed.reject(new BarrelError('ERR_CLOSED', `${this.name} is closed`));
    reminders.leave();
    // What reminders have claimed is given back before the partitions go.
    const givenUp = reminders.close(options.drainMs).then(() => shards.close());
    const handedOver = Promise.all([leaders.close(), givenUp]);
    services.withdrawAll();
    await handedOver;
    await Promise.all([streams.close(options.drainMs), processes.drain(options.drainMs)]);
    await processes.stopSupervisors(options.drainMs);
    processes.close();
    services.close();
    topics.close();
    this.#parts.identity.close();
    this.#parts.trust.close();
    paths.close();
    await maps.close();
    // While they are known: a goodbye forgets them all.
    await savedPeers.close();
    try {
      await cluster.leave();
    } finally {
      // Whatever a goodbye may meet: the socket and the directory are given back.
      await cluster.close();
      await clock.close();
      for (const part of owned) await part[Symbol.asyncDispose]();
      events.end();
      host.logger.debug('closed', { node: this.name });
    }
  }

  #overtakeJoins(why: string): void {
    this.#joins.abort(new BarrelError('ERR_CLOSED', why));
    this.#joins = new AbortController();
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new BarrelError('ERR_CLOSED', `${this.name} is closed`);
  }
}

function memberOf({ node, incarnation, status, record }: LivingEntry): Member {
  const { addresses, fingerprint, version, zone, weight } = record;
  const meta = metaOf(record.meta);
  return {
    node,
    incarnation,
    status,
    addresses,
    fingerprint,
    version,
    zone,
    weight,
    meta,
  };
}

/** What a peer announced may be no object of ours at all: it is then shown as empty. */
function metaOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value = decodeValue(bytes);
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isRecord ? { ...value } : {};
  } catch (error) {
    if (error instanceof WireError) return {};
    throw error;
  }
}
