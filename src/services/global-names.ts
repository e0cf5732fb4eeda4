/**
 * Names that one node of what is connected holds: whoever leads the election of the name. When two
 * parts of a cluster meet that each had a holder, one of them stays; the registration of the other
 * one is no more, while its service goes on.
 */
import { globalElection } from '../core/election/global-election.ts';
import type { Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { Candidacy, ReservedElections } from '../leaders/leaders.ts';
import { CALL_TIMEOUT_MS_DEFAULT } from '../limits.ts';
import type { Processes } from '../processes/processes.ts';
import { within } from '../time-limit.ts';
import { checkServiceName } from './service-name.ts';
import type { GlobalOptions } from './services.ts';

export interface GlobalNamesParts {
  readonly elections: () => ReservedElections;
  readonly processes: Processes;
  readonly host: Pick<Host, 'timers' | 'logger'>;
  /** A process of this node that answers for the service. @throws ERR_NOT_FOUND */
  readonly processOf: (name: string, signal: AbortSignal) => Promise<Pid>;
}

/** A name that this node holds, or is about to. */
interface Holding {
  /** Ends it. */
  readonly abort: AbortController;
  candidacy: Candidacy | undefined;
  monitor: Disposable | undefined;
}

export class GlobalNames {
  readonly #parts: GlobalNamesParts;
  readonly #holdings = new Map<string, Holding>();

  constructor(parts: GlobalNamesParts) {
    this.#parts = parts;
  }

  /** As `Services.globalRegister`. */
  async register(name: string, options: GlobalOptions): Promise<Pid> {
    checkServiceName(name);
    const { timeoutMs = CALL_TIMEOUT_MS_DEFAULT, signal } = options;
    if (this.#holdings.has(name)) throw taken(name);
    const abort = new AbortController();
    const holding: Holding = { abort, candidacy: undefined, monitor: undefined };
    this.#holdings.set(name, holding);
    const signals = signal === undefined ? [abort.signal] : [abort.signal, signal];
    const what = `registering ${JSON.stringify(name)} globally`;
    const limit = { timers: this.#parts.host.timers, timeoutMs, what };
    try {
      return await within({ ...limit, signal: AbortSignal.any(signals) }, (either) =>
        this.#hold(name, holding, { ...options, signal: either }),
      );
    } catch (error) {
      await this.#release(name, holding);
      throw error;
    }
  }

  /** Gives the name up, if this node holds it. */
  async unregister(name: string): Promise<void> {
    const holding = this.#holdings.get(name);
    if (holding !== undefined) await this.#release(name, holding);
  }

  whereis(name: string): Pid | undefined {
    return this.#parts.elections().leader(globalElection(name))?.pid;
  }

  /** Gives all up. */
  close(): void {
    for (const [name, holding] of [...this.#holdings]) void this.#release(name, holding);
  }

  async #hold(
    name: string,
    holding: Holding,
    { signal, quorum }: GlobalOptions & { readonly signal: AbortSignal },
  ): Promise<Pid> {
    const { processes, processOf } = this.#parts;
    const elections = this.#parts.elections();
    const election = globalElection(name);
    if (elections.leader(election) !== undefined) throw taken(name);
    const pid = await processOf(name, signal);
    holding.candidacy = await elections.campaign(election, { pid, quorum, signal });
    for await (const leader of elections.watch(election, { signal })) {
      if (leader === undefined) continue;
      if (leader.pid !== pid) throw taken(name);
      holding.monitor = processes.monitor(pid, () => void this.#release(name, holding));
      void this.#watch(name, holding, pid);
      return pid;
    }
    throw new BarrelError('ERR_CLOSED', 'the node is closed');
  }

  /** A lease that lapses may come back; another holder means that the name is lost. */
  async #watch(name: string, holding: Holding, pid: Pid): Promise<void> {
    const { signal } = holding.abort;
    try {
      const leaders = this.#parts.elections().watch(globalElection(name), { signal });
      for await (const leader of leaders) {
        if (leader === undefined || leader.pid === pid) continue;
        this.#parts.host.logger.warn('another node holds a global name', { name, leader });
        break;
      }
    } catch (error) {
      if (!signal.aborted) this.#parts.host.logger.warn('a global name is lost', { name, error });
    }
    await this.#release(name, holding);
  }

  async #release(name: string, holding: Holding): Promise<void> {
    if (this.#holdings.get(name) === holding) this.#holdings.delete(name);
    holding.abort.abort(new BarrelError('ERR_CLOSED', `${JSON.stringify(name)} is given up`));
    holding.monitor?.[Symbol.dispose]();
    await holding.candidacy?.resign();
  }
}

function taken(name: string): BarrelError {
  const text = `the global name ${JSON.stringify(name)} is held already`;
  return new BarrelError('ERR_ALREADY_REGISTERED', text);
}
