/**
 * Where a proxy passes things to: it stays with one instance of the service until that goes down or
 * is withdrawn, then takes another.
 */
import type { Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Processes, Value } from '../processes/processes.ts';
import { type SelectionContext, selectEntry } from './selection.ts';
import type { ServiceEntry, ServiceEvent } from './services.ts';

export interface ProxyTargetParts {
  /** The known instances that are wanted and may be used. */
  readonly instances: (isWanted: (entry: ServiceEntry) => boolean) => readonly ServiceEntry[];
  readonly selection: SelectionContext;
  readonly processes: Processes;
  /** There is no instance any more. Called once. */
  readonly onNone: () => void;
}

export class ProxyTarget {
  readonly #parts: ProxyTargetParts;
  #bound: Pid | undefined;
  #monitor: Disposable | undefined;
  /** Instances that have ended, while the directory still lists them. */
  readonly #ended = new Set<Pid>();
  /** The connection to it was lost: others come first, but it may be there again. */
  #lost: Pid | undefined;
  #isOver = false;

  /** @param first an instance that was found, perhaps in a place that the directory has not. */
  constructor(first: Pid, parts: ProxyTargetParts) {
    this.#parts = parts;
    this.#bind(first);
  }

  /** The instance for what comes now, or one for a call that did not reach those. */
  instance(failed?: ReadonlySet<Pid>): Pid | undefined {
    const bound = this.#bound ?? this.#bindLost();
    if (bound === undefined || failed === undefined || !failed.has(bound)) return bound;
    return this.#select(({ pid }) => !failed.has(pid));
  }

  /** An instance of the service is there no more. */
  onGone({ node }: Extract<ServiceEvent, { type: 'unregistered' | 'down' }>): void {
    for (const pid of this.#ended) if (pid.node === node) this.#ended.delete(pid);
    if (this.#bound?.node === node) this.#release();
    if (this.#bound === undefined) this.#rebind();
  }

  close(): void {
    this.#isOver = true;
    this.#release();
  }

  #onDown(pid: Pid, reason: Value): void {
    if (pid !== this.#bound) return;
    this.#release();
    if (reason === 'noconnection') this.#lost = pid;
    else this.#ended.add(pid);
    this.#rebind();
  }

  /** Takes another instance, or ends when there is none at all. */
  #rebind(): void {
    if (this.#isOver) return;
    const next = this.#select(({ pid }) => pid !== this.#lost);
    if (next !== undefined) this.#bind(next);
    else if (this.#select(() => true) === undefined) {
      this.close();
      this.#parts.onNone();
    }
  }

  /** Only for what is sent now: nobody dials again and again just to watch. */
  #bindLost(): Pid | undefined {
    const lost = this.#isOver ? undefined : this.#select(() => true);
    if (lost !== undefined) this.#bind(lost);
    return lost;
  }

  #select(isWanted: (entry: ServiceEntry) => boolean): Pid | undefined {
    const { instances, selection } = this.#parts;
    const entries = instances((entry) => !this.#ended.has(entry.pid) && isWanted(entry));
    return selectEntry(entries, 'local', selection)?.pid;
  }

  #bind(pid: Pid): void {
    this.#bound = pid;
    try {
      const { processes } = this.#parts;
      this.#monitor = processes.monitor(pid, ({ reason }) => this.#onDown(pid, reason));
    } catch (error) {
      // No room for one more: the directory alone tells of its end then.
      if (!(error instanceof BarrelError)) throw error;
    }
  }

  #release(): void {
    this.#monitor?.[Symbol.dispose]();
    this.#monitor = undefined;
    this.#bound = undefined;
  }
}
