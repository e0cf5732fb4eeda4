/** What the runs of a scenario found, as a table for a terminal and as JSON for everything else. */
import { styleText } from 'node:util';
import {
  type FigureRow,
  type Goal,
  isMet,
  largest,
  mean,
  type RunResult,
  type Scenario,
} from '../testing/lab/index.ts';
import { table } from './table.ts';

/** One scenario at one size, over its seeds. */
export interface Simulated {
  readonly scenario: Scenario;
  readonly nodes: number;
  readonly seeds: readonly number[];
  readonly runs: readonly RunResult[];
}

const TRACES_SHOWN = 4;

/** Ours beside the published figure and the goal. */
export function renderSimulated({ scenario, nodes, seeds, runs }: Simulated): string {
  const title = `${styleText('bold', scenario.name)}: ${nodes} nodes, ${seedsText(seeds)}`;
  const rows = scenario.rows.flatMap((row) => {
    const values = valuesOf(row, runs);
    return values.length === 0 ? [] : [cells(row, values)];
  });
  const compared = table(['figure', 'ours', 'range', 'published', 'goal', 'met'], rows);
  const traces = runs.slice(0, TRACES_SHOWN).map(({ trace }) => trace);
  const more = runs.length > TRACES_SHOWN ? ` and ${runs.length - TRACES_SHOWN} more` : '';
  return [
    title,
    compared,
    ...scenario.sources,
    styleText('dim', `trace ${traces.join(' ')}${more}`),
  ].join('\n');
}

function cells(row: FigureRow, values: readonly number[]): readonly string[] {
  const { what, unit, digits, published, goal } = row;
  const text = (value: number): string => value.toFixed(digits);
  const range =
    values.length > 1 ? `${text(-largest(values.map((v) => -v)))} to ${text(largest(values))}` : '';
  return [
    what,
    `${text(mean(values))}${unit === undefined ? '' : ` ${unit}`}`,
    range,
    published ?? '',
    goal === undefined ? '' : goalText(goal),
    goal === undefined ? '' : metText(isMet(goal, values)),
  ];
}

function valuesOf({ key }: FigureRow, runs: readonly RunResult[]): readonly number[] {
  return runs.flatMap(({ figures }) => {
    const value = figures[key];
    return value === undefined ? [] : [value];
  });
}

function goalText({ name, atMost, atLeast }: Goal): string {
  return atMost === undefined ? `${name}: >= ${atLeast}` : `${name}: <= ${atMost}`;
}

function metText(met: boolean): string {
  return met ? styleText('green', 'yes') : styleText('red', 'no');
}

export function seedsText(seeds: readonly number[]): string {
  const [first] = seeds;
  return seeds.length === 1 ? `seed ${first}` : `seeds ${first} to ${seeds.at(-1)}`;
}

/** Everything that was measured, for files and for `--json`. */
export function simulatedJson({ scenario, nodes, seeds, runs }: Simulated): object {
  const figures = scenario.rows.flatMap((row) => {
    const values = valuesOf(row, runs);
    if (values.length === 0) return [];
    const { key, what, unit, published, goal } = row;
    const met = goal === undefined ? undefined : isMet(goal, values);
    return [{ key, what, unit, mean: mean(values), values, published, goal, met }];
  });
  return {
    scenario: scenario.name,
    summary: scenario.summary,
    nodes,
    seeds,
    figures,
    sources: scenario.sources,
    runs: runs.map((run, at) => ({ seed: seeds[at], ...run })),
  };
}
