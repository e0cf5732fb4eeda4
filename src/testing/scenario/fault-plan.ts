/**
 * What one seed draws before anything runs: how many nodes, what their network, disks and clocks
 * are like, and for how long faults happen. Sizes are skewed towards the small, where faults meet
 * more often and a failing run is easier to read.
 */
import type { NodeName } from '../../core/names.ts';
import type { LinkConditions } from '../simulation.ts';
import type { Draws } from './draws.ts';

const NODES_MIN = 3;
const CONTACTS = 3;

export interface FaultPlan {
  /** Names of the first nodes; those that replace them later are added to them. */
  readonly nodes: readonly PlannedNode[];
  /** Whom every node asks to join, again and again: this heals splits. */
  readonly contacts: readonly NodeName[];
  readonly secret: string | undefined;
  readonly network: LinkConditions;
  /** Length of the phase in which faults happen. */
  readonly faultsMs: number;
  /** Mean time between two faults. */
  readonly pauseMs: number;
}

export interface PlannedNode {
  readonly name: NodeName;
  /** Has a data directory on its disk. */
  readonly isDurable: boolean;
  readonly offsetMs: number;
  readonly driftPpm: number;
}

/** Bounds of what is drawn. */
export interface FaultPlanBounds {
  readonly nodesMax: number;
  /** Shortest and longest phase of faults. */
  readonly faultsMs: readonly [number, number];
  /** Nodes times the length of the phase: large clusters cost more, so theirs is shorter. */
  readonly nodeMsMax?: number | undefined;
}

export function drawFaultPlan(draws: Draws, bounds: FaultPlanBounds): FaultPlan {
  const count = Math.floor(draws.skewed(NODES_MIN, bounds.nodesMax + 1));
  const { nodeMsMax = Number.POSITIVE_INFINITY } = bounds;
  const hasBadClocks = draws.chance(0.5);
  const nodes = Array.from({ length: count }, (_, index) => ({
    name: `n${index}@sim`,
    isDurable: draws.chance(0.5),
    offsetMs: hasBadClocks ? draws.between(-5_000, 5_000) : 0,
    driftPpm: hasBadClocks ? draws.between(-500, 500) : 0,
  }));
  return {
    nodes,
    contacts: nodes.slice(0, CONTACTS).map(({ name }) => name),
    secret: draws.chance(0.3) ? 'the join secret of all scenarios' : undefined,
    network: drawNetwork(draws),
    faultsMs: Math.min(draws.between(...bounds.faultsMs), nodeMsMax / count),
    pauseMs: draws.between(500, 5_000),
  };
}

function drawNetwork(draws: Draws): LinkConditions {
  const shortest = draws.skewed(0.1, 50);
  return {
    latencyMs: [shortest, shortest + draws.skewed(0.1, 200)],
    loss: draws.chance(0.7) ? draws.skewed(0, 0.2) : 0,
    duplicate: draws.chance(0.5) ? draws.between(0, 0.5) : 0,
    reorder: draws.chance(0.5) ? draws.between(0, 0.5) : 0,
  };
}
