/**
 * The calls that this node waits for: a bound on their number, and their deadlines. Those that are
 * answered with streams it knows until these end.
 */
import { BarrelError } from '../errors.ts';
import type { Clock, Timers } from '../host/host.ts';
import { PENDING_CALLS_MAX, TIMEOUT_MS_MAX } from '../limits.ts';
import type { Timed } from '../observable.ts';
import { defaultTimeoutMs } from './call-context.ts';
import { Deadlines } from './deadlines.ts';
import { type CallTable, PendingCall } from './pending-call.ts';
import type { Process } from './process.ts';
import type { Destination } from './processes.ts';
import type { ResultReader } from './result-reader.ts';

export class PendingCalls implements CallTable {
  /** Of these calls alone, so that it also is the list of them. */
  readonly #deadlines: Deadlines<PendingCall>;
  readonly #readers = new Set<ResultReader>();
  #size = 0;
  #lastId = 0;

  constructor(host: { readonly clock: Clock; readonly timers: Timers }) {
    this.#deadlines = new Deadlines(host);
  }

  get size(): number {
    return this.#size;
  }

  /** Streams that are read here. */
  get streams(): number {
    return this.#readers.size;
  }

  /**
   * Begins a call: its deadline runs from now.
   * @throws ERR_OVERLOADED at the bound, ERR_OPTION for a bad time-out, the reason of the signal.
   */
  begin(to: Destination, options: Timed, caller: Process | undefined): PendingCall {
    const { timeoutMs = defaultTimeoutMs(), signal } = options;
    signal?.throwIfAborted();
    checkTimeout(timeoutMs);
    if (this.#size >= PENDING_CALLS_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${PENDING_CALLS_MAX} calls wait for their reply`);
    }
    this.#lastId += 1;
    const id = this.#lastId;
    const call = new PendingCall({ id, to, timeoutMs, caller, signal }, this);
    this.#size += 1;
    caller?.own(call);
    this.#deadlines.add(call, timeoutMs);
    return call;
  }

  close(): void {
    const error = new BarrelError('ERR_CLOSED', 'the node is closing');
    for (const call of this.#deadlines.entries()) call.reject(error);
    for (const reader of [...this.#readers]) reader.abandon(error);
    this.#deadlines.close();
  }

  settled(call: PendingCall): void {
    this.#size -= 1;
    call.caller?.disown(call);
    this.#deadlines.remove(call);
  }

  opened(reader: ResultReader): void {
    this.#readers.add(reader);
  }

  closed(reader: ResultReader): void {
    this.#readers.delete(reader);
  }
}

/** @throws ERR_OPTION unless it is a number of milliseconds that a timer takes. */
export function checkTimeout(timeoutMs: number): void {
  if (timeoutMs >= 0 && timeoutMs <= TIMEOUT_MS_MAX) return;
  const rule = `timeoutMs must be from 0 to ${TIMEOUT_MS_MAX}`;
  throw new BarrelError('ERR_OPTION', `${rule}, not ${String(timeoutMs)}`);
}
