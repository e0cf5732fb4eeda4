/**
 * One random fault scenario. Phase one is about safety: faults happen, and no rule may break after
 * any step. Phase two is about liveness: everything is healed, and the nodes must be one cluster
 * again within a budget, and stay it. One seed draws all of it (after TigerBeetle's simulator).
 */
import { SeededRandom } from '../seeded-random.ts';
import { createSimulation, type Simulation } from '../simulation.ts';
import { SimulationError } from '../simulation-error.ts';
import { Aftermath } from './aftermath.ts';
import { Draws } from './draws.ts';
import { FaultInjector } from './fault-injector.ts';
import { drawFaultPlan, type FaultPlan, type FaultPlanBounds } from './fault-plan.ts';
import { Fleet } from './fleet.ts';
import { Workload } from './workload.ts';

/** Keeps the plan's draws apart from those of the simulation, which has the same seed. */
const PLAN_SALT = 0x5eed_f00d;
/** And those of the work from those of the faults. */
const WORK_SALT = 0x0b5e_55ed;

/** Lengths of the phase of faults, and what bounds it in a large cluster. */
const FAULTS_MS: readonly [number, number] = [15_000, 60_000];
const NODE_MS_MAX = 500_000;

/** Of `runFaultScenario`. */
export interface FaultScenarioOptions {
  readonly seed: number;
  /** Default 50. */
  readonly nodesMax?: number | undefined;
  /**
   * Shortest and longest phase of faults. Default 15 to 60 s, and at most 500 s divided by the
   * number of nodes.
   */
  readonly faultsMs?: readonly [number, number] | undefined;
  /** Time to converge after everything is healed. Default 180 s. */
  readonly budgetMs?: number | undefined;
}

/** What a scenario that held shows. */
export interface FaultScenarioReport {
  readonly seed: number;
  /** Nodes when it had converged. */
  readonly nodes: number;
  readonly plan: FaultPlan;
  /** How often each kind of fault happened. */
  readonly faults: Readonly<Record<string, number>>;
  /** Starts that came up, the first ones included. */
  readonly starts: number;
  /** From healing to one cluster, to the half second. */
  readonly convergedMs: number;
  /** From publishing until all had heard it, and from a crash until all had forgotten the node. */
  readonly heardMs: number;
  readonly forgottenMs: number;
  /** Messages published to a topic. */
  readonly published: number;
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
  const { seed, nodesMax = 50, faultsMs = FAULTS_MS } = options;
  const nodeMsMax = options.faultsMs === undefined ? NODE_MS_MAX : undefined;
  const draws = new Draws(new SeededRandom(seed ^ PLAN_SALT));
  const plan = drawFaultPlan(draws, { nodesMax, faultsMs, nodeMsMax } satisfies FaultPlanBounds);
  const replay = replayOf(options);
  const sim = createSimulation({ seed, replay });
  try {
    return await run({ sim, plan, draws, options, replay });
  } catch (cause) {
    if (cause instanceof SimulationError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    const where = `(at ${sim.now} ms with seed ${seed}; again by ${replay})`;
    const message = `the scenario broke: ${why} ${where}`;
    throw new SimulationError(message, { seed, atMs: sim.now, cause });
  } finally {
    await sim[Symbol.asyncDispose]();
  }
}

interface Scenario {
  readonly sim: Simulation;
  readonly plan: FaultPlan;
  readonly draws: Draws;
  readonly options: FaultScenarioOptions;
  readonly replay: string;
}

async function run(scenario: Scenario): Promise<FaultScenarioReport> {
  const { sim, plan, draws, options, replay } = scenario;
  const { seed, budgetMs = 180_000 } = options;
  const workload = new Workload(new Draws(new SeededRandom(seed ^ WORK_SALT)));
  const fleet = new Fleet({ sim, plan, onStarted: (node) => workload.employ(node) });
  const aftermath = new Aftermath({ sim, fleet, workload, draws, seed, replay });
  sim.link(plan.network);
  for (const node of plan.nodes) await fleet.add(node);
  const meanwhile = (): void => {
    workload.act(fleet.nodes);
    aftermath.checkOnce();
  };
  const injector = new FaultInjector({ sim, plan, draws, fleet, meanwhile });
  await injector.run();
  await injector.healAll();
  const convergedMs = await aftermath.converge(budgetMs);
  const heardMs = await aftermath.spreadNews();
  const nodes = fleet.nodes.length;
  const forgottenMs = await aftermath.loseOne();
  const { messages, bytes } = sim.traffic;
  return {
    seed,
    nodes,
    plan,
    faults: injector.counts,
    starts: fleet.starts,
    convergedMs,
    heardMs,
    forgottenMs,
    published: workload.published,
    virtualMs: sim.now,
    messages,
    bytes,
    trace: sim.trace,
  };
}

/** The command line knows no length of the phase: such a run is one of a program. */
function replayOf({ seed, nodesMax, faultsMs }: FaultScenarioOptions): string {
  if (faultsMs !== undefined) {
    return `runFaultScenario(${JSON.stringify({ seed, nodesMax, faultsMs })})`;
  }
  const nodes = nodesMax === undefined ? '' : ` --nodes ${nodesMax}`;
  return `npm run sim -- faults --seed ${seed}${nodes}`;
}
