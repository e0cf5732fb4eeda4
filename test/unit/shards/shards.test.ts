/** Placement of whole nodes on the simulator. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../src/index.ts';
import { createSimulation, type Simulation } from '../../../src/testing/index.ts';

const KEYS = 100_000;
const FIVE = ['tea', 42, 1n, ['room', 7], true];

let open: Simulation | undefined;

afterEach(async () => {
  await open?.[Symbol.asyncDispose]();
  open = undefined;
});

function simulation(seed: number): Simulation {
  open = createSimulation({ seed });
  return open;
}

async function cluster(sim: Simulation, count: number): Promise<BarrelNode[]> {
  const nodes: BarrelNode[] = [];
  for (let i = 0; i < count; i += 1) nodes.push(await join(sim, `n${i}@sim`));
  await settled(sim, nodes);
  return nodes;
}

function join(sim: Simulation, name: string): Promise<BarrelNode> {
  return sim.start({ name, contacts: ['n0@sim', 'n1@sim'] });
}

/** Every partition is held once, by the node that all name. */
function isPlaced(nodes: readonly BarrelNode[]): boolean {
  const [first] = nodes;
  if (first === undefined) return false;
  const held = nodes.flatMap(({ shards }) => shards.owned());
  const isWhole = held.length === first.shards.ringSize && new Set(held).size === held.length;
  const names = new Set(nodes.map(({ name }) => name));
  return isWhole && nodes.every((node) => isAlike(first, node, names));
}

function isAlike(first: BarrelNode, node: BarrelNode, names: ReadonlySet<string>): boolean {
  for (let partition = 0; partition < first.shards.ringSize; partition += 1) {
    const owner = node.shards.ownerOf(partition);
    if (owner !== first.shards.ownerOf(partition) || !names.has(owner)) return false;
  }
  return node.shards.owned().every((partition) => node.shards.ownerOf(partition) === node.name);
}

async function settled(sim: Simulation, nodes: readonly BarrelNode[]): Promise<void> {
  await sim.until(() => sim.faults().length === 0 && isPlaced(nodes), 90_000);
}

/** How many of the keys some node places elsewhere than the first does. */
function disputed(nodes: readonly BarrelNode[]): number {
  const [first, ...others] = nodes;
  let count = 0;
  for (let i = 0; i < KEYS; i += 1) {
    const key = `user-${i}`;
    const owner = first?.shards.place(key);
    if (others.some(({ shards }) => shards.place(key) !== owner)) count += 1;
  }
  return count;
}

describe('all nodes', () => {
  test('of three agree within 20 s of their start (K9)', async () => {
    const sim = simulation(1);
    const nodes: BarrelNode[] = [];
    for (let i = 0; i < 3; i += 1) nodes.push(await join(sim, `n${i}@sim`));
    await sim.until(() => sim.faults().length === 0 && isPlaced(nodes), 20_000);
    for (const key of FIVE) {
      expect(new Set(nodes.map(({ shards }) => shards.place(key))).size).toBe(1);
      expect(nodes.filter(({ shards }) => shards.isOwner(key))).toHaveLength(1);
    }
  });

  test('but one that was killed agree within 20 s, and hold what was its own (K10)', async () => {
    const sim = simulation(2);
    const nodes = await cluster(sim, 3);
    const lost = nodes[2]?.shards.owned() ?? [];
    const survivors = nodes.slice(0, 2);
    const acquired: number[] = [];
    for (const { shards } of survivors) {
      shards.on('acquired', ({ partition }) => acquired.push(partition));
    }
    sim.crash('n2@sim');
    await sim.until(() => isPlaced(survivors), 20_000);
    expect(lost.length).toBeGreaterThan(0);
    expect(acquired).toEqual(expect.arrayContaining(lost));
  });

  test('place 100,000 keys alike after joins, crashes, a restart and a heal', async () => {
    const sim = simulation(3);
    let nodes = await cluster(sim, 5);
    expect(disputed(nodes)).toBe(0);
    for (const name of ['n5@sim', 'n6@sim', 'n7@sim']) nodes.push(await join(sim, name));
    await settled(sim, nodes);
    expect(disputed(nodes)).toBe(0);
    sim.crash('n3@sim');
    sim.crash('n6@sim');
    nodes = nodes.filter(({ name }) => name !== 'n3@sim' && name !== 'n6@sim');
    await settled(sim, nodes);
    expect(disputed(nodes)).toBe(0);
    nodes.push(await sim.restart('n3@sim'));
    await settled(sim, nodes);
    const [left, right] = [nodes.slice(0, 3), nodes.slice(3)];
    sim.partition(
      left.map(({ name }) => name),
      right.map(({ name }) => name),
    );
    await sim.until(() => isPlaced(left) && isPlaced(right), 90_000);
    sim.heal();
    await settled(sim, nodes);
    expect(disputed(nodes)).toBe(0);
  });
});

describe('a node', () => {
  test('holds nothing before it has met the cluster, nor after it has left', async () => {
    const sim = simulation(4);
    const nodes = await cluster(sim, 2);
    const late = await join(sim, 'late@sim');
    const seen: number[] = [];
    late.shards.on('acquired', ({ partition }) => seen.push(partition));
    expect(late.shards.owned()).toEqual([]);
    expect(late.shards.place('tea')).toBe('late@sim');
    await settled(sim, [...nodes, late]);
    expect(seen.length).toBeLessThan(2_000);
    await sim.settled(late.leave());
    expect(late.shards.owned()).toEqual([]);
    await sim.until(() => isPlaced(nodes), 5_000);
    await sim.settled(late.join('n0@sim'));
    await settled(sim, [...nodes, late]);
  });

  test('tells its weight and zone to all', async () => {
    const sim = simulation(5);
    const zones = ['x', 'x', 'y'];
    const nodes: BarrelNode[] = [];
    for (const [i, zone] of zones.entries()) {
      const shards = { ringSize: 512, weight: i + 1 };
      nodes.push(await sim.start({ name: `n${i}@sim`, contacts: ['n0@sim'], zone, shards }));
    }
    await settled(sim, nodes);
    const shares = nodes.map(({ shards }) => shards.owned().length / 512);
    for (const [i, share] of shares.entries()) {
      expect(Math.abs(share - (i + 1) / 6)).toBeLessThan(0.05);
    }
    for (let i = 0; i < 100; i += 1) {
      expect(nodes[0]?.shards.owners(i, 2)).toContain('n2@sim');
    }
  });

  test('with a ring of another size is refused, and both sizes are named', async () => {
    const sim = simulation(6);
    const lines: string[] = [];
    const hear = (line: string, fields?: unknown): void =>
      void lines.push(`${line} ${JSON.stringify(fields, (_, v) => v?.message ?? v)}`);
    const logger = { debug: hear, info: hear, warn: hear, error: hear };
    const host = await sim.start({ name: 'n0@sim', logger, shards: { ringSize: 64 } });
    const guest = await sim.start({ name: 'n1@sim', shards: { ringSize: 65 } });
    await expect(sim.settled(guest.join('n0@sim'))).rejects.toMatchObject({
      code: 'ERR_REFUSED',
      reason: 'parameters',
      message: expect.stringMatching(/ringSize.*65.*64|ringSize.*64.*65/),
    });
    expect(lines.join('\n')).toMatch(/ringSize 65, here 64/);
    expect(host.members()).toEqual(['n0@sim']);
    expect(host.shards.owned()).toHaveLength(64);
  });
});
