/**
 * Broadcasts of many senders over links of 10 to 50 ms (goal E5): how long until the last node has
 * one, beside a flood over the same overlay, and at what redundancy.
 */
import { pick, sample } from '../../../core/membership/randomness.ts';
import { GossipLab, redundancy, type Sending } from '../gossip-lab.ts';
import { grownViews } from '../grown-views.ts';
import type { ChartPlan, FigureRow, RunResult, Scenario, ScenarioOptions } from '../scenario.ts';
import { cumulative, distribution, largest, mean } from '../statistics.ts';

const WARM_UP_MESSAGES = 100;
const MESSAGES = 100;
/** One broadcast is at rest before the next begins, also among 10,000 nodes. */
const PERIOD_MS = 500;
const BUSY_PERIOD_MS = 100;
const SETTLING_MS = 5_000;
/** Senders with a tree of their own. */
const BUSY_SENDERS = 8;
const BUSY_WARM_UP = 40;
const BUSY_MESSAGES = 10;

const HOPS: ChartPlan = {
  title: 'Last delivery hop of broadcasts from random senders',
  form: 'bars',
  x: { label: 'hops to the last node' },
  y: { label: 'share of broadcasts', low: 0, isPercent: true },
  series: [{ label: 'barrel-p2p', role: 'ours', points: 'lastHop' }],
};

const DELAYS: ChartPlan = {
  title: 'Share of nodes that have a broadcast',
  form: 'lines',
  x: { label: 'milliseconds after sending', low: 0 },
  y: { label: 'share of nodes', low: 0, high: 1, isPercent: true },
  series: [
    { label: 'barrel-p2p', role: 'ours', points: 'reached' },
    { label: 'flood on the same overlay', role: 'other', points: 'flood' },
  ],
};

/** What iroh-gossip does at that size, measured on the same kind of links; and our goal. */
interface Anchors {
  readonly lastMs: string;
  readonly redundancy: string;
  readonly lastHop: string;
  readonly goals: {
    readonly ratio?: number;
    readonly lastMs?: number;
    readonly redundancy: number;
    readonly hops: number;
  };
}

const SMALL: Anchors = {
  lastMs: '616',
  redundancy: '0.47',
  lastHop: '21',
  goals: { ratio: 1.7, redundancy: 0.35, hops: 17 },
};

const LARGE: Anchors = {
  lastMs: '579',
  redundancy: '0.62',
  lastHop: '23',
  goals: { lastMs: 450, redundancy: 0.5, hops: 24 },
};

export const broadcast: Scenario = scenarioOf('broadcast', 1_000, SMALL);
export const broadcastLarge: Scenario = scenarioOf('broadcast-10k', 10_000, LARGE);

function scenarioOf(name: string, nodes: number, anchors: Anchors): Scenario {
  return {
    name,
    summary: `Plumtree: broadcasts from random and from busy senders, ${nodes} nodes`,
    nodes,
    nodesMin: 50,
    sources: ['Beside ours: iroh-gossip at the same size, random senders, measured.'],
    rows: rowsOf(anchors),
    charts: [DELAYS, HOPS],
    run,
  };
}

