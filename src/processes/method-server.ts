/**
 * Answers the calls to one served object: so many at work at once, so many waiting, the rest
 * refused. Handlers start after the code that called them has run on, never inside it.
 */
import { BarrelError } from '../errors.ts';
import { MAILBOX_BYTES_MAX, SERVE_WAITING_MAX } from '../limits.ts';
import { runInCall } from './call-context.ts';
import type { SizedCopy } from './copy-value.ts';
import { Fifo } from './fifo.ts';
import type { IncomingCall } from './incoming-call.ts';
import { type Method, parseMethodRequest } from './methods.ts';
import type { Value } from './processes.ts';

interface Task {
  readonly call: IncomingCall;
  readonly request: SizedCopy;
}

export class MethodServer {
  readonly #target: object;
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #concurrency: number;
  readonly #waiting = new Fifo<Task>();
  #waitingBytes = 0;
  #running = 0;
  #isScheduled = false;
  readonly #idleWaiters = new Set<() => void>();

  constructor(target: object, methods: ReadonlyMap<string, Method>, concurrency: number) {
    this.#target = target;
    this.#methods = methods;
    this.#concurrency = concurrency;
  }

  /** Calls that are at work or wait. */
  get load(): number {
    return this.#running + this.#waiting.length;
  }

  accept(call: IncomingCall, request: SizedCopy): void {
    if (!this.#hasRoom(request.bytes)) this.#sweep();
    if (!this.#hasRoom(request.bytes)) {
      call.refuse({ kind: 'overloaded' });
      return;
    }
    this.#waiting.push({ call, request });
    this.#waitingBytes += request.bytes;
    this.#schedule();
  }

  /** Resolves when no call is at work or waits. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idleWaiters.add(resolve);
      this.#wakeIdle();
    });
  }

  #hasRoom(bytes: number): boolean {
    if (this.#waitingBytes + bytes > MAILBOX_BYTES_MAX) return false;
    return this.load < this.#concurrency + SERVE_WAITING_MAX;
  }

  /** Calls that nobody waits for any more take no place from those that come. */
  #sweep(): void {
    this.#waiting.retain(({ call, request }) => {
      if (!call.isOpen) this.#waitingBytes -= request.bytes;
      return call.isOpen;
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#running >= this.#concurrency) return;
    this.#isScheduled = true;
    queueMicrotask(this.#startWaiting);
  }

  readonly #startWaiting = (): void => {
    this.#isScheduled = false;
    while (this.#running < this.#concurrency) {
      const task = this.#waiting.shift();
      if (task === undefined) break;
      this.#waitingBytes -= task.request.bytes;
      if (task.call.isOpen) this.#start(task);
    }
    this.#wakeIdle();
  };

  #start({ call, request }: Task): void {
    this.#running += 1;
    try {
      const result = runInCall(call, () => this.#invoke(request.value));
      if (isThenable(result)) {
        Promise.resolve(result).then(
          (value) => this.#finish(call, value),
          (error: unknown) => this.#finishFailed(call, error),
        );
        return;
      }
      call.reply(result);
    } catch (error) {
      call.fail(error);
    }
    this.#running -= 1;
  }

  #invoke(request: Value): unknown {
    const parsed = parseMethodRequest(request);
    if (parsed === undefined) throw new TypeError('a request here is [method, arguments]');
    const [name, args] = parsed;
    const method = this.#methods.get(name);
    if (method === undefined) throw noSuchMethod(name);
    return Reflect.apply(method, this.#target, args);
  }

  #finish(call: IncomingCall, value: unknown): void {
    try {
      call.reply(value);
    } catch (error) {
      call.fail(error);
    }
    this.#finished();
  }

  #finishFailed(call: IncomingCall, error: unknown): void {
    call.fail(error);
    this.#finished();
  }

  #finished(): void {
    this.#running -= 1;
    if (this.#waiting.length > 0) this.#schedule();
    this.#wakeIdle();
  }

  #wakeIdle(): void {
    if (this.load > 0 || this.#idleWaiters.size === 0) return;
    const waiters = [...this.#idleWaiters];
    this.#idleWaiters.clear();
    for (const wake of waiters) wake();
  }
}

function noSuchMethod(name: string): BarrelError {
  return new BarrelError('ERR_NOT_FOUND', `no such method: ${JSON.stringify(name)}`);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && isFunction(value.then);
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}
