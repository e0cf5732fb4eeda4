import { describe, expect, test } from 'vitest';
import { RosterNetwork } from './roster-network.ts';

const SIZE = 30;

describe('a cluster of rosters', () => {
  test('knows all its members soon after it began', () => {
    const network = new RosterNetwork({ size: SIZE, seed: 1 });
    network.run(5_000);
    for (const node of network.nodes) expect(node.roster.livingCount).toBe(SIZE);
    expect(network.events.filter(({ event }) => event.type === 'memberDown')).toEqual([]);
  });

  test('costs an idle node with 5 neighbours at most 12 messages a second', () => {
    const network = new RosterNetwork({ size: SIZE, seed: 2 });
    network.run(20_000);
    network.sent.clear();
    network.broadcasts = 0;
    network.run(20_000);
    const links = network.nodes.reduce((sum, node) => sum + node.links.size, 0);
    const pings = (network.sent.get('ping') ?? 0) + (network.sent.get('pong') ?? 0);
    const audits = (network.sent.get('audit') ?? 0) + (network.sent.get('audited') ?? 0);
    expect((5 * pings) / links / 20 + audits / SIZE / 20).toBeLessThan(12);
    expect(network.sent.get('pingRequest')).toBeUndefined();
    expect(network.broadcasts).toBe(0);
    expect(network.sent.get('entries')).toBeUndefined();
  });

  test.each([1, 2])('knows of a crash everywhere within 5 s (seed %i)', (seed) => {
    const network = new RosterNetwork({ size: SIZE, seed, loss: 0.05 });
    network.run(20_000 + 1_000 * network.random.float());
    const crashedMs = network.nowMs;
    network.at(7).crash();
    network.run(10_000);
    const downs = network.downsOf('n7@t');
    expect(new Set(downs.map(({ on }) => on)).size).toBe(SIZE - 1);
    expect(downs).toHaveLength(SIZE - 1);
    const latencies = downs.map(({ atMs }) => atMs - crashedMs).sort((a, b) => a - b);
    expect(latencies.at(-1)).toBeLessThan(5_000);
    expect(network.events.filter(({ event }) => event.type === 'memberDown')).toHaveLength(
      SIZE - 1,
    );
  });

  test.each([11, 12])('takes no node for dead that stalls for 1.5 s (seed %i)', (seed) => {
    const network = new RosterNetwork({ size: SIZE, seed, loss: 0.05 });
    network.run(10_000);
    for (let round = 0; round < 25; round += 1) {
      for (let i = 0; i < 3; i += 1) {
        network.at(Math.floor(network.random.float() * SIZE)).stall(i === 0 ? 1_500 : 500);
      }
      network.run(2_000);
    }
    network.run(15_000);
    expect(network.events.filter(({ event }) => event.type === 'memberDown')).toEqual([]);
    for (const node of network.nodes) expect(node.roster.livingCount).toBe(SIZE);
  });

  test('stalls of minutes end with the same members everywhere', () => {
    const network = new RosterNetwork({ size: SIZE, seed: 21 });
    network.run(10_000);
    network.at(3).stall(120_000);
    network.run(60_000);
    const others = network.nodes.filter((_, i) => i !== 3);
    for (const node of others) expect(node.roster.isMember('n3@t')).toBe(false);
    network.run(100_000);
    for (const node of network.nodes) expect(node.roster.livingCount).toBe(SIZE);
    // The one that stood still blames nobody for it.
    expect(
      network.events.filter(({ on, event }) => on === 'n3@t' && event.type === 'memberDown'),
    ).toEqual([]);
    expect(network.at(3).reasserts).toBeGreaterThan(0);
  });

  test('that is split finds the other half dead, and heals without losing one of its own', () => {
    const network = new RosterNetwork({ size: SIZE, seed: 31 });
    network.run(20_000);
    network.groupOf = (name) => (Number(/\d+/.exec(name)?.[0]) < SIZE / 2 ? 0 : 1);
    network.run(40_000);
    for (const node of network.nodes) expect(node.roster.livingCount).toBe(SIZE / 2);
    const isOwn = (one: string, other: string): boolean =>
      network.groupOf(one) === network.groupOf(other);
    const ownDowns = (): number =>
      network.events.filter(({ on, event }) => event.type === 'memberDown' && isOwn(on, event.node))
        .length;
    expect(ownDowns()).toBe(0);
    const { groupOf } = network;
    network.groupOf = () => 0;
    network.link(network.at(0), network.at(SIZE - 1));
    network.link(network.at(5), network.at(SIZE - 7));
    network.link(network.at(9), network.at(SIZE - 9));
    network.run(10_000);
    for (const node of network.nodes) expect(node.roster.livingCount).toBe(SIZE);
    network.groupOf = groupOf;
    expect(ownDowns()).toBe(0);
  });

  test('misses none of those that die together with all their neighbours', () => {
    const network = new RosterNetwork({ size: SIZE, seed: 41 });
    network.run(20_000);
    const victim = network.at(11);
    const group = [...victim.links.keys()];
    victim.crash();
    for (const name of group) network.find(name).crash();
    network.run(30_000);
    for (const node of network.running) {
      expect(node.roster.livingCount).toBe(SIZE - 1 - group.length);
    }
  });
});
