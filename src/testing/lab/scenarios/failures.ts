/**
 * Massive failures (HyParView, sections 5.2 and 5.3): the reliability of floods sent right after a
 * share of all nodes crashed at once, and how long the overlay takes to heal. What one message sets
 * off is over before the next is sent, as in the paper's simulator.
 *
 * In the paper a broken connection tells of a failure. Both readings are run: all neighbours of the
 * dead are told, as when processes crash; only who sends is, as when machines lose their power.
 */

import { pick, sample } from '../../../core/membership/randomness.ts';
import { Flood } from '../flood.ts';
import { amongLiving, components } from '../graph.ts';
import { grownViews } from '../grown-views.ts';
import { CYCLE_MS, type HyParViewLab, plantHyParView } from '../hyparview-lab.ts';
import type { LatencyRange } from '../latency.ts';
import type { Views } from '../population.ts';
import type {
  ChartPlan,
  FigureRow,
  Point,
  RunResult,
  Scenario,
  ScenarioOptions,
} from '../scenario.ts';
import { mean } from '../statistics.ts';
import { HYPARVIEW_SOURCE } from './overlay.ts';

/** Percentages of nodes that crash (HyParView, figure 2). */
export const FAILED_PERCENT: readonly number[] = [10, 20, 30, 40, 50, 60, 70, 80, 90, 95];
/** Messages after a failure, over which the paper averages. */
const MESSAGES = 1_000;
const MESSAGE_PERIOD_MS = 10;
/** In the paper time stands still while a message spreads and neighbours are replaced. */
const TIMELESS_LINKS: LatencyRange = { lowMs: 0.01, highMs: 0.05 };
/** Cycles that are waited for healing at most. */
const HEALING_CYCLES_MAX = 20;

const RELIABILITY_PUBLISHED: readonly Point[] = [
  [10, 1],
  [50, 1],
  [80, 1],
  [90, 0.99],
  [95, 0.9],
];

const RELIABILITY: ChartPlan = {
  title: 'Reliability of 1,000 broadcasts right after a massive failure',
  form: 'lines',
  x: { label: 'nodes that crashed at once, percent', low: 0, high: 100 },
  y: { label: 'survivors reached, mean', low: 0, high: 1, isPercent: true },
  series: [
    { label: 'barrel-p2p, processes', role: 'ours', points: 'reliability' },
    { label: 'barrel-p2p, machines', role: 'other', points: 'machines' },
    { label: 'HyParView paper (recalled)', role: 'published', points: RELIABILITY_PUBLISHED },
  ],
};

const HEALING: ChartPlan = {
  title: 'Cycles until every survivor is reached again (20: not within 20)',
  form: 'bars',
  x: { label: 'nodes that crashed at once, percent' },
  y: { label: 'cycles', low: 0 },
  series: [
    { label: 'barrel-p2p, processes', role: 'ours', points: 'cyclesToHeal' },
    { label: 'barrel-p2p, machines', role: 'other', points: 'machinesToHeal' },
  ],
};

const HEALING_PUBLISHED: Readonly<Record<number, string>> = {
  50: '1 to 2',
  80: '1 to 2',
  90: '4',
};

export const failures: Scenario = {
  name: 'failures',
  summary: 'HyParView: reliability right after 10 to 95 % of nodes crash, and cycles to heal',
  nodes: 10_000,
  nodesMin: 100,
  sources: [
    HYPARVIEW_SOURCE,
    'Points of the published curve are read from memory of its figure 2: orders, not values.',
    'A cycle is one period of the shuffle, 10 s; the thousand messages fall into the first.',
  ],
  rows: FAILED_PERCENT.flatMap(rowsOf),
  charts: [RELIABILITY, HEALING],
  run,
};

function rowsOf(percent: number): readonly FigureRow[] {
  const near = percent === 95 ? 'about 0.90' : percent === 90 ? 'above 0.98' : 'about 1.00';
  const cycles = HEALING_PUBLISHED[percent];
  return [
    {
      key: `reliability${percent}`,
      what: `reliability after ${percent} % of processes crash`,
      digits: 4,
      published: near,
    },
    {
      key: `cycles${percent}`,
      what: 'cycles to heal',
      digits: 2,
      ...(cycles === undefined ? {} : { published: cycles }),
    },
    ...(percent < 90
      ? []
      : [{ key: `isolated${percent}`, what: 'survivors apart after that', digits: 0 }]),
    { key: `machines${percent}`, what: `reliability after ${percent} % of machines`, digits: 4 },
    { key: `machinesToHeal${percent}`, what: 'cycles to heal', digits: 2 },
  ];
}

