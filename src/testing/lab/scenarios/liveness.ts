/**
 * The roster at scale: booting (goal E11), what an idle node costs (E8), and how soon a crash is
 * known to everybody (E9).
 */
import { sample } from '../../../core/membership/randomness.ts';
import { datagramBytes, OverlayLab } from '../overlay-lab.ts';
import type { Point, RunResult, Scenario, ScenarioOptions } from '../scenario.ts';
import { settledOverlay } from '../settled-overlay.ts';
import { cumulative, largest, quantile } from '../statistics.ts';

const BOOT_MS_MAX = 120_000;
const IDLE_MS = 30_000;
const CRASHES = 10;
const BETWEEN_CRASHES_MS = 12_000;

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