function rowsOf({ lastMs, redundancy: rmr, lastHop, goals }: Anchors): readonly FigureRow[] {
  const ms = goals.lastMs === undefined ? {} : { goal: { name: 'E5', atMost: goals.lastMs } };
  const ratio = goals.ratio === undefined ? {} : { goal: { name: 'E5', atMost: goals.ratio } };
  return [
    { key: 'lastMs', what: 'last node, mean', digits: 0, unit: 'ms', published: lastMs, ...ms },
    { key: 'ratio', what: 'last node, over that of a flood', digits: 3, ...ratio },
    {
      key: 'redundancy',
      what: 'redundancy (RMR)',
      digits: 3,
      published: rmr,
      goal: { name: 'E5', atMost: goals.redundancy },
    },
    {
      key: 'lastHop',
      what: 'last delivery hop, mean',
      digits: 1,
      unit: 'hops',
      published: lastHop,
      goal: { name: 'E5', atMost: goals.hops },
    },
    { key: 'lastHopMax', what: 'last delivery hop, largest', digits: 0, unit: 'hops' },
    { key: 'missed', what: 'deliveries missed', digits: 0, goal: { name: 'E5', atMost: 0 } },
    {
      key: 'busyRatio',
      what: 'busy senders: last node, over that of a flood',
      digits: 3,
      goal: { name: 'E5', atMost: 1.15 },
    },
    {
      key: 'busyRedundancy',
      what: 'busy senders: redundancy',
      digits: 3,
      goal: { name: 'E5', atMost: 0.1 },
    },
  ];
}

function run(options: ScenarioOptions): RunResult {
  const views = grownViews({ ...options, progress: (share) => options.progress(share / 2) });
  const lab = new GossipLab(views, { seed: options.seed, keepsFloods: true });
  const { network } = lab;
  network.run(2_000);
  const anybody = (): number => pick(network.random, network.living) ?? 0;
  series(lab, Array.from({ length: WARM_UP_MESSAGES }, anybody), PERIOD_MS);
  options.progress(0.6);
  const random = measured(lab, Array.from({ length: MESSAGES }, anybody), PERIOD_MS);
  options.progress(0.7);
  const busy = sample(network.random, network.living, BUSY_SENDERS);
  for (let turn = 0; turn < BUSY_WARM_UP; turn += 1) {
    series(lab, busy, BUSY_PERIOD_MS);
    options.progress(0.7 + (0.25 * turn) / BUSY_WARM_UP);
  }
  const rounds = Array.from({ length: BUSY_MESSAGES }, () => busy).flat();
  const busiest = measured(lab, rounds, BUSY_PERIOD_MS);
  options.progress(1);
  return {
    figures: {
      ...figuresOf(random),
      busyRatio: ratioOf(busiest.sendings),
      busyRedundancy: busiest.redundancy,
    },
    curves: {
      lastHop: distribution(random.sendings.map(({ hopsMax }) => hopsMax)),
      reached: cumulative(random.sendings.flatMap(({ delaysMs }) => delaysMs)),
      flood: cumulative(random.sendings.flatMap(({ floodDelaysMs }) => floodDelaysMs)),
    },
    trace: network.trace.hex,
  };
}

interface Measured {
  readonly sendings: readonly Sending[];
  readonly redundancy: number;
}

function figuresOf({ sendings, redundancy: rmr }: Measured): Record<string, number> {
  return {
    lastMs: mean(sendings.map(({ lastMs }) => lastMs)),
    ratio: ratioOf(sendings),
    redundancy: rmr,
    lastHop: mean(sendings.map(({ hopsMax }) => hopsMax)),
    lastHopMax: largest(sendings.map(({ hopsMax }) => hopsMax)),
    missed: sendings.reduce((sum, { living, delivered }) => sum + living - delivered, 0),
  };
}

function ratioOf(sendings: readonly Sending[]): number {
  return mean(sendings.map(({ lastMs, floodMs }) => lastMs / floodMs));
}

function measured(lab: GossipLab, senders: readonly number[], periodMs: number): Measured {
  const { network } = lab;
  network.run(SETTLING_MS);
  const payloadsBefore = network.traffic.of('gossip');
  const sendings = series(lab, senders, periodMs);
  network.run(SETTLING_MS);
  const payloads = network.traffic.of('gossip') - payloadsBefore;
  return { sendings, redundancy: redundancy(payloads, sendings) };
}

function series(lab: GossipLab, senders: readonly number[], periodMs: number): Sending[] {
  return senders.map((sender) => {
    const sending = lab.send(sender);
    lab.network.run(periodMs);
    return sending;
  });
}
