/**
 * One process of this node: its mailbox, who waits at it, and everything that must be told or
 * given back when it ends. How it ends is decided in `LocalProcesses`.
 */
import type { Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Counter } from '../host/meter.ts';
import type { SizedCopy } from './copy-value.ts';
import type { Deadlines } from './deadlines.ts';
import { exitError } from './exit-reason.ts';
import { IncomingCall } from './incoming-call.ts';
import { type CreditSource, Mailbox } from './mailbox.ts';
import { Request } from './messages.ts';
import type { MethodServer } from './method-server.ts';
import { checkTimeout } from './pending-calls.ts';
import type { ReceiveOptions, Value } from './processes.ts';
import { Receiver } from './receiver.ts';

/** The other end of a link between processes, wherever it is. */
export interface LinkEnd {
  /** The process at this side of the link ended. */
  linkedEnded(from: Process, reason: Value): void;
  /** The process at this side takes the link away. */
  unlinked(from: Process): void;
}

/** Who is told when a process ends, wherever it is. */
export interface Watcher {
  targetEnded(target: Process, reason: Value): void;
}

/** Decides what an exit signal does to a process. */
export interface ExitJudge {
  exitFromLink(process: Process, from: Pid, reason: Value): void;
}

export interface ProcessParts {
  readonly pid: Pid;
  readonly name: string | undefined;
  readonly mailboxMax: number;
  /** Present when the process answers calls by itself and reads no messages. */
  readonly server: MethodServer | undefined;
  readonly deadlines: Deadlines;
  readonly judge: ExitJudge;
  /** Counts messages that found the mailbox full. */
  readonly dropped: Counter;
}

/** Of the messages in a full mailbox, one in so many is given up before it is swept. */
const SWEEP_SHARE = 64;

export class Process implements LinkEnd {
  readonly pid: Pid;
  readonly name: string | undefined;
  readonly server: MethodServer | undefined;
  readonly mailbox: Mailbox;
  isAlive = true;
  trapsExits = false;
  /** Of its end. */
  reason: Value = undefined;
  // Made when first used: most processes have few of them, and there may be very many processes.
  links: Map<Pid, LinkEnd> | undefined;
  watchers: Set<Watcher> | undefined;
  openCalls: Set<IncomingCall> | undefined;
  /** Streams that it answers calls with. */
  streams = 0;
  /** Calls given up by their callers since the mailbox was last swept of such. */
  #abandonedCalls = 0;
  /** Timers, monitors, subscriptions and pending calls, which end with it. */
  owned: Set<Disposable> | undefined;
  readonly #deadlines: Deadlines;
  readonly #judge: ExitJudge;
  readonly #dropped: Counter;
  #idleWaiters: (() => void)[] | undefined;
  #drainWaiters: Set<() => void> | undefined;
  #receivers: Receiver[] = [];
  #controller: AbortController | undefined;

  constructor(parts: ProcessParts) {
    this.pid = parts.pid;
    this.name = parts.name;
    this.server = parts.server;
    this.mailbox = new Mailbox(parts.mailboxMax);
    this.#deadlines = parts.deadlines;
    this.#judge = parts.judge;
    this.#dropped = parts.dropped;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (!this.isAlive && !this.#controller.signal.aborted) this.#abort();
    return this.#controller.signal;
  }

  /**
   * A message of a user. Over the bound of the mailbox it is dropped and counted. False from half
   * of the bound on.
   */
  deliver(message: SizedCopy, source?: CreditSource, units = 0): boolean {
    if (this.server !== undefined || this.#handOver(message.value)) {
      source?.consumed(units, this.mailbox.window);
      return true;
    }
    if (!this.#makeRoom(message.bytes)) {
      this.#dropped.value += 1;
      source?.consumed(units, this.mailbox.window);
      return false;
    }
    this.mailbox.push(message, source, units);
    return !this.mailbox.isHigh;
  }

