/**
 * Broadcast trees (Plumtree, SRDS 2007, section 4): relative message redundancy and last delivery
 * hop with one sender, then reliability right after and some time after a share of nodes crashed.
 * Connections to dead nodes are noticed by whoever sends over them, as the paper assumes.
 */
import { sample } from '../../../core/membership/randomness.ts';
import { GossipLab, redundancy, type Sending } from '../gossip-lab.ts';
import { grownViews } from '../grown-views.ts';
import type { Views } from '../population.ts';
import type {
  ChartPlan,
  FigureRow,
  Point,
  RunResult,
  Scenario,
  ScenarioOptions,
} from '../scenario.ts';
import { distribution, mean } from '../statistics.ts';

const FAILED_PERCENT: readonly number[] = [30, 50, 80, 95];
const WARM_UP_MESSAGES = 20;
const MESSAGES = 20;
const PERIOD_MS = 500;
/** What is missing is asked for meanwhile. */
const SETTLING_MS = 30_000;

const HOPS: ChartPlan = {
  title: 'Last delivery hop of broadcasts',
  form: 'bars',
  x: { label: 'hops to the last node' },
  y: { label: 'share of broadcasts', low: 0, isPercent: true },
  series: [{ label: 'barrel-p2p, before failures', role: 'ours', points: 'lastHop' }],
};

const RELIABILITY: ChartPlan = {
  title: 'Reliability of broadcasts after a massive failure',
  form: 'lines',
  x: { label: 'nodes that crashed at once, percent', low: 0, high: 100 },
  y: { label: 'survivors reached, mean', low: 0, high: 1, isPercent: true },
  series: [
    { label: 'sent within 10 s of the crash', role: 'ours', points: 'rightAfter' },
    { label: 'sent 30 s later', role: 'other', points: 'later' },
  ],
};

export const plumtree: Scenario = {
  name: 'plumtree',
  summary: 'Plumtree: redundancy, last delivery hop, reliability before and after failures',
  nodes: 10_000,
  nodesMin: 50,
  sources: [
    'Published: Leitão, Pereira, Rodrigues, Epidemic Broadcast Trees, SRDS 2007, section 4, at ' +
      '10,000 nodes; recalled from its figures, not read again.',
  ],
  rows: [
    {
      key: 'redundancy',
      what: 'redundancy (RMR), one sender',
      digits: 3,
      published: 'near 0 once the tree stands; a flood over these views about 3',
    },
    { key: 'floodRedundancy', what: 'redundancy of a flood, same overlay', digits: 3 },
    { key: 'lastHop', what: 'last delivery hop, mean', digits: 2, unit: 'hops' },
    {
      key: 'reliability',
      what: 'reliability before failures',
      digits: 4,
      published: '1.00',
    },
    ...FAILED_PERCENT.flatMap(rowsOf),
  ],
  charts: [RELIABILITY, HOPS],
  run,
};

function rowsOf(percent: number): readonly FigureRow[] {
  const published = percent <= 80 ? { published: 'about 1.00' } : {};
  return [
    {
      key: `after${percent}`,
      what: `reliability right after ${percent} % crash`,
      digits: 4,
      ...published,
    },
    { key: `later${percent}`, what: `reliability 30 s later`, digits: 4 },
    { key: `redundancy${percent}`, what: `redundancy then`, digits: 3 },
  ];
}

function run(options: ScenarioOptions): RunResult {
  const views = grownViews({ ...options, progress: (share) => options.progress(share / 2) });
  const figures: Record<string, number> = {};
  const rightAfter: Point[] = [];
  const later: Point[] = [];
  const lastHops: number[] = [];
  let trace = '';
  FAILED_PERCENT.forEach((percent, at) => {
    const outcome = fail(views, options, percent);
    Object.assign(figures, outcome.figures);
    rightAfter.push([percent, outcome.figures[`after${percent}`] ?? 0]);
    later.push([percent, outcome.figures[`later${percent}`] ?? 0]);
    lastHops.push(...outcome.lastHops);
    trace = outcome.trace;
    options.progress((1 + (at + 1) / FAILED_PERCENT.length) / 2);
  });
  return { figures, curves: { rightAfter, later, lastHop: distribution(lastHops) }, trace };
}

interface Outcome {
  readonly figures: Record<string, number>;
  readonly lastHops: readonly number[];
  readonly trace: string;
}

function fail(views: Views, { seed }: ScenarioOptions, percent: number): Outcome {
  const lab = new GossipLab(views, { seed: seed + percent, noticedBy: 'sender' });
  const { network } = lab;
  network.run(1_000);
  const [sender = 0, ...others] = sample(network.random, network.living, network.size);
  series(lab, sender, WARM_UP_MESSAGES);
  network.run(SETTLING_MS);
  const before = measured(lab, sender);
  const links = network.neighbors.reduce((sum, view) => sum + view.length, 0);
  for (const victim of others.slice(0, (network.size * percent) / 100)) network.crash(victim);
  const after = measured(lab, sender);
  const later = measured(lab, sender);
  return {
    figures: {
      redundancy: before.redundancy,
      floodRedundancy: (links - network.size + 1) / (network.size - 1) - 1,
      lastHop: mean(before.lastHops),
      reliability: before.reliability,
      [`after${percent}`]: after.reliability,
      [`later${percent}`]: later.reliability,
      [`redundancy${percent}`]: later.redundancy,
    },
    lastHops: before.lastHops,
    trace: network.trace.hex,
  };
}

interface Measured {
  readonly redundancy: number;
  readonly reliability: number;
  readonly lastHops: readonly number[];
}

function measured(lab: GossipLab, sender: number): Measured {
  const { network } = lab;
  const payloadsBefore = network.traffic.of('gossip');
  const sendings = series(lab, sender, MESSAGES);
  network.run(SETTLING_MS);
  return {
    redundancy: redundancy(network.traffic.of('gossip') - payloadsBefore, sendings),
    reliability: mean(sendings.map(({ delivered, living }) => delivered / living)),
    lastHops: sendings.map(({ hopsMax }) => hopsMax),
  };
}

function series(lab: GossipLab, sender: number, count: number): Sending[] {
  return Array.from({ length: count }, () => {
    const sending = lab.send(sender);
    lab.network.run(PERIOD_MS);
    return sending;
  });
}
