/** One `receive`, or one step of an iteration, that waits for a message. */
import { onceAborted } from '../abort.ts';
import { BarrelError } from '../errors.ts';
import type { DeadlineEntry, DeadlineList } from './deadlines.ts';
import type { Value } from './processes.ts';

export interface ReceiverParts {
  /** Whether the promise gives the message, or the result of an iterator's step with it. */
  readonly shape: 'message' | 'step';
  /** Called once, when it waits no more. */
  readonly onEnd: (receiver: Receiver) => void;
  readonly match?: ((message: Value) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class Receiver implements DeadlineEntry {
  readonly promise: Promise<Value>;
  dueMs = 0;
  earlier: DeadlineEntry | undefined;
  later: DeadlineEntry | undefined;
  list: DeadlineList | undefined;
  readonly #parts: ReceiverParts;
  readonly #onAbort: (() => void) | undefined;
  #resolve: (result: unknown) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(parts: ReceiverParts) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#parts = parts;
    const { signal } = parts;
    if (signal === undefined) return;
    this.#onAbort = () => this.reject(signal.reason);
    onceAborted(signal, this.#onAbort);
  }

  /** True when it took the message. What `match` throws ends this receive, not the sender. */
  offer(message: Value): boolean {
    const { match, shape } = this.#parts;
    try {
      if (match !== undefined && !match(message)) return false;
    } catch (error) {
      this.reject(error);
      return false;
    }
    this.#end();
    this.#resolve(shape === 'step' ? { done: false, value: message } : message);
    return true;
  }

  reject(error: unknown): void {
    this.#end();
    this.#reject(error);
  }

  /** As `reject`, for a body that may have dropped the promise: that is no fault of it. */
  rejectUnheard(error: unknown): void {
    this.promise.catch(() => {});
    this.reject(error);
  }

  expire(): void {
    this.reject(new BarrelError('ERR_TIMEOUT', 'no message came in time'));
  }

  #end(): void {
    const { signal, onEnd } = this.#parts;
    if (this.#onAbort !== undefined) signal?.removeEventListener('abort', this.#onAbort);
    onEnd(this);
  }
}
