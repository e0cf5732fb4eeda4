/**
 * The process that stands for a service on this node: what is sent to it, messages and calls, goes
 * to an instance of the service, wherever that is. Messages keep their order and slow the sender
 * down where the way is full; calls go side by side.
 */
import type { Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Timers } from '../host/host.ts';
import type { Counter } from '../host/meter.ts';
import { PROXY_CALLS_MAX } from '../limits.ts';
import { Request } from '../processes/messages.ts';
import { PassedStream, passCall } from '../processes/passed-call.ts';
import { PassedFailure, passedOn } from '../processes/passed-failure.ts';
import type { Processes, Self, Value } from '../processes/processes.ts';
import { isAsyncIterable } from '../processes/result-pump.ts';
import { ProxyTarget, type ProxyTargetParts } from './proxy-target.ts';
import { isUndelivered } from './service-caller.ts';

/** Reason of the end of a proxy whose service has no instance any more. */
const NO_INSTANCE = 'noproc';

/** Messages that are passed on before others may run: proxies of other nodes may form a circle. */
const MESSAGES_PER_TURN = 256;

const NO_PROCESS = new PassedFailure({ kind: 'noProcess' });
const OVERLOADED = new PassedFailure({ kind: 'overloaded' });

export interface ServiceProxyParts extends Omit<ProxyTargetParts, 'onNone'> {
  /** The instance to begin with. */
  readonly first: Pid;
  readonly timers: Timers;
  /** Counts messages that found no instance, or no room on the way. */
  readonly lost: Counter;
}

export class ServiceProxy {
  readonly pid: Pid;
  readonly target: ProxyTarget;
  readonly #processes: Processes;
  readonly #timers: Timers;
  readonly #lost: Counter;
  /** Calls that wait for their answers. */
  #calls = 0;
  #streams = 0;
  #isEnding = false;

  constructor(parts: ServiceProxyParts) {
    const { first, lost, processes, timers } = parts;
    this.#processes = processes;
    this.#timers = timers;
    this.#lost = lost;
    this.pid = processes.spawn((self) => this.#run(self));
    this.target = new ProxyTarget(first, { ...parts, onNone: () => this.#end() });
  }

  /** False from the moment on in which no instance was left; calls under way end first. */
  get isOpen(): boolean {
    return !this.#isEnding && this.#processes.isAlive(this.pid);
  }

  async #run(self: Self): Promise<void> {
    let taken = 0;
    for await (const message of self) {
      if (message instanceof Request) this.#take(self, message);
      else await this.#pass(self, message);
      taken += 1;
      if (taken % MESSAGES_PER_TURN === 0) await this.#turn();
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#timers.soon(resolve));
  }

  async #pass(self: Self, message: Value): Promise<void> {
    const to = this.#isEnding ? undefined : this.target.instance();
    try {
      if (to === undefined) this.#lost.value += 1;
      else if (!self.send(to, message)) {
        await this.#processes.drained(to, { signal: self.signal });
      }
    } catch (error) {
      const isFull = error instanceof BarrelError && error.code === 'ERR_OVERLOADED';
      if (!isFull) throw error;
      this.#lost.value += 1;
    }
  }

  #take(self: Self, request: Request): void {
    if (this.#isEnding) request.fail(NO_PROCESS);
    else if (this.#calls >= PROXY_CALLS_MAX) request.fail(OVERLOADED);
    else void this.#answer(self, request);
  }

  async #answer(self: Self, request: Request): Promise<void> {
    this.#calls += 1;
    try {
      const answer = await this.#call(self, request);
      request.reply(isAsyncIterable(answer) ? this.#stream(answer) : answer);
    } catch (error) {
      request.fail(passedOn(error));
    }
    this.#calls -= 1;
    this.#endWhenIdle();
  }

  /** Another instance is asked where one certainly did not get the call. */
  async #call(self: Self, request: Request): Promise<Value> {
    const failed = new Set<Pid>();
    let failure: unknown = NO_PROCESS;
    for (;;) {
      const to = this.target.instance(failed);
      if (to === undefined) throw failure;
      try {
        return await passCall(self, request, to);
      } catch (error) {
        if (!isUndelivered(error)) throw error;
        failure = error;
        failed.add(to);
      }
    }
  }

  #stream(items: AsyncIterable<Value>): AsyncIterable<Value> {
    this.#streams += 1;
    return new PassedStream(items, () => {
      this.#streams -= 1;
      this.#endWhenIdle();
    });
  }

  #end(): void {
    this.#isEnding = true;
    this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    if (!this.#isEnding || this.#calls > 0 || this.#streams > 0) return;
    if (this.#processes.isAlive(this.pid)) this.#processes.exit(this.pid, NO_INSTANCE);
  }
}
