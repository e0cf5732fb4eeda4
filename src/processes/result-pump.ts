/**
 * The callee's end of a stream that answers a call: takes items of an iterator as long as the
 * reader has room, so that a slow reader slows the iterator down and nothing piles up. The sizes of
 * what is out are kept here, in the order in which the reader consumes it.
 */
import { WireError } from '../core/wire/wire-error.ts';
import { RESULT_WINDOW_BYTES, RESULT_WINDOW_ITEMS } from '../limits.ts';
import { settlement } from '../settlement.ts';
import { type RunningCall, runInCall } from './call-context.ts';
import type { CallFailure } from './call-failure.ts';
import { Fifo } from './fifo.ts';
import { failureOf } from './passed-failure.ts';
import type { Value } from './processes.ts';

/** Where the items go. */
export interface ResultSink {
  /** False while the way there takes nothing. */
  readonly isClear: boolean;
  /** Calls back once when the way is clear again, or gone; returns a cancel. */
  whenClear(wake: () => void): () => void;
  /**
   * Sends an item, and says before that how many bytes it takes: its reader may consume it at once.
   * @throws ERR_VALUE, nothing is sent then.
   */
  item(value: Value, count: (bytes: number) => void): void;
  end(): void;
  fail(failure: CallFailure): void;
}

export interface ResultPumpParts {
  readonly items: AsyncIterator<Value>;
  readonly sink: ResultSink;
  /** What the iterator's code works on. */
  readonly call: RunningCall;
  /** Called once when the last word is sent, unless the pump was stopped. */
  readonly onEnd: () => void;
}

export class ResultPump {
  readonly #parts: ResultPumpParts;
  readonly #idle = settlement<void>();
  readonly #sizes = new Fifo<number>();
  #bytes = 0;
  #isOver = false;
  #wake: (() => void) | undefined;
  #run: Promise<void> = Promise.resolve();

  constructor(parts: ResultPumpParts) {
    this.#parts = parts;
  }

  /** Resolves when the iterator is done with: it has ended, or what it does at its end is over. */
  get idle(): Promise<void> {
    return this.#idle.promise;
  }

  start(): void {
    const { call } = this.#parts;
    this.#run = runInCall(call, () => this.#pass());
  }

  /** The reader has consumed so many. @throws WireError when that is none, or more than are out. */
  pulled(count: number): void {
    if (this.#isOver) return;
    if (count < 1 || count > this.#sizes.length) throw new WireError('no such items are out');
    for (let left = count; left > 0; left -= 1) this.#bytes -= this.#sizes.shift() ?? 0;
    this.#wake?.();
  }

  /** Ends the stream before its end. Nothing is sent any more but the failure, if there is one. */
  stop(failure?: CallFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (failure !== undefined) this.#parts.sink.fail(failure);
    this.#wake?.();
    this.#returnItems();
  }

  get #hasRoom(): boolean {
    if (this.#sizes.length >= RESULT_WINDOW_ITEMS || this.#bytes >= RESULT_WINDOW_BYTES) {
      return false;
    }
    return this.#parts.sink.isClear;
  }

  async #pass(): Promise<void> {
    const { items, sink } = this.#parts;
    try {
      for (;;) {
        while (!this.#hasRoom && !this.#isOver) await this.#room();
        if (this.#isOver) return;
        const step = await items.next();
        if (this.#isOver) return;
        if (step.done === true) {
          this.#finish(() => sink.end());
          return;
        }
        if (!this.#send(step.value)) return;
      }
    } catch (error) {
      if (!this.#isOver) this.#finish(() => this.#sendFailure(error));
    }
  }

  /** False when the item cannot be sent, which ends the stream. */
  #send(item: Value): boolean {
    try {
      this.#parts.sink.item(item, this.#count);
      return true;
    } catch (error) {
      this.#isOver = true;
      this.#sendFailure(error);
      this.#parts.onEnd();
      this.#returnItems();
      return false;
    }
  }

  readonly #count = (bytes: number): void => {
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  };

  /** The iterator has ended by itself. */
  #finish(tell: () => void): void {
    this.#isOver = true;
    tell();
    this.#parts.onEnd();
    this.#idle.resolve();
  }

  #sendFailure(error: unknown): void {
    this.#parts.sink.fail(failureOf(error));
  }

  async #room(): Promise<void> {
    const { sink } = this.#parts;
    const { promise, resolve } = settlement<void>();
    const cancel = sink.isClear ? undefined : sink.whenClear(resolve);
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
    cancel?.();
  }

  /** Not at once: code of users starts after the code that ends their stream has run on. */
  #returnItems(): void {
    const { call, items } = this.#parts;
    queueMicrotask(() => {
      const returned = runInCall(call, () => returnQuietly(items)) ?? this.#run;
      void returned.then(() => this.#idle.resolve());
    });
  }
}

/** True for what is sent item by item. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<Value> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/**
 * Tells an iterator that nobody reads on; resolves when it has heard. Undefined for one that cannot
 * be told. How it takes that concerns nobody.
 */
export function returnQuietly(items: AsyncIterator<Value>): Promise<void> | undefined {
  try {
    const returned = items.return?.();
    return returned && Promise.resolve(returned).then(ignore, ignore);
  } catch {
    // It had its chance.
    return Promise.resolve();
  }
}

function ignore(): void {}
