/** A call between two processes of this node, as the callee sees it. */
import type { Pid } from '../core/pid.ts';
import type { Clock } from '../host/host.ts';
import type { CallFailure } from './call-failure.ts';
import { copyValue } from './copy-value.ts';
import { IncomingCall } from './incoming-call.ts';
import type { Callee, PendingCall } from './pending-call.ts';
import type { Value } from './processes.ts';
import type { ResultSink } from './result-pump.ts';
import type { ResultFeed } from './result-reader.ts';
import { LocalResultSink } from './result-sinks.ts';

export interface LocalCallParts {
  readonly call: PendingCall;
  readonly from: Pid;
  readonly clock: Clock;
  readonly traceparent: string | undefined;
}

export class LocalCall extends IncomingCall implements Callee, ResultFeed {
  readonly from: Pid;
  readonly #call: PendingCall;

  constructor(parts: LocalCallParts) {
    super(parts.clock, parts.traceparent);
    this.from = parts.from;
    this.#call = parts.call;
    parts.call.callee = this;
  }

  protected get dueAtMs(): number {
    return this.#call.dueMs;
  }

  callSettled(): void {
    this.abandon('caller');
  }

  callOpened(): void {}

  callAbandoned(_call: PendingCall, gone: 'deadline' | 'caller'): void {
    this.abandon(gone);
  }

  /** The reader of the stream reads no more. */
  cancel(): void {
    this.abandon('caller');
  }

  protected encodeReply(value: Value): Value {
    return copyValue(value);
  }

  protected sendReply(copy: Value): void {
    this.#call.reply(copy);
  }

  protected sendFailure(failure: CallFailure): void {
    this.#call.fail(failure);
  }

  protected openSink(): ResultSink | undefined {
    const reader = this.#call.open(this);
    return reader && new LocalResultSink(reader, this.#call.to);
  }
}