function run(options: ScenarioOptions): RunResult {
  const views = grownViews({ ...options, progress: (share) => options.progress(share * 0.5) });
  const figures: Record<string, number> = {};
  const reliability: Point[] = [];
  const cyclesToHeal: Point[] = [];
  const machines: Point[] = [];
  const machinesToHeal: Point[] = [];
  let trace = '';
  FAILED_PERCENT.forEach((percent, at) => {
    const ofProcesses = fail(views, { ...options, percent, noticedBy: 'neighbors' });
    const ofMachines = fail(views, { ...options, percent, noticedBy: 'sender' });
    figures[`reliability${percent}`] = ofProcesses.reliability;
    figures[`cycles${percent}`] = ofProcesses.cycles;
    figures[`isolated${percent}`] = ofProcesses.isolated;
    figures[`machines${percent}`] = ofMachines.reliability;
    figures[`machinesToHeal${percent}`] = ofMachines.cycles;
    reliability.push([percent, ofProcesses.reliability]);
    cyclesToHeal.push([percent, ofProcesses.cycles]);
    machines.push([percent, ofMachines.reliability]);
    machinesToHeal.push([percent, ofMachines.cycles]);
    trace = ofProcesses.trace;
    options.progress(0.5 + (0.5 * (at + 1)) / FAILED_PERCENT.length);
  });
  return { figures, curves: { reliability, machines, cyclesToHeal, machinesToHeal }, trace };
}

interface Outcome {
  readonly reliability: number;
  /** Until a flood reached all; `HEALING_CYCLES_MAX` when it never did. */
  readonly cycles: number;
  /** Survivors outside of the largest component at the end. */
  readonly isolated: number;
  readonly trace: string;
}

interface Failing {
  readonly seed: number;
  readonly percent: number;
  readonly noticedBy: 'neighbors' | 'sender';
}

function fail(views: Views, { seed, percent, noticedBy }: Failing): Outcome {
  const lab = plantHyParView(views, {
    seed: seed + percent,
    latency: TIMELESS_LINKS,
    noticedBy,
  });
  const { network } = lab;
  network.run(100);
  const count = Math.round((network.size * percent) / 100);
  for (const victim of sample(network.random, network.living, count)) network.crash(victim);
  const shares = shortlyAfter(lab);
  const healedMs = untilHealed(lab, shares);
  const survivors = network.living;
  const sizes = components(
    amongLiving(network.neighbors, (i) => network.isAlive(i)),
    survivors,
  );
  return {
    reliability: mean(shares),
    cycles: healedMs / CYCLE_MS,
    isolated: survivors.length - (sizes[0] ?? 0),
    trace: network.trace.hex,
  };
}

/** Shares of survivors that each of the messages reached. */
function shortlyAfter({ network }: HyParViewLab): number[] {
  const flood = new Flood(network);
  const survivors = network.living;
  return Array.from({ length: MESSAGES }, () => {
    const source = pick(network.random, survivors) ?? 0;
    const share = flood.from(source).reached / survivors.length;
    network.run(MESSAGE_PERIOD_MS);
    return share;
  });
}

/** Milliseconds from the crash to the message from which on all reached everybody. */
function untilHealed({ network }: HyParViewLab, shares: readonly number[]): number {
  const lastMiss = shares.findLastIndex((share) => share < 1);
  if (lastMiss < shares.length - 1) return (lastMiss + 1) * MESSAGE_PERIOD_MS;
  const flood = new Flood(network);
  const survivors = network.living;
  const stepMs = CYCLE_MS / 10;
  let elapsedMs = shares.length * MESSAGE_PERIOD_MS;
  while (elapsedMs < HEALING_CYCLES_MAX * CYCLE_MS) {
    const source = pick(network.random, survivors) ?? 0;
    if (flood.from(source).reached === survivors.length) return elapsedMs;
    network.run(stepMs);
    elapsedMs += stepMs;
  }
  return elapsedMs;
}
