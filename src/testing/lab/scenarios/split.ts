/**
 * Two halves of a cluster that do not reach each other for a day (goal E4). Each half has long
 * forgotten the other one, and only its configured contacts lead back. Whole nodes: what brings
 * them together again is not in the cores.
 */
import { createSimulation, type Simulation } from '../../simulation.ts';
import type { Point, RunResult, Scenario, ScenarioOptions } from '../scenario.ts';
import { mean } from '../statistics.ts';

const HOUR_MS = 3_600_000;
const APART_HOURS = 24;
const TOGETHER_MS = 60_000;
const HEALING_MS_MAX = 300_000;
const STEP_MS = 1_000;

export const split: Scenario = splitFor(APART_HOURS);

/** The experiment with halves that are apart for so many hours. */
export function splitFor(hours: number): Scenario {
  return {
    name: 'split',
    summary: `Whole nodes: two halves that were apart for ${hours} hours are one cluster again`,
    nodes: 10,
    nodesMin: 4,
    sources: ['memberlist: halves that gave each other up stay apart.'],
    rows: [
      {
        key: 'healedS',
        what: 'from the heal to one cluster',
        digits: 0,
        unit: 's',
        published: 'memberlist: never',
        goal: { name: 'E4', atMost: 60 },
      },
      { key: 'membersApart', what: 'members known while apart', digits: 1 },
    ],
    charts: [
      {
        title: 'Members known after the heal, of all that there are',
        form: 'lines',
        x: { label: 'seconds after the heal', low: 0 },
        y: { label: 'share known, mean over nodes', low: 0, high: 1, isPercent: true },
        series: [{ label: 'barrel-p2p', role: 'ours', points: 'known' }],
      },
    ],
    run: (options) => run(options, hours),
  };
}

async function run({ nodes, seed, progress }: ScenarioOptions, hours: number): Promise<RunResult> {
  await using sim = createSimulation({ seed });
  const names = Array.from({ length: nodes }, (_, index) => `n${index}@split`);
  const contacts = names.slice(0, 1);
  for (const name of names) await sim.start({ name, contacts });
  await sim.advance(TOGETHER_MS);
  sim.partition(names.slice(0, nodes / 2), names.slice(nodes / 2));
  for (let hour = 0; hour < hours; hour += 1) {
    await sim.advance(HOUR_MS);
    progress((0.95 * (hour + 1)) / hours);
  }
  const membersApart = known(sim, names) * nodes;
  sim.heal();
  const healing = await untilOne(sim, names);
  progress(1);
  return {
    figures: { healedS: healing.length - 1, membersApart },
    curves: { known: healing },
    trace: sim.trace,
  };
}

/** The share known in each second until nothing keeps the nodes from being one cluster. */
async function untilOne(sim: Simulation, names: readonly string[]): Promise<readonly Point[]> {
  const healedMs = sim.now;
  const points: Point[] = [[0, known(sim, names)]];
  while (sim.faults().length > 0 && sim.now - healedMs < HEALING_MS_MAX) {
    await sim.advance(STEP_MS);
    points.push([(sim.now - healedMs) / 1_000, known(sim, names)]);
  }
  return points;
}

/** Mean over nodes of the share of the cluster that each one counts as members. */
function known(sim: Simulation, names: readonly string[]): number {
  return mean(names.map((name) => sim.node(name).members().length / names.length));
}
