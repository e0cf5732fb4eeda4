/**
 * What this node registered: the side that writes the replicated table. An entry goes with its
 * process; the reason of its end stays in the table for a minute, so that other nodes learn it.
 */
import type { OwnedTable } from '../cluster/ports.ts';
import type { Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Timers } from '../host/host.ts';
import { SERVICE_DOWNS_KEPT_MAX } from '../limits.ts';
import type { Processes, Value } from '../processes/processes.ts';
import { keyOfService } from './service-name.ts';
import { encodeDown, encodeLive } from './service-record.ts';
import type { ServiceMeta } from './services.ts';

/** How long the reason of an end stays in the table. */
const DOWN_KEPT_MS = 60_000;

export interface OwnServicesOptions {
  readonly table: OwnedTable;
  readonly processes: Processes;
  readonly timers: Timers;
  /** The process of a registered service has ended; the entry is withdrawn already. */
  readonly onDown: (name: string, reason: Value) => void;
}

export interface OwnService {
  readonly name: string;
  readonly pid: Pid;
  /** The process was made for the registration and ends with it. */
  readonly isServed: boolean;
}

interface Registered {
  /** As it was added: each registration has an object of its own. */
  readonly service: OwnService;
  readonly monitor: Disposable;
}

export class OwnServices {
  readonly #options: OwnServicesOptions;
  readonly #registered = new Map<string, Registered>();
  /** What each process is called with: a withdrawn name counts for calls under way. */
  readonly #names = new Map<Pid, Set<string>>();
  /** Names whose end is told in the table, the oldest first. */
  readonly #downs = new Map<string, Disposable>();

  constructor(options: OwnServicesOptions) {
    this.#options = options;
  }

  get(name: string): OwnService | undefined {
    return this.#registered.get(name)?.service;
  }

  get count(): number {
    return this.#registered.size;
  }

  names(): readonly string[] {
    return [...this.#registered.keys()];
  }

  /** Names of that process, from the registration until it is forgotten or the process ends. */
  namesOf(pid: Pid): readonly string[] {
    const names = this.#names.get(pid);
    return names === undefined ? [] : [...names];
  }

  /** @throws ERR_VALUE (meta), ERR_OVERLOADED (the table); nothing has changed then. */
  add(service: OwnService, meta: ServiceMeta): void {
    const { name, pid } = service;
    this.#options.table.put(keyOfService(name), encodeLive(pid.serial, meta));
    this.#forgetDown(name);
    const monitor = this.#options.processes.monitor(pid, (down) => this.#onDown(name, down.reason));
    this.#registered.set(name, { service, monitor });
    this.#names.set(pid, (this.#names.get(pid) ?? new Set()).add(name));
  }

  /** The process is not called by that name any more. */
  forgetName({ name, pid }: OwnService): void {
    const names = this.#names.get(pid);
    names?.delete(name);
    if (names?.size === 0) this.#names.delete(pid);
  }

  /** @throws ERR_VALUE, ERR_OVERLOADED; the entry stays as it was. */
  update(service: OwnService, meta: ServiceMeta): void {
    const { name, pid } = service;
    this.#options.table.put(keyOfService(name), encodeLive(pid.serial, meta));
  }

  /** False when there was nothing to withdraw. */
  withdraw(name: string): boolean {
    const registered = this.#registered.get(name);
    if (registered === undefined) return false;
    this.#registered.delete(name);
    registered.monitor[Symbol.dispose]();
    this.#options.table.remove(keyOfService(name));
    return true;
  }

  /** Takes back what still tells of ends. */
  close(): void {
    for (const name of [...this.#downs.keys()]) this.#removeDown(name);
  }

  #onDown(name: string, reason: Value): void {
    const registered = this.#registered.get(name);
    if (registered === undefined) return;
    this.#registered.delete(name);
    this.forgetName(registered.service);
    this.#tellDown(registered.service, reason);
    this.#options.onDown(name, reason);
  }

  #tellDown({ name, pid }: OwnService, reason: Value): void {
    const { table, timers } = this.#options;
    try {
      table.put(keyOfService(name), encodeDown(pid.serial, reason));
    } catch (error) {
      if (!(error instanceof BarrelError)) throw error;
      table.remove(keyOfService(name));
      return;
    }
    this.#downs.set(
      name,
      timers.after(DOWN_KEPT_MS, () => this.#removeDown(name)),
    );
    const [oldest] = this.#downs.keys();
    if (this.#downs.size > SERVICE_DOWNS_KEPT_MAX && oldest !== undefined) this.#removeDown(oldest);
  }

  #removeDown(name: string): void {
    this.#forgetDown(name);
    this.#options.table.remove(keyOfService(name));
  }

  #forgetDown(name: string): void {
    this.#downs.get(name)?.[Symbol.dispose]();
    this.#downs.delete(name);
  }
}
