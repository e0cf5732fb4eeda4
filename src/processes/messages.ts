/**
 * Messages that only the system makes. They are classes, and no instance of a class crosses the
 * wire, so that a peer cannot forge one by sending a look-alike.
 */
import type { Pid } from '../core/pid.ts';
import type { RegisteredName, Value } from './processes.ts';

/**
 * The end of a monitored process. A thrown error gives a reason of the form
 * `{ name, message, code?, stack? }`.
 */
export class Down {
  /** Of the monitor. */
  readonly ref: string;
  /** As it was given to `monitor`. */
  readonly target: Pid | RegisteredName;
  readonly reason: Value;

  constructor(ref: string, target: Pid | RegisteredName, reason: Value) {
    this.ref = ref;
    this.target = target;
    this.reason = reason;
  }
}

/** What a process that traps exits receives instead of ending. */
export class Exit {
  /** The linked process that ended, or who called `exit`; serial 0 is a node. */
  readonly from: Pid;
  readonly reason: Value;

  constructor(from: Pid, reason: Value) {
    this.from = from;
    this.reason = reason;
  }
}

/** Who calls, until when, and whether the caller has gone. */
export interface CallContext {
  /** Serial 0 when the call was made on `node.processes`. */
  readonly from: Pid;
  /**
   * Aborts when nobody waits for the reply any more, or reads the stream that it is: deadline,
   * abort, end or loss of the caller.
   */
  readonly signal: AbortSignal;
  /** Until the reply, or until the stream is open. */
  readonly deadline: Date;
  /** W3C trace context of the caller. */
  readonly traceparent: string | undefined;
}

/** Where the answer to a request goes. */
export interface Replier extends CallContext {
  reply(value: Value): void;
  fail(error: unknown): void;
}

/** A request as a process receives it from `call`. The first answer counts, others do nothing. */
export class Request {
  readonly request: Value;
  readonly #replier: Replier;

  constructor(request: Value, replier: Replier) {
    this.request = request;
    this.#replier = replier;
  }

  get from(): Pid {
    return this.#replier.from;
  }

  get context(): CallContext {
    return this.#replier;
  }

  /**
   * An async iterable is sent item by item, as the caller reads it.
   * @throws ERR_VALUE when the value cannot be sent; the request stays open then.
   */
  reply(value: Value): void {
    this.#replier.reply(value);
  }

  /** The caller gets ERR_REMOTE with name, message, code and the cause's message of the error. */
  fail(error: unknown): void {
    this.#replier.fail(error);
  }
}
