import { describe, expect, test } from 'vitest';
import { Writer } from '../../../src/core/wire/writer.ts';
import { BarrelError } from '../../../src/errors.ts';
import type { Logger } from '../../../src/host/logger.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { SUBSCRIPTIONS_MAX } from '../../../src/limits.ts';
import { TopicHub } from '../../../src/topics/topic-hub.ts';
import type { TopicMessage } from '../../../src/topics/topics.ts';
import { join, SimulatedClusters, type TestNode } from '../cluster/simulated-cluster.ts';

describe('a message on a topic', () => {
  test('reaches every subscriber of the cluster once, those of its publisher too', async () => {
    const { clusters, members } = await formed(8);
    const got = members.map(({ hub }) => listen(hub, 'news'));
    const id = members[3]?.hub.publish('news', { text: 'hello', at: new Date(0) });
    await clusters.time.advance(1_000);
    for (const messages of got) {
      expect(messages).toEqual([
        { topic: 'news', message: { text: 'hello', at: new Date(0) }, from: 'node-3@test', id },
      ]);
    }
    await closeAll(clusters, members);
  });

  test('is not heard on other topics, nor after the handle is disposed', async () => {
    const { clusters, members } = await formed(3);
    const [a, b] = members as [Member, Member];
    const other = listen(b.hub, 'other');
    const messages: TopicMessage[] = [];
    const handle = b.hub.subscribe('news', (message) => messages.push(message));
    a.hub.publish('news', 1);
    await clusters.time.advance(500);
    handle[Symbol.dispose]();
    handle[Symbol.dispose]();
    a.hub.publish('news', 2);
    await clusters.time.advance(500);
    expect(messages.map(({ message }) => message)).toEqual([1]);
    expect(other).toEqual([]);
    await closeAll(clusters, members);
  });

  test('comes to each subscriber as a copy of its own', async () => {
    const { clusters, members } = await formed(2);
    const [a, b] = members as [Member, Member];
    b.hub.subscribe('list', ({ message }) => (message as number[]).push(99));
    const second = listen(b.hub, 'list');
    const own = listen(a.hub, 'list');
    const list = [1, 2];
    a.hub.publish('list', list);
    await clusters.time.advance(500);
    expect(second[0]?.message).toEqual([1, 2]);
    expect(own[0]?.message).toEqual([1, 2]);
    expect(own[0]?.message).not.toBe(list);
    await closeAll(clusters, members);
  });

  test('may be published from within a listener, and each has an id of its own', async () => {
    const { clusters, members } = await formed(2);
    const [a, b] = members as [Member, Member];
    const ids: string[] = [];
    b.hub.subscribe('ping', () => ids.push(b.hub.publish('pong', 1), b.hub.publish('pong', 2)));
    const pongs = listen(a.hub, 'pong');
    a.hub.publish('ping', 0);
    await clusters.time.advance(500);
    expect(pongs.map(({ id }) => id)).toEqual(ids);
    expect(new Set(ids).size).toBe(2);
    await closeAll(clusters, members);
  });

  test('breaks nothing when its listener throws', async () => {
    const errors: string[] = [];
    const logger: Logger = { ...silentLogger, error: (text) => errors.push(text) };
    const { clusters, members } = await formed(2, logger);
    const [a, b] = members as [Member, Member];
    b.hub.subscribe('news', () => {
      throw new Error('mine');
    });
    const second = listen(b.hub, 'news');
    a.hub.publish('news', 1);
    await clusters.time.advance(500);
    expect(second).toHaveLength(1);
    expect(errors).toEqual(['a topic listener threw']);
    await closeAll(clusters, members);
  });

  test('of a hostile publisher goes no further, and costs it its link', async () => {
    const { clusters, members } = await formed(2);
    const [a, b] = members as [Member, Member];
    const heard = listen(b.hub, 'news');
    // It has thrown its own judgement away.
    a.node.cluster.broadcasts.attach(1, { accepts: () => true, onBroadcast: () => {} });
    for (const bytes of [[], [0x91], [0xa0, 1], [0xa1, 0x61]]) {
      a.node.cluster.broadcasts.broadcast(1, Uint8Array.from(bytes));
    }
    a.node.cluster.broadcasts.broadcast(1, new Writer().string('news').value(1).uint(1).take());
    await clusters.time.advance(100);
    expect(heard).toEqual([]);
    expect(b.node.messages.downs.some(({ reason }) => reason === 'protocol')).toBe(true);
    await closeAll(clusters, members);
  });
});

describe('a topic', () => {
  test('must be a string of 1 to 255 bytes', async () => {
    const { clusters, members } = await formed(1);
    const [{ hub }] = members as [Member];
    for (const topic of ['', 'ä'.repeat(128), 7 as unknown as string]) {
      expect(() => hub.publish(topic, 1)).toThrow(/a topic must be a string of 1 to 255 bytes/);
      expect(() => hub.subscribe(topic, () => {})).toThrow(BarrelError);
    }
    expect(hub.publish('ä'.repeat(127), 1)).toMatch(/^node-0@test\/\d+\/\d+$/);
    await closeAll(clusters, members);
  });

  test('takes messages of at most 60 KiB of what may cross the wire', async () => {
    const { clusters, members } = await formed(1);
    const [{ hub }] = members as [Member];
    expect(() => hub.publish('t', new Uint8Array(61_500))).toThrow(BarrelError);
    expect(() => hub.publish('t', () => 1)).toThrow(BarrelError);
    hub.publish('t', new Uint8Array(61_400));
    await closeAll(clusters, members);
  });

  test('takes a bounded number of subscriptions, and none after close', async () => {
    const { clusters, members } = await formed(1);
    const [{ hub }] = members as [Member];
    const handles = Array.from({ length: SUBSCRIPTIONS_MAX }, () => hub.subscribe('t', () => {}));
    expect(() => hub.subscribe('t', () => {})).toThrow(/subscriptions exist already/);
    handles[0]?.[Symbol.dispose]();
    hub.subscribe('t', () => {});
    hub.close();
    expect(() => hub.subscribe('t', () => {})).toThrow(/closed/);
    expect(() => hub.publish('t', 1)).toThrow(/closed/);
    await closeAll(clusters, members);
  });
});

interface Member {
  readonly node: TestNode;
  readonly hub: TopicHub;
}

async function formed(count: number, logger: Logger = silentLogger) {
  const clusters = new SimulatedClusters(1);
  const members: Member[] = [];
  for (let index = 0; index < count; index += 1) {
    const node = await clusters.start(`node-${index}@test`);
    const [first] = members;
    if (first !== undefined) await join(clusters, node, first.node);
    members.push({ node, hub: new TopicHub({ broadcasts: node.cluster.broadcasts, logger }) });
  }
  await clusters.time.advance(5_000);
  return { clusters, members };
}

function listen(hub: TopicHub, topic: string): TopicMessage[] {
  const messages: TopicMessage[] = [];
  hub.subscribe(topic, (message) => messages.push(message));
  return messages;
}

async function closeAll(clusters: SimulatedClusters, members: readonly Member[]): Promise<void> {
  for (const { node } of members) await clusters.settled(node.cluster.close());
}
