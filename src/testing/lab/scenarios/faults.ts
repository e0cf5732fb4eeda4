/**
 * Random faults on whole nodes: the other mode of the simulator, run from the same command. A seed
 * that breaks a rule fails its run and says how to see it again.
 */
import { runFaultScenario } from '../../scenario/run-fault-scenario.ts';
import { SimulationError } from '../../simulation-error.ts';
import type { RunResult, Scenario, ScenarioOptions } from '../scenario.ts';

const NODES_MAX = 50;

export const faults: Scenario = {
  name: 'faults',
  summary: 'Whole nodes: random crashes, cuts, loss and stalls, then healing; --seeds 1..200',
  nodes: NODES_MAX,
  nodesMin: 3,
  sources: ['Nodes is the most that a seed may draw.'],
  rows: [
    {
      key: 'held',
      what: 'runs in which every rule held',
      digits: 3,
      goal: { name: 'E23', atLeast: 1 },
    },
    { key: 'nodes', what: 'nodes at the end', digits: 1 },
    { key: 'convergedS', what: 'from healing to one cluster', digits: 1, unit: 's' },
    { key: 'faults', what: 'faults that happened', digits: 1 },
    { key: 'messages', what: 'messages', digits: 0 },
  ],
  charts: [
    {
      title: 'From healing to one cluster',
      form: 'lines',
      x: { label: 'seed' },
      y: { label: 'seconds', low: 0 },
      series: [{ label: 'barrel-p2p', role: 'ours', points: 'converged' }],
    },
  ],
  run,
};

async function run({ nodes, seed, progress }: ScenarioOptions): Promise<RunResult> {
  const nodesMax = nodes === NODES_MAX ? undefined : nodes;
  try {
    const report = await runFaultScenario({ seed, nodesMax });
    const happened = Object.values(report.faults).reduce((sum, count) => sum + count, 0);
    const convergedS = report.convergedMs / 1_000;
    return {
      figures: {
        held: 1,
        nodes: report.nodes,
        convergedS,
        faults: happened,
        messages: report.messages,
      },
      curves: { converged: [[seed, convergedS]] },
      trace: report.trace,
    };
  } catch (error) {
    if (!(error instanceof SimulationError)) throw error;
    return { figures: { held: 0 }, curves: {}, trace: '-', failure: error.message };
  } finally {
    progress(1);
  }
}
