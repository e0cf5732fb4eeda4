/**
 * The processes of this node: who is there, under which name, and what an exit signal does to them.
 * An end is told to all that wait for it in a loop, not by recursion, so that a chain of links may
 * be as long as it likes.
 */
import type { NodeRef } from '../cluster/ports.ts';
import { type Pid, pidOf } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Meter } from '../host/meter.ts';
import { PROCESSES_MAX } from '../limits.ts';
import { copySized, copyValue } from './copy-value.ts';
import type { Deadlines } from './deadlines.ts';
import { EndedProcesses } from './ended-processes.ts';
import { boundedReason } from './exit-reason.ts';
import { Fifo } from './fifo.ts';
import type { Addressed } from './frames.ts';
import { Exit } from './messages.ts';
import type { MethodServer } from './method-server.ts';
import { type ExitJudge, Process } from './process.ts';
import type { Value } from './processes.ts';

export interface NewProcess {
  readonly name: string | undefined;
  readonly mailboxMax: number;
  readonly server: MethodServer | undefined;
}

export class LocalProcesses implements ExitJudge {
  readonly self: NodeRef;
  /** The node itself as a sender. */
  readonly nodePid: Pid;
  readonly #deadlines: Deadlines;
  readonly #dropped: ReturnType<Meter['counter']>;
  readonly #bySerial = new Map<number, Process>();
  readonly #byName = new Map<string, Process>();
  readonly #ending = new Fifo<Process>();
  readonly #ended = new EndedProcesses();
  #isEnding = false;
  #isClosing = false;
  #lastSerial = 0;

  constructor(self: NodeRef, deadlines: Deadlines, meter: Meter) {
    this.self = self;
    this.nodePid = pidOf(self.node, self.incarnation, 0);
    this.#deadlines = deadlines;
    this.#dropped = meter.counter('barrel_processes_mailbox_dropped_total');
  }

  get size(): number {
    return this.#bySerial.size;
  }

  /** @throws ERR_ALREADY_REGISTERED, ERR_OVERLOADED, ERR_CLOSED. */
  start(parts: NewProcess): Process {
    const { name } = parts;
    if (this.#isClosing) throw new BarrelError('ERR_CLOSED', 'the node is closing');
    if (name !== undefined && this.#byName.has(name)) {
      throw new BarrelError('ERR_ALREADY_REGISTERED', `name ${JSON.stringify(name)} is taken`);
    }
    if (this.#bySerial.size >= PROCESSES_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${PROCESSES_MAX} processes run already`);
    }
    this.#lastSerial += 1;
    const pid = pidOf(this.self.node, this.self.incarnation, this.#lastSerial);
    const process = new Process({
      ...parts,
      pid,
      deadlines: this.#deadlines,
      judge: this,
      dropped: this.#dropped,
    });
    this.#bySerial.set(pid.serial, process);
    if (name !== undefined) this.#byName.set(name, process);
    return process;
  }

  /** Processes that work on, or have waiting, calls that somebody waits for. */
  withOpenCalls(): Process[] {
    const busy: Process[] = [];
    for (const process of this.#bySerial.values()) {
      if (process.openCalls !== undefined && process.openCalls.size > 0) busy.push(process);
    }
    return busy;
  }

  /** The running process with that pid; undefined for pids of other nodes and other starts. */
  byPid(pid: Pid): Process | undefined {
    // Pids are interned, so that the very same object stands for the very same process.
    const process = this.#bySerial.get(pid.serial);
    return process?.pid === pid ? process : undefined;
  }

  byName(name: string): Process | undefined {
    return this.#byName.get(name);
  }

  /** Why a process of this start of the node ended, if it ended lately; long ones are cut. */
  reasonOf({ serial }: Pid): Value | undefined {
    return this.#ended.reasonOf(serial);
  }

  /** The process that a frame of another node is for. */
  addressed(to: Addressed): Process | undefined {
    if (to.serial === 0) return this.#byName.get(to.name);
    return to.incarnation === this.self.incarnation ? this.#bySerial.get(to.serial) : undefined;
  }

  /**
   * Ends a process, now, for a reason that is cut to 16 KiB. Everyone who waits for that is told
   * before this returns, or next.
   */
  end(process: Process, reason: Value): void {
    if (!process.isAlive) return;
    process.isAlive = false;
    process.reason = boundedReason(reason);
    this.#bySerial.delete(process.pid.serial);
    this.#ended.add(process.pid.serial, process.reason);
    if (process.name !== undefined) this.#byName.delete(process.name);
    this.#ending.push(process);
    if (this.#isEnding) return;
    this.#isEnding = true;
    try {
      for (let next = this.#ending.shift(); next !== undefined; next = this.#ending.shift()) {
        this.#tellEnd(next);
      }
    } finally {
      this.#isEnding = false;
    }
  }

  /** Ends all, those first that were started last; no process can be started from then on. */
  endAll(reason: Value): void {
    this.#isClosing = true;
    while (this.#bySerial.size > 0) {
      for (const process of [...this.#bySerial.values()].reverse()) this.end(process, reason);
    }
  }

  /** The signal of a linked process that ended. Does nothing when the link is no more. */
  exitFromLink(process: Process, from: Pid, reason: Value): void {
    if (!process.isAlive || process.links?.delete(from) !== true) return;
    this.#exit(process, new Exit(from, copyValue(reason)), 'own');
  }

  /** The signal that a call of `exit` sends. */
  exitFrom(process: Process, from: Pid, reason: Value): void {
    if (!process.isAlive) return;
    if (reason === 'kill') this.end(process, 'killed');
    else this.#exit(process, new Exit(from, copyValue(reason)), 'foreign');
  }

  /** @param asked `own` for what the process asked for by a link: there is always room for it. */
  #exit(process: Process, message: Exit, asked: 'own' | 'foreign'): void {
    if (!process.trapsExits) {
      if (message.reason !== 'normal') this.end(process, message.reason);
    } else if (asked === 'own') process.deliverOwn(message);
    else process.deliver({ value: message, bytes: copySized(message.reason).bytes });
  }

  #tellEnd(process: Process): void {
    const { reason } = process;
    for (const call of [...(process.openCalls ?? [])]) call.calleeEnded(reason);
    process.openCalls = undefined;
    process.stop();
    const { watchers, links } = process;
    process.watchers = undefined;
    process.links = undefined;
    for (const watcher of watchers ?? []) watcher.targetEnded(process, reason);
    for (const end of links?.values() ?? []) end.linkedEnded(process, reason);
  }
}
