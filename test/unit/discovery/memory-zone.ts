/** A zone of the domain name system in memory, that answers on virtual time. */
import type { ResolvedAddress, Resolver, ServiceRecord } from '../../../src/host/resolver.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

export class MemoryZone implements Resolver {
  readonly hosts: Map<string, readonly ResolvedAddress[]> = new Map();
  readonly srv: Map<string, readonly ServiceRecord[]> = new Map();
  /** Names that were asked for, in order. */
  readonly asked: string[] = [];
  /** Names for which no server answers: `silence` until the abort, or at once with an error. */
  readonly faults: Map<string, 'silence' | Error> = new Map();
  readonly time: VirtualTime = new VirtualTime();
  readonly random: SeededRandom = new SeededRandom(1);
  /** Questions that were given up. */
  aborted = 0;

  get world(): {
    readonly resolver: Resolver;
    readonly clock: VirtualTime;
    readonly timers: VirtualTime;
    readonly random: SeededRandom;
  } {
    return { resolver: this, clock: this.time, timers: this.time, random: this.random };
  }

  /** Addresses of a host, `ttlMs` each. */
  host(name: string, ips: readonly string[], ttlMs: number | undefined = 5_000): void {
    this.hosts.set(
      name,
      ips.map((ip) => ({ ip, ttlMs })),
    );
  }

  async addresses(host: string, signal: AbortSignal): Promise<readonly ResolvedAddress[]> {
    await this.#ask(host, signal);
    return this.hosts.get(host) ?? [];
  }

  async services(name: string, signal: AbortSignal): Promise<readonly ServiceRecord[]> {
    await this.#ask(name, signal);
    return this.srv.get(name) ?? [];
  }

  async #ask(name: string, signal: AbortSignal): Promise<void> {
    this.asked.push(name);
    const fault = this.faults.get(name);
    if (fault instanceof Error) throw fault;
    if (fault === undefined) return;
    await new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        this.aborted += 1;
        reject(signal.reason);
      });
    });
  }
}
