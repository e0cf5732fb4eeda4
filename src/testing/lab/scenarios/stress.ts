/**
 * Broadcasts under stress: all nodes at once, lost frames (goal E6), and two hundred a second over
 * the round trips of cloud regions (goal E7).
 */
import { pick } from '../../../core/membership/randomness.ts';
import { GossipLab, type GossipLabOptions, redundancy, type Sending } from '../gossip-lab.ts';
import { grownViews } from '../grown-views.ts';
import { regionLatency } from '../latency.ts';
import type { Views } from '../population.ts';
import { REGION_ROUND_TRIPS_MS } from '../regions.ts';
import type { ChartPlan, RunResult, Scenario, ScenarioOptions } from '../scenario.ts';
import { cumulative, largest, quantile } from '../statistics.ts';

const SETTLING_MS = 10_000;

const DELAYS: ChartPlan = {
  title: 'Share of nodes that have a broadcast',
  form: 'lines',
  x: { label: 'milliseconds after sending', low: 0 },
  y: { label: 'share of nodes', low: 0, high: 1, isPercent: true },
  series: [],
};

export const allSend: Scenario = {
  name: 'all-send',
  summary: 'Plumtree: every node sends at once; and 2 % of frames lost',
  nodes: 100,
  nodesMin: 20,
  sources: ['Beside ours: iroh-gossip, all at once, measured.'],
  rows: [
    {
      key: 'redundancy',
      what: 'all at once: redundancy (RMR)',
      digits: 3,
      published: '1.0',
      goal: { name: 'E6', atMost: 0.7 },
    },
    {
      key: 'lastMs',
      what: 'all at once: last delivery of any',
      digits: 0,
      unit: 'ms',
      published: '700',
      goal: { name: 'E6', atMost: 500 },
    },
    { key: 'missed', what: 'deliveries missed', digits: 0, goal: { name: 'E6', atMost: 0 } },
    { key: 'p99Ms', what: 'random senders: p99 without loss', digits: 0, unit: 'ms' },
    { key: 'lossyP99Ms', what: 'random senders: p99 with 2 % loss', digits: 0, unit: 'ms' },
    {
      key: 'lossyRatio',
      what: 'p99 with loss, over that without',
      digits: 2,
      goal: { name: 'E6', atMost: 2 },
    },
  ],
  charts: [
    {
      ...DELAYS,
      series: [
        { label: 'no loss', role: 'ours', points: 'lossless' },
        { label: '2 % loss', role: 'other', points: 'lossy' },
      ],
    },
  ],
  run: runAllSend,
};

export const regions: Scenario = {
  name: 'regions',
  summary: 'Plumtree: 200 broadcasts a second over the round trips of ten cloud regions',
  nodes: 2_000,
  nodesMin: 50,
  sources: [
    'Beside ours: corrosion, full membership, measured. Round trips: published averages of 2017.',
    'Measured for 3 s, after 15 s of the same traffic in which the tree takes its shape: links ' +
      'are all eager before the first broadcast.',
  ],
  rows: [
    { key: 'p99Ms', what: 'deliveries, p99', digits: 0, unit: 'ms', published: '163' },
    { key: 'floodP99Ms', what: 'flood on the same overlay, p99', digits: 0, unit: 'ms' },
    {
      key: 'ratio',
      what: 'p99, over that of the flood',
      digits: 3,
      goal: { name: 'E7', atMost: 1.5 },
    },
    {
      key: 'duplicates',
      what: 'duplicates a message',
      digits: 3,
      published: '3.9',
      goal: { name: 'E7', atMost: 1.5 },
    },
    { key: 'coldDuplicates', what: 'duplicates a message, before that', digits: 3 },
    { key: 'missed', what: 'deliveries missed', digits: 0, goal: { name: 'E7', atMost: 0 } },
  ],
  charts: [
    {
      ...DELAYS,
      series: [
        { label: 'barrel-p2p', role: 'ours', points: 'reached' },
        { label: 'flood on the same overlay', role: 'other', points: 'flood' },
      ],
    },
  ],
  run: runRegions,
};

