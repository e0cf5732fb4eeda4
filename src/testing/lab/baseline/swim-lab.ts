/** A whole group of SWIM nodes that know each other, and what they wrongly hold for dead. */
import { LabNetwork, type LabNetworkOptions } from '../lab-network.ts';
import type { SwimMessage, SwimTimer } from './swim-messages.ts';
import { SwimNode } from './swim-node.ts';

export interface SwimLab {
  readonly network: LabNetwork<SwimMessage, SwimTimer>;
  readonly nodes: readonly SwimNode[];
  /** One entry for each time that a node held another one for dead. */
  readonly downs: readonly SwimDown[];
}

export interface SwimDown {
  readonly atMs: number;
  readonly observer: number;
  readonly subject: number;
  /** The subject was alive. */
  readonly isFalse: boolean;
}

export interface SwimLabOptions extends LabNetworkOptions<SwimMessage> {
  readonly count: number;
  readonly suspicionMs: number;
}

export function swimLab({ count, suspicionMs, ...options }: SwimLabOptions): SwimLab {
  const network = new LabNetwork<SwimMessage, SwimTimer>(options);
  const members = Array.from({ length: count }, (_, index) => `n${index}@lab`);
  const downs: SwimDown[] = [];
  const onDown = (observer: number, node: string): void => {
    const subject = network.indexOf(node);
    const isFalse = network.isAlive(subject);
    downs.push({ atMs: network.nowMs, observer, subject, isFalse });
  };
  const config = { periodMs: 1_000, directTimeoutMs: 500, indirectProbes: 3, suspicionMs };
  const nodes = members.map(() =>
    network.add((port, random) => new SwimNode({ port, random, members, config, onDown })),
  );
  return { network, nodes, downs };
}
