/**
 * The shape of the overlay (HyParView, section 5.4, table 1 and figure 5; goal E1): degrees,
 * clustering and shortest paths after joining and stabilising.
 */
import {
  clusteringCoefficient,
  components,
  type Graph,
  inDegrees,
  mutualShare,
  shortestPaths,
} from '../graph.ts';
import { keepViews } from '../grown-views.ts';
import {
  type GrowOptions,
  growHyParView,
  type HyParViewLab,
  STABILISING_CYCLES,
} from '../hyparview-lab.ts';
import type { ChartPlan, FigureRow, RunResult, Scenario, ScenarioOptions } from '../scenario.ts';
import { distribution, mean } from '../statistics.ts';

export const HYPARVIEW_SOURCE: string =
  'Published: Leitão, Pereira, Rodrigues, HyParView, DSN 2007, section 5, at 10,000 nodes; ' +
  'recalled from the paper, not read again.';

const ROWS: readonly FigureRow[] = [
  {
    key: 'shortestPath',
    what: 'average shortest path',
    digits: 3,
    unit: 'hops',
    published: '6.385 (Cyclon 2.604, Scamp 3.354)',
    goal: { name: 'E1', atMost: 6.5 },
  },
  {
    key: 'clustering',
    what: 'clustering coefficient',
    digits: 5,
    published: '0.00092 (Cyclon 0.00684, Scamp 0.02248)',
    goal: { name: 'E1', atMost: 0.001 },
  },
  {
    key: 'hopsToDelivery',
    what: 'maximum hops to delivery, mean of floods',
    digits: 2,
    unit: 'hops',
    published: '9.0 (Cyclon 10.6, Scamp 14.1)',
  },
  { key: 'diameter', what: 'diameter', digits: 0, unit: 'hops', goal: { name: 'E1', atMost: 10 } },
  { key: 'degree', what: 'mean degree', digits: 3, goal: { name: 'E1', atLeast: 4.8 } },
  { key: 'degreeMin', what: 'least degree', digits: 0 },
  { key: 'mutual', what: 'mutual links', digits: 4, goal: { name: 'E1', atLeast: 1 } },
  { key: 'components', what: 'connected components', digits: 0, goal: { name: 'E1', atMost: 1 } },
];

const DEGREES: ChartPlan = {
  title: 'In-degree of nodes after stabilising',
  form: 'bars',
  x: { label: 'nodes that have it in their active view' },
  y: { label: 'share of nodes', low: 0, isPercent: true },
  series: [{ label: 'barrel-p2p', role: 'ours', points: 'inDegree' }],
};

const CONVERGENCE: ChartPlan = {
  title: 'Nodes with a full active view',
  form: 'lines',
  x: { label: 'virtual time, seconds', low: 0 },
  y: { label: 'share of nodes', low: 0, high: 1, isPercent: true },
  series: [{ label: 'barrel-p2p', role: 'ours', points: 'fullViews' }],
};

const COMMON = {
  nodes: 10_000,
  nodesMin: 20,
  rows: ROWS,
  charts: [DEGREES, CONVERGENCE],
} as const;

export const overlay: Scenario = {
  ...COMMON,
  name: 'overlay',
  summary: 'HyParView: shape of the overlay, joins one by one through one contact',
  sources: [HYPARVIEW_SOURCE],
  run: (options) => run({ ...options, joins: 'one by one' }),
};

export const joinStorm: Scenario = {
  ...COMMON,
  name: 'join-storm',
  summary: 'HyParView: shape of the overlay when all nodes join one contact at once',
  sources: [
    HYPARVIEW_SOURCE,
    'The paper joins one by one. iroh-gossip, all at once: 18.4, 0.072, diameter 52 (measured).',
  ],
  run: (options) => run({ cycles: STORM_CYCLES, ...options, joins: 'at once' }),
};

/** With the package's own periods a cycle costs three times as much, and all is at rest by then. */
const STORM_CYCLES = 20;

type RunOptions = ScenarioOptions & Pick<GrowOptions, 'joins'>;

function run(options: RunOptions): RunResult {
  const fullViews: [number, number][] = [];
  const lab = growHyParView({
    ...options,
    cycles: options.cycles ?? STABILISING_CYCLES,
    progress: (share) => options.progress(share * 0.95),
    onCycle: ({ network }) => {
      const full = network.neighbors.filter((view) => view.length >= 5).length;
      fullViews.push([network.nowMs / 1_000, full / options.nodes]);
    },
  });
  if (options.joins === 'one by one') keepViews(options, lab);
  const { neighbors, trace } = lab.network;
  const figures = shapeOf(lab);
  options.progress(1);
  return {
    figures,
    curves: { inDegree: distribution(inDegrees(neighbors)), fullViews },
    trace: trace.hex,
  };
}

function shapeOf({ network }: HyParViewLab): Record<string, number> {
  const graph: Graph = network.neighbors;
  const everybody = network.living;
  const paths = shortestPaths(graph, everybody, everybody.length);
  const degrees = inDegrees(graph);
  return {
    shortestPath: paths.mean,
    clustering: clusteringCoefficient(graph),
    hopsToDelivery: paths.meanLongest,
    diameter: paths.longest,
    degree: mean(graph.map((view) => view.length)),
    degreeMin: Math.min(...degrees),
    mutual: mutualShare(graph),
    components: components(graph, everybody).length,
  };
}
