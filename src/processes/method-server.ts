/**
 * Answers the calls to one served object: so many at work at once, so many waiting, the rest
 * refused. Handlers start after the code that called them has run on, never inside it.
 */
import { BarrelError } from '../errors.ts';
import { MAILBOX_BYTES_MAX, SERVE_WAITING_MAX } from '../limits.ts';
import { isPromise } from '../standard-schema.ts';
import { type ArgumentJudges, argumentFault } from './argument-judges.ts';
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

/** Looked at for each refused call, at most and on average. */
const SWEEP_SHARE = 64;

export interface MethodServerParts {
  readonly target: object;
  readonly methods: ReadonlyMap<string, Method>;
  /** Calls at work at once; a stream that answers one counts until it ends. */
  readonly concurrency: number;
  readonly judges: ArgumentJudges | undefined;
}

export class MethodServer {
  readonly #target: object;
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #concurrency: number;
  readonly #judges: ArgumentJudges | undefined;
  readonly #waiting = new Fifo<Task>();
  #waitingBytes = 0;
  #running = 0;
  /** Since it was last looked for calls that nobody waits for. */
  #refusals = 0;
  #isScheduled = false;
  readonly #idleWaiters = new Set<() => void>();

  constructor(parts: MethodServerParts) {
    this.#target = parts.target;
    this.#methods = parts.methods;
    this.#concurrency = parts.concurrency;
    this.#judges = parts.judges;
  }

  /** Calls that are at work or wait. */
  get load(): number {
    return this.#running + this.#waiting.length;
  }

  accept(call: IncomingCall, request: SizedCopy): void {
    if (!this.#hasRoom(request.bytes)) this.#sweep();
    if (!this.#hasRoom(request.bytes)) {
      this.#refusals += 1;
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

  /**
   * Calls that nobody waits for any more take no place from those that come. When a look was in
   * vain, so many are refused before the next that a refusal costs little.
   */
  #sweep(): void {
    if (this.#refusals > 0 && this.#refusals * SWEEP_SHARE < this.#waiting.length) return;
    this.#refusals = 0;
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
      const result = runInCall(call, () => this.#invoke(call, request.value));
      if (isPromise(result)) {
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
    if (call.streamed === undefined) this.#running -= 1;
    else this.#finished(call);
  }

  #invoke(call: IncomingCall, request: Value): unknown {
    const parsed = parseMethodRequest(request);
    if (parsed === undefined) throw new TypeError('a request here is [method, arguments]');
    const [name, args] = parsed;
    const method = this.#methods.get(name);
    if (method === undefined) throw noSuchMethod(name);
    const judge = this.#judges?.get(name);
    const fault = judge && argumentFault(judge, name, args);
    // The call is answered then: what this returns goes nowhere.
    if (fault !== undefined) return call.refuse(fault);
    return Reflect.apply(method, this.#target, args);
  }

  #finish(call: IncomingCall, value: unknown): void {
    try {
      call.reply(value);
    } catch (error) {
      call.fail(error);
    }
    this.#finished(call);
  }

  #finishFailed(call: IncomingCall, error: unknown): void {
    call.fail(error);
    this.#freeSlot();
  }

  /** A stream keeps its slot until nobody works on it any more. */
  #finished({ streamed }: IncomingCall): void {
    if (streamed === undefined) this.#freeSlot();
    else void streamed.then(() => this.#freeSlot());
  }

  #freeSlot(): void {
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
