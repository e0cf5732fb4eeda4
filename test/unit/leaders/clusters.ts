/** Simulated clusters for tests of elections, and what tests ask of them. */
import type { BarrelNode, Candidacy } from '../../../src/index.ts';
import { createSimulation, type Simulation } from '../../../src/testing/index.ts';
import type { SimulatedNodeOptions } from '../../../src/testing/machine.ts';

export const NAME = 'nightly';

export interface ClusterUnderTest extends AsyncDisposable {
  readonly sim: Simulation;
  /** In the order of their names: `a@sim`, `b@sim` and so on. */
  readonly nodes: readonly BarrelNode[];
}

/** So many nodes as one cluster at rest. */
export async function clusterOf(
  count: number,
  seed: number,
  options: SimulatedNodeOptions = {},
): Promise<ClusterUnderTest> {
  const sim = createSimulation({ seed });
  const nodes: BarrelNode[] = [];
  for (let index = 0; index < count; index += 1) {
    const name = `${String.fromCharCode(97 + index)}@sim`;
    const contacts = index === 0 ? [] : ['a@sim'];
    nodes.push(await sim.start({ contacts, ...options, name }));
  }
  await sim.until(() => sim.faults().length === 0, 30_000);
  await Promise.all(nodes.map((node) => sim.settled(node.ready())));
  return { sim, nodes, [Symbol.asyncDispose]: () => sim[Symbol.asyncDispose]() };
}

/** All of them campaign; resolves when all name the same leader. */
export async function elect(
  { sim, nodes }: ClusterUnderTest,
  options: (node: BarrelNode) => Parameters<BarrelNode['leaders']['campaign']>[1] = () => ({}),
): Promise<readonly Candidacy[]> {
  const campaigns = nodes.map((node) => node.leaders.campaign(NAME, options(node)));
  const candidacies = await sim.settled(Promise.all(campaigns));
  await sim.until(() => leaderOf(nodes) !== undefined, 5_000);
  return candidacies;
}

/** Whom all of them name; undefined where they differ or name nobody. */
export function leaderOf(nodes: readonly BarrelNode[]): string | undefined {
  const names = new Set(nodes.map((node) => node.leaders.leader(NAME)?.node));
  const [name] = names;
  return names.size === 1 ? name : undefined;
}

/** Who acts as leader now. */
export function acting(nodes: readonly BarrelNode[], name: string = NAME): readonly string[] {
  return nodes.filter((node) => node.leaders.isLeader(name)).map((node) => node.name);
}

/** What a candidacy tells, as words. */
export function told(candidacy: Candidacy): string[] {
  const words: string[] = [];
  candidacy.on('elected', () => words.push('elected'));
  candidacy.on('revoked', () => words.push('revoked'));
  return words;
}
