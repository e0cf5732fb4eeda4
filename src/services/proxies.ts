/** The proxies of a node: at most one for each name of a service. */
import type { Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { CALL_TIMEOUT_MS_DEFAULT, PROXIES_MAX } from '../limits.ts';
import type { Timed } from '../observable.ts';
import type { Processes } from '../processes/processes.ts';
import { within } from '../time-limit.ts';
import type { Directory } from './directory.ts';
import type { SelectionContext } from './selection.ts';
import { ServiceProxy } from './service-proxy.ts';
import type { ServiceEntry, ServiceEvent } from './services.ts';

export interface ProxiesParts {
  readonly directory: Directory;
  readonly selection: SelectionContext;
  readonly processes: Processes;
  readonly host: Pick<Host, 'timers' | 'meter'>;
  /** An instance to begin with. */
  readonly find: (name: string, signal: AbortSignal) => Promise<ServiceEntry | undefined>;
}

export class Proxies {
  readonly #parts: ProxiesParts;
  readonly #byName = new Map<string, ServiceProxy>();
  readonly #names = new Map<Pid, string>();

  constructor(parts: ProxiesParts) {
    this.#parts = parts;
    parts.host.meter.gauge('barrel_services_proxies', () => this.#names.size);
  }

  get(name: string): Pid | undefined {
    const proxy = this.#byName.get(name);
    return proxy?.isOpen === true ? proxy.pid : undefined;
  }

  /** The service that a proxy stands for. */
  nameOf(pid: Pid): string | undefined {
    return this.#names.get(pid);
  }

  /** Finds an instance, and makes a proxy for it. @throws as `Services.proxy`. */
  async open(name: string, { timeoutMs = CALL_TIMEOUT_MS_DEFAULT, signal }: Timed): Promise<Pid> {
    const { find, host } = this.#parts;
    const what = `finding service ${JSON.stringify(name)}`;
    const limit = { timers: host.timers, timeoutMs, signal, what };
    const entry = await within(limit, (abort) => find(name, abort));
    if (entry === undefined) {
      const text = `no instance of service ${JSON.stringify(name)} is known`;
      throw new BarrelError('ERR_NOT_FOUND', text);
    }
    // Of several that look for the same service at once the first makes the proxy.
    return this.get(name) ?? this.#start(name, entry.pid);
  }

  /** Proxies could pass to each other in a circle. @throws ERR_OPTION for a proxy. */
  checkInstance(pid: Pid): void {
    const name = this.nameOf(pid);
    if (name === undefined) return;
    const text = `the proxy of service ${JSON.stringify(name)} cannot be an instance of a service`;
    throw new BarrelError('ERR_OPTION', `${text}: what it passes on could come back to it`);
  }

  /** The directory has that change already. */
  onEvent(event: ServiceEvent): void {
    if (event.type === 'unregistered' || event.type === 'down') {
      this.#byName.get(event.name)?.target.onGone(event);
    }
  }

  #start(name: string, first: Pid): Pid {
    if (this.#names.size >= PROXIES_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${PROXIES_MAX} proxies run already`);
    }
    const { directory, selection, processes, host } = this.#parts;
    const proxy = new ServiceProxy({
      first,
      instances: (isWanted) => directory.usable(name, isWanted),
      selection,
      processes,
      timers: host.timers,
      lost: host.meter.counter('barrel_services_proxy_messages_lost_total'),
    });
    this.#byName.set(name, proxy);
    this.#names.set(proxy.pid, name);
    processes.monitor(proxy.pid, () => this.#onEnd(name, proxy));
    return proxy.pid;
  }

  #onEnd(name: string, proxy: ServiceProxy): void {
    proxy.target.close();
    this.#names.delete(proxy.pid);
    if (this.#byName.get(name) === proxy) this.#byName.delete(name);
  }
}
