/**
 * What this node registers: checks it, enters it in the table for others and in the directory for
 * this node, and tells of it. An entry goes with its process; a process that was made for an entry
 * goes with that.
 */
import type { NodeRef, OwnedTable } from '../cluster/ports.ts';
import { isPid, type Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Timers } from '../host/host.ts';
import type { Processes } from '../processes/processes.ts';
import type { Directory } from './directory.ts';
import { type OwnService, OwnServices } from './own-services.ts';
import { checkServiceName } from './service-name.ts';
import { copyMeta } from './service-record.ts';
import type { RegisterOptions, Registration, ServiceEvent, ServiceMeta } from './services.ts';

export interface RegistrarParts {
  readonly self: NodeRef;
  readonly table: OwnedTable;
  readonly directory: Directory;
  readonly processes: Processes;
  readonly timers: Timers;
  /** @throws ERR_OPTION for a process that cannot be an instance of a service. */
  readonly checkInstance: (pid: Pid) => void;
  readonly tell: (event: ServiceEvent) => void;
}

export class Registrar {
  readonly #parts: RegistrarParts;
  readonly #own: OwnServices;
  #isClosed = false;

  constructor(parts: RegistrarParts) {
    const { self, table, processes, timers } = parts;
    this.#parts = parts;
    this.#own = new OwnServices({
      table,
      processes,
      timers,
      onDown: (name, reason) => this.#ended({ type: 'down', name, node: self.node, reason }),
    });
  }

  get count(): number {
    return this.#own.count;
  }

  /** The process that is registered under that name. */
  processOf(name: string): Pid | undefined {
    return this.#own.get(name)?.pid;
  }

  /** Names under which a process is registered, or was until all were withdrawn. */
  namesOf(pid: Pid): readonly string[] {
    return this.#own.namesOf(pid);
  }

  /** @throws ERR_CLOSED once everything is withdrawn. */
  checkOpen(): void {
    if (this.#isClosed) throw servicesClosed();
  }

  /** @throws as `Services.register`. */
  async register(
    name: string,
    target: Pid | object,
    { meta = {}, ...serveOptions }: RegisterOptions,
  ): Promise<Registration> {
    checkServiceName(name);
    const holder = this.#own.get(name);
    const { processes, directory, tell } = this.#parts;
    // Who watched a holder end may be here before the entry is withdrawn, which comes next.
    if (holder !== undefined && !processes.isAlive(holder.pid)) await undefined;
    this.checkOpen();
    this.#checkFree(name);
    const isServed = !isPid(target);
    const pid = isServed ? processes.serve(target, serveOptions) : target;
    const service = { name, pid, isServed };
    try {
      this.#checkProcess(pid);
      this.#own.add(service, meta);
    } catch (error) {
      if (isServed) processes.exit(pid, 'shutdown');
      throw error;
    }
    directory.set(name, pid, copyMeta(meta));
    tell({ type: 'registered', name, node: pid.node, pid });
    return this.#registration(service);
  }

  withdraw(name: string): void {
    this.#withdraw(name, { endsServed: true });
  }

  /**
   * Takes no new ones any more; served processes go on with the calls at work, which may use what
   * is withdrawn.
   */
  withdrawAll(): void {
    this.#isClosed = true;
    for (const name of this.#own.names()) this.#withdraw(name, { endsServed: false });
    this.#own.close();
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
        if (isCurrent()) this.withdraw(service.name);
      },
    };
  }

  #update(service: OwnService, meta: ServiceMeta): void {
    const { name, pid } = service;
    this.#own.update(service, meta);
    this.#parts.directory.set(name, pid, copyMeta(meta));
    this.#parts.tell({ type: 'updated', name, node: pid.node, pid });
  }

  #withdraw(name: string, { endsServed }: { readonly endsServed: boolean }): void {
    const service = this.#own.get(name);
    if (service === undefined) return;
    this.#own.withdraw(name);
    if (endsServed) this.#own.forgetName(service);
    if (!endsServed) this.#retire(service);
    else if (service.isServed) this.#parts.processes.exit(service.pid, 'shutdown');
    this.#ended({ type: 'unregistered', name, node: service.pid.node });
  }

  /** Calls at work may need it: it goes with its process. */
  #retire({ name, pid }: OwnService): void {
    const { directory, processes } = this.#parts;
    if (!processes.isAlive(pid)) return;
    directory.retire(name);
    processes.monitor(pid, () => directory.forgetRetired(name));
  }

  #ended(event: Extract<ServiceEvent, { type: 'unregistered' | 'down' }>): void {
    this.#parts.directory.delete(event.name, event.node);
    this.#parts.tell(event);
  }

  #checkFree(name: string): void {
    if (this.#own.get(name) === undefined) return;
    const text = `service ${JSON.stringify(name)} is registered on this node already`;
    throw new BarrelError('ERR_ALREADY_REGISTERED', text);
  }

  #checkProcess(pid: Pid): void {
    const { self, processes, checkInstance } = this.#parts;
    if (pid.node !== self.node || pid.incarnation !== self.incarnation) {
      const text = `a service is a process of its own node ${self.node}, not ${pid}`;
      throw new BarrelError('ERR_OPTION', text);
    }
    if (!processes.isAlive(pid)) {
      throw new BarrelError('ERR_NO_PROCESS', `process ${pid} has ended`);
    }
    checkInstance(pid);
  }
}

export function servicesClosed(): BarrelError {
  return new BarrelError('ERR_CLOSED', 'the services of this node are closed');
}