  /** A message of the system that the process itself asked for: there is always room for it. */
  deliverOwn(message: Value): void {
    if (this.server !== undefined || this.#handOver(message)) return;
    this.mailbox.push({ value: message, bytes: 0 });
  }

  deliverCall(call: IncomingCall, request: SizedCopy): void {
    call.open(this);
    if (this.server !== undefined) {
      this.server.accept(call, request);
      return;
    }
    const message = new Request(request.value, call);
    if (this.#handOver(message)) return;
    if (!this.#makeRoom(request.bytes)) {
      this.#dropped.value += 1;
      call.refuse({ kind: 'overloaded' });
    } else {
      this.mailbox.push({ value: message, bytes: request.bytes });
    }
  }

  /** Takes a message back that nobody has received yet. */
  retract(message: Value): void {
    const index = this.mailbox.find((waiting) => waiting === message);
    if (index >= 0) this.#take(index);
  }

  /** What `match` throws rejects. */
  receive(options?: ReceiveOptions): Promise<Value> {
    if (!this.isAlive) return Promise.reject(exitError(this.pid, this.reason));
    this.#skipAbandoned();
    if (options === undefined && this.mailbox.length > 0) return Promise.resolve(this.#take(0));
    try {
      return this.#receiveWith(options ?? {});
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** One step of an iteration over all messages. */
  next(): Promise<IteratorResult<Value>> {
    if (!this.isAlive) return Promise.reject(exitError(this.pid, this.reason));
    this.#skipAbandoned();
    if (this.mailbox.length > 0) return Promise.resolve({ done: false, value: this.#take(0) });
    const receiver = new Receiver({ shape: 'step', onEnd: this.#onReceiverEnded });
    this.#receivers.push(receiver);
    return receiver.promise as Promise<IteratorResult<Value>>;
  }

  /** The call was answered, or given up. */
  callClosed(call: IncomingCall, by: 'answer' | 'caller'): void {
    if (by === 'caller') this.#abandonedCalls += 1;
    if (this.openCalls?.delete(call) !== true || this.openCalls.size > 0) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = undefined;
    for (const wake of waiters ?? []) wake();
  }

  /** Resolves when no call to it is open. */
  idle(): Promise<void> {
    if (this.openCalls === undefined || this.openCalls.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idleWaiters ??= [];
      this.#idleWaiters.push(resolve);
    });
  }

  /** Lets go of everything that waits in or at the process. Its reason is set by then. */
  stop(): void {
    if (this.#controller !== undefined) this.#abort();
    const error = exitError(this.pid, this.reason);
    for (const receiver of this.#receivers.splice(0)) receiver.rejectUnheard(error);
    this.mailbox.clear();
    const owned = this.owned;
    this.owned = undefined;
    for (const resource of owned ?? []) resource[Symbol.dispose]();
    this.#wakeDrained();
  }

  own(resource: Disposable): void {
    this.owned ??= new Set();
    this.owned.add(resource);
  }

  disown(resource: Disposable): void {
    this.owned?.delete(resource);
  }

  /** As the other end of a local link. */
  linkedEnded(from: Process, reason: Value): void {
    this.#judge.exitFromLink(this, from.pid, reason);
  }

  unlinked(from: Process): void {
    this.links?.delete(from.pid);
  }

  /** Calls back once when the mailbox is below half of its bound; returns what cancels that. */
  whenDrained(wake: () => void): () => void {
    this.#drainWaiters ??= new Set();
    this.#drainWaiters.add(wake);
    return () => this.#drainWaiters?.delete(wake);
  }

  /**
   * A full mailbox is swept of requests that nobody waits for: once for so many of them that the
   * cost of looking at all messages is shared.
   */
  #makeRoom(bytes: number): boolean {
    const { mailbox } = this;
    if (mailbox.hasRoom(bytes)) return true;
    if (this.#abandonedCalls === 0) return false;
    if (this.#abandonedCalls * SWEEP_SHARE < mailbox.length) return false;
    this.#abandonedCalls = 0;
    mailbox.retain((message) => !isAbandoned(message));
    return mailbox.hasRoom(bytes);
  }

  /** Nobody waits for an answer to these: they are not looked at. */
  #skipAbandoned(): void {
    if (this.#abandonedCalls === 0 || !isAbandoned(this.mailbox.peek())) return;
    while (isAbandoned(this.mailbox.peek())) this.mailbox.shift();
    if (this.#drainWaiters !== undefined && !this.mailbox.isHigh) this.#wakeDrained();
  }

  #abort(): void {
    this.#controller?.abort(exitError(this.pid, this.reason));
  }

  #take(index: number): Value {
    const message = index === 0 ? this.mailbox.shift() : this.mailbox.takeAt(index);
    if (this.#drainWaiters !== undefined && !this.mailbox.isHigh) this.#wakeDrained();
    return message;
  }

  #wakeDrained(): void {
    const waiters = this.#drainWaiters;
    this.#drainWaiters = undefined;
    for (const wake of waiters ?? []) wake();
  }

  #receiveWith(options: ReceiveOptions): Promise<Value> {
    const { match, timeoutMs, signal } = options;
    if (timeoutMs !== undefined) checkTimeout(timeoutMs);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const index =
      match === undefined
        ? Math.min(0, this.mailbox.length - 1)
        : this.mailbox.find((message) => !isAbandoned(message) && match(message));
    if (index >= 0) return Promise.resolve(this.#take(index));
    if (timeoutMs === 0) return Promise.reject(new BarrelError('ERR_TIMEOUT', 'no message waits'));
    const receiver = new Receiver({
      shape: 'message',
      onEnd: this.#onReceiverEnded,
      match,
      signal,
    });
    this.#receivers.push(receiver);
    if (timeoutMs !== undefined) this.#deadlines.add(receiver, timeoutMs);
    return receiver.promise;
  }

  readonly #onReceiverEnded = (receiver: Receiver): void => {
    this.#deadlines.remove(receiver);
    const index = this.#receivers.indexOf(receiver);
    if (index >= 0) this.#receivers.splice(index, 1);
  };

  /** Gives the message to the first waiting receiver that wants it. */
  #handOver(message: Value): boolean {
    if (this.#receivers.length === 0) return false;
    for (const receiver of [...this.#receivers]) {
      if (receiver.offer(message)) return true;
    }
    return false;
  }
}

/** A request that was given up by its caller before anybody received it. */
function isAbandoned(message: Value): boolean {
  return (
    message instanceof Request && message.context instanceof IncomingCall && !message.context.isOpen
  );
}
