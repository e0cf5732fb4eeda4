/** The calls that this node waits for: a bound on their number, and their deadlines. */
import { BarrelError } from '../errors.ts';
import { CALL_TIMEOUT_MS_DEFAULT, PENDING_CALLS_MAX, TIMEOUT_MS_MAX } from '../limits.ts';
import type { Timed } from '../observable.ts';
import type { Deadlines } from './deadlines.ts';
import { PendingCall } from './pending-call.ts';
import type { Process } from './process.ts';
import type { Destination } from './processes.ts';

export class PendingCalls {
  readonly #deadlines: Deadlines;
  readonly #open = new Set<PendingCall>();
  #lastId = 0;

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Begins a call: its deadline runs from now.
   * @throws ERR_OVERLOADED at the bound, ERR_OPTION for a bad time-out, the reason of the signal.
   */
  begin(to: Destination, options: Timed, caller: Process | undefined): PendingCall {
    const { timeoutMs = CALL_TIMEOUT_MS_DEFAULT, signal } = options;
    signal?.throwIfAborted();
    checkTimeout(timeoutMs);
    if (this.#open.size >= PENDING_CALLS_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${PENDING_CALLS_MAX} calls wait for their reply`);
    }
    this.#lastId += 1;
    const id = this.#lastId;
    const call = new PendingCall({ id, to, timeoutMs, caller, signal }, this.#onSettled);
    this.#open.add(call);
    caller?.own(call);
    this.#deadlines.add(call, timeoutMs);
    return call;
  }

  close(): void {
    const error = new BarrelError('ERR_CLOSED', 'the node is closing');
    for (const call of [...this.#open]) call.reject(error);
  }

  readonly #onSettled = (call: PendingCall): void => {
    this.#open.delete(call);
    call.caller?.disown(call);
    this.#deadlines.remove(call);
  };
}

/** @throws ERR_OPTION unless it is a number of milliseconds that a timer takes. */
export function checkTimeout(timeoutMs: number): void {
  if (timeoutMs >= 0 && timeoutMs <= TIMEOUT_MS_MAX) return;
  const rule = `timeoutMs must be from 0 to ${TIMEOUT_MS_MAX}`;
  throw new BarrelError('ERR_OPTION', `${rule}, not ${String(timeoutMs)}`);
}
