/**
 * Names of processes over the service registry: a name is a service with one holder on each node.
 * Every node finds it; where several nodes hold one name, the one of this node comes first.
 */
import type { Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Cancellable } from '../observable.ts';
import type { NameRegistry } from '../processes/name-registry.ts';
import type { Processes, Value } from '../processes/processes.ts';
import type { Services } from '../services/services.ts';

export class ServiceNames implements NameRegistry {
  readonly #services: Services;
  readonly #processes: Processes;

  constructor(services: Services, processes: Processes) {
    this.#services = services;
    this.#processes = processes;
  }

  /** @throws ERR_OPTION (the name, a pid of another node, a proxy), ERR_NO_PROCESS, ERR_CLOSED. */
  async registerName(name: string, pid: Pid): Promise<boolean> {
    try {
      await this.#services.register(name, pid);
      return true;
    } catch (error) {
      if (error instanceof BarrelError && error.code === 'ERR_ALREADY_REGISTERED') return false;
      throw error;
    }
  }

  unregisterName(name: string): Promise<void> {
    return this.#services.unregister(name);
  }

  /** Looks once: that nobody has the name is known within half a second. */
  async whereisName(name: string, { signal }: Cancellable = {}): Promise<Pid | undefined> {
    const entry = await this.#services.whereis(name, { retries: 0, signal });
    return entry?.pid;
  }

  /** @throws ERR_NOT_FOUND, ERR_VALUE, ERR_OVERLOADED, ERR_CLOSED. */
  async send(name: string, message: Value): Promise<Pid> {
    const pid = await this.whereisName(name);
    if (pid === undefined) {
      throw new BarrelError('ERR_NOT_FOUND', `nothing holds the name ${JSON.stringify(name)}`);
    }
    this.#processes.send(pid, message);
    return pid;
  }
}
