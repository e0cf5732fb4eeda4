/** P1-P10 of the acceptance scenarios: broadcast as a user sees it, through `node.topics`. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../../src/barrel-node.ts';
import type { Logger } from '../../../../src/host/logger.ts';
import { silentLogger } from '../../../../src/host/logger.ts';
import { createSimulation, type Simulation } from '../../../../src/testing/index.ts';
import { formed, listen, names, whole } from './cluster.ts';

const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

describe('a subscriber', () => {
  test('hears what its own node publishes, within a second (P1)', async () => {
    const sim = simulate(1);
    const node = await sim.start({ name: 'one@sim' });
    const heard = listen(node, 'news');
    const id = node.topics.publish('news', 'hello');
    await sim.advance(1_000);
    expect(heard).toEqual([{ topic: 'news', message: 'hello', from: 'one@sim', id }]);
  });

  test('hears nothing more once its handle is disposed (P2)', async () => {
    const sim = simulate(2);
    const [a, b] = (await formed(sim, 2)) as [BarrelNode, BarrelNode];
    const heard: unknown[] = [];
    const handle = b.topics.subscribe('news', ({ message }) => heard.push(message));
    handle[Symbol.dispose]();
    a.topics.publish('news', 'hello');
    b.topics.publish('news', 'hello');
    await sim.advance(200);
    expect(heard).toEqual([]);
  });

  test('hears each message once, though the network repeats and mixes them (P3)', async () => {
    const sim = simulate(3);
    const nodes = await formed(sim, 5);
    sim.link({ duplicate: 0.3, reorder: 0.3 });
    const heard = nodes.map((node) => listen(node, 'news'));
    const ids = nodes.flatMap((node) => [1, 2, 3].map((i) => node.topics.publish('news', i)));
    await sim.advance(5_000);
    for (const messages of heard) {
      expect(messages.map(({ id }) => id).sort()).toEqual([...ids].sort());
    }
  });

  test('of two topics hears both, each under its own (P5)', async () => {
    const sim = simulate(5);
    const [a, b] = (await formed(sim, 2)) as [BarrelNode, BarrelNode];
    const [news, prices] = [listen(b, 'news'), listen(b, 'prices')];
    a.topics.publish('news', 'rain');
    a.topics.publish('prices', 7);
    await sim.advance(1_000);
    expect(news.map(({ topic, message }) => [topic, message])).toEqual([['news', 'rain']]);
    expect(prices.map(({ topic, message }) => [topic, message])).toEqual([['prices', 7]]);
  });

  test('shares its topic with another one on the same node: both hear (P6)', async () => {
    const sim = simulate(6);
    const [a, b] = (await formed(sim, 2)) as [BarrelNode, BarrelNode];
    const heard = [listen(b, 'news'), listen(b, 'news')];
    a.topics.publish('news', 'hello');
    await sim.advance(1_000);
    expect(heard.map((messages) => messages.map(({ message }) => message))).toEqual([
      ['hello'],
      ['hello'],
    ]);
  });

  test('that throws takes nothing from others, and hears the next message itself (P9)', async () => {
    const sim = simulate(9);
    const errors: string[] = [];
    const logger: Logger = { ...silentLogger, error: (text) => errors.push(text) };
    const [a, b, c] = (await formed(sim, 3, { logger })) as [BarrelNode, BarrelNode, BarrelNode];
    let thrown = 0;
    b.topics.subscribe('news', () => {
      thrown += 1;
      throw new Error('broken');
    });
    const heard = [listen(b, 'news'), listen(c, 'news')];
    for (const message of [1, 2]) {
      a.topics.publish('news', message);
      await sim.advance(5_000);
    }
    expect(thrown).toBe(2);
    expect(errors).toHaveLength(2);
    for (const messages of heard) expect(messages.map(({ message }) => message)).toEqual([1, 2]);
  });
});

describe('a listener of node events', () => {
  test('that throws takes nothing from others, and hears the next event itself (P10)', async () => {
    const sim = simulate(10);
    const errors: string[] = [];
    const logger: Logger = { ...silentLogger, error: (text) => errors.push(text) };
    const a = await sim.start({ name: 'n0@sim', logger });
    let thrown = 0;
    a.on('peerUp', () => {
      thrown += 1;
      throw new Error('broken');
    });
    const heard: string[] = [];
    a.on('peerUp', ({ node }) => heard.push(node));
    for (const name of ['n1@sim', 'n2@sim']) await sim.start({ name, contacts: ['n0@sim'] });
    await whole(sim);
    expect(thrown).toBe(2);
    expect(errors).toHaveLength(2);
    expect(heard.sort()).toEqual(['n1@sim', 'n2@sim']);
    expect(a.activeView()).toEqual(heard);
    const messages = listen(a, 'news');
    sim.node('n2@sim').topics.publish('news', 'hello');
    await sim.advance(1_000);
    expect(messages).toHaveLength(1);
  });
});

describe('the counts of broadcast', () => {
  test('say who is pushed to and announced to, what is kept, sent and received (P4)', async () => {
    const sim = simulate(4);
    const [a, b] = (await formed(sim, 2)) as [BarrelNode, BarrelNode];
    const before = [gossip(a), gossip(b)] as const;
    a.topics.publish('news', 'hello');
    await sim.advance(1_000);
    const [sender, receiver] = [gossip(a), gossip(b)];
    expect(sender.eager + sender.lazy).toBe(1);
    expect(receiver.cached).toBeGreaterThan(before[1].cached);
    expect(sender.sent).toBeGreaterThan(before[0].sent);
    expect(receiver.received).toBeGreaterThan(before[1].received);
  });

  test('have one neighbour less to push to when one goes (P7)', async () => {
    const sim = simulate(7);
    const nodes = await formed(sim, 3);
    const [a, b, c] = nodes as [BarrelNode, BarrelNode, BarrelNode];
    const reached = (): number => gossip(a).eager + gossip(a).lazy;
    expect(reached()).toBe(2);
    await sim.settled(b.leave());
    await sim.until(() => a.activeView().length === 1, 5_000);
    expect(reached()).toBe(1);
    await sim.settled(c.close());
    await sim.until(() => a.activeView().length === 0, 5_000);
    expect(gossip(a)).toMatchObject({ eager: 0, lazy: 0 });
  });
});

describe('broadcast under load', () => {
  test('of five nodes still reaches all with the message after forty others (P8)', async () => {
    const sim = simulate(8);
    const nodes = await formed(sim, 5, { membership: { activeSize: 4 } });
    const heard = nodes.map((node) => listen(node, 'news'));
    for (let i = 0; i < 40; i += 1) {
      nodes[i % 5]?.topics.publish('news', i);
      await sim.advance(50);
    }
    await sim.advance(2_000);
    const marker = nodes[2]?.topics.publish('news', 'marker');
    const hasAll = (): boolean => heard.every((all) => all.some(({ id }) => id === marker));
    await sim.until(hasAll, 15_000);
    for (const messages of heard) expect(messages).toHaveLength(41);
    expect(nodes.map(({ name }) => name)).toEqual(names(5));
  });
});

function simulate(seed: number): Simulation {
  const sim = createSimulation({ seed });
  simulations.push(sim);
  return sim;
}

interface Counts {
  readonly eager: number;
  readonly lazy: number;
  readonly cached: number;
  /** Frames that carry a payload. */
  readonly sent: number;
  readonly received: number;
}

function gossip(node: BarrelNode): Counts {
  const samples = node.metrics.snapshot();
  const sample = (name: string): number => samples[`barrel_gossip_${name}`] ?? Number.NaN;
  return {
    eager: sample('eager_peers'),
    lazy: sample('lazy_peers'),
    cached: sample('cached_payloads'),
    sent: sample('frames_total{direction="sent",kind="gossip"}'),
    received: sample('frames_total{direction="received",kind="gossip"}'),
  };
}
