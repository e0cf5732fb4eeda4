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
  /**
   * All events from now on. At most 1,024 wait for a slow reader (those of a map: 11,024, and 64
   * MiB of keys and values; of shards: twice the ring more), then the oldest are dropped.
   */
  events(options?: Cancellable): AsyncIterable<E | Lagged>;
}

/** What may wait for one slow reader. */
export interface BacklogBounds {
  readonly events: number;
  /** Of what is said of each event where it is emitted. */
  readonly bytes: number;
}

const BACKLOG: BacklogBounds = { events: EVENT_BACKLOG_MAX, bytes: Number.POSITIVE_INFINITY };

/** The writing side of an `Observable`. */
export class EventSource<E extends { readonly type: string }> implements Observable<E> {
  readonly #logger: Logger;
  readonly #bounds: BacklogBounds;
  readonly #listeners = new Map<string, Set<(event: E) => void>>();
  readonly #readers = new Set<EventReader<E>>();
  #ended = false;

  constructor(logger: Logger, bounds: BacklogBounds = BACKLOG) {
    this.#logger = logger;
    this.#bounds = bounds;
  }

  /** @param bytes that the event takes while it waits. */
  emit(event: E, bytes = 0): void {
    // First: a reader that a listener opens hears of what comes after this.
    for (const reader of this.#readers) reader.push(event, bytes);
    for (const listener of [...(this.#listeners.get(event.type) ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.error('an event listener threw', { event: event.type, error });
      }
    }
  }

  /** @param isWanted of other events the listener hears nothing. */
  on<T extends E['type']>(
    type: T,
    listener: (event: Extract<E, { type: T }>) => void,
    isWanted?: (event: E) => boolean,
  ): Disposable {
    // The map's key is the event's type, so a listener only ever gets events of its own type.
    const hear = listener as (event: E) => void;
    const entry = (event: E): void => {
      if (isWanted === undefined || isWanted(event)) hear(event);
    };
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(entry));
    return { [Symbol.dispose]: () => void listeners.delete(entry) };
  }

  /** @param isWanted other events are not in the stream, and take no place in it. */
  events(
    options: Cancellable = {},
    isWanted: (event: E) => boolean = () => true,
  ): AsyncIterable<E | Lagged> {
    options.signal?.throwIfAborted();
    const reader = new EventReader<E>(options.signal, {
      isWanted,
      bounds: this.#bounds,
      release: () => this.#readers.delete(reader),
    });
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

interface ReaderParts<E> {
  readonly isWanted: (event: E) => boolean;
  readonly bounds: BacklogBounds;
  readonly release: () => void;
}

interface WaitingEvent<E> {
  readonly event: E;
  readonly bytes: number;
}

type Waiting<E> = {
  readonly resolve: (result: IteratorResult<E | Lagged>) => void;
  readonly reject: (reason: unknown) => void;
};

class EventReader<E extends { readonly type: string }>
  implements AsyncIterableIterator<E | Lagged>
{
  readonly #signal: AbortSignal | undefined;
  readonly #parts: ReaderParts<E>;
  /** The first `#taken` are gone already: `shift` is slow where tens of thousands wait. */
  readonly #backlog: (WaitingEvent<E> | undefined)[] = [];
  #taken = 0;
  #bytes = 0;
  readonly #waiting: Waiting<E>[] = [];
  #dropped = 0;
  #ended = false;

  constructor(signal: AbortSignal | undefined, parts: ReaderParts<E>) {
    this.#signal = signal;
    this.#parts = parts;
    if (signal !== undefined) onceAborted(signal, this.#onAbort);
  }

  readonly #onAbort = (): void => {
    for (const { reject } of this.#waiting.splice(0)) reject(this.#signal?.reason);
    this.end();
  };

  push(event: E, bytes: number): void {
    if (!this.#parts.isWanted(event)) return;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting.resolve({ done: false, value: event });
      return;
    }
    this.#backlog.push({ event, bytes });
    this.#bytes += bytes;
    const { bounds } = this.#parts;
    while (this.#backlog.length - this.#taken > bounds.events || this.#bytes > bounds.bytes) {
      this.#take();
      this.#dropped += 1;
    }
  }

  /** The oldest that waits. */
  #take(): E | undefined {
    const oldest = this.#backlog[this.#taken];
    if (oldest === undefined) return undefined;
    this.#backlog[this.#taken] = undefined;
    this.#taken += 1;
    this.#bytes -= oldest.bytes;
    if (2 * this.#taken >= this.#backlog.length) {
      this.#backlog.splice(0, this.#taken);
      this.#taken = 0;
    }
    return oldest.event;
  }

  end(): void {
    this.#ended = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#parts.release();
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }

  async next(): Promise<IteratorResult<E | Lagged>> {
    this.#signal?.throwIfAborted();
    if (this.#dropped > 0) {
      const dropped = this.#dropped;
      this.#dropped = 0;
      return { done: false, value: { type: 'lagged', dropped } };
    }
    const event = this.#take();
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
