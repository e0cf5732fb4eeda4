/** Living nodes that are held for dead under disturbance, beside plain SWIM (goal E10). */
import { type SwimLab, swimLab } from '../baseline/swim-lab.ts';
import { patientSuspicionMs } from '../baseline/swim-node.ts';
import { DISTURBED_LOSS, disturb } from '../disturbance.ts';
import type { LabNetwork } from '../lab-network.ts';
import type { LabMessage } from '../lab-node.ts';
import type { FigureRow, Point, RunResult, Scenario, ScenarioOptions } from '../scenario.ts';
import { settledOverlay } from '../settled-overlay.ts';

const MINUTE_MS = 60_000;
const SHORT_MINUTES = 5;
const LONG_MINUTES = 120;
/** Between two points of the curves. */
const STEP_MS = 10_000;
/** Suspicion of a SWIM that is as quick as our roster. */
const QUICK_SUSPICION_MS = 2_000;

const ROWS: readonly FigureRow[] = [
  { key: 'ours', what: 'false deaths, barrel-p2p', digits: 0, goal: { name: 'E10', atMost: 0 } },
  { key: 'quickSwim', what: 'false deaths, SWIM as quick as ours', digits: 0 },
  { key: 'patientSwim', what: 'false deaths, patient SWIM', digits: 0 },
  {
    key: 'factor',
    what: 'SWIM as quick as ours, over ours (at least 1)',
    digits: 0,
    goal: { name: 'E10', atLeast: 50 },
  },
];

export const falseDeaths: Scenario = falseDeathsFor('false-deaths', SHORT_MINUTES);

/** In its full length: for those who wait. */
export const falseDeathsLong: Scenario = falseDeathsFor('false-deaths-2h', LONG_MINUTES);

function falseDeathsFor(name: string, minutes: number): Scenario {
  return {
    name,
    summary: `Overlay and plain SWIM: living nodes held for dead in ${minutes} minutes of trouble`,
    nodes: 200,
    nodesMin: 20,
    sources: [
      `${minutes} virtual minutes: 5 % loss, stalls of 500 ms on 5 % of nodes, of 1.5 s on 2 %; ` +
        '10 % of nodes take 20 ms for each input. One count for each node that held another one ' +
        'for dead.',
      'SWIM (2002): one probe a second, 3 indirect ones. As quick as ours: suspicion of 2 s. ' +
        'Patient: of 5 s for each power of ten of the size.',
    ],
    rows: ROWS,
    charts: [
      {
        title: 'False deaths, added up',
        form: 'lines',
        x: { label: 'seconds of disturbance', low: 0 },
        y: { label: 'living nodes held for dead, all observers', low: 0 },
        series: [
          { label: 'barrel-p2p', role: 'ours', points: 'ours' },
          { label: 'plain SWIM, as quick', role: 'published', points: 'quickSwim' },
          { label: 'plain SWIM, patient', role: 'other', points: 'patientSwim' },
        ],
      },
    ],
    run: (options) => run(options, minutes * MINUTE_MS),
  };
}

function run(options: ScenarioOptions, forMs: number): RunResult {
  const { nodes, seed, progress } = options;
  const loss = DISTURBED_LOSS;
  const lab = settledOverlay({ ...options, loss, progress: (share) => progress(share / 4) });
  const startMs = lab.network.nowMs;
  runDisturbed(lab.network, forMs, (share) => progress(0.25 + share / 2));
  const swim = (suspicionMs: number): SwimLab => {
    const baseline = swimLab({ count: nodes, seed, loss, suspicionMs });
    runDisturbed(baseline.network, forMs, () => {});
    return baseline;
  };
  const ours = fallen(lab.downs, startMs, forMs);
  const quickSwim = fallen(swim(QUICK_SUSPICION_MS).downs, 0, forMs);
  progress(0.9);
  const patientSwim = fallen(swim(patientSuspicionMs(nodes)).downs, 0, forMs);
  progress(1);
  const last = (points: readonly Point[]): number => points.at(-1)?.[1] ?? 0;
  return {
    figures: {
      ours: last(ours),
      quickSwim: last(quickSwim),
      patientSwim: last(patientSwim),
      factor: last(quickSwim) / Math.max(last(ours), 1),
    },
    curves: { ours, quickSwim, patientSwim },
    trace: lab.network.trace.hex,
  };
}

function runDisturbed<M extends LabMessage, T>(
  network: LabNetwork<M, T>,
  forMs: number,
  progress: (share: number) => void,
): void {
  disturb(network, forMs);
  for (let ranMs = STEP_MS; ranMs <= forMs; ranMs += STEP_MS) {
    network.run(STEP_MS);
    progress(ranMs / forMs);
  }
}

interface Downed {
  readonly atMs: number;
  readonly isFalse: boolean;
}

/** False deaths so far, in steps of the disturbance. */
function fallen(downs: readonly Downed[], startMs: number, forMs: number): readonly Point[] {
  const times = downs.filter(({ isFalse }) => isFalse).map(({ atMs }) => atMs - startMs);
  const points: Point[] = [];
  for (let atMs = 0; atMs <= forMs; atMs += STEP_MS) {
    points.push([atMs / 1_000, times.filter((timeMs) => timeMs >= 0 && timeMs <= atMs).length]);
  }
  return points;
}