function runAllSend(options: ScenarioOptions): RunResult {
  const views = grownViews({ ...options, progress: (share) => options.progress(share / 2) });
  const { seed } = options;
  const together = sendTogether(new GossipLab(views, { seed }));
  options.progress(0.6);
  const pace: WarmPace = { count: 200, before: 100, perSecond: 10 };
  const lossless = sendInTurn(new GossipLab(views, { seed }), pace);
  options.progress(0.8);
  const lossy = sendInTurn(new GossipLab(views, { seed, loss: 0.02 }), pace);
  options.progress(1);
  const p99Ms = quantile(lossless.delaysMs, 0.99);
  const lossyP99Ms = quantile(lossy.delaysMs, 0.99);
  return {
    figures: {
      redundancy: together.redundancy,
      lastMs: largest(together.delaysMs),
      missed: together.missed + lossless.missed + lossy.missed,
      p99Ms,
      lossyP99Ms,
      lossyRatio: lossyP99Ms / p99Ms,
    },
    curves: {
      lossless: cumulative(lossless.delaysMs),
      lossy: cumulative(lossy.delaysMs),
    },
    trace: lossy.trace,
  };
}

function runRegions(options: ScenarioOptions): RunResult {
  const views: Views = grownViews({ ...options, progress: (share) => options.progress(share / 2) });
  const { seed } = options;
  const latency = regionLatency(REGION_ROUND_TRIPS_MS, seed);
  const labOptions: GossipLabOptions = { seed, latency, keepsFloods: true };
  const tell = (share: number): void => options.progress((1 + share) / 2);
  const outcome = sendInTurn(new GossipLab(views, labOptions), {
    count: 600,
    before: 3_000,
    perSecond: 200,
    progress: tell,
  });
  const p99Ms = quantile(outcome.delaysMs, 0.99);
  const floodP99Ms = quantile(outcome.floodDelaysMs, 0.99);
  const { redundancy: duplicates, redundancyBefore: coldDuplicates, missed, trace } = outcome;
  const ratio = p99Ms / floodP99Ms;
  return {
    figures: { p99Ms, floodP99Ms, ratio, duplicates, coldDuplicates, missed },
    curves: {
      reached: cumulative(outcome.delaysMs),
      flood: cumulative(outcome.floodDelaysMs),
    },
    trace,
  };
}

interface Outcome {
  readonly delaysMs: readonly number[];
  readonly floodDelaysMs: readonly number[];
  readonly redundancy: number;
  readonly missed: number;
  readonly trace: string;
}

/** Every node sends in the same instant, on trees that random senders made. */
function sendTogether(lab: GossipLab): Outcome {
  const { network } = lab;
  inTurn(lab, { count: 100, perSecond: 10 });
  network.run(SETTLING_MS);
  const payloadsBefore = network.traffic.of('gossip');
  const sendings = network.living.map((node) => lab.send(node));
  network.run(SETTLING_MS);
  return outcomeOf(lab, sendings, payloadsBefore);
}

interface Pace {
  readonly count: number;
  readonly perSecond: number;
  readonly progress?: (share: number) => void;
}

interface WarmPace extends Pace {
  /** So many before them make the trees. */
  readonly before: number;
}

interface WarmOutcome extends Outcome {
  readonly redundancyBefore: number;
}

/** Random senders, one after the other. */
function sendInTurn(lab: GossipLab, { before, ...pace }: WarmPace): WarmOutcome {
  const { network } = lab;
  const earlier = inTurn(lab, { ...pace, count: before });
  const payloadsBefore = network.traffic.of('gossip');
  const sendings = inTurn(lab, { count: pace.count, perSecond: pace.perSecond });
  network.run(SETTLING_MS);
  const redundancyBefore = redundancy(payloadsBefore, earlier);
  return { ...outcomeOf(lab, sendings, payloadsBefore), redundancyBefore };
}

function inTurn(lab: GossipLab, { count, perSecond, progress }: Pace): Sending[] {
  const { network } = lab;
  return Array.from({ length: count }, (_, at) => {
    const sending = lab.send(pick(network.random, network.living) ?? 0);
    network.run(1_000 / perSecond);
    progress?.(at / count);
    return sending;
  });
}

function outcomeOf(lab: GossipLab, sendings: readonly Sending[], payloadsBefore: number): Outcome {
  const { network } = lab;
  return {
    delaysMs: sendings.flatMap(({ delaysMs }) => delaysMs),
    floodDelaysMs: sendings.flatMap(({ floodDelaysMs }) => floodDelaysMs),
    redundancy: redundancy(network.traffic.of('gossip') - payloadsBefore, sendings),
    missed: sendings.reduce((sum, { living, delivered }) => sum + living - delivered, 0),
    trace: network.trace.hex,
  };
}
