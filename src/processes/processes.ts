/**
 * The face of the process model: what a node offers, and what a process body holds in its hands.
 * A process is a mailbox with an owner and a pid; it ends, and others can be told.
 */
import type { NodeName } from '../core/names.ts';
import type { Pid } from '../core/pid.ts';
import type { Observable, Timed } from '../observable.ts';
import type { StandardSchema } from '../standard-schema.ts';
import type { Down } from './messages.ts';
import type { Via } from './name-registry.ts';
import type { ChildSpec, SuperviseOptions } from './supervise-options.ts';

/**
 * What may cross to another process: null, undefined, boolean, number, bigint, string, Uint8Array,
 * Date, Map, Set, Pid, arrays and plain objects of these. Anything else is ERR_VALUE. At most
 * 1 MiB, depth 64. A receiver gets a copy, on the same node too.
 */
export type Value = unknown;

/** A process by the name that it has on its own node. */
export interface RegisteredName {
  readonly node: NodeName;
  readonly name: string;
}

/** Where a message can go; a service name is resolved at the moment of sending. */
export type Destination = Pid | RegisteredName | { readonly service: string };

/** Of one monitor. Disposing it means that no `Down` follows, not even one that waits already. */
export interface MonitorHandle extends Disposable {
  /** Unique in the cluster; the `Down` carries the same. */
  readonly ref: string;
}

/** Of `spawn`. */
export interface SpawnOptions {
  /** Registered on this node until the process ends: 1 to 255 bytes. */
  readonly name?: string | undefined;
  /**
   * Default 10,000. Senders are slowed from half of it, or of 64 MiB; over it messages are
   * dropped, counted. */
  readonly mailboxMax?: number | undefined;
  /** Links the new process to this one before it runs. */
  readonly link?: Self | undefined;
}

/** Of `serve`, and of services that are given as objects. */
export interface ServeOptions {
  /** Registered on this node until the process ends: 1 to 255 bytes. */
  readonly name?: string | undefined;
  /**
   * Also registered under that name in that registry, such as `node.names`, until the process ends.
   * It runs meanwhile; where the name is taken, or asking for it fails, it ends with the error as
   * its reason: `code` is ERR_ALREADY_REGISTERED for a name that is taken.
   */
  readonly via?: Via | undefined;
  /** Names of the methods that may be called. Default: all that are reachable. */
  readonly only?: readonly string[] | undefined;
  /**
   * Calls at work at once. Default 256; 10,000 more wait, of at most 64 MiB; then the caller gets
   * ERR_OVERLOADED. A stream that answers a call counts until it ends.
   */
  readonly concurrency?: number | undefined;
  /**
   * Schemas that judge the list of arguments before a method runs, by the name of the method. What
   * one refuses reaches the caller as ERR_INVALID_VALUE.
   * @default none: a method judges its arguments itself
   */
  readonly validate?: Readonly<Record<string, StandardSchema<unknown>>> | undefined;
}

