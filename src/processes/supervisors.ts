/**
 * The supervisors of a node: starts them, and ends them in order when the node closes. Those that
 * are children of another one end with that.
 */
import type { Pid } from '../core/pid.ts';
import type { Host } from '../host/host.ts';
import { type Settlement, settlement } from '../settlement.ts';
import type { Processes, Value } from './processes.ts';
import { type ChildSpec, type SuperviseOptions, supervisionRules } from './supervise-options.ts';
import { Supervisor } from './supervisor.ts';

interface Running {
  /** Set when its body runs. */
  supervisor: Supervisor | undefined;
  /** Resolves when all its children have started; never, when it ends before. */
  readonly begun: Settlement<void>;
  hasBegun: boolean;
}

export class Supervisors {
  readonly #processes: Processes;
  readonly #host: Host;
  readonly #reasonOf: (pid: Pid) => Value | undefined;
  /** The oldest first. */
  readonly #running = new Map<Pid, Running>();

  /** @param reasonOf why a process of this node ended, if that is known */
  constructor(processes: Processes, host: Host, reasonOf: (pid: Pid) => Value | undefined) {
    this.#processes = processes;
    this.#host = host;
    this.#reasonOf = reasonOf;
  }

  /** @throws as `Processes.supervise`. */
  start(specs: readonly ChildSpec[], options: SuperviseOptions): Pid {
    const parts = {
      rules: supervisionRules(specs, options),
      children: [...specs],
      processes: this.#processes,
      host: this.#host,
      restarts: this.#host.meter.counter('barrel_processes_restarts_total'),
      begun: (pid: Pid) => this.#begun(pid),
      reasonOf: this.#reasonOf,
    };
    const running: Running = { supervisor: undefined, begun: settlement(), hasBegun: false };
    const onBegun = (): void => {
      running.hasBegun = true;
      running.begun.resolve();
    };
    const pid = this.#processes.spawn(async (self) => {
      running.supervisor = new Supervisor({ ...parts, onBegun }, self);
      await running.supervisor.run();
    });
    this.#running.set(pid, running);
    this.#processes.monitor(pid, () => this.#running.delete(pid));
    return pid;
  }

  /** Ends all trees, the youngest first, each in its own order. */
  async stop(): Promise<void> {
    for (const pid of this.#roots().reverse()) {
      const ended = settlement<void>();
      this.#processes.monitor(pid, () => ended.resolve());
      this.#processes.exit(pid, 'shutdown');
      await ended.promise;
    }
  }

  #begun(pid: Pid): Promise<void> | undefined {
    const running = this.#running.get(pid);
    return running === undefined || running.hasBegun ? undefined : running.begun.promise;
  }

  #roots(): Pid[] {
    const all = [...this.#running.values()];
    const isChild = (pid: Pid): boolean =>
      all.some(({ supervisor }) => supervisor?.supervises(pid) === true);
    return [...this.#running.keys()].filter((pid) => !isChild(pid));
  }
}
