/**
 * A cluster that has stood for long: the experiments on failures begin with one. To boot a thousand
 * nodes is a million deliveries, and says nothing on how they live afterwards.
 */
import { pick } from '../../core/membership/randomness.ts';
import { grownViews } from './grown-views.ts';
import { OverlayLab } from './overlay-lab.ts';
import type { ScenarioOptions } from './scenario.ts';

/** Enough for the shape of the views; the papers' 50 are for measures of that shape. */
const CYCLES = 10;
/** Broadcasts that shape the tree, one a second, and a while for the rest. */
const BROADCASTS = 20;
const SETTLING_MS = 20_000;
const PAYLOAD = new Uint8Array(64);

export interface SettledOptions extends ScenarioOptions {
  /** Chance that a frame is lost, 0 to 1. @default 0 */
  readonly loss?: number;
}

/** Views that grew in a network of their own, planted; and a tree that has been used. */
export function settledOverlay(options: SettledOptions): OverlayLab {
  const { nodes, seed, loss, progress } = options;
  const tellGrowth = (share: number): void => progress(0.8 * share);
  const views = grownViews({ ...options, cycles: CYCLES, progress: tellGrowth });
  const lab = new OverlayLab({ count: nodes, seed, ...(loss === undefined ? {} : { loss }) });
  const { network } = lab;
  lab.settle(views);
  for (let sent = 0; sent < BROADCASTS; sent += 1) {
    network.run(1_000);
    lab.nodes[pick(network.random, network.living) ?? 0]?.broadcast(PAYLOAD);
    progress(0.8 + (0.1 * sent) / BROADCASTS);
  }
  network.run(SETTLING_MS);
  progress(1);
  return lab;
}
