/**
 * Services of one node: its own registrations, what other nodes tell, and the ways to find and call
 * them. The replicated table below carries the entries and drops those of nodes that are gone.
 */
import type { NodeRef, OverlayQueries, OwnedTable } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import type { Pid } from '../core/pid.ts';
import type { Host } from '../host/host.ts';
import type { ReservedElections } from '../leaders/leaders.ts';
import { QUERY_TIME_ONCE_MS } from '../limits.ts';
import { type Cancellable, EventSource, type Lagged, type Timed } from '../observable.ts';
import type { Processes } from '../processes/processes.ts';
import { Pauses, pauseMs } from './backoff.ts';
import { remoteOf } from './client.ts';
import { Directory, type LiveMembers } from './directory.ts';
import { eventFilter } from './event-filter.ts';
import { GlobalNames } from './global-names.ts';
import { OtherServices } from './other-services.ts';
import { OverlayLookup } from './overlay-lookup.ts';
import { Proxies } from './proxies.ts';
import { Registrar, servicesClosed } from './registrar.ts';
import { type SelectionContext, selectEntry } from './selection.ts';
import { RETRIES_DEFAULT, ServiceCaller } from './service-caller.ts';
import { checkServiceName } from './service-name.ts';
import { checkSearch } from './service-options.ts';
import type {
  ClientOptions,
  GlobalOptions,
  RegisterOptions,
  Registration,
  Remote,
  ServiceEntry,
  ServiceEvent,
  ServiceFilter,
  Services,
  WhereisOptions,
} from './services.ts';

export interface ServiceRegistryOptions {
  readonly self: NodeRef;
  readonly table: OwnedTable;
  readonly queries: OverlayQueries;
  readonly processes: Processes;
  /** For global names; asked when they are used. */
  readonly elections: () => ReservedElections;
  readonly members: LiveMembers & Pick<SelectionContext, 'isSuspect'>;
  readonly host: Pick<Host, 'clock' | 'timers' | 'random' | 'logger' | 'meter'>;
  /** Smoothed round trip to a node; undefined where no link has measured it. */
  readonly rttMs: (node: NodeName) => number | undefined;
}

export class ServiceRegistry implements Services {
  readonly #options: ServiceRegistryOptions;
  readonly #directory: Directory;
  readonly #registrar: Registrar;
  readonly #events: EventSource<ServiceEvent>;
  readonly #pauses: Pauses;
  readonly #selection: SelectionContext;
  readonly #overlay: OverlayLookup;
  readonly #proxies: Proxies;
  readonly #globals: GlobalNames;
  readonly #table: Disposable;
  #isClosed = false;

