/**
 * The trouble of goal E10, the same for every protocol that is compared: processes that stall now
 * and then, and machines that are slow all the time. The network adds its losses.
 */
import { sample } from '../../core/membership/randomness.ts';
import type { LabNetwork } from './lab-network.ts';
import type { LabMessage } from './lab-node.ts';

/** Of all inputs at a slow node: 20 times the millisecond that a busy node may take. */
const SLOW_SERVICE_MS = 20;
const SLOW_SHARE = 0.1;
const STALLS: readonly Stall[] = [
  { share: 0.05, stallMs: 500, everyMs: 10_000 },
  { share: 0.02, stallMs: 1_500, everyMs: 30_000 },
];
/** Lost frames of the experiment. */
export const DISTURBED_LOSS = 0.05;

interface Stall {
  readonly share: number;
  readonly stallMs: number;
  /** Mean time between two of one node. */
  readonly everyMs: number;
}

/** Disturbs a network from now on for so long. Call once. */
export function disturb<M extends LabMessage, T>(network: LabNetwork<M, T>, forMs: number): void {
  const endMs = network.nowMs + forMs;
  const shuffled = sample(network.random, network.living, network.size);
  const take = (share: number): number[] => shuffled.splice(0, Math.ceil(share * network.size));
  for (const node of take(SLOW_SHARE)) network.slow(node, SLOW_SERVICE_MS);
  for (const stall of STALLS) {
    for (const node of take(stall.share)) stallNowAndThen(network, { ...stall, node, endMs });
  }
}

interface Stalling extends Stall {
  readonly node: number;
  readonly endMs: number;
}

/** Between two stalls a node runs for as long as one lasts, at least: two in a row would be one. */
function stallNowAndThen<M extends LabMessage, T>(
  network: LabNetwork<M, T>,
  stalling: Stalling,
): void {
  const { node, stallMs, everyMs, endMs } = stalling;
  const leastMs = 2 * stallMs;
  const atMs = network.nowMs + leastMs + 2 * (everyMs - leastMs) * network.random.float();
  if (atMs > endMs) return;
  network.at(atMs, () => {
    network.pause(node, stallMs);
    stallNowAndThen(network, stalling);
  });
}
