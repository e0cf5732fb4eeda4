/**
 * The roster at scale: booting (goal E11), what an idle node costs (E8), how soon a crash is known
 * to everybody (E9), and false deaths under disturbance beside plain SWIM (E10).
 */
import { sample } from '../../../core/membership/randomness.ts';
import { type SwimLab, swimLab } from '../baseline/swim-lab.ts';
import { patientSuspicionMs } from '../baseline/swim-node.ts';
import { DISTURBED_LOSS, disturb } from '../disturbance.ts';
import type { LabNetwork } from '../lab-network.ts';
import type { LabMessage } from '../lab-node.ts';
import { datagramBytes, OverlayLab } from '../overlay-lab.ts';
import type { Point, RunResult, Scenario, ScenarioOptions } from '../scenario.ts';
import { settledOverlay } from '../settled-overlay.ts';
import { cumulative, largest, quantile } from '../statistics.ts';

const BOOT_MS_MAX = 120_000;
const IDLE_MS = 30_000;
const CRASHES = 10;
const BETWEEN_CRASHES_MS = 12_000;
/** Of the experiment in its short form; two hours are for those who wait. */
const DISTURBED_MS = 300_000;
/** Suspicion of a SWIM that is as quick as our roster. */
const QUICK_SUSPICION_MS = 2_000;

export const boot: Scenario = {
  name: 'boot',
  summary: 'Overlay: all nodes start at once through one contact, until everybody knows everybody',
  nodes: 1_000,
  nodesMin: 3,
  sources: ['Published: Akka, 1,000 nodes of a managed cluster.'],
  rows: [
    {
      key: 'allKnownS',
      what: 'until all know all',
      digits: 2,
      unit: 's',
      published: '155',
      goal: { name: 'E11', atMost: 15 },
    },
    { key: 'falseDowns', what: 'false deaths meanwhile', digits: 0 },
  ],
  charts: [
    {
      title: 'Members known, of all that there are',
      form: 'lines',
      x: { label: 'seconds after the start', low: 0 },
      y: { label: 'share known, mean over nodes', low: 0, high: 1, isPercent: true },
      series: [{ label: 'barrel-p2p', role: 'ours', points: 'known' }],
    },
  ],
  run: runBoot,
};

export const detection: Scenario = {
  name: 'detection',
  summary: 'Overlay: how soon a crash is known to every node, and what a node costs while idle',
  nodes: 1_000,
  nodesMin: 20,
  sources: [
    'Published: time until a crash is known, from documentation and reports of those projects.',
    'A datagram is counted as its frame and 72 bytes around it; frames of one instant do not ' +
      'share one, and acknowledgements of their own are not counted.',
  ],
  rows: [
    {
      key: 'p50S',
      what: 'crash known, p50 over nodes',
      digits: 2,
      unit: 's',
      published: 'memberlist 12+, Akka 35, Orleans 10 to 20',
      goal: { name: 'E9', atMost: 3.5 },
    },
    {
      key: 'p99S',
      what: 'crash known, p99',
      digits: 2,
      unit: 's',
      goal: { name: 'E9', atMost: 5 },
    },
    { key: 'maxS', what: 'crash known, last node', digits: 2, unit: 's' },
    {
      key: 'missed',
      what: 'deaths not known to a node',
      digits: 0,
      goal: { name: 'E9', atMost: 0 },
    },
    { key: 'falseDowns', what: 'false deaths', digits: 0, goal: { name: 'E10', atMost: 0 } },
    {
      key: 'datagrams',
      what: 'idle: datagrams sent a second by a node',
      digits: 2,
      goal: { name: 'E8', atMost: 20 },
    },
    {
      key: 'bytes',
      what: 'idle: bytes sent a second by a node',
      digits: 0,
      goal: { name: 'E8', atMost: 4_000 },
    },
  ],
  charts: [
    {
      title: 'Nodes that know of a crash',
      form: 'lines',
      x: { label: 'seconds after the crash', low: 0 },
      y: { label: 'share of nodes', low: 0, high: 1, isPercent: true },
      series: [{ label: 'barrel-p2p', role: 'ours', points: 'known' }],
    },
  ],
  run: runDetection,
};

