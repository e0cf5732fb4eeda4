/**
 * Half to nearly all of a cluster crashes in one instant, and nobody is told: detectors, repair and
 * broadcast must find each other again (goal E2), and a message sent in that very instant must come
 * to every survivor (goal E3).
 */
import { pick, sample } from '../../../core/membership/randomness.ts';
import { amongLiving, components } from '../graph.ts';
import type { OverlayLab } from '../overlay-lab.ts';
import type { FigureRow, Goal, Point, RunResult, Scenario, ScenarioOptions } from '../scenario.ts';
import { settledOverlay } from '../settled-overlay.ts';

interface Disaster {
  readonly percent: number;
  /** Seconds by which all survivors must be connected again. */
  readonly boundS: number;
}

const DISASTERS: readonly Disaster[] = [
  { percent: 50, boundS: 5 },
  { percent: 80, boundS: 5 },
  { percent: 90, boundS: 10 },
  { percent: 95, boundS: 30 },
];
const STEP_MS = 250;
const WATCHED_MS = 120_000;
/** Survivors that stayed connected for so long are watched no longer. */
const STEADY_MS = 20_000;
/** A message may take so long after the survivors are connected. */
const MESSAGE_S = 5;
const PAYLOAD = new Uint8Array(64);

export const disaster: Scenario = {
  name: 'disaster',
  summary: 'Overlay: survivors of a crash of 50 to 95 % find each other, and a message finds them',
  nodes: 1_000,
  nodesMin: 60,
  sources: [
    'Beside ours: iroh-gossip leaves 3 survivors isolated for good at 90 % in one of three seeds,' +
      ' 5 and 7 of 50 at 95 %, and most survivors never get the message (measured).',
    'Nobody is told of a crash: links of the dead stand until a detector gives them up.',
  ],
  rows: DISASTERS.flatMap(rowsOf),
  charts: [
    {
      title: 'Survivors in the largest component after the crash',
      form: 'lines',
      x: { label: 'seconds after the crash', low: 0, high: 30 },
      y: { label: 'share of survivors', low: 0, high: 1, isPercent: true },
      series: [
        { label: '50 %', role: 'ours', points: 'connected50' },
        { label: '80 %', role: 'other', points: 'connected80' },
        { label: '95 %', role: 'published', points: 'connected95' },
      ],
    },
  ],
  run,
};

function rowsOf({ percent, boundS }: Disaster): readonly FigureRow[] {
  const within = (name: string, atMost: number): Goal => ({ name, atMost });
  return [
    {
      key: `connectedS${percent}`,
      what: `${percent} % crash: all survivors connected`,
      digits: 2,
      unit: 's',
      goal: within('E2', boundS),
    },
    {
      key: `isolated${percent}`,
      what: 'survivors apart at the end',
      digits: 0,
      goal: within('E2', 0),
    },
    {
      key: `messageS${percent}`,
      what: 'message of that instant at the last survivor',
      digits: 2,
      unit: 's',
      goal: within('E3', boundS + MESSAGE_S),
    },
    {
      key: `unreached${percent}`,
      what: 'survivors without it',
      digits: 0,
      goal: within('E3', 0),
    },
  ];
}

function run(options: ScenarioOptions): RunResult {
  const figures: Record<string, number> = {};
  const curves: Record<string, readonly Point[]> = {};
  let trace = '';
  DISASTERS.forEach(({ percent }, at) => {
    const tell = (share: number): void => options.progress((at + share) / DISASTERS.length);
    const lab = settledOverlay({ ...options, progress: (share) => tell(share * 0.8) });
    const outcome = strike(lab, percent);
    figures[`connectedS${percent}`] = outcome.connectedS;
    figures[`isolated${percent}`] = outcome.isolated;
    figures[`messageS${percent}`] = outcome.messageS;
    figures[`unreached${percent}`] = outcome.unreached;
    curves[`connected${percent}`] = outcome.connected;
    trace = lab.network.trace.hex;
    tell(1);
  });
  return { figures, curves, trace };
}

interface Outcome {
  readonly connectedS: number;
  readonly isolated: number;
  readonly messageS: number;
  readonly unreached: number;
  readonly connected: readonly Point[];
}

function strike(lab: OverlayLab, percent: number): Outcome {
  const { network } = lab;
  const count = Math.round((network.size * percent) / 100);
  for (const victim of sample(network.random, network.living, count)) network.crash(victim);
  const survivors = network.living;
  const crashedMs = network.nowMs;
  const heard = lab.deliveries.length;
  lab.nodes[pick(network.random, survivors) ?? 0]?.broadcast(PAYLOAD);
  const connected: Point[] = [];
  let connectedMs = WATCHED_MS;
  let isWhole = false;
  while (network.nowMs - crashedMs < WATCHED_MS) {
    network.run(STEP_MS);
    const share = largestShare(lab, survivors);
    connected.push([(network.nowMs - crashedMs) / 1_000, share]);
    // The last time that it became whole counts: links to the dead do not hold it together.
    if (share === 1 && !isWhole) connectedMs = network.nowMs - crashedMs;
    isWhole = share === 1;
    if (isWhole && network.nowMs - crashedMs - connectedMs >= STEADY_MS) break;
  }
  const deliveries = lab.deliveries.slice(heard);
  const last = deliveries.at(-1)?.atMs ?? crashedMs;
  return {
    connectedS: (isWhole ? connectedMs : WATCHED_MS) / 1_000,
    isolated: Math.round((1 - (connected.at(-1)?.[1] ?? 0)) * survivors.length),
    messageS: (last - crashedMs) / 1_000,
    unreached: survivors.length - 1 - new Set(deliveries.map(({ index }) => index)).size,
    connected,
  };
}

function largestShare({ network }: OverlayLab, survivors: readonly number[]): number {
  const graph = amongLiving(network.neighbors, (index) => network.isAlive(index));
  return (components(graph, survivors)[0] ?? 0) / survivors.length;
}
