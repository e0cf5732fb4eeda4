/**
 * `barrel simulate`: runs experiments of the laboratory, prints ours beside what was published, and
 * writes each one's figures and picture.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  GROUPS,
  type RunResult,
  SCENARIOS,
  type Scenario,
  scenariosOf,
} from '../testing/lab/index.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { renderCharts } from './simulate-chart.ts';
import { panelsOf } from './simulate-panels.ts';
import { Progress } from './simulate-progress.ts';
import { renderSimulated, type Simulated, seedsText, simulatedJson } from './simulate-report.ts';
import { table } from './table.ts';

export interface SimulateSettings {
  readonly list?: boolean;
  readonly nodes?: number;
  readonly seed?: number;
  /** As the user wrote it: `1..200`. */
  readonly seeds?: string;
  readonly runs?: number;
  readonly out: string;
  readonly json?: boolean;
}

const NODES_MAX = 100_000;
const RUNS_MAX = 20_000;

/** Runs a scenario, or each one of a group. */
export async function simulate(
  name: string | undefined,
  settings: SimulateSettings,
): Promise<void> {
  if (settings.list === true) {
    console.log(settings.json === true ? JSON.stringify(listed()) : renderList());
    return;
  }
  const scenarios = chosen(name);
  const seeds = seedsOf(settings);
  for (const scenario of scenarios) checkNodes(scenario, settings.nodes ?? scenario.nodes);
  let failures = 0;
  for (const scenario of scenarios) {
    const plan = { scenario, seeds, nodes: settings.nodes ?? scenario.nodes };
    const simulated = { ...plan, runs: await run(plan) };
    failures += simulated.runs.filter(({ failure }) => failure !== undefined).length;
    await write(simulated, settings.out);
    if (settings.json === true) console.log(JSON.stringify(simulatedJson(simulated)));
    else console.log(`${renderSimulated(simulated)}\n`);
  }
  if (failures > 0) throw new CommandError(EXIT.failure, `${failures} of the runs broke a rule`);
}

async function run({ scenario, nodes, seeds }: Omit<Simulated, 'runs'>): Promise<RunResult[]> {
  const bar = new Progress(process.stderr, `${scenario.name}, ${nodes} nodes`);
  const runs: RunResult[] = [];
  for (const seed of seeds) {
    const progress = (share: number): void => bar.tell((runs.length + share) / seeds.length);
    const result = await scenario.run({ nodes, seed, progress });
    if (result.failure !== undefined) console.error(`seed ${seed}: ${result.failure}`);
    runs.push(result);
  }
  bar.end();
  return runs;
}

async function write(simulated: Simulated, out: string): Promise<void> {
  const { name, summary } = simulated.scenario;
  const { nodes, seeds } = simulated;
  const note = `barrel simulate ${name}: ${nodes} nodes, ${seedsText(seeds)}, virtual time`;
  try {
    await mkdir(out, { recursive: true });
    await writeFile(
      join(out, `${name}.json`),
      `${JSON.stringify(simulatedJson(simulated), undefined, 1)}\n`,
    );
    await writeFile(
      join(out, `${name}.svg`),
      renderCharts({ title: summary, note, panels: panelsOf(simulated) }),
    );
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(EXIT.failure, `cannot write results to ${out}: ${why}`);
  }
}

function chosen(name: string | undefined): readonly Scenario[] {
  if (name === undefined) {
    throw new CommandError(EXIT.usage, 'name a scenario, or see them with --list');
  }
  const scenarios = scenariosOf(name);
  if (scenarios.length === 0) {
    const names = [...SCENARIOS.map((scenario) => scenario.name), ...Object.keys(GROUPS)];
    throw new CommandError(EXIT.usage, `no scenario ${name}; there are ${names.join(', ')}`);
  }
  return scenarios;
}

function checkNodes({ name, nodesMin }: Scenario, nodes: number): void {
  if (nodes >= nodesMin && nodes <= NODES_MAX) return;
  throw new CommandError(
    EXIT.usage,
    `${name} takes ${nodesMin} to ${NODES_MAX} nodes, not ${nodes}`,
  );
}

/** `--seeds a..b`, or `--runs` seeds from `--seed` on. */
export function seedsOf(
  settings: Pick<SimulateSettings, 'seed' | 'seeds' | 'runs'>,
): readonly number[] {
  const { seed = 1, seeds, runs = 1 } = settings;
  const range = seeds === undefined ? undefined : /^(\d{1,9})\.\.(\d{1,9})$/.exec(seeds);
  if (range === null) {
    throw new CommandError(EXIT.usage, `--seeds takes a range as 1..200, not ${seeds}`);
  }
  const first = range === undefined ? seed : Number(range[1]);
  const count = range === undefined ? runs : Number(range[2]) - first + 1;
  if (count >= 1 && count <= RUNS_MAX) return Array.from({ length: count }, (_, at) => first + at);
  throw new CommandError(EXIT.usage, `1 to ${RUNS_MAX} runs can be had, not ${count}`);
}

function listed(): readonly object[] {
  return SCENARIOS.map(({ name, summary, nodes }) => ({ name, summary, nodes }));
}

function renderList(): string {
  const scenarios = SCENARIOS.map(({ name, nodes, summary }) => [name, String(nodes), summary]);
  const groups = Object.entries(GROUPS).map(([name, names]) => [name, '', names.join(', ')]);
  return table(['scenario', 'nodes', 'what it measures'], [...scenarios, ...groups]);
}
