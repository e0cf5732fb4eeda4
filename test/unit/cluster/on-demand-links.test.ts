import { describe, expect, test } from 'vitest';
import type { Link } from '../../../src/cluster/link.ts';
import { OnDemandLinks } from '../../../src/cluster/on-demand-links.ts';
import { BarrelError } from '../../../src/errors.ts';
import { DIALS_MAX, LINK_QUEUE_BYTES_MAX } from '../../../src/limits.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { Outbox } from '../../../src/transport/quic/outbox.ts';
import { SimulatedClusters } from './simulated-cluster.ts';

describe('a send to a node without a link', () => {
  test('dials it, keeps the frames in order and delivers them', async () => {
    const clusters = new SimulatedClusters();
    const a = await clusters.start('a@test');
    const b = await clusters.start('b@test');
    const c = await clusters.start('c@test');
    for (const node of [b, c]) {
      await clusters.settled(node.cluster.dialler.toAddress(a.cluster.address));
    }
    await clusters.settled(
      b.cluster.dialler.toNode('c@test', { hints: [c.cluster.address] }).then((link) => {
        link.connection.close('closed');
      }),
    );
    await clusters.time.advance(3_000);
    for (const text of ['one', 'two', 'three']) {
      a.cluster.messages.send('b@test', 3, Buffer.from(text));
    }
    await clusters.time.advance(1_000);
    expect(b.messages.frames.map((frame) => frame.text)).toEqual(['one', 'two', 'three']);
    expect(b.messages.frames[0]?.from.node).toBe('a@test');
    await clusters.settled(Promise.all([a, b, c].map(({ cluster }) => cluster.close())));
  });

  test('waits, as much as may wait, and all of it has room in the queue of the link', async () => {
    const { links } = bench(() => new Promise(() => {}));
    const frame = Buffer.alloc(2_000);
    const fill = (): void => {
      for (;;) links.send('b@test', 0, frame);
    };
    expect(fill).toThrowError(expect.objectContaining({ code: 'ERR_OVERLOADED' }));
    const outbox = new Outbox();
    const link = { node: 'b@test', send: (lane: 1, bytes: Uint8Array) => outbox.push(lane, bytes) };
    links.linkUp(link as unknown as Link);
    expect(outbox.bytes).toBeGreaterThan(LINK_QUEUE_BYTES_MAX - 4_000);
    expect(outbox.bytes).toBeLessThanOrEqual(LINK_QUEUE_BYTES_MAX);
  });

  test('reports a node that nobody can find, once for each dial', async () => {
    const { links, reports, time } = bench(async () => {
      throw new BarrelError('ERR_UNREACHABLE', 'nobody there');
    });
    links.send('lost@test', 0, Buffer.from('x'));
    links.send('lost@test', 0, Buffer.from('y'));
    await time.advance(1);
    expect(reports).toEqual(['lost@test ERR_UNREACHABLE']);
  });

  test('fails at once, and without a dial, right after one that failed', async () => {
    let dials = 0;
    const { links, reports, time } = bench(async () => {
      dials += 1;
      throw new BarrelError('ERR_UNREACHABLE', 'nobody there');
    });
    links.send('lost@test', 0, Buffer.from('x'));
    await time.advance(100);
    links.send('lost@test', 0, Buffer.from('y'));
    await time.advance(100);
    expect([dials, reports.length]).toEqual([1, 2]);
    await time.advance(500);
    links.send('lost@test', 0, Buffer.from('z'));
    await time.advance(1);
    expect([dials, reports.length]).toEqual([2, 3]);
  });

  test('reports what waited when the link came and went before anybody looked', async () => {
    const { links, reports, time } = bench(async () => {});
    links.send('brief@test', 0, Buffer.from('x'));
    await time.advance(1);
    expect(reports).toEqual(['brief@test ERR_UNREACHABLE']);
  });

  test('is refused at the hard limit, and answers false above the high-water mark', () => {
    const { links } = bench(() => new Promise(() => {}));
    const frame = Buffer.alloc(1024 * 1024);
    expect(links.send('slow@test', 0, Buffer.from('x'))).toBe(true);
    expect(links.send('slow@test', 0, frame)).toBe(false);
    for (let bytes = frame.length; bytes < LINK_QUEUE_BYTES_MAX - frame.length; ) {
      links.send('slow@test', 0, frame);
      bytes += frame.length;
    }
    expect(() => links.send('slow@test', 0, frame)).toThrow(/waits for slow@test/);
  });

  test('is refused when too many nodes are being dialled', () => {
    const { links } = bench(() => new Promise(() => {}));
    for (let index = 0; index < DIALS_MAX; index += 1) {
      links.send(`node-${index}@test`, 0, Buffer.from('x'));
    }
    expect(() => links.send('more@test', 0, Buffer.from('x'))).toThrow(/being dialled/);
  });

  test('is refused after the end', () => {
    const { links } = bench(async () => {});
    links.close();
    expect(() => links.send('b@test', 0, Buffer.from('x'))).toThrow(/closed/);
  });
});

test('a hold lasts until each of its holders let go, and letting go twice counts once', () => {
  const { links } = bench(async () => {});
  const first = links.hold('b@test');
  const second = links.hold('b@test');
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  expect(links.isHeld('b@test')).toBe(true);
  second[Symbol.dispose]();
  expect(links.isHeld('b@test')).toBe(false);
});

function bench(connect: (node: string) => Promise<void>): {
  readonly links: OnDemandLinks;
  readonly reports: string[];
  readonly time: VirtualTime;
} {
  const time = new VirtualTime();
  const reports: string[] = [];
  const host = { clock: time, timers: time };
  const self = { node: 'self@test', incarnation: 1n };
  const links = new OnDemandLinks(self, host, { link: (): Link | undefined => undefined, connect });
  links.attach({
    onLinkUp: () => {},
    onLinkDown: () => {},
    onUnreachable: (node, error) => reports.push(`${node} ${error.code}`),
    onFrame: () => {},
    onDrained: () => {},
  });
  return { links, reports, time };
}
