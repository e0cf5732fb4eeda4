/**
 * A call at the caller's side. It is settled exactly once: by the
 * reply, a failure, its deadline, the caller's signal, the caller's end, or the loss of the way.
 */
import { onceAborted } from '../abort.ts';
import { BarrelError } from '../errors.ts';
import { type CallFailure, callError } from './call-failure.ts';
import type { DeadlineEntry, DeadlineList } from './deadlines.ts';
import { destinationText } from './destination.ts';
import { exitError } from './exit-reason.ts';
import type { FlowKey } from './frames.ts';
import type { Process } from './process.ts';
import type { Destination, Value } from './processes.ts';
import { type ResultFeed, ResultReader } from './result-reader.ts';

/** Whoever works on the answer. */
export interface Callee {
  /** The call was answered, or the way to the callee is gone. */
  callSettled(call: PendingCall): void;
  /** The call was answered with a stream, which is another matter from now on. */
  callOpened(call: PendingCall): void;
  /** The caller waits no more. */
  callAbandoned(call: PendingCall, gone: 'deadline' | 'caller'): void;
}

/** What knows the calls that wait, and the streams that are read. */
export interface CallTable {
  /** Told once, before the promise of the call is settled. */
  settled(call: PendingCall): void;
  opened(reader: ResultReader): void;
  closed(reader: ResultReader): void;
}

export interface CallParts {
  readonly id: number;
  readonly to: Destination;
  readonly timeoutMs: number;
  readonly caller: Process | undefined;
  readonly signal: AbortSignal | undefined;
}

export class PendingCall implements DeadlineEntry, Disposable {
  readonly promise: Promise<Value>;
  readonly id: number;
  readonly to: Destination;
  readonly timeoutMs: number;
  readonly caller: Process | undefined;
  /** Set when the request is on its way. */
  callee: Callee | undefined;
  /** Of a call to another node: the way that its request took. */
  lane = 0;
  key: FlowKey | undefined;
  dueMs = 0;
  earlier: DeadlineEntry | undefined;
  later: DeadlineEntry | undefined;
  list: DeadlineList | undefined;
  readonly #table: CallTable;
  readonly #signal: AbortSignal | undefined;
  #onAbort: (() => void) | undefined;
  #isSettled = false;
  #resolve: (value: Value) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(parts: CallParts, table: CallTable) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.id = parts.id;
    this.to = parts.to;
    this.timeoutMs = parts.timeoutMs;
    this.caller = parts.caller;
    this.#table = table;
    this.#signal = parts.signal;
    if (parts.signal !== undefined) this.#listen(parts.signal);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  reply(value: Value): void {
    if (!this.#settle()) return;
    this.callee?.callSettled(this);
    this.#resolve(value);
  }

  /** Answers with a stream: the promise gives its reader. Undefined when it was settled before. */
  open(feed: ResultFeed): ResultReader | undefined {
    if (!this.#settle()) return undefined;
    this.callee?.callOpened(this);
    const onClosed = (closed: ResultReader): void => this.#table.closed(closed);
    const reader = new ResultReader({ feed, caller: this.caller, signal: this.#signal, onClosed });
    this.#table.opened(reader);
    this.#resolve(reader);
    return reader;
  }

  fail(failure: CallFailure): void {
    if (!this.#isSettled) this.reject(callError(failure, this.to));
  }

  /** Ends the call with an error that the callee need not hear of. */
  reject(error: unknown): void {
    if (!this.#settle()) return;
    this.callee?.callSettled(this);
    this.#reject(error);
  }

  expire(): void {
    const where = destinationText(this.to);
    const ms = Math.round(this.timeoutMs);
    const message = `call to ${where} timed out after ${ms} ms; its effect is unknown`;
    this.#abandon(new BarrelError('ERR_TIMEOUT', message), 'deadline');
  }

  /** The process that called has ended. */
  [Symbol.dispose](): void {
    if (this.#isSettled || this.caller === undefined) return;
    this.promise.catch(() => {});
    this.#abandon(exitError(this.caller.pid, this.caller.reason), 'caller');
  }

  #abandon(error: unknown, gone: 'deadline' | 'caller'): void {
    if (!this.#settle()) return;
    this.callee?.callAbandoned(this, gone);
    this.#reject(error);
  }

  #listen(signal: AbortSignal): void {
    this.#onAbort = () => this.#abandon(signal.reason, 'caller');
    onceAborted(signal, this.#onAbort);
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#table.settled(this);
    return true;
  }
}
