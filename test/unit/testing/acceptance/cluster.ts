/** Simulated clusters for scenarios: named n0@sim and up, which join through the first. */
import type { BarrelNode } from '../../../../src/barrel-node.ts';
import type { NodeName } from '../../../../src/core/names.ts';
import type { Simulation } from '../../../../src/testing/index.ts';
import type { SimulatedNodeOptions } from '../../../../src/testing/machine.ts';
import type { TopicMessage } from '../../../../src/topics/topics.ts';

export function names(count: number): readonly NodeName[] {
  return Array.from({ length: count }, (_, i) => `n${i}@sim`);
}

/** Starts so many nodes whose contact is the first one, and waits until they are one cluster. */
export async function formed(
  sim: Simulation,
  count: number,
  options: SimulatedNodeOptions = {},
): Promise<BarrelNode[]> {
  const nodes: BarrelNode[] = [];
  for (const name of names(count)) {
    nodes.push(await sim.start({ contacts: ['n0@sim'], ...options, name }));
  }
  await whole(sim);
  return nodes;
}

/** Waits until all that run are one cluster at rest. */
export async function whole(sim: Simulation, timeoutMs = 30_000): Promise<void> {
  await sim.until(() => sim.faults().length === 0, timeoutMs);
}

/** What a node hears on a topic from now on. */
export function listen(node: BarrelNode, topic: string): TopicMessage[] {
  const messages: TopicMessage[] = [];
  node.topics.subscribe(topic, (message) => messages.push(message));
  return messages;
}

/** Up and down events about neighbours from now on. */
export function neighborEvents(node: BarrelNode): string[] {
  const events: string[] = [];
  node.on('peerUp', ({ node: peer }) => events.push(`up ${peer}`));
  node.on('peerDown', ({ node: peer, reason }) => events.push(`down ${peer} ${reason}`));
  return events;
}

/** A process under the name `echo` that answers with what it is asked. */
export function serveEcho(node: BarrelNode): void {
  node.processes.serve({ echo: (text: string) => `${node.name}: ${text}` }, { name: 'echo' });
}

/** Asks the echo of another node, over a link of its own where there is none. */
export async function ask(sim: Simulation, from: BarrelNode, to: NodeName): Promise<unknown> {
  const echo = { node: to, name: 'echo' };
  return sim.settled(from.processes.call(echo, ['echo', ['hello']]));
}
