/**
 * Calls methods of a service: stays with one instance, takes another when that one goes down, and
 * tries again where the callee certainly did not get the call.
 */
import type { Pid } from '../core/pid.ts';
import { BarrelError, type ErrorCode } from '../errors.ts';
import type { Clock, Random } from '../host/host.ts';
import type { Logger } from '../host/logger.ts';
import type { Timed } from '../observable.ts';
import { defaultTimeoutMs } from '../processes/call-context.ts';
import { methodCall } from '../processes/methods.ts';
import { checkTimeout } from '../processes/pending-calls.ts';
import type { Processes, Value } from '../processes/processes.ts';
import { quietly } from '../processes/quietly.ts';
import { type Pauses, pauseMs } from './backoff.ts';
import type { Directory } from './directory.ts';
import { type SelectionContext, selectEntry } from './selection.ts';
import { checkSearch } from './service-options.ts';
import type { ClientOptions } from './services.ts';

export const RETRIES_DEFAULT = 3;

const NOT_DELIVERED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_NO_PROCESS',
  'ERR_NOT_FOUND',
  'ERR_UNREACHABLE',
]);
/** Of a link that never came to be, so that what was queued for it has not left this node. */
const NOT_CONNECTED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_UNREACHABLE',
  'ERR_REFUSED',
]);

const NONE: ReadonlySet<Pid> = new Set();

export interface CallerContext {
  readonly directory: Directory;
  readonly processes: Processes;
  readonly pauses: Pauses;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly selection: SelectionContext;
}

/** One call over all its attempts. */
interface Attempts {
  readonly method: string;
  readonly args: readonly Value[];
  readonly deadlineMs: number;
  /** Instances that failed since the last pause. */
  failed: ReadonlySet<Pid>;
  retriesLeft: number;
  pauses: number;
  lastError: BarrelError | undefined;
}

export class ServiceCaller {
  readonly #name: string;
  readonly #context: CallerContext;
  readonly #options: ClientOptions;
  /** The instance of the last call, for all handles of one `client`. */
  #binding: { pid: Pid | undefined } = { pid: undefined };

  /** @throws ERR_OPTION for options that make no sense. */
  constructor(name: string, context: CallerContext, options: ClientOptions) {
    checkSearch(options);
    if (options.timeoutMs !== undefined) checkTimeout(options.timeoutMs);
    this.#name = name;
    this.#context = context;
    this.#options = options;
  }

  /**
   * The same service, at the same instance, with other options for its calls; those not given stay
   * as they are.
   */
  with({ timeoutMs, signal }: Timed): ServiceCaller {
    const other = new ServiceCaller(this.#name, this.#context, {
      ...this.#options,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    });
    other.#binding = this.#binding;
    return other;
  }

  /** A call failed, and nobody had asked for its answer by then. */
  noteUnheard(method: string, error: unknown): void {
    const fields = { service: this.#name, method, error };
    quietly(() => this.#context.logger.debug('a call failed that nobody waited for', fields));
  }

  async call(method: string, args: readonly Value[]): Promise<unknown> {
    const timeoutMs = this.#options.timeoutMs ?? defaultTimeoutMs();
    const attempts: Attempts = {
      method,
      args,
      deadlineMs: this.#context.clock.monotonicMs() + timeoutMs,
      failed: NONE,
      retriesLeft: this.#options.retries ?? RETRIES_DEFAULT,
      pauses: 0,
      lastError: undefined,
    };
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const pid = this.#instance(attempts.failed);
      if (pid === undefined) await this.#pause(attempts);
      else {
        try {
          return await this.#callOne(pid, attempts);
        } catch (error) {
          this.#noteFailure(pid, attempts, error);
        }
      }
    }
  }

  #callOne(pid: Pid, { method, args, deadlineMs }: Attempts): Promise<unknown> {
    const timeoutMs = Math.max(deadlineMs - this.#context.clock.monotonicMs(), 0);
    const { signal } = this.#options;
    return this.#context.processes.call(pid, methodCall(method, args), { timeoutMs, signal });
  }

  /** The instance of the last call while it is there and heard, else another one. */
  #instance(failed: ReadonlySet<Pid>): Pid | undefined {
    const { directory, selection } = this.#context;
    const bound = this.#binding.pid;
    if (bound !== undefined && !failed.has(bound) && this.#isGood(bound)) return bound;
    const entries = directory.usable(this.#name, ({ pid }) => !failed.has(pid));
    this.#binding.pid = selectEntry(entries, this.#options.select ?? 'local', selection)?.pid;
    return this.#binding.pid;
  }

  /** A suspect one may be dead: another is taken while there is one. */
  #isGood(pid: Pid): boolean {
    const { directory, selection } = this.#context;
    return directory.has(this.#name, pid) && !selection.isSuspect(pid.node);
  }

  /** Returns when the call may be tried again, else throws. */
  #noteFailure(pid: Pid, attempts: Attempts, error: unknown): void {
    if (!isUndelivered(error)) throw error;
    this.#spendRetry(attempts, error);
    attempts.failed = new Set(attempts.failed).add(pid);
    attempts.lastError = error;
  }

  #spendRetry(attempts: Attempts, error: BarrelError | undefined): void {
    if (attempts.retriesLeft <= 0) throw error ?? this.#notFound();
    attempts.retriesLeft -= 1;
  }

  /** Nobody is left to ask: waits for somebody to come. */
  async #pause(attempts: Attempts): Promise<void> {
    const { pauses, clock, random } = this.#context;
    // After a failure the retry is spent already, on the attempt that follows this pause.
    if (attempts.failed.size === 0) this.#spendRetry(attempts, attempts.lastError);
    const leftMs = attempts.deadlineMs - clock.monotonicMs();
    const ms = pauseMs(attempts.pauses, random);
    await pauses.wait(Math.min(ms, leftMs), this.#options.signal);
    if (ms >= leftMs) throw attempts.lastError ?? this.#timedOut();
    attempts.failed = NONE;
    attempts.pauses += 1;
  }

  #notFound(): BarrelError {
    return new BarrelError('ERR_NOT_FOUND', `no instance of service ${quoted(this.#name)}`);
  }

  #timedOut(): BarrelError {
    const text = `no instance of service ${quoted(this.#name)} appeared in time, nothing was sent`;
    return new BarrelError('ERR_TIMEOUT', text);
  }
}

/** True when the callee never saw the call, so that a second attempt cannot do it twice. */
export function isUndelivered(error: unknown): error is BarrelError {
  if (!(error instanceof BarrelError)) return false;
  const { code, cause } = error;
  if (NOT_DELIVERED.has(code)) return true;
  if (code !== 'ERR_NO_CONNECTION') return false;
  return cause instanceof BarrelError && NOT_CONNECTED.has(cause.code);
}

function quoted(name: string): string {
  return JSON.stringify(name);
}
