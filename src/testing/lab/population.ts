/**
 * How an overlay comes to be: nodes that join, one by one or all at once; or nodes that are given
 * the views of an overlay that grew before, so that an experiment with many cases grows it once.
 */
import type { PeerDescriptor } from '../../core/membership/peer.ts';
import type { LabNetwork } from './lab-network.ts';
import type { LabMessage, LabNode } from './lab-node.ts';

export interface Joinable {
  join(contact: PeerDescriptor): void;
}

export interface Growth<N> {
  readonly count: number;
  /** Between two joins, in milliseconds; 0: all at once. */
  readonly gapMs: number;
  readonly make: () => N;
}

/** Adds nodes that all join through the first one. Runs until the last has asked. */
export function grow<M extends LabMessage, T, N extends LabNode<M, T> & Joinable>(
  network: LabNetwork<M, T>,
  { count, gapMs, make }: Growth<N>,
): N[] {
  const nodes: N[] = [];
  const startMs = network.nowMs;
  for (let added = 0; added < count; added += 1) {
    network.run(Math.max(startMs + added * gapMs - network.nowMs, 0));
    const node = make();
    nodes.push(node);
    if (added > 0) node.join(network.descriptor(0));
  }
  return nodes;
}

/** The views of an overlay at rest, by number of node. */
export interface Views {
  readonly active: readonly (readonly number[])[];
  readonly passive: readonly (readonly number[])[];
}
