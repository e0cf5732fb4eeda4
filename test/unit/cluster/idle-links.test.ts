/** Links that end because nobody uses them, or because there are too many. */
import { describe, expect, test } from 'vitest';
import type { Link } from '../../../src/cluster/link.ts';
import { encodeEconomy } from '../../../src/core/links/economy-messages.ts';
import type { EconomyConfig } from '../../../src/core/links/link-economy.ts';
import { CONTROL } from '../../../src/transport/transport.ts';
import { join, SimulatedClusters, type TestNode } from './simulated-cluster.ts';

const IDLE_MS = 20_000;
/** Looks are a twelfth of the idle time apart. */
const LOOK_MS = IDLE_MS / 12;

describe('a link on demand', () => {
  test('ends on both ends when there was no message for the idle time, and not before', async () => {
    const { clusters, a, b } = await pair();
    await say(clusters, a, b, 'hello');
    await clusters.time.advance(IDLE_MS - 1_000);
    expect([links(a), links(b)]).toEqual([1, 1]);
    await clusters.time.advance(1_000 + LOOK_MS + 100);
    expect([links(a), links(b)]).toEqual([0, 0]);
    expect([a, b].map((node) => node.messages.downs.map(({ reason }) => reason))).toEqual([
      ['idle'],
      ['idle'],
    ]);
    expect([a, b].map((node) => metric(node, 'barrel_links_parted_total{cause="idle"}'))).toEqual([
      1, 1,
    ]);
  });

  test('stays while messages cross it, and opens again with the next one after it ended', async () => {
    const { clusters, a, b } = await pair();
    for (let count = 0; count < 6; count += 1) {
      await say(clusters, count % 2 === 0 ? a : b, count % 2 === 0 ? b : a, `${count}`);
      await clusters.time.advance(IDLE_MS - 2_000);
    }
    expect(a.messages.ups).toHaveLength(1);
    await clusters.time.advance(2 * IDLE_MS);
    expect(links(a)).toBe(0);
    await say(clusters, b, a, 'again');
    expect(a.messages.frames.at(-1)?.text).toBe('again');
    expect(a.messages.ups).toHaveLength(2);
  });

  test('stays while either end holds it (G5)', async () => {
    for (const holder of ['a', 'b'] as const) {
      const nodes = await pair();
      const { clusters, a, b } = nodes;
      await say(clusters, a, b, 'hello');
      const peer = nodes[holder === 'a' ? 'b' : 'a'].cluster.self.node;
      const hold = nodes[holder].cluster.links.hold(peer);
      await clusters.time.advance(10 * IDLE_MS);
      expect([links(a), links(b)]).toEqual([1, 1]);
      hold[Symbol.dispose]();
      await clusters.time.advance(IDLE_MS);
      expect([links(a), links(b)]).toEqual([0, 0]);
    }
  });

  test('without any message ends after ten seconds', async () => {
    const { clusters, a, b } = await pair();
    await clusters.settled(a.cluster.dialler.toNode('b@test', hintsOf(b)));
    await clusters.time.advance(9_000);
    expect(links(a)).toBe(1);
    await clusters.time.advance(1_000 + LOOK_MS + 100);
    expect([links(a), links(b)]).toEqual([0, 0]);
  });

  test('stays for the longer of the two idle times', async () => {
    const { clusters, a, b } = await pair({ idleMs: IDLE_MS }, { idleMs: 3 * IDLE_MS });
    await say(clusters, a, b, 'hello');
    await clusters.time.advance(2 * IDLE_MS);
    expect(links(a)).toBe(1);
    await clusters.time.advance(2 * IDLE_MS);
    expect(links(a)).toBe(0);
  });
});

describe('a send while the end of the link is being agreed', () => {
  /** Asks for the end at `a`, with the wire slow enough to see each step. */
  async function asked(): Promise<{
    readonly clusters: SimulatedClusters;
    readonly parted: TestNode;
    readonly other: TestNode;
  }> {
    const { clusters, a, b } = await strangers();
    clusters.network.link({ latencyMs: [200, 200] });
    await say(clusters, a, b, 'first');
    await clusters.time.runUntil(() => !isLinked(a, b) || !isLinked(b, a), 10 * IDLE_MS);
    for (const { messages } of [a, b]) messages.downs.length = 0;
    return isLinked(a, b) ? { clusters, parted: b, other: a } : { clusters, parted: a, other: b };
  }

  test('at the end that has agreed goes over the next link', async () => {
    const { clusters, parted, other } = await asked();
    parted.cluster.messages.send(other.cluster.self.node, 0, Buffer.from('late'));
    await clusters.time.advance(3_000);
    expect(other.messages.frames.at(-1)?.text).toBe('late');
    expect(other.messages.downs).toMatchObject([
      { peer: { node: nameOf(parted) }, reason: 'idle' },
    ]);
    expect(metric(parted, 'barrel_links_gone_on_total')).toBe(0);
  });

  test('at the end that has asked keeps the link, and brings along what waits at the other', async () => {
    const { clusters, parted, other } = await asked();
    parted.cluster.messages.send(other.cluster.self.node, 0, Buffer.from('waits'));
    other.cluster.messages.send(parted.cluster.self.node, 0, Buffer.from('late'));
    await clusters.time.advance(3_000);
    expect(parted.messages.frames.at(-1)?.text).toBe('late');
    expect(other.messages.frames.at(-1)?.text).toBe('waits');
    expect(other.messages.downs).toEqual([]);
    expect(metric(parted, 'barrel_links_gone_on_total')).toBe(1);
  });

  test('waits no longer than ten seconds for who has fallen silent', async () => {
    const { clusters, parted, other } = await asked();
    other.crash();
    parted.cluster.messages.send(other.cluster.self.node, 0, Buffer.from('late'));
    await clusters.time.advance(60_000);
    expect(parted.messages.unreachable.map(({ node }) => node)).toContain(nameOf(other));
  });
});

