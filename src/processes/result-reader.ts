/**
 * The caller's end of a stream that answers a call: what came and was not read yet, and who waits
 * for more. What came before the stream ended or broke is read first; what ends it here, an abort
 * or the end of the reading process, ends it at once.
 */
import { onceAborted } from '../abort.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { RESULT_WINDOW_BYTES, RESULT_WINDOW_ITEMS } from '../limits.ts';
import { exitError } from './exit-reason.ts';
import { Fifo } from './fifo.ts';
import type { Process } from './process.ts';
import type { Value } from './processes.ts';

/** Where the items come from. */
export interface ResultFeed {
  /** So many more were consumed. */
  pulled(count: number): void;
  /** Nobody reads on. */
  cancel(): void;
}

export interface ResultReaderParts {
  readonly feed: ResultFeed;
  /** The process that reads; undefined for the node itself. */
  readonly caller: Process | undefined;
  readonly signal: AbortSignal | undefined;
  /** Called once, when nothing more comes. */
  readonly onClosed: (reader: ResultReader) => void;
}

interface Item {
  readonly value: Value;
  readonly bytes: number;
}

type Step = IteratorResult<Value, undefined>;

export class ResultReader implements AsyncIterableIterator<Value, undefined>, Disposable {
  readonly #parts: ResultReaderParts;
  readonly #items = new Fifo<Item>();
  readonly #waiters = new Fifo<Waiter<Step>>();
  /** What the sender knows, or will know, to be out: not read, or read and not told yet. */
  #outCount = 0;
  #outBytes = 0;
  #untoldCount = 0;
  #untoldBytes = 0;
  #isClosed = false;
  /** Why it broke, until the reader is told. */
  #failure: { readonly error: unknown } | undefined;

  /** Enters it at the process that reads. */
  constructor(parts: ResultReaderParts) {
    this.#parts = parts;
    parts.caller?.own(this);
    if (parts.signal !== undefined) onceAborted(parts.signal, this.#onAbort);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step> {
    if (this.#isClosed) this.#checkReader();
    const item = this.#items.shift();
    if (item !== undefined) {
      this.#consumed(item.bytes);
      return Promise.resolve({ done: false, value: item.value });
    }
    if (!this.#isClosed) return this.#wait();
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) return Promise.reject(failure.error);
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Nobody reads on: the callee is told, and what came is dropped. */
  return(): Promise<Step> {
    this.#failure = undefined;
    this.#cancel();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** An item that came. @throws WireError when there was no room for it. */
  push(value: Value, bytes: number): void {
    if (this.#isClosed) return;
    if (this.#outCount >= RESULT_WINDOW_ITEMS || this.#outBytes >= RESULT_WINDOW_BYTES) {
      throw new WireError('an item above the window of its stream');
    }
    this.#outCount += 1;
    this.#outBytes += bytes;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) {
      this.#items.push({ value, bytes });
      return;
    }
    this.#consumed(bytes);
    waiter.resolve({ done: false, value });
  }

  /** All items came. */
  end(): void {
    this.#close();
  }

  /** Nothing more comes, for that reason. */
  fail(error: unknown): void {
    if (this.#isClosed) return;
    this.#failure = { error };
    this.#close();
  }

  /** Ends it from here, at once: the callee is told, and what came is dropped. */
  abandon(error: unknown): void {
    if (this.#isClosed) return;
    this.#failure = { error };
    this.#cancel();
  }

  /** The process that reads has ended. */
  [Symbol.dispose](): void {
    const { caller } = this.#parts;
    if (caller !== undefined) this.abandon(exitError(caller.pid, caller.reason));
  }

  readonly #onAbort = (): void => this.abandon(this.#parts.signal?.reason);

  /** Nothing listens for these any more once all items came. */
  #checkReader(): void {
    const { signal, caller } = this.#parts;
    if (this.#items.length === 0) return;
    if (signal?.aborted === true) this.#drop(signal.reason);
    else if (caller?.isAlive === false) this.#drop(exitError(caller.pid, caller.reason));
  }

  #drop(error: unknown): void {
    this.#items.clear();
    this.#failure = { error };
  }

  #wait(): Promise<Step> {
    const waiter = new Waiter<Step>();
    this.#waiters.push(waiter);
    return waiter.promise;
  }

  /** Tells in batches of half a window: the sender is never stopped by what is not told yet. */
  #consumed(bytes: number): void {
    if (this.#isClosed) return;
    this.#untoldCount += 1;
    this.#untoldBytes += bytes;
    const isHalf =
      this.#untoldCount * 2 >= RESULT_WINDOW_ITEMS || this.#untoldBytes * 2 >= RESULT_WINDOW_BYTES;
    if (!isHalf) return;
    const count = this.#untoldCount;
    this.#outCount -= count;
    this.#outBytes -= this.#untoldBytes;
    this.#untoldCount = 0;
    this.#untoldBytes = 0;
    this.#parts.feed.pulled(count);
  }

  #cancel(): void {
    this.#items.clear();
    if (this.#isClosed) return;
    this.#close();
    this.#parts.feed.cancel();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { caller, signal, onClosed } = this.#parts;
    caller?.disown(this);
    signal?.removeEventListener('abort', this.#onAbort);
    onClosed(this);
    this.#wakeAll();
  }

  /** The first that waits is told of the failure, the others of the end. */
  #wakeAll(): void {
    const isHeard = this.#parts.caller?.isAlive !== false;
    for (let next = this.#waiters.shift(); next !== undefined; next = this.#waiters.shift()) {
      const failure = this.#failure;
      this.#failure = undefined;
      if (!isHeard) next.promise.catch(() => {});
      if (failure === undefined) next.resolve({ done: true, value: undefined });
      else next.reject(failure.error);
    }
  }
}

class Waiter<T> {
  readonly promise: Promise<T>;
  resolve: (value: T) => void = () => {};
  reject: (error: unknown) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
