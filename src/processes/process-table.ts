/**
 * The processes of one node and their ways to those of others: builds the parts, starts and stops
 * them, and is the face of them that users hold.
 */
import { onceAborted } from '../abort.ts';
import type { MessageLinks } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import { isPid, type Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import {
  MAILBOX_MAX,
  MAILBOX_MAX_DEFAULT,
  SERVE_CONCURRENCY_DEFAULT,
  SERVE_CONCURRENCY_MAX,
} from '../limits.ts';
import type { Cancellable, Timed } from '../observable.ts';
import { argumentJudges } from './argument-judges.ts';
import { type Authorize, CallAuthorization } from './call-authorization.ts';
import { currentCall, runInCall } from './call-context.ts';
import { Deadlines } from './deadlines.ts';
import { checkProcessName } from './destination.ts';
import { ListenerSink } from './down-sinks.ts';
import { thrownReason } from './exit-reason.ts';
import { FrameReceiver } from './frame-receiver.ts';
import { LocalProcesses } from './local-processes.ts';
import type { Down } from './messages.ts';
import { MethodServer } from './method-server.ts';
import { reachableMethods } from './methods.ts';
import type { Via } from './name-registry.ts';
import { PendingCalls } from './pending-calls.ts';
import type { Process } from './process.ts';
import { ProcessSelf } from './process-self.ts';
import type {
  Destination,
  MonitorHandle,
  Processes,
  RegisteredName,
  Self,
  ServeOptions,
  SpawnOptions,
  Value,
} from './processes.ts';
import { quietly } from './quietly.ts';
import { RemoteProcesses } from './remote-processes.ts';
import { Router } from './router.ts';
import type { ChildSpec, SuperviseOptions } from './supervise-options.ts';
import { Supervisors } from './supervisors.ts';
import { checkVia, ViaName } from './via-name.ts';

export interface ProcessTableParts {
  readonly host: Host;
  /** Attached to at once. */
  readonly links: MessageLinks;
  /** The process that a `{ service }` destination stands for now. Default: none is known. */
  readonly resolveService?: ((name: string) => Pid | undefined) | undefined;
  /** Asked about each call of another node; without one all of them are let through. */
  readonly authorize?: Authorize | undefined;
  /** Names of the services that a process of this node is registered for. Default: none. */
  readonly servicesOf?: ((pid: Pid) => readonly string[]) | undefined;
  /** True for a process of this node that stands for a service. Default: none does. */
  readonly isProxy?: ((pid: Pid) => boolean) | undefined;
  /** True for a process of this package alone: `authorize` is not asked about it. Default: none. */
  readonly isInternal?: ((pid: Pid) => boolean) | undefined;
  /** Trace context of the code that calls. Default: that of the call which it works on. */
  readonly traceparent?: (() => string | undefined) | undefined;
}

export class ProcessTable implements Processes {
  readonly #host: Host;
  readonly #locals: LocalProcesses;
  readonly #remotes: RemoteProcesses;
  readonly #calls: PendingCalls;
  readonly #deadlines: Deadlines;
  readonly #router: Router;
  readonly #servers = new Set<MethodServer>();
  readonly #supervisors: Supervisors;

  constructor(parts: ProcessTableParts) {
    const { host, links } = parts;
    const { clock, meter } = host;
    const deadlines = new Deadlines(host);
    const locals = new LocalProcesses(links.self, deadlines, meter);
    const authorization = authorizationOf(parts);
    const receiver = new FrameReceiver({ locals, clock, deadlines, authorization });
    const lost = meter.counter('barrel_processes_signals_lost_total');
    this.#host = host;
    this.#deadlines = deadlines;
    this.#locals = locals;
    this.#remotes = new RemoteProcesses({ links, locals, receiver, lost });
    this.#calls = new PendingCalls(host);
    this.#supervisors = new Supervisors(this, host, (pid) => locals.reasonOf(pid));
    this.#router = new Router({
      locals,
      remotes: this.#remotes,
      calls: this.#calls,
      clock,
      resolveService: parts.resolveService ?? (() => undefined),
      traceparent: parts.traceparent ?? (() => currentCall()?.traceparent),
    });
    meter.gauge('barrel_processes_alive', () => locals.size);
    meter.gauge('barrel_processes_pending_calls', () => this.#calls.size);
    meter.gauge('barrel_processes_streams_read', () => this.#calls.streams);
    meter.gauge('barrel_processes_streams_sent', () => this.#remotes.streams);
    links.attach(this.#remotes);
  }

  spawn(body: (self: Self) => unknown, options: SpawnOptions = {}): Pid {
    this.#router.checkOpen();
    const { name, mailboxMax = MAILBOX_MAX_DEFAULT, link } = options;
    if (name !== undefined) checkProcessName(name);
    checkCount('mailboxMax', mailboxMax, MAILBOX_MAX);
    // Before the process exists: a parent that has ended starts none.
    if (link?.signal.aborted === true) throw link.signal.reason;
    const process = this.#locals.start({ name, mailboxMax, server: undefined });
    link?.link(process.pid);
    queueMicrotask(() => void this.#run(process, body));
    return process.pid;
  }

  serve(methods: object, options: ServeOptions = {}): Pid {
    this.#router.checkOpen();
    const { name, via, only, validate, concurrency = SERVE_CONCURRENCY_DEFAULT } = options;
    if (name !== undefined) checkProcessName(name);
    if (via !== undefined) checkVia(via);
    checkCount('concurrency', concurrency, SERVE_CONCURRENCY_MAX);
    const reachable = reachableMethods(methods, only);
    const judges = argumentJudges(validate, reachable);
    const server = new MethodServer({ target: methods, methods: reachable, concurrency, judges });
    const process = this.#locals.start({ name, mailboxMax: MAILBOX_MAX_DEFAULT, server });
    this.#servers.add(server);
    process.own({ [Symbol.dispose]: () => this.#servers.delete(server) });
    if (via !== undefined) this.#nameVia(process, via);
    return process.pid;
  }

  supervise(children: readonly ChildSpec[], options: SuperviseOptions = {}): Pid {
    return this.#supervisors.start(children, options);
  }

  send(to: Destination, message: Value): boolean {
    return this.#router.send(undefined, to, message);
  }

  async drained(to: Pid | NodeName, options: Cancellable = {}): Promise<void> {
    this.#router.checkOpen();
    const { signal } = options;
    signal?.throwIfAborted();
    let cancel = (): void => {};
    let onAbort = (): void => {};
    try {
      await new Promise<void>((resolve, reject) => {
        onAbort = () => reject(signal?.reason);
        if (signal !== undefined) onceAborted(signal, onAbort);
        cancel = this.#router.whenClear(to, resolve);
      });
      this.#router.checkOpen();
    } finally {
      cancel();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  call<R = unknown>(to: Destination, request: Value, options?: Timed): Promise<R> {
    // The caller says what the callee answers; nothing here can know.
    return this.#router.call(undefined, to, { request, options }) as Promise<R>;
  }

  monitor(target: Pid | RegisteredName, listener: (down: Down) => void): MonitorHandle {
    const sink = new ListenerSink(listener, this.#host.logger);
    return this.#router.monitor(undefined, target, sink);
  }

  exit(pid: Pid, reason: Value): void {
    this.#router.exit(undefined, pid, reason);
  }

  whereis(localName: string): Pid | undefined {
    return this.#locals.byName(localName)?.pid;
  }

  isAlive(pid: Pid): boolean {
    return isPid(pid) && this.#locals.byPid(pid) !== undefined;
  }

  /**
   * Resolves when no call is at work or waits in a served object, and no process has a `Request`
   * that is open, or after `timeoutMs`. Calls that come meanwhile are still answered; those that
   * come later from other nodes find no process, so that they can be made elsewhere.
   */
  async drain(timeoutMs: number): Promise<void> {
    const { promise: late, cancel } = this.#after(timeoutMs);
    let isLate = false;
    const passed = late.then(() => {
      isLate = true;
    });
    try {
      for (let busy = this.#busy(); busy.length > 0; busy = this.#busy()) {
        await Promise.race([Promise.all(busy.map((each) => each.idle())), passed]);
        if (isLate) return;
      }
    } finally {
      this.#remotes.refuseCalls();
      cancel();
    }
  }

  /** Resolves when all supervisors have ended their children and themselves, or when that lasts. */
  async stopSupervisors(timeoutMs: number): Promise<void> {
    const { promise: late, cancel } = this.#after(timeoutMs);
    try {
      await Promise.race([this.#supervisors.stop(), late]);
    } finally {
      cancel();
    }
  }

  /**
   * Ends all processes with reason `shutdown`, the youngest first; calls that wait here fail with
   * ERR_CLOSED, as does everything after. Idempotent. The links must still be open, so that
   * watchers on other nodes are told, and callers whose calls were not taken.
   */
  close(): void {
    this.#locals.endAll('shutdown');
    this.#router.close();
    this.#calls.close();
    this.#remotes.close();
    this.#deadlines.close();
  }

  #busy(): { idle(): Promise<void> }[] {
    const servers = [...this.#servers].filter(({ load }) => load > 0);
    return [...servers, ...this.#locals.withOpenCalls()];
  }

  #after(delayMs: number): { readonly promise: Promise<void>; readonly cancel: () => void } {
    let timer: Disposable | undefined;
    const promise = new Promise<void>((resolve) => {
      timer = this.#host.timers.after(delayMs, resolve);
    });
    return { promise, cancel: () => timer?.[Symbol.dispose]() };
  }

  async #run(process: Process, body: (self: Self) => unknown): Promise<void> {
    if (!process.isAlive) return;
    const self = new ProcessSelf(process, this.#router, this.#host);
    try {
      await runInCall(undefined, () => body(self));
      this.#locals.end(process, 'normal');
    } catch (error) {
      if (!process.isAlive) return;
      this.#locals.end(process, thrownReason(error));
      this.#noteFailure(process.pid, error);
    }
  }

  #nameVia(process: Process, via: Via): void {
    const onRefused = (reason: Value): void => this.#locals.end(process, reason);
    const { logger } = this.#host;
    process.own(new ViaName({ via, pid: process.pid, logger, onRefused }));
  }

  #noteFailure(pid: Pid, error: unknown): void {
    const fields = { pid: pid.toString(), error };
    quietly(() => this.#host.logger.warn('a process ended with an error', fields));
  }
}

function authorizationOf(parts: ProcessTableParts): CallAuthorization | undefined {
  const { authorize, servicesOf = () => [], isProxy = () => false, host } = parts;
  const { isInternal = () => false } = parts;
  if (authorize === undefined) return undefined;
  const { clock, logger, meter } = host;
  const refused = meter.counter('barrel_processes_calls_unauthorized_total');
  const rules = { authorize, servicesOf, isProxy, isInternal };
  return new CallAuthorization({ ...rules, clock, logger, refused });
}

function checkCount(option: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return;
  const rule = `${option} must be an integer from 1 to ${max}`;
  throw new BarrelError('ERR_OPTION', `${rule}, not ${String(value)}`);
}
