/** What a process body holds: the face of its process, which refuses everything after its end. */
import type { Pid } from '../core/pid.ts';
import type { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';

import type { Observable, Timed } from '../observable.ts';
import { copySized, copyValue } from './copy-value.ts';
import { MailboxSink } from './down-sinks.ts';
import { exitError } from './exit-reason.ts';
import { checkTimeout } from './pending-calls.ts';
import type { Process } from './process.ts';
import type {
  Destination,
  MonitorHandle,
  ReceiveOptions,
  RegisteredName,
  Self,
  Value,
} from './processes.ts';
import type { Router } from './router.ts';
import { Subscription } from './subscription.ts';

export class ProcessSelf implements Self {
  readonly #process: Process;
  readonly #router: Router;
  readonly #host: Host;

  constructor(process: Process, router: Router, host: Host) {
    this.#process = process;
    this.#router = router;
    this.#host = host;
  }

  get pid(): Pid {
    return this.#process.pid;
  }

  get signal(): AbortSignal {
    return this.#process.signal;
  }

  receive(options?: ReceiveOptions): Promise<Value> {
    return this.#process.receive(options);
  }

  [Symbol.asyncIterator](): AsyncIterator<Value> {
    const process = this.#process;
    return { next: () => process.next() };
  }

  send(to: Destination, message: Value): boolean {
    this.#checkAlive();
    return this.#router.send(this.#process, to, message);
  }

  sendAfter(delayMs: number, message: Value): Disposable {
    this.#checkAlive();
    checkTimeout(delayMs);
    const process = this.#process;
    const copy = copySized(message);
    const handle = {
      [Symbol.dispose]: () => {
        process.disown(handle);
        timer[Symbol.dispose]();
      },
    };
    const timer = this.#host.timers.after(delayMs, () => {
      process.disown(handle);
      process.deliver(copy);
    });
    process.own(handle);
    return handle;
  }

  call<R = unknown>(to: Destination, request: Value, options?: Timed): Promise<R> {
    if (!this.#process.isAlive) return Promise.reject(this.#exitError());
    // The caller says what the callee answers; nothing here can know.
    return this.#router.call(this.#process, to, { request, options }) as Promise<R>;
  }

  link(pid: Pid): void {
    this.#checkAlive();
    this.#router.link(this.#process, pid);
  }

  unlink(pid: Pid): void {
    this.#checkAlive();
    this.#router.unlink(this.#process, pid);
  }

  trapExit(on: boolean): void {
    this.#checkAlive();
    this.#process.trapsExits = on;
  }

  monitor(target: Pid | RegisteredName): MonitorHandle {
    this.#checkAlive();
    const process = this.#process;
    const monitor = this.#router.monitor(process, target, new MailboxSink(process));
    if (!monitor.isDone) process.own(monitor);
    return monitor;
  }

  subscribe<E extends { readonly type: string }>(source: Observable<E>): Disposable {
    this.#checkAlive();
    const process = this.#process;
    const subscription = new Subscription(process, this.#host.logger);
    process.own(subscription);
    subscription.follow(source.events({ signal: subscription.signal }));
    return subscription;
  }

  exit(reason: Value = 'normal'): never {
    this.#checkAlive();
    this.#router.locals.end(this.#process, copyValue(reason));
    throw this.#exitError();
  }

  #checkAlive(): void {
    if (!this.#process.isAlive) throw this.#exitError();
  }

  #exitError(): BarrelError {
    return exitError(this.#process.pid, this.#process.reason);
  }
}