/** The processes of this node, and signals from this node to any process of the cluster. */
export interface Processes {
  /**
   * Starts a process. `body` owns the mailbox and runs after this call returned; returning ends it
   * with reason `normal`, throwing with the error.
   * @throws ERR_OPTION, ERR_ALREADY_REGISTERED (the name), ERR_OVERLOADED, ERR_CLOSED.
   */
  spawn(body: (self: Self) => unknown, options?: SpawnOptions): Pid;
  /**
   * A process that answers calls whose request is `[name, args]` with the methods that the object
   * has now: its own functions and those of its classes, never `constructor`, symbols or names that
   * start with `_`. A thrown error reaches the caller as ERR_REMOTE, an unknown method as one whose
   * `remote.code` is ERR_NOT_FOUND. A method that returns an async iterable, or a promise of one,
   * answers with a stream, which the caller reads at its own pace. Ends by `exit`.
   * @throws ERR_OPTION, ERR_ALREADY_REGISTERED (the name), ERR_OVERLOADED, ERR_CLOSED.
   */
  serve(methods: object, options?: ServeOptions): Pid;
  /**
   * Starts a process that starts the children, one after the other, and starts those again that
   * end, in the manner of OTP. Told to exit, it ends them in reverse order, then itself with that
   * reason; it also ends when a child does not start at all, or ends too often: with a reason
   * `{ name: 'ChildNotStarted' | 'RestartsExceeded', message, child, reason }`. When it is killed,
   * its children are.
   * @throws ERR_OPTION, ERR_OVERLOADED, ERR_CLOSED.
   */
  supervise(children: readonly ChildSpec[], options?: SuperviseOptions): Pid;
  /**
   * At most once, in order for each (sender, receiver). Messages that the node itself, not a
   * process, sends to one process both by pid and by name keep order only within each of the two.
   * A missing or unreachable receiver is no error: the message is dropped. False when the way to
   * that process is above its high-water mark: wait for `drained`.
   * @throws ERR_VALUE, ERR_CLOSED, ERR_OVERLOADED (the message is not taken).
   */
  send(to: Destination, message: Value): boolean;
  /** Resolves when the way to that process, or to all of that node, is below its marks. */
  drained(
    to: Pid | NodeName,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<void>;
  /**
   * Request and reply. Default time-out 5 s, but not beyond that of the call that the running code
   * works on; it does not undo what the callee does, whose `context.signal` aborts then. A late
   * reply is discarded. Gives an async iterable where the callee answers with a stream: read it, or
   * end it by `return()`; the time-out is that of the opening.
   * @throws ERR_NO_PROCESS, ERR_NOT_FOUND (the service), ERR_NO_CONNECTION, ERR_EXIT (`cause` is
   * the reason), ERR_TIMEOUT, ERR_REMOTE, ERR_INVALID_VALUE (a schema of the callee refuses the
   * arguments), ERR_UNAUTHORIZED (its node forbids the call), ERR_OVERLOADED, ERR_VALUE,
   * ERR_CLOSED.
   */
  call<R = unknown>(to: Destination, request: Value, options?: Timed): Promise<R>;
  /**
   * Exactly one `Down`, after everything the target sent before it ended. Its reason is `noproc`
   * or `noconnection` where that is the case.
   */
  monitor(target: Pid | RegisteredName, listener: (down: Down) => void): MonitorHandle;
  /**
   * Tells a process to end. A reason over 16 KiB encoded is cut to the beginning of its text, or
   * to `{ name, message, code? }`; so is that of any end. `normal` is ignored unless it traps
   * exits; `kill` cannot be trapped and shows as `killed`.
   * @throws ERR_VALUE, ERR_CLOSED.
   */
  exit(pid: Pid, reason: Value): void;
  /** The process that has this name on this node. */
  whereis(localName: string): Pid | undefined;
  /** True for a running process of this node; false for any other pid. */
  isAlive(pid: Pid): boolean;
}

/** What a body holds. Once its process has ended, each operation fails with ERR_EXIT. */
export interface Self extends AsyncIterable<Value> {
  readonly pid: Pid;
  /** Aborted when the process is told to exit, or ends by itself. */
  readonly signal: AbortSignal;
  /**
   * The oldest message, or the oldest for which `match` holds; the others stay. Waits for ever
   * unless `timeoutMs` is given. Requests whose callers wait no more are skipped.
   * @throws ERR_TIMEOUT, ERR_EXIT, ERR_OPTION (the time-out), the reason of `signal`.
   */
  receive(options?: ReceiveOptions): Promise<Value>;
  /** As `Processes.send`, ordered with all other signals of this process. */
  send(to: Destination, message: Value): boolean;
  /** Sends to this process itself after a delay, unless disposed or ended. */
  sendAfter(delayMs: number, message: Value): Disposable;
  /** As `Processes.call`; also ERR_CALL_SELF. Fails with ERR_EXIT when this process ends. */
  call<R = unknown>(to: Destination, request: Value, options?: Timed): Promise<R>;
  /**
   * Two-way and idempotent: the end of one, unless `normal`, ends the other; a process that traps
   * exits receives an `Exit` instead. Reason `noproc` or `noconnection` where that is the case.
   */
  link(pid: Pid): void;
  unlink(pid: Pid): void;
  trapExit(on: boolean): void;
  /** As `Processes.monitor`; the `Down` comes into the mailbox. */
  monitor(target: Pid | RegisteredName): MonitorHandle;
  /** Events of any facet as messages to this process, by reference, for as long as it lives. */
  subscribe<E extends { readonly type: string }>(source: Observable<E>): Disposable;
  /** Ends this process at once; default reason `normal`. */
  exit(reason?: Value): never;
}

/** Of `receive`: which message, and for how long to wait for it. */
export interface ReceiveOptions extends Timed {
  readonly match?: ((message: Value) => boolean) | undefined;
}
