/**
 * The process of a supervisor: tells `Supervision` what happens to the children, and does what
 * that decides. It watches its children by monitors, so that none can get away by an unlink, and
 * takes them along however it ends itself.
 */
import { onceAborted } from '../abort.ts';
import { isPid, type Pid } from '../core/pid.ts';
import { unreachable } from '../core/unreachable.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { Counter } from '../host/meter.ts';
import { thrownReason } from './exit-reason.ts';
import { Down, Exit, Request } from './messages.ts';
import type { Processes, Self, Value } from './processes.ts';
import { quietly } from './quietly.ts';
import type { ChildSpec, SupervisionRules } from './supervise-options.ts';
import { Supervision } from './supervision.ts';
import type { SupervisionEffect, SupervisionInput } from './supervision-contract.ts';

export interface SupervisorParts {
  readonly children: readonly ChildSpec[];
  readonly rules: SupervisionRules;
  readonly processes: Processes;
  readonly host: Pick<Host, 'clock' | 'timers' | 'logger'>;
  /** Counts children that are started again. */
  readonly restarts: Counter;
  /** Called once, when all children have started. */
  readonly onBegun: () => void;
  /** Of a supervisor that has not begun yet: resolves when all its children have started. */
  readonly begun: (pid: Pid) => Promise<void> | undefined;
  /** Why a process of this node ended, if that is known. */
  readonly reasonOf: (pid: Pid) => Value | undefined;
}

export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #self: Self;
  readonly #core: Supervision;
  readonly #inbox: SupervisionInput[] = [];
  #isDraining = false;

  constructor(parts: SupervisorParts, self: Self) {
    this.#parts = parts;
    this.#self = self;
    this.#core = new Supervision(parts.rules);
  }

  supervises(pid: Pid): boolean {
    return this.#core.isChild(pid);
  }

  /** The body of the process. */
  async run(): Promise<void> {
    this.#self.trapExit(true);
    onceAborted(this.#self.signal, () => this.#killChildren());
    this.#submit({ kind: 'begin' });
    for await (const message of this.#self) this.#onMessage(message);
  }

  #onMessage(message: Value): void {
    if (message instanceof Down) {
      const { target, reason } = message;
      if (isPid(target)) this.#onDown(target, reason);
    } else if (message instanceof Exit) {
      // As for a process that traps no exits, `normal` is no reason to end.
      const { reason } = message;
      if (reason !== 'normal') this.#submit({ kind: 'stopAsked', reason });
    } else if (message instanceof Request) {
      message.fail(new BarrelError('ERR_NOT_FOUND', 'a supervisor answers no calls'));
    }
  }

  /** A child may have ended before it was watched: there is no such process then. */
  #onDown(pid: Pid, told: Value): void {
    const reason = told === 'noproc' ? (this.#parts.reasonOf(pid) ?? told) : told;
    this.#submit({ kind: 'ended', pid, reason });
  }

  /** One fact after the other: what follows from one may bring the next. */
  #submit(input: SupervisionInput): void {
    this.#inbox.push(input);
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      const { clock } = this.#parts.host;
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
        for (const effect of this.#core.handle(next, clock.monotonicMs())) this.#perform(effect);
      }
    } finally {
      this.#isDraining = false;
    }
  }

  #perform(effect: SupervisionEffect): void {
    switch (effect.kind) {
      case 'start':
        this.#order(effect.child, effect.isRestart);
        break;
      case 'exit':
        this.#parts.processes.exit(effect.pid, effect.reason);
        break;
      case 'schedule':
        this.#schedule(effect.timer, effect.delayMs);
        break;
      case 'begun':
        this.#parts.onBegun();
        break;
      case 'end':
        this.#end(effect);
        break;
      default:
        unreachable(effect);
    }
  }

  /** A restart lets others run first: a child that ends at once cannot take the whole thread. */
  #order(child: number, isRestart: boolean): void {
    if (!isRestart) {
      this.#start(child);
      return;
    }
    this.#parts.restarts.value += 1;
    this.#parts.host.timers.soon(() => this.#start(child));
  }

  #start(child: number): void {
    const spec = this.#parts.children[child];
    if (spec === undefined || this.#self.signal.aborted) return;
    if (this.#core.isStopping) {
      this.#submit({ kind: 'startFailed', child, reason: 'shutdown' });
      return;
    }
    try {
      const started = spec.start();
      // A pid is taken in the same step, so that the process is watched before it runs.
      if (isPid(started)) this.#onStarted(child, started);
      else void this.#await(child, started);
    } catch (error) {
      this.#onStartFailed(child, error);
    }
  }

  async #await(child: number, starting: PromiseLike<unknown>): Promise<void> {
    try {
      this.#onStarted(child, await starting);
    } catch (error) {
      this.#onStartFailed(child, error);
    }
  }

  #onStarted(child: number, pid: unknown): void {
    if (!isPid(pid)) throw wrongStart('gives no pid');
    if (this.#self.signal.aborted) {
      this.#kill(pid);
      return;
    }
    this.#checkChild(pid);
    this.#self.monitor(pid);
    const begun = this.#parts.begun(pid);
    this.#submit({ kind: 'started', child, pid, isBegun: begun === undefined });
    void begun?.then(() => this.#submit({ kind: 'childBegun', pid }));
  }

  /** The end of this supervisor has taken all children along; this one was late. */
  #onStartFailed(child: number, error: unknown): void {
    if (this.#self.signal.aborted) return;
    this.#submit({ kind: 'startFailed', child, reason: thrownReason(error) });
  }

  #checkChild(pid: Pid): void {
    const { node, incarnation } = this.#self.pid;
    if (pid.node !== node || pid.incarnation !== incarnation) {
      throw wrongStart(`gives ${pid}, which is no process of this node`);
    }
    if (pid === this.#self.pid) throw wrongStart('gives the supervisor itself');
    if (this.#core.isChild(pid)) throw wrongStart(`gives ${pid}, which is a child already`);
  }

  #schedule(timer: number, delayMs: number): void {
    this.#parts.host.timers.after(delayMs, () => {
      if (!this.#self.signal.aborted) this.#submit({ kind: 'timeOver', timer });
    });
  }

  #end({ reason, isFailure }: Extract<SupervisionEffect, { kind: 'end' }>): void {
    const { logger } = this.#parts.host;
    const fields = { pid: this.#self.pid.toString(), reason };
    if (isFailure) quietly(() => logger.error('a supervisor gave up', fields));
    try {
      this.#self.exit(reason);
    } catch {
      // That is how `exit` returns: the process has ended.
    }
  }

  /** However it ends: after an orderly end there is none left. */
  #killChildren(): void {
    for (const pid of this.#core.running) this.#kill(pid);
  }

  #kill(pid: Pid): void {
    const { processes } = this.#parts;
    if (processes.isAlive(pid)) processes.exit(pid, 'kill');
  }
}

function wrongStart(fault: string): BarrelError {
  return new BarrelError('ERR_OPTION', `\`start\` of a child ${fault}`);
}
