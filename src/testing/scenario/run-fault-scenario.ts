/**
 * One random fault scenario. Phase one is about safety: faults happen, and no rule may break after
 * any step. Phase two is about liveness: everything is healed, and the nodes must be one cluster
 * again within a budget, and stay it. One seed draws all of it (after TigerBeetle's simulator).
 */
import type { BarrelNode } from '../../barrel-node.ts';
import { SeededRandom } from '../seeded-random.ts';
import { createSimulation, type Simulation } from '../simulation.ts';
import { SimulationError } from '../simulation-error.ts';
import { Draws } from './draws.ts';
import { FaultInjector } from './fault-injector.ts';
import { drawFaultPlan, type FaultPlan, type FaultPlanBounds } from './fault-plan.ts';
import { Fleet, PROBE } from './fleet.ts';

/** A converged cluster must stay so for this long. */
const STABLE_MS = 5_000;
const CHECK_EVERY_MS = 500;
const FAULTS_SHOWN = 5;
/** Keeps the plan's draws apart from those of the simulation, which has the same seed. */
const PLAN_SALT = 0x5eed_f00d;

/** Of `runFaultScenario`. */
export interface FaultScenarioOptions {
  readonly seed: number;
  /** Default 50. */
  readonly nodesMax?: number | undefined;
  /** Shortest and longest phase of faults. Default 30 to 120 s. */
  readonly faultsMs?: readonly [number, number] | undefined;
  /** Time to converge after everything is healed. Default 180 s. */
  readonly budgetMs?: number | undefined;
}

/** What a scenario that held shows. */
export interface FaultScenarioReport {
  readonly seed: number;
  /** Nodes at the end. */
  readonly nodes: number;
  readonly plan: FaultPlan;
  /** How often each kind of fault happened. */
  readonly faults: Readonly<Record<string, number>>;
  /** Starts that came up, the first ones included. */
  readonly starts: number;
  /** From healing to one cluster, to the half second. */
  readonly convergedMs: number;
  readonly virtualMs: number;
  readonly messages: number;
  readonly bytes: number;
  readonly trace: string;
}

/**
 * Runs the scenario of that seed.
 * @throws SimulationError with the broken rule, or with what kept the cluster from converging; its
 * message says the seed and the command that runs it again.
 */
export async function runFaultScenario(
  options: FaultScenarioOptions,
): Promise<FaultScenarioReport> {
  const { seed, nodesMax = 50, faultsMs = [30_000, 120_000], budgetMs = 180_000 } = options;
  const draws = new Draws(new SeededRandom(seed ^ PLAN_SALT));
  const plan = drawFaultPlan(draws, { nodesMax, faultsMs } satisfies FaultPlanBounds);
  const replay = replayOf(options);
  const sim = createSimulation({ seed, replay });
  try {
    const fleet = new Fleet(sim, plan);
    sim.link(plan.network);
    for (const node of plan.nodes) await fleet.add(node);
    const injector = new FaultInjector({ sim, plan, draws, fleet });
    await injector.run();
    await injector.healAll();
    const convergedMs = await converge({ sim, fleet, budgetMs, seed, replay });
    const { messages, bytes } = sim.traffic;
    return {
      seed,
      nodes: fleet.in('up').length,
      plan,
      faults: injector.counts,
      starts: fleet.starts,
      convergedMs,
      virtualMs: sim.now,
      messages,
      bytes,
      trace: sim.trace,
    };
  } catch (cause) {
    if (cause instanceof SimulationError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `the scenario broke: ${why} ${whereabouts(sim, seed, replay)}`;
    throw new SimulationError(message, { seed, atMs: sim.now, cause });
  } finally {
    await sim[Symbol.asyncDispose]();
  }
}

interface Convergence {
  readonly sim: Simulation;
  readonly fleet: Fleet;
  readonly budgetMs: number;
  readonly seed: number;
  readonly replay: string;
}

/** How long it took until the cluster was whole for the first time of a stretch that lasted. */
async function converge({ sim, fleet, budgetMs, seed, replay }: Convergence): Promise<number> {
  const beginMs = sim.now;
  let wholeMs: number | undefined;
  while (wholeMs === undefined || sim.now - wholeMs < STABLE_MS) {
    await fleet.restartWhoWants();
    for (const node of fleet.in('left')) await fleet.rejoin(node);
    await sim.advance(CHECK_EVERY_MS);
    const faults = faultsOf(sim, fleet);
    wholeMs = faults.length === 0 ? (wholeMs ?? sim.now) : undefined;
    if ((wholeMs ?? sim.now) - beginMs > budgetMs) {
      const shown = faults.slice(0, FAULTS_SHOWN).join('; ');
      const message = `no one cluster ${budgetMs} ms after everything was healed: ${shown}`;
      throw new SimulationError(`${message} ${whereabouts(sim, seed, replay)}`, {
        seed,
        atMs: sim.now,
        rule: 'convergence',
      });
    }
  }
  return wholeMs - beginMs;
}

function whereabouts(sim: Simulation, seed: number, replay: string): string {
  return `(at ${sim.now} ms with seed ${seed}; again by ${replay})`;
}

function faultsOf(sim: Simulation, fleet: Fleet): readonly string[] {
  const nodes = fleet.in('up').map(({ plan }) => sim.node(plan.name));
  return [...sim.faults(), ...nodes.flatMap((node) => probeFaults(node, nodes))];
}

/** Each node offers the probe once: all must know all, and none of the dead. */
function probeFaults(node: BarrelNode, nodes: readonly BarrelNode[]): readonly string[] {
  const known = node.services.lookup(PROBE).map((entry) => entry.node);
  const missing = nodes.filter(({ name }) => !known.includes(name));
  if (missing.length === 0 && known.length === nodes.length) return [];
  return [`${node.name} knows ${known.length} of ${nodes.length} services`];
}

/** The command line knows no length of the phase: such a run is one of a program. */
function replayOf({ seed, nodesMax, faultsMs }: FaultScenarioOptions): string {
  if (faultsMs !== undefined) {
    return `runFaultScenario(${JSON.stringify({ seed, nodesMax, faultsMs })})`;
  }
  const nodes = nodesMax === undefined ? '' : ` --nodes ${nodesMax}`;
  return `npm run sim -- faults --seed ${seed}${nodes}`;
}
