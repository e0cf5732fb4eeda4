/**
 * Services of one node: its own registrations, what other nodes tell, and the ways to find and call
 * them. The replicated table below carries the entries and drops those of nodes that are gone.
 */
import type { NodeRef, OwnedTable } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import { isPid, type Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { type Cancellable, EventSource, type Lagged } from '../observable.ts';
import type { Processes } from '../processes/processes.ts';
import { Pauses, pauseMs } from './backoff.ts';
import { remoteOf } from './client.ts';
import { Directory, type LiveMembers } from './directory.ts';
import { OtherServices } from './other-services.ts';
import { type OwnService, OwnServices } from './own-services.ts';
import { type SelectionContext, selectEntry } from './selection.ts';
import { RETRIES_DEFAULT, ServiceCaller } from './service-caller.ts';
import { checkServiceName } from './service-name.ts';
import { checkSearch } from './service-options.ts';
import { copyMeta } from './service-record.ts';
import type {
  ClientOptions,
  RegisterOptions,
  Registration,
  Remote,
  ServiceEntry,
  ServiceEvent,
  ServiceMeta,
  Services,
  WhereisOptions,
} from './services.ts';

export interface ServiceRegistryOptions {
  readonly self: NodeRef;
  readonly table: OwnedTable;
  readonly processes: Processes;
  readonly members: LiveMembers;
  readonly host: Pick<Host, 'clock' | 'timers' | 'random' | 'logger' | 'meter'>;
  /** Smoothed round trip to a node; undefined where no link has measured it. */
  readonly rttMs: (node: NodeName) => number | undefined;
}

export class ServiceRegistry implements Services {
  readonly #options: ServiceRegistryOptions;
  readonly #directory: Directory;
  readonly #own: OwnServices;
  readonly #events: EventSource<ServiceEvent>;
  readonly #pauses: Pauses;
  readonly #selection: SelectionContext;
  readonly #table: Disposable;
  /** Set first: nothing is registered any more, while look-ups still work. */
  #isWithdrawn = false;
  #isClosed = false;

  constructor(options: ServiceRegistryOptions) {
    const { self, table, processes, members, host } = options;
    this.#options = options;
    this.#directory = new Directory(self, members);
    this.#events = new EventSource(host.logger);
    this.#pauses = new Pauses(host.timers);
    this.#selection = { self: self.node, random: host.random, rttMs: options.rttMs };
    this.#own = new OwnServices({
      table,
      processes,
      timers: host.timers,
      onDown: (name, reason) => this.#ended({ type: 'down', name, node: self.node, reason }),
    });
    const others = new OtherServices({
      self,
      directory: this.#directory,
      emit: (event) => this.#events.emit(event),
      logger: host.logger,
      invalid: host.meter.counter('barrel_services_invalid_entries_total'),
    });
    this.#table = table.onChange((change) => others.apply(change));
    host.meter.gauge('barrel_services_registered', () => this.#own.count);
    host.meter.gauge('barrel_services_known', () => this.#directory.size);
  }

  async register(
    name: string,
    target: Pid | object,
    options: RegisterOptions = {},
  ): Promise<Registration> {
    checkServiceName(name);
    if (this.#isWithdrawn) throw closedError();
    if (this.#own.get(name) !== undefined) {
      const text = `service ${JSON.stringify(name)} is registered on this node already`;
      throw new BarrelError('ERR_ALREADY_REGISTERED', text);
    }
    const { meta = {}, ...serveOptions } = options;
    const isServed = !isPid(target);
    const pid = isServed ? this.#options.processes.serve(target, serveOptions) : target;
    const service = { name, pid, isServed };
    try {
      this.#checkOwnProcess(pid);
      this.#own.add(service, meta);
    } catch (error) {
      if (isServed) this.#options.processes.exit(pid, 'shutdown');
      throw error;
    }
    this.#directory.set(name, pid, copyMeta(meta));
    this.#events.emit({ type: 'registered', name, node: pid.node, pid });
    return this.#registration(service);
  }

  async unregister(name: string): Promise<void> {
    this.#withdraw(name, { endsServed: true });
  }

  lookup(name: string): readonly ServiceEntry[] {
    return this.#directory.lookup(name);
  }

  lookupLocal(name: string): Pid | undefined {
    return this.#own.get(name)?.pid;
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
      const entry = selectEntry(this.lookup(name), select, this.#selection);
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
      selection: this.#selection,
    };
    return remoteOf<T>(new ServiceCaller(name, context, options));
  }

  on<T extends ServiceEvent['type']>(
    type: T,
    listener: (event: Extract<ServiceEvent, { type: T }>) => void,
  ): Disposable {
    return this.#events.on(type, listener);
  }

  events(options?: Cancellable): AsyncIterable<ServiceEvent | Lagged> {
    return this.#events.events(options);
  }

  /** The process that a message to the service goes to now: the local one, else any. */
  resolve(name: string): Pid | undefined {
    return selectEntry(this.lookup(name), 'local', this.#selection)?.pid;
  }

  /**
   * Withdraws every entry of this node and takes no new ones; served processes go on with the calls
   * at work.
   */
  withdrawAll(): void {
    this.#isWithdrawn = true;
    for (const name of this.#own.names()) this.#withdraw(name, { endsServed: false });
    this.#own.close();
  }

  /** Withdraws everything, ends the event streams, fails what waits with ERR_CLOSED. */
  close(): void {
    if (this.#isClosed) return;
    this.withdrawAll();
    this.#isClosed = true;
    this.#table[Symbol.dispose]();
    this.#pauses.close(closedError());
    this.#events.end();
  }

  #registration(service: OwnService): Registration {
    const isCurrent = (): boolean => this.#own.get(service.name) === service;
    return {
      name: service.name,
      pid: service.pid,
      update: async (meta) => {
        if (!isCurrent()) {
          const text = `service ${JSON.stringify(service.name)} is registered here no more`;
          throw new BarrelError('ERR_NOT_FOUND', text);
        }
        this.#update(service, meta);
      },
      [Symbol.asyncDispose]: async () => {
        if (isCurrent()) this.#withdraw(service.name, { endsServed: true });
      },
    };
  }

  #update(service: OwnService, meta: ServiceMeta): void {
    const { name, pid } = service;
    this.#own.update(service, meta);
    this.#directory.set(name, pid, copyMeta(meta));
    this.#events.emit({ type: 'updated', name, node: pid.node, pid });
  }

  #withdraw(name: string, { endsServed }: { readonly endsServed: boolean }): void {
    const service = this.#own.get(name);
    if (service === undefined) return;
    this.#own.withdraw(name);
    if (service.isServed && endsServed) this.#options.processes.exit(service.pid, 'shutdown');
    this.#ended({ type: 'unregistered', name, node: service.pid.node });
  }

  #ended(event: Extract<ServiceEvent, { type: 'unregistered' | 'down' }>): void {
    this.#directory.delete(event.name, event.node);
    this.#events.emit(event);
  }

  #checkOwnProcess(pid: Pid): void {
    const { self, processes } = this.#options;
    if (pid.node !== self.node || pid.incarnation !== self.incarnation) {
      const text = `a service is a process of its own node ${self.node}, not ${pid}`;
      throw new BarrelError('ERR_OPTION', text);
    }
    if (processes.isAlive(pid)) return;
    throw new BarrelError('ERR_NO_PROCESS', `process ${pid} has ended`);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closedError();
  }
}

function closedError(): BarrelError {
  return new BarrelError('ERR_CLOSED', 'the services of this node are closed');
}
