/**
 * The smallest run of a failing seed that still fails. A shorter phase of faults is a beginning of
 * the same run, because nothing that is drawn depends on its end; fewer nodes are another run, with
 * the same seed, that may fail as well.
 */
import { SimulationError } from '../simulation-error.ts';
import { type FaultScenarioOptions, runFaultScenario } from './run-fault-scenario.ts';

const SIZES: readonly number[] = [3, 4, 6, 9, 14, 22, 35];
/** Halvings of the phase: the last one is to the 256th part of it. */
const HALVINGS = 8;

/** A run that fails, and how. */
export interface FailingScenario {
  readonly options: FaultScenarioOptions;
  readonly error: SimulationError;
  /** Scenarios run to find it. */
  readonly runs: number;
}

/** Undefined when the scenario does not fail. Takes some sixteen times as long as one run. */
export async function shrinkFaultScenario(
  options: FaultScenarioOptions,
): Promise<FailingScenario | undefined> {
  const shrinker = new Shrinker();
  if (!(await shrinker.fails(options))) return undefined;
  for (const nodesMax of SIZES.filter((size) => size < (options.nodesMax ?? 50))) {
    if (await shrinker.fails({ ...options, nodesMax })) break;
  }
  await shrinker.shorten();
  return shrinker.smallest;
}

class Shrinker {
  #smallest: Omit<FailingScenario, 'runs'> | undefined;
  #runs = 0;

  get smallest(): FailingScenario | undefined {
    return this.#smallest && { ...this.#smallest, runs: this.#runs };
  }

  /** Runs it; one that fails is the smallest so far. */
  async fails(options: FaultScenarioOptions): Promise<boolean> {
    this.#runs += 1;
    try {
      await runFaultScenario(options);
      return false;
    } catch (error) {
      if (!(error instanceof SimulationError)) throw error;
      this.#smallest = { options, error };
      return true;
    }
  }

  /** Bisects the length of the phase, as if a run that fails went on failing. */
  async shorten(): Promise<void> {
    const failing = this.#smallest;
    if (failing === undefined) return;
    let passesMs = 0;
    let failsMs = failing.error.atMs;
    for (let halving = 0; halving < HALVINGS; halving += 1) {
      const middleMs = Math.round((passesMs + failsMs) / 2);
      const shorter = { ...failing.options, faultsMs: [middleMs, middleMs] as const };
      if (await this.fails(shorter)) failsMs = middleMs;
      else passesMs = middleMs;
    }
  }
}