  constructor(options: ServiceRegistryOptions) {
    const { self, table, processes, members, host } = options;
    this.#options = options;
    this.#directory = new Directory(self, members);
    this.#events = new EventSource(host.logger);
    this.#pauses = new Pauses(host.timers);
    this.#selection = {
      self: self.node,
      random: host.random,
      rttMs: options.rttMs,
      isSuspect: (node) => members.isSuspect(node),
    };
    this.#overlay = new OverlayLookup({
      queries: options.queries,
      own: (name) => this.#directory.get(name, self.node),
      refused: host.meter.counter('barrel_services_lookups_refused_total'),
    });
    this.#proxies = new Proxies({
      directory: this.#directory,
      selection: this.#selection,
      processes,
      host,
      find: (name, signal) => this.whereis(name, { signal }),
    });
    this.#globals = new GlobalNames({
      elections: options.elections,
      processes,
      host,
      processOf: async (name, signal) => this.lookupLocal(name) ?? this.proxy(name, { signal }),
    });
    this.#registrar = new Registrar({
      self,
      table,
      directory: this.#directory,
      processes,
      timers: host.timers,
      checkInstance: (pid) => this.#proxies.checkInstance(pid),
      tell: (event) => this.#tell(event),
    });
    const others = new OtherServices({
      self,
      directory: this.#directory,
      emit: (event) => this.#tell(event),
      logger: host.logger,
      invalid: host.meter.counter('barrel_services_invalid_entries_total'),
    });
    this.#table = table.onChange((change) => others.apply(change));
    host.meter.gauge('barrel_services_registered', () => this.#registrar.count);
    host.meter.gauge('barrel_services_known', () => this.#directory.size);
  }

  register(
    name: string,
    target: Pid | object,
    options: RegisterOptions = {},
  ): Promise<Registration> {
    return this.#registrar.register(name, target, options);
  }

  async unregister(name: string): Promise<void> {
    this.#registrar.withdraw(name);
  }

  lookup(name: string): readonly ServiceEntry[] {
    return this.#directory.lookup(name);
  }

  lookupLocal(name: string): Pid | undefined {
    return this.#registrar.processOf(name);
  }

  list(): readonly string[] {
    return this.#directory.names();
  }

  async whereis(name: string, options: WhereisOptions = {}): Promise<ServiceEntry | undefined> {
    checkSearch(options);
    const { retries = RETRIES_DEFAULT, select = 'local', signal } = options;
    for (let retry = 0; ; retry += 1) {
      signal?.throwIfAborted();
      this.#checkOpen();
      const known = this.#usable(name);
      const entries =
        known.length > 0 ? known : await this.#beyond(name, { retry, retries, signal });
      const entry = selectEntry(entries, select, this.#selection);
      if (entry !== undefined || retry >= retries) return entry;
      await this.#pauses.wait(pauseMs(retry, this.#options.host.random), signal);
    }
  }

  client<T extends object>(name: string, options: ClientOptions = {}): Remote<T> {
    checkServiceName(name);
    const { processes, host } = this.#options;
    const context = {
      directory: this.#directory,
      processes,
      pauses: this.#pauses,
      clock: host.clock,
      random: host.random,
      logger: host.logger,
      selection: this.#selection,
    };
    return remoteOf<T>(new ServiceCaller(name, context, options));
  }

  on<T extends ServiceEvent['type']>(
    type: T,
    listener: (event: Extract<ServiceEvent, { type: T }>) => void,
    filter?: ServiceFilter,
  ): Disposable {
    return this.#events.on(type, listener, eventFilter(filter));
  }

  events(options?: Cancellable & ServiceFilter): AsyncIterable<ServiceEvent | Lagged> {
    return this.#events.events(options, eventFilter(options));
  }

  async proxy(name: string, options: Timed = {}): Promise<Pid> {
    checkServiceName(name);
    return this.getProxy(name) ?? this.#proxies.open(name, options);
  }

  getProxy(name: string): Pid | undefined {
    return this.#proxies.get(name);
  }

  async globalRegister(name: string, options: GlobalOptions = {}): Promise<Pid> {
    this.#registrar.checkOpen();
    return this.#globals.register(name, options);
  }

  async globalUnregister(name: string): Promise<void> {
    await this.#globals.unregister(name);
  }

  globalWhereis(name: string): Pid | undefined {
    return this.#globals.whereis(name);
  }

  /** The process that a message to the service goes to now: the local one, else any. */
  resolve(name: string): Pid | undefined {
    return selectEntry(this.#usable(name), 'local', this.#selection)?.pid;
  }

  /**
   * Names under which a process of this node is registered, or was until the node withdrew all, and
   * that of the service that a proxy stands for.
   */
  namesOf(pid: Pid): readonly string[] {
    const proxied = this.#proxies.nameOf(pid);
    const own = this.#registrar.namesOf(pid);
    return proxied === undefined ? own : [proxied, ...own];
  }

  isProxy(pid: Pid): boolean {
    return this.#proxies.nameOf(pid) !== undefined;
  }

  /**
   * Withdraws every entry of this node and takes no new ones; served processes go on with the calls
   * at work, which still reach them where there is no other instance.
   */
  withdrawAll(): void {
    this.#globals.close();
    this.#registrar.withdrawAll();
  }

  /** Withdraws everything, ends the event streams, fails what waits with ERR_CLOSED. */
  close(): void {
    if (this.#isClosed) return;
    this.withdrawAll();
    this.#directory.forgetRetired();
    this.#isClosed = true;
    this.#table[Symbol.dispose]();
    this.#pauses.close(servicesClosed());
    this.#events.end();
  }

  /** What is listed, and this node's own while it closes. */
  #usable(name: string): readonly ServiceEntry[] {
    return this.#directory.usable(name);
  }

  /** Proxies first: what listeners do next shall find them as they are now. */
  #tell(event: ServiceEvent): void {
    this.#proxies.onEvent(event);
    this.#events.emit(event);
  }

  /** What nobody here has heard of. Where it is the only attempt, the answer shall come soon. */
  async #beyond(
    name: string,
    { retry, retries, signal }: Attempt,
  ): Promise<readonly ServiceEntry[]> {
    const timeLeftMs = retries === 0 ? QUERY_TIME_ONCE_MS : undefined;
    const entry = await this.#overlay.find(name, { signal, isAnew: retry > 0, timeLeftMs });
    return entry === undefined ? [] : [entry];
  }

  #checkOpen(): void {
    if (this.#isClosed) throw servicesClosed();
  }
}

/** One of the attempts of a `whereis`. */
interface Attempt {
  readonly retry: number;
  readonly retries: number;
  readonly signal: AbortSignal | undefined;
}
