/**
 * A call at the callee's side: open from its arrival until it is answered, or nobody waits for the
 * answer any more. While it is open the callee's end is answered with the exit reason; so a caller
 * never waits for a process that is gone, and no monitor is needed for a call.
 */
import type { Pid } from '../core/pid.ts';
import { unreachable } from '../core/unreachable.ts';
import { BarrelError } from '../errors.ts';
import type { Clock } from '../host/host.ts';
import type { CallFailure } from './call-failure.ts';
import { handlerFailure } from './exit-reason.ts';
import type { Replier } from './messages.ts';
import type { Process } from './process.ts';
import type { Value } from './processes.ts';

/** Why an answer is of no use any more: who or what is gone. */
export type Gone = 'deadline' | 'caller' | 'connection' | 'callee';

/** @typeParam Reply - a value in the form in which it is sent */
export abstract class IncomingCall<Reply = unknown> implements Replier {
  readonly traceparent: string | undefined;
  readonly #clock: Clock;
  /** False once it is answered or given up. */
  #isOpen = true;
  #callee: Process | undefined;
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

  get isOpen(): boolean {
    return this.#isOpen;
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

  /** Binds the call to the process that will answer it. */
  open(callee: Process): void {
    this.#callee = callee;
    callee.openCalls ??= new Set();
    callee.openCalls.add(this);
  }

  reply(value: Value): void {
    if (!this.#isOpen) return;
    const encoded = this.encodeReply(value);
    this.#close('answer');
    this.sendReply(encoded);
  }

  fail(error: unknown): void {
    this.refuse({ kind: 'handler', failure: handlerFailure(error) });
  }

  refuse(failure: CallFailure): void {
    if (!this.#isOpen) return;
    this.#close('answer');
    this.sendFailure(failure);
  }

  /** The callee ended. */
  calleeEnded(reason: Value): void {
    this.refuse({ kind: 'exit', reason });
    this.#abort('callee');
  }

  /** Nobody waits any more: an answer would go nowhere, and the handler may stop. */
  abandon(gone: Gone): void {
    if (!this.#isOpen) return;
    this.#close('caller');
    this.#abort(gone);
  }

  #close(by: 'answer' | 'caller'): void {
    this.#isOpen = false;
    const callee = this.#callee;
    this.#callee = undefined;
    this.onClosed();
    callee?.callClosed(this, by);
  }

  /** Called once, when it is open no more. */
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