describe('of more links than a node keeps', () => {
  test('the least recently used ones end, the needed one stays, and the rest goes on', async () => {
    const clusters = new SimulatedClusters(5);
    const economy = { idleMs: 600_000, onDemandMax: 3 };
    const hub = await clusters.start('hub@test', { economy });
    const others: TestNode[] = [];
    for (let index = 0; index < 6; index += 1) {
      const other = await clusters.start(`n${index}@test`, { economy: { idleMs: 600_000 } });
      others.push(other);
      await clusters.settled(hub.cluster.dialler.toNode(`n${index}@test`, hintsOf(other)));
      await say(clusters, hub, other, 'hello');
      if (index === 0) hub.cluster.links.hold('n0@test');
      await clusters.time.advance(500);
    }
    await clusters.time.advance(30_000);
    const left = others.filter((other) => links(other) === 1).map(nameOf);
    expect(left).toEqual(['n0@test', 'n4@test', 'n5@test']);
    expect(metric(hub, 'barrel_links_parted_total{cause="room"}')).toBe(3);
    expect(metric(hub, 'barrel_links_by_kind{kind="on-demand"}')).toBe(3);
  });

  test('all stay when something needs each of them', async () => {
    const clusters = new SimulatedClusters(6);
    const hub = await clusters.start('hub@test', { economy: { onDemandMax: 1 } });
    for (let index = 0; index < 4; index += 1) {
      const other = await clusters.start(`n${index}@test`);
      hub.cluster.links.hold(nameOf(other));
      await clusters.settled(hub.cluster.dialler.toNode(nameOf(other), hintsOf(other)));
    }
    await clusters.time.advance(300_000);
    expect(links(hub)).toBe(4);
  });
});

test('an answer to what was not asked ends the link with `protocol`', async () => {
  const { clusters, a, b } = await pair();
  const link = await clusters.settled<Link>(a.cluster.dialler.toNode('b@test', hintsOf(b)));
  link.send(CONTROL, encodeEconomy({ kind: 'agree', round: 1, framesSent: 0 }));
  await clusters.time.advance(1_000);
  expect(b.messages.downs.map(({ reason }) => reason)).toEqual(['protocol']);
});

test('a pin that is removed ends a link whose end is agreed, too', async () => {
  const { clusters, a, b } = await pair();
  clusters.network.link({ latencyMs: [200, 200] });
  await say(clusters, a, b, 'hello');
  await clusters.time.runUntil(() => links(a) === 0 || links(b) === 0, 3 * IDLE_MS);
  const [parted, other] = links(a) === 0 ? [a, b] : [b, a];
  other.cluster.messages.send(nameOf(parted), 0, Buffer.from('late'));
  parted.cluster.revoke(nameOf(other));
  await clusters.time.advance(1_000);
  expect(other.messages.downs.map(({ reason }) => reason)).toEqual(['revoked']);
  expect(parted.messages.frames.map(({ text }) => text)).not.toContain('late');
});

/** Two nodes that are no neighbours. */
async function pair(
  economyA: Partial<EconomyConfig> = { idleMs: IDLE_MS },
  economyB: Partial<EconomyConfig> = economyA,
): Promise<{
  readonly clusters: SimulatedClusters;
  readonly a: TestNode;
  readonly b: TestNode;
}> {
  const clusters = new SimulatedClusters();
  const a = await clusters.start('a@test', { economy: economyA });
  const b = await clusters.start('b@test', { economy: economyB });
  return { clusters, a, b };
}

/** Two nodes that know of each other by a third one, and do not want each other as neighbours. */
async function strangers(): Promise<Awaited<ReturnType<typeof pair>>> {
  const nodes = await pair();
  const { clusters, a, b } = nodes;
  const c = await clusters.start('c@test');
  a.cluster.block(['b@test']);
  b.cluster.block(['a@test']);
  for (const node of [a, b]) await join(clusters, node, c);
  const knows = (node: TestNode): boolean => node.cluster.alive().length === 3;
  await clusters.time.runUntil(() => knows(a) && knows(b), 30_000);
  return nodes;
}

function isLinked(node: TestNode, other: TestNode): boolean {
  return node.cluster.links.link(nameOf(other)) !== undefined;
}

/** Nobody but this test knows the addresses. */
function hintsOf(node: TestNode): { readonly hints: readonly string[] } {
  return { hints: [node.cluster.address] };
}

async function say(
  clusters: SimulatedClusters,
  from: TestNode,
  to: TestNode,
  text: string,
): Promise<void> {
  await clusters.settled(from.cluster.dialler.toNode(nameOf(to), hintsOf(to)));
  from.cluster.messages.send(nameOf(to), 0, Buffer.from(text));
  await clusters.time.advance(1_000);
}

function nameOf(node: TestNode): string {
  return node.cluster.self.node;
}

function links(node: TestNode): number {
  return node.meter.snapshot()['barrel_links'] ?? 0;
}

function metric(node: TestNode, name: string): number {
  return node.meter.snapshot()[name] ?? 0;
}