export const falseDeaths: Scenario = {
  name: 'false-deaths',
  summary: 'Overlay and plain SWIM: living nodes held for dead under loss, stalls and slowness',
  nodes: 200,
  nodesMin: 20,
  sources: [
    'Five virtual minutes: 5 % loss, stalls of 500 ms on 5 % of nodes and of 1.5 s on 2 %, 10 % ' +
      'of nodes take 20 ms for each input. One count for each node that held another one for dead.',
    'SWIM (2002): one probe a second, 3 indirect ones. As quick as ours: suspicion of 2 s. ' +
      'Patient: of 5 s for each power of ten of the size.',
  ],
  rows: [
    { key: 'ours', what: 'false deaths, barrel-p2p', digits: 0, goal: { name: 'E10', atMost: 0 } },
    { key: 'quickSwim', what: 'false deaths, SWIM as quick as ours', digits: 0 },
    { key: 'patientSwim', what: 'false deaths, patient SWIM', digits: 0 },
    {
      key: 'factor',
      what: 'SWIM as quick as ours, over ours (at least 1)',
      digits: 0,
      goal: { name: 'E10', atLeast: 50 },
    },
  ],
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
  run: runFalseDeaths,
};

function runBoot({ nodes, seed, progress }: ScenarioOptions): RunResult {
  const lab = new OverlayLab({ count: nodes, seed });
  lab.boot();
  const known: Point[] = [[0, 0]];
  const stepMs = 250;
  while (lab.knownShare < 1 && lab.network.nowMs < BOOT_MS_MAX) {
    lab.network.run(stepMs);
    known.push([lab.network.nowMs / 1_000, lab.knownShare]);
    progress(Math.min(lab.knownShare, 0.99));
  }
  progress(1);
  const figures = { allKnownS: lab.network.nowMs / 1_000, falseDowns: lab.downs.length };
  return { figures, curves: { known }, trace: lab.network.trace.hex };
}

function runDetection(options: ScenarioOptions): RunResult {
  const lab = settledOverlay({ ...options, progress: (share) => options.progress(share / 2) });
  const { network } = lab;
  const idle = idleCost(lab);
  options.progress(0.6);
  const delaysS: number[] = [];
  let missed = 0;
  const victims = sample(network.random, network.living, CRASHES);
  victims.forEach((victim, at) => {
    const crashedMs = network.nowMs;
    network.crash(victim);
    network.run(BETWEEN_CRASHES_MS);
    const heard = lab.downs.filter(({ subject, isFalse }) => subject === victim && !isFalse);
    delaysS.push(...heard.map(({ atMs }) => (atMs - crashedMs) / 1_000));
    missed += network.living.length - heard.length;
    options.progress(0.6 + (0.4 * (at + 1)) / victims.length);
  });
  return {
    figures: {
      p50S: quantile(delaysS, 0.5),
      p99S: quantile(delaysS, 0.99),
      maxS: largest(delaysS),
      missed,
      falseDowns: lab.downs.filter(({ isFalse }) => isFalse).length,
      ...idle,
    },
    curves: { known: cumulative(delaysS) },
    trace: network.trace.hex,
  };
}

function idleCost({ network, nodes }: OverlayLab): { datagrams: number; bytes: number } {
  network.traffic.reset();
  network.traffic.countBytes(datagramBytes);
  network.run(IDLE_MS);
  network.traffic.countBytes(undefined);
  const nodeSeconds = nodes.length * (IDLE_MS / 1_000);
  const { messages, bytes } = network.traffic;
  return { datagrams: messages / nodeSeconds, bytes: bytes / nodeSeconds };
}

function runFalseDeaths(options: ScenarioOptions): RunResult {
  const { nodes, seed, progress } = options;
  const loss = DISTURBED_LOSS;
  const lab = settledOverlay({ ...options, loss, progress: (share) => progress(share / 4) });
  const startMs = lab.network.nowMs;
  runDisturbed(lab.network, (share) => progress(0.25 + share / 2));
  const ours = fallen(lab.downs, startMs);
  const swim = (suspicionMs: number): SwimLab => {
    const baseline = swimLab({ count: nodes, seed, loss, suspicionMs });
    runDisturbed(baseline.network, () => {});
    return baseline;
  };
  const quickSwim = fallen(swim(QUICK_SUSPICION_MS).downs, 0);
  progress(0.9);
  const patientSwim = fallen(swim(patientSuspicionMs(nodes)).downs, 0);
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
  progress: (share: number) => void,
): void {
  disturb(network, DISTURBED_MS);
  const steps = 30;
  for (let step = 1; step <= steps; step += 1) {
    network.run(DISTURBED_MS / steps);
    progress(step / steps);
  }
}

interface Downed {
  readonly atMs: number;
  readonly isFalse: boolean;
}

/** False deaths so far, each ten seconds of the disturbance. */
function fallen(downs: readonly Downed[], startMs: number): readonly Point[] {
  const times = downs.filter(({ isFalse }) => isFalse).map(({ atMs }) => atMs - startMs);
  const points: Point[] = [];
  for (let atMs = 0; atMs <= DISTURBED_MS; atMs += 10_000) {
    points.push([atMs / 1_000, times.filter((timeMs) => timeMs >= 0 && timeMs <= atMs).length]);
  }
  return points;
}
