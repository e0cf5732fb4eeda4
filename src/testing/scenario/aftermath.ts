/**
 * Phase two of a fault scenario: everything is healed, so the nodes must become one cluster within
 * a budget and stay it, what one of them publishes must reach all of them once, and one that dies
 * must be forgotten, with all that it offered.
 */
import type { Simulation } from '../simulation.ts';
import { SimulationError } from '../simulation-error.ts';
import type { Draws } from './draws.ts';
import type { Fleet } from './fleet.ts';
import type { Workload } from './workload.ts';

/** A converged cluster must stay so for this long. */
const STABLE_MS = 5_000;
const CHECK_EVERY_MS = 500;
/** Within it all have heard what is published in a cluster at rest. */
const NEWS_BUDGET_MS = 10_000;
/** By then a message that comes twice has come twice. */
const ECHO_MS = 2_000;
/** Within it a cluster at rest is whole again without a node that crashed. */
const LOSS_BUDGET_MS = 30_000;
const FAULTS_SHOWN = 5;

export interface AftermathOptions {
  readonly sim: Simulation;
  readonly fleet: Fleet;
  readonly workload: Workload;
  readonly draws: Draws;
  /** How to see this run again. */
  readonly seed: number;
  readonly replay: string;
}

/** Everything in it throws a SimulationError when it does not come about in time. */
export class Aftermath {
  readonly #options: AftermathOptions;

  constructor(options: AftermathOptions) {
    this.#options = options;
  }

  /** How long it took until the cluster was whole for the first time of a stretch that lasted. */
  async converge(budgetMs: number): Promise<number> {
    const { sim, fleet } = this.#options;
    const beginMs = sim.now;
    let wholeMs: number | undefined;
    while (wholeMs === undefined || sim.now - wholeMs < STABLE_MS) {
      await fleet.restartWhoWants();
      for (const node of fleet.in('left')) await fleet.rejoin(node);
      await sim.advance(CHECK_EVERY_MS);
      this.checkOnce();
      const faults = this.#faults();
      wholeMs = faults.length === 0 ? (wholeMs ?? sim.now) : undefined;
      if ((wholeMs ?? sim.now) - beginMs <= budgetMs) continue;
      throw this.#failure(
        'convergence',
        `no one cluster ${budgetMs} ms after everything was healed: ${shown(faults)}`,
      );
    }
    return wholeMs - beginMs;
  }

  /** Some nodes publish, and every node hears all of it, once; how long that took. */
  async spreadNews(): Promise<number> {
    const { sim, fleet, workload } = this.#options;
    const ids = workload.publish(fleet.nodes);
    const deaf = (): readonly string[] => workload.deafTo(ids, fleet.nodes);
    const heardMs = await this.#until(deaf, NEWS_BUDGET_MS, 'what was published reaches all');
    await sim.advance(ECHO_MS);
    this.checkOnce();
    return heardMs;
  }

  /** One node crashes for good; how long it took until all had forgotten it and its services. */
  async loseOne(): Promise<number> {
    const { fleet, draws } = this.#options;
    const lost = draws.pick(fleet.in('up'));
    if (lost !== undefined) fleet.crash(lost);
    const rule = `a node that died is forgotten, ${lost?.plan.name}`;
    return this.#until(() => this.#faults(), LOSS_BUDGET_MS, rule);
  }

  /** No message of a topic comes twice to one start of a node. */
  checkOnce(): void {
    const { fault } = this.#options.workload;
    if (fault !== undefined) throw this.#failure('a message comes once', fault);
  }

  async #until(faults: () => readonly string[], budgetMs: number, rule: string): Promise<number> {
    const { sim } = this.#options;
    const beginMs = sim.now;
    let left = faults();
    while (left.length > 0) {
      if (sim.now - beginMs >= budgetMs) {
        throw this.#failure(rule, `${rule}: not within ${budgetMs} ms: ${shown(left)}`);
      }
      await sim.advance(CHECK_EVERY_MS);
      left = faults();
    }
    return sim.now - beginMs;
  }

  #faults(): readonly string[] {
    const { sim, fleet, workload } = this.#options;
    return [...sim.faults(), ...workload.serviceFaults(fleet.nodes)];
  }

  #failure(rule: string, what: string): SimulationError {
    const { sim, seed, replay } = this.#options;
    const message = `${what} (at ${sim.now} ms with seed ${seed}; again by ${replay})`;
    return new SimulationError(message, { seed, atMs: sim.now, rule });
  }
}

function shown(faults: readonly string[]): string {
  return faults.slice(0, FAULTS_SHOWN).join('; ');
}
