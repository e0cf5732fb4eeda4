/** A call between two processes of this node, as the callee sees it. */
import type { Pid } from '../core/pid.ts';
import type { Clock } from '../host/host.ts';
import type { CallFailure } from './call-failure.ts';
import { copyValue } from './copy-value.ts';
import { IncomingCall } from './incoming-call.ts';
import type { Callee, PendingCall } from './pending-call.ts';
import type { Value } from './processes.ts';

export interface LocalCallParts {
  readonly call: PendingCall;
  readonly from: Pid;
  readonly clock: Clock;
  readonly traceparent: string | undefined;
}

export class LocalCall extends IncomingCall implements Callee {
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

  callAbandoned(_call: PendingCall, gone: 'deadline' | 'caller'): void {
    this.abandon(gone);
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
}
