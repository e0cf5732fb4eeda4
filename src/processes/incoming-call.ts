/**
 * A call at the callee's side: open from its arrival until it is answered, or nobody waits for the
 * answer any more. A stream is an answer that takes its time: the call is worked on until the
 * stream ends. While the call is open or its stream runs, the callee's end is answered with the
 * exit reason; so a caller never waits for a process that is gone, and no monitor is needed.
 */
import type { Pid } from '../core/pid.ts';
import { unreachable } from '../core/unreachable.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { BarrelError } from '../errors.ts';
import type { Clock } from '../host/host.ts';
import { RESULTS_PER_PROCESS_MAX } from '../limits.ts';
import type { RunningCall } from './call-context.ts';
import type { CallFailure } from './call-failure.ts';
import type { Replier } from './messages.ts';
import { failureOf } from './passed-failure.ts';
import type { Process } from './process.ts';
import type { Value } from './processes.ts';
import { isAsyncIterable, ResultPump, type ResultSink, returnQuietly } from './result-pump.ts';

/** Why an answer is of no use any more: who or what is gone. */
export type Gone = 'deadline' | 'caller' | 'connection' | 'callee';

/** @typeParam Reply - a value in the form in which it is sent */
export abstract class IncomingCall<Reply = unknown> implements Replier, RunningCall {
  readonly traceparent: string | undefined;
  readonly #clock: Clock;
  /** False once it is answered or given up. */
  #isOpen = true;
  /** While it is open or its stream runs. */
  #callee: Process | undefined;
  #pump: ResultPump | undefined;
  // The context is made when somebody asks: most handlers look at nothing of it.
  #controller: AbortController | undefined;
  #gone: Gone | undefined;

  constructor(clock: Clock, traceparent: string | undefined) {
    this.#clock = clock;
    this.traceparent = traceparent;
  }

  abstract readonly from: Pid;

  /** On the monotonic clock. */
  protected abstract readonly dueAtMs: number;

  /** A reply in the form in which it is sent. @throws ERR_VALUE. */
  protected abstract encodeReply(value: Value): Reply;

  protected abstract sendReply(reply: Reply): void;

  protected abstract sendFailure(failure: CallFailure): void;

  /** Tells the caller that a stream follows; undefined when there is no room for one. */
  protected abstract openSink(): ResultSink | undefined;

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Of a call that is answered with a stream: resolves when nobody works on that any more. */
  get streamed(): Promise<void> | undefined {
    return this.#pump?.idle;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#gone !== undefined) this.#controller.abort(goneError(this.#gone));
    }
    return this.#controller.signal;
  }

  get deadline(): Date {
    const leftMs = this.dueAtMs - this.#clock.monotonicMs();
    return new Date(this.#clock.wallMs() + leftMs);
  }

  get leftMs(): number | undefined {
    return this.#pump === undefined ? this.dueAtMs - this.#clock.monotonicMs() : undefined;
  }

  /** Binds the call to the process that will answer it. */
  open(callee: Process): void {
    this.#callee = callee;
    callee.openCalls ??= new Set();
    callee.openCalls.add(this);
  }

  reply(value: Value): void {
    if (isAsyncIterable(value)) {
      this.#stream(value[Symbol.asyncIterator]());
    } else if (this.#isOpen) {
      const encoded = this.encodeReply(value);
      this.#close('answer');
      this.sendReply(encoded);
    }
  }

  fail(error: unknown): void {
    this.refuse(failureOf(error));
  }

  refuse(failure: CallFailure): void {
    if (!this.#isOpen) return;
    this.#close('answer');
    this.sendFailure(failure);
  }

  /** The callee ended. */
  calleeEnded(reason: Value): void {
    const failure = { kind: 'exit', reason } as const;
    this.refuse(failure);
    if (this.#callee !== undefined) this.#close('answer');
    this.#pump?.stop(failure);
    this.#abort('callee');
  }

  /** Nobody waits any more: an answer would go nowhere, and the handler may stop. */
  abandon(gone: Gone): void {
    if (this.#callee === undefined) return;
    this.#close(this.#isOpen ? 'caller' : 'answer');
    this.#abort(gone);
    this.#pump?.stop();
  }

  /** The caller has consumed so many items. @throws WireError when it cannot have. */
  pulled(count: number): void {
    if (this.#pump === undefined) throw new WireError('no stream answers that call');
    this.#pump.pulled(count);
  }

  #stream(items: AsyncIterator<Value>): void {
    const callee = this.#isOpen ? this.#callee : undefined;
    const hasRoom = callee !== undefined && callee.streams < RESULTS_PER_PROCESS_MAX;
    const sink = hasRoom ? this.openSink() : undefined;
    if (callee === undefined || sink === undefined) {
      void returnQuietly(items);
      this.refuse({ kind: 'overloaded' });
      return;
    }
    this.#isOpen = false;
    callee.streams += 1;
    const onEnd = (): void => this.#close('answer');
    this.#pump = new ResultPump({ items, sink, call: this, onEnd });
    this.#pump.start();
  }

  #close(by: 'answer' | 'caller'): void {
    this.#isOpen = false;
    const callee = this.#callee;
    this.#callee = undefined;
    this.onClosed();
    if (callee === undefined) return;
    if (this.#pump !== undefined) callee.streams -= 1;
    callee.callClosed(this, by);
  }

  /** Called once, when it is open no more and no stream of it runs. */
  protected onClosed(): void {}

  #abort(gone: Gone): void {
    this.#gone = gone;
    this.#controller?.abort(goneError(gone));
  }
}

function goneError(gone: Gone): Error {
  switch (gone) {
    case 'deadline':
      return new BarrelError('ERR_TIMEOUT', 'the deadline of the call has passed');
    case 'connection':
      return new BarrelError('ERR_NO_CONNECTION', 'the connection to the caller is lost');
    case 'callee':
      return new BarrelError('ERR_EXIT', 'the process that answers has ended');
    case 'caller':
      return new DOMException('the caller waits no more', 'AbortError');
    default:
      return unreachable(gone);
  }
}
