/**
 * Events for users: `on` for one kind, `events` for all as a bounded stream that reports loss.
 */
import { onceAborted } from './abort.ts';
import type { Logger } from './host/logger.ts';
import { EVENT_BACKLOG_MAX } from './limits.ts';

/** Aborting the signal rejects the call with the signal's reason. */
export interface Cancellable {
  readonly signal?: AbortSignal | undefined;
}

/** A call that gives up with ERR_TIMEOUT after so many milliseconds. */
export interface Timed extends Cancellable {
  readonly timeoutMs?: number | undefined;
}

/** Stands in a stream for events that a slow reader missed. */
export interface Lagged {
  readonly type: 'lagged';
  readonly dropped: number;
}

/** Something that tells what happens to it. A throwing listener is logged and breaks nothing. */
export interface Observable<E extends { readonly type: string }> {
  /** Calls the listener for each event of that type until the handle is disposed. */
  on<T extends E['type']>(type: T, listener: (event: Extract<E, { type: T }>) => void): Disposable;
  /** All events from now on. At most 1,024 wait for a slow reader, then the oldest are dropped. */
  events(options?: Cancellable): AsyncIterable<E | Lagged>;
}

/** The writing side of an `Observable`. */
export class EventSource<E extends { readonly type: string }> implements Observable<E> {
  readonly #logger: Logger;
  readonly #listeners = new Map<string, Set<(event: E) => void>>();
  readonly #readers = new Set<EventReader<E>>();
  #ended = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  emit(event: E): void {
    for (const listener of [...(this.#listeners.get(event.type) ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.error('an event listener threw', { event: event.type, error });
      }
    }
    for (const reader of this.#readers) reader.push(event);
  }

  on<T extends E['type']>(type: T, listener: (event: Extract<E, { type: T }>) => void): Disposable {
    // The map's key is the event's type, so a listener only ever gets events of its own type.
    const entry = listener as (event: E) => void;
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(entry));
    return { [Symbol.dispose]: () => void listeners.delete(entry) };
  }

  events(options: Cancellable = {}): AsyncIterable<E | Lagged> {
    options.signal?.throwIfAborted();
    const reader = new EventReader<E>(options.signal, () => this.#readers.delete(reader));
    if (this.#ended) reader.end();
    else this.#readers.add(reader);
    return reader;
  }

  /** Ends all streams; readers get what waits for them first. */
  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }
}

type Waiting<E> = {
  readonly resolve: (result: IteratorResult<E | Lagged>) => void;
  readonly reject: (reason: unknown) => void;
};

class EventReader<E extends { readonly type: string }>
  implements AsyncIterableIterator<E | Lagged>
{
  readonly #signal: AbortSignal | undefined;
  readonly #release: () => void;
  readonly #backlog: E[] = [];
  readonly #waiting: Waiting<E>[] = [];
  #dropped = 0;
  #ended = false;

  constructor(signal: AbortSignal | undefined, release: () => void) {
    this.#signal = signal;
    this.#release = release;
    if (signal !== undefined) onceAborted(signal, this.#onAbort);
  }

  readonly #onAbort = (): void => {
    for (const { reject } of this.#waiting.splice(0)) reject(this.#signal?.reason);
    this.end();
  };

  push(event: E): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting.resolve({ done: false, value: event });
      return;
    }
    if (this.#backlog.length >= EVENT_BACKLOG_MAX) {
      this.#backlog.shift();
      this.#dropped += 1;
    }
    this.#backlog.push(event);
  }

  end(): void {
    this.#ended = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#release();
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }

  async next(): Promise<IteratorResult<E | Lagged>> {
    this.#signal?.throwIfAborted();
    if (this.#dropped > 0) {
      const dropped = this.#dropped;
      this.#dropped = 0;
      return { done: false, value: { type: 'lagged', dropped } };
    }
    const event = this.#backlog.shift();
    if (event !== undefined) return { done: false, value: event };
    if (this.#ended) return { done: true, value: undefined };
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  async return(): Promise<IteratorResult<E | Lagged>> {
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
