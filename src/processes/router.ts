/**
 * The way of every signal: to a process of this node directly, to one of another node over its
 * link. What a node offers and what a process body holds are both thin faces of it.
 */
import type { NodeName } from '../core/names.ts';
import { isPid, type Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Clock } from '../host/host.ts';
import type { Timed } from '../observable.ts';
import { copySized, copyValue } from './copy-value.ts';
import { checkPid, checkRegisteredName, destinationText } from './destination.ts';
import { boundedReason } from './exit-reason.ts';
import type { RemoteTarget } from './frame-writer.ts';
import { LocalCall } from './local-call.ts';
import type { LocalProcesses } from './local-processes.ts';
import { type DownSink, Monitor } from './monitor.ts';
import type { PendingCall } from './pending-call.ts';
import type { PendingCalls } from './pending-calls.ts';
import type { Process } from './process.ts';
import type { Destination, RegisteredName, Value } from './processes.ts';
import type { RemoteProcesses } from './remote-processes.ts';

export interface RouterParts {
  readonly locals: LocalProcesses;
  readonly remotes: RemoteProcesses;
  readonly calls: PendingCalls;
  readonly clock: Clock;
  readonly resolveService: (name: string) => Pid | undefined;
  /** Trace context for a call that is made now. */
  readonly traceparent: () => string | undefined;
}

/** A request and the options of its call. */
export interface SentRequest {
  readonly request: Value;
  readonly options: Timed | undefined;
}

/** `from` is the sending process, or undefined for the node itself. */
export class Router {
  readonly locals: LocalProcesses;
  readonly #remotes: RemoteProcesses;
  readonly #calls: PendingCalls;
  readonly #clock: Clock;
  readonly #resolveService: (name: string) => Pid | undefined;
  readonly #traceparent: () => string | undefined;
  #lastRef = 0;
  #isClosed = false;

  constructor(parts: RouterParts) {
    this.locals = parts.locals;
    this.#remotes = parts.remotes;
    this.#calls = parts.calls;
    this.#clock = parts.clock;
    this.#resolveService = parts.resolveService;
    this.#traceparent = parts.traceparent;
  }

  /** Everything fails with ERR_CLOSED from now on. */
  close(): void {
    this.#isClosed = true;
  }

  /** @throws ERR_CLOSED. */
  checkOpen(): void {
    if (this.#isClosed) throw new BarrelError('ERR_CLOSED', 'the node is closed or closing');
  }

  send(from: Process | undefined, to: Destination, message: Value): boolean {
    this.checkOpen();
    const target = this.#resolve(to);
    if (target === undefined || this.#isLocal(target)) {
      const copy = copySized(message);
      const process = target === undefined ? undefined : this.#local(target);
      return process === undefined || process.deliver(copy);
    }
    return this.#remotes.send(from?.pid.serial ?? 0, target, message);
  }

  call(from: Process | undefined, to: Destination, sent: SentRequest): Promise<Value> {
    try {
      this.checkOpen();
      const target = this.#resolve(to);
      if (target === undefined) throw serviceMissing(to);
      const call = this.#calls.begin(to, sent.options ?? {}, from);
      this.#request(call, target, sent.request);
      return call.promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  monitor(from: Process | undefined, target: Pid | RegisteredName, sink: DownSink): Monitor {
    this.checkOpen();
    if (!isPid(target)) checkRegisteredName(target);
    this.#lastRef += 1;
    const monitor = new Monitor(`${this.locals.nodePid}#${this.#lastRef}`, target, sink);
    if (!this.#isLocal(target)) {
      this.#remotes.monitor(from?.pid.serial ?? 0, target, monitor);
      return monitor;
    }
    const process = this.#local(target);
    if (process === undefined) {
      monitor.fire('noproc');
      return monitor;
    }
    process.watchers ??= new Set();
    process.watchers.add(monitor);
    monitor.attach(() => process.watchers?.delete(monitor));
    return monitor;
  }

  link(from: Process, pid: Pid): void {
    this.checkOpen();
    checkPid(pid);
    if (pid === from.pid) return;
    if (!this.#isLocal(pid)) {
      this.#remotes.link(from, pid);
      return;
    }
    const other = this.locals.byPid(pid);
    from.links ??= new Map();
    from.links.set(pid, other ?? from);
    if (other === undefined) {
      this.locals.exitFromLink(from, pid, 'noproc');
      return;
    }
    other.links ??= new Map();
    other.links.set(from.pid, from);
  }

  unlink(from: Process, pid: Pid): void {
    const end = from.links?.get(pid);
    if (end === undefined) return;
    from.links?.delete(pid);
    end.unlinked(from);
  }

  exit(from: Process | undefined, pid: Pid, reason: Value): void {
    this.checkOpen();
    checkPid(pid);
    const copy = boundedReason(copyValue(reason));
    if (!this.#isLocal(pid)) {
      this.#remotes.exit(from?.pid.serial ?? 0, pid, copy);
      return;
    }
    const process = this.locals.byPid(pid);
    const sender = from?.pid ?? this.locals.nodePid;
    if (process !== undefined) this.locals.exitFrom(process, sender, copy);
  }

  /** Calls back once when the way there is clear, or nothing is there; returns a cancel. */
  whenClear(to: Pid | NodeName, wake: () => void): () => void {
    if (!isPid(to) || !this.#isLocal(to)) return this.#remotes.whenClear(to, wake);
    const process = this.locals.byPid(to);
    if (process?.mailbox.isHigh === true) return process.whenDrained(wake);
    wake();
    return () => {};
  }

  #request(call: PendingCall, target: RemoteTarget, request: Value): void {
    try {
      const traceparent = this.#traceparent();
      if (this.#isLocal(target)) this.#requestLocal(call, target, { request, traceparent });
      else this.#remotes.call(call, target, { value: request, traceparent });
    } catch (error) {
      call.reject(error);
    }
  }

  #requestLocal(
    call: PendingCall,
    target: RemoteTarget,
    sent: { readonly request: Value; readonly traceparent: string | undefined },
  ): void {
    const copy = copySized(sent.request);
    const process = this.#local(target);
    if (process === undefined) {
      call.fail({ kind: 'noProcess' });
      return;
    }
    if (process === call.caller) {
      throw new BarrelError('ERR_CALL_SELF', `process ${process.pid} calls itself`);
    }
    const from = call.caller?.pid ?? this.locals.nodePid;
    const { traceparent } = sent;
    process.deliverCall(new LocalCall({ call, from, clock: this.#clock, traceparent }), copy);
  }

  #resolve(to: Destination): RemoteTarget | undefined {
    if (isPid(to)) return to;
    if (typeof to === 'object' && 'service' in to) return this.#resolveService(to.service);
    checkRegisteredName(to);
    return to;
  }

  /** Pids of former starts of this node are not local: nothing here has them. */
  #isLocal(target: RemoteTarget): boolean {
    return target.node === this.locals.self.node;
  }

  #local(target: RemoteTarget): Process | undefined {
    return isPid(target) ? this.locals.byPid(target) : this.locals.byName(target.name);
  }
}

function serviceMissing(to: Destination): BarrelError {
  return new BarrelError('ERR_NOT_FOUND', `no instance of ${destinationText(to)} is known`);
}
