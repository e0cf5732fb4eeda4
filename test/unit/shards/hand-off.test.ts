/** Partitions that come and go at one node, and the jobs on them. */
import { describe, expect, test } from 'vitest';
import type { CustodyMessage } from '../../../src/core/placement/custody-codec.ts';
import type { HeldShard } from '../../../src/shards/shards.ts';
import { HandOffUnderTest, OTHER, PlayedJob, RING } from './hand-off-under-test.ts';
import { SELF } from './played-port.ts';

const ALL = Array.from({ length: RING }, (_, partition) => partition);

/** With a job on the whole ring. */
async function working(handOffMs?: number): Promise<[HandOffUnderTest, PlayedJob]> {
  const under = await HandOffUnderTest.alone(handOffMs);
  const job = new PlayedJob();
  void under.shards.run(job.run);
  await under.time.advance(0);
  return [under, job];
}

function byNumber(partitions: readonly number[]): readonly number[] {
  return [...partitions].sort((a, b) => a - b);
}

describe('partitions without jobs', () => {
  test('are granted as soon as another member owns them', async () => {
    const under = await HandOffUnderTest.alone();
    expect(under.shards.owned()).toEqual(ALL);
    await under.live(SELF, OTHER);
    const gone = under.ownedBy(OTHER);
    expect(gone.length).toBeGreaterThan(0);
    expect(under.released).toEqual(gone);
    expect(under.sent).toEqual([
      [OTHER, { kind: 'grant', hops: 1, leaver: undefined, partitions: gone }],
    ]);
    expect(under.metric('barrel_shards_handed_over_total')).toBe(gone.length);
  });

  test('are waited for until they are granted', async () => {
    const under = await HandOffUnderTest.alone();
    await under.live(SELF, OTHER);
    const before = under.shards.owned();
    await under.weigh(3);
    const wanted = under.ownedBy(SELF).filter((partition) => !before.includes(partition));
    expect(wanted.length).toBeGreaterThan(0);
    expect(under.sent.at(-1)).toEqual([OTHER, { kind: 'ask', partitions: wanted }]);
    expect(under.metric('barrel_shards_waiting')).toBe(wanted.length);
    under.links.hear(OTHER, { kind: 'grant', hops: 1, leaver: undefined, partitions: wanted });
    expect(under.shards.owned()).toEqual(under.ownedBy(SELF));
    expect(under.metric('barrel_shards_waiting')).toBe(0);
  });

  test('are taken at the deadline, with a warning and a count', async () => {
    const under = await HandOffUnderTest.alone(3_000);
    await under.live(SELF, OTHER);
    const before = under.shards.owned();
    await under.weigh(3);
    await under.time.advance(2_999);
    expect(under.shards.owned()).toEqual(before);
    await under.time.advance(1);
    expect(under.shards.owned()).toEqual(under.ownedBy(SELF));
    expect(under.warnings).toHaveLength(1);
    const taken = under.shards.owned().length - before.length;
    expect(under.metric('barrel_shards_handoff_timeouts_total')).toBe(taken);
  });

  test('of a node that is gone are taken 500 ms later, without a warning', async () => {
    const under = await HandOffUnderTest.alone();
    await under.live(SELF, OTHER);
    const before = under.shards.owned();
    await under.live(SELF);
    await under.time.advance(499);
    expect(under.shards.owned()).toEqual(before);
    await under.time.advance(1);
    expect(under.shards.owned()).toEqual(ALL);
    expect(under.warnings).toEqual([]);
  });
});

test('partitions of a node that is gone are taken later where links are slow', async () => {
  const under = await HandOffUnderTest.alone();
  await under.live(SELF, OTHER);
  const before = under.shards.owned();
  under.links.rttMs = 100;
  await under.live(SELF);
  await under.time.advance(1_299);
  expect(under.shards.owned()).toEqual(before);
  await under.time.advance(1);
  expect(under.shards.owned()).toEqual(ALL);
});

describe('members with weight 0', () => {
  const spare = { [OTHER]: 0 };

  test('are waited for by who takes everything from them', async () => {
    const under = await HandOffUnderTest.unused([SELF]);
    under.port.live([SELF, OTHER], spare);
    await under.time.advance(0);
    under.shards.use();
    expect(under.shards.owned()).toEqual([]);
    expect(under.sent).toEqual([[OTHER, { kind: 'ask', partitions: ALL }]]);
    under.links.hear(OTHER, { kind: 'redirect', holder: OTHER, partitions: ALL });
    await under.time.advance(900);
    expect(under.shards.owned()).toEqual([]);
    await under.live(SELF);
    await under.time.advance(500);
    expect(under.shards.owned()).toEqual(ALL);
    expect(under.warnings).toEqual([]);
  });

  test('are granted everything by the last one that has another weight, when it goes', async () => {
    const under = await HandOffUnderTest.alone();
    under.port.live([SELF, OTHER], spare);
    await under.time.advance(0);
    const closing = under.shards.close();
    await under.time.advance(0);
    await closing;
    expect(under.sent).toMatchObject([[OTHER, { kind: 'grant', leaver: SELF, partitions: ALL }]]);
  });
});

describe('shards that nobody has used on a node', () => {
  const grantOf = (partitions: readonly number[]): CustodyMessage => ({
    kind: 'grant',
    hops: 1,
    leaver: undefined,
    partitions,
  });

  test('hold nothing and ask nobody; they do with the first use', async () => {
    const under = await HandOffUnderTest.unused([SELF, OTHER]);
    await under.time.advance(60_000);
    expect(under.shards.owned()).toEqual([]);
    expect(under.sent).toEqual([]);
    under.shards.use();
    expect(under.sent).toEqual([[OTHER, { kind: 'ask', partitions: under.ownedBy(SELF) }]]);
    under.shards.use();
    expect(under.sent).toEqual([]);
  });

  test('are all held at the first use of a node that is alone', async () => {
    const under = await HandOffUnderTest.unused([SELF]);
    expect(under.shards.owned()).toEqual([]);
    under.shards.use();
    expect(under.shards.owned()).toEqual(ALL);
  });

  test('keep what they are granted for who asks, or for the first use', async () => {
    const under = await HandOffUnderTest.unused([SELF, OTHER]);
    const [first = -1, second = -1] = under.ownedBy(SELF);
    under.links.hear(OTHER, grantOf([first, second]));
    under.links.hear(OTHER, { kind: 'ask', partitions: [first] });
    expect(under.sent).toMatchObject([[OTHER, { kind: 'grant', partitions: [first] }]]);
    under.shards.use();
    expect(under.shards.owned()).toEqual([second]);
  });

  test('give at the end of the node what they were granted', async () => {
    const under = await HandOffUnderTest.unused([SELF, OTHER]);
    const [first = -1] = under.ownedBy(SELF);
    under.links.hear(OTHER, grantOf([first]));
    const closing = under.shards.close();
    await under.time.advance(0);
    await closing;
    expect(under.sent).toMatchObject([
      [OTHER, { kind: 'grant', leaver: SELF, partitions: [first] }],
    ]);
  });

  test('do not keep the node from its end when others cannot be reached', async () => {
    const under = await HandOffUnderTest.unused([SELF, OTHER]);
    under.links.sentBy = new Promise(() => {});
    await under.shards.close();
    expect(under.time.monotonicMs()).toBe(0);
  });
});

describe('a job', () => {
  test('begins on each partition that is held, with its epoch', async () => {
    const [under, job] = await working();
    expect(byNumber(job.atWork)).toEqual(ALL);
    const events = under.shards.events()[Symbol.asyncIterator]();
    const { value } = await events.next();
    expect(value).toMatchObject({ type: 'acquired', epoch: job.shards[0]?.epoch });
  });

  test('is told to end; its partition is held and not granted until it has', async () => {
    const [under, job] = await working();
    await under.live(SELF, OTHER);
    const gone = under.ownedBy(OTHER);
    const [first = -1, ...rest] = gone;
    expect(gone.every((partition) => job.signalOf(partition)?.aborted)).toBe(true);
    expect(job.signalOf(first)?.reason).toMatchObject({ code: 'ERR_CLOSED' });
    expect(under.shards.owned()).toEqual(ALL);
    expect(under.released).toEqual([]);
    expect(under.sent).toEqual([[OTHER, { kind: 'redirect', holder: SELF, partitions: gone }]]);
    job.end(first);
    await under.time.advance(0);
    expect(under.released).toEqual([first]);
    expect(under.sent).toMatchObject([[OTHER, { kind: 'grant', partitions: [first] }]]);
    job.end(...rest);
    await under.time.advance(0);
    expect(under.sent).toMatchObject([[OTHER, { kind: 'grant', partitions: rest }]]);
  });

  test('goes on where the partition stays', async () => {
    const [under, job] = await working();
    await under.live(SELF, OTHER);
    for (const partition of under.ownedBy(SELF)) {
      expect(job.signalOf(partition)?.aborted).toBe(false);
    }
  });

  test('that does not end loses its partition after nine tenths of the time, with a warning', async () => {
    const [under] = await working(10_000);
    await under.live(SELF, OTHER);
    await under.time.advance(8_999);
    expect(under.released).toEqual([]);
    await under.time.advance(2);
    expect(under.released).toEqual(under.ownedBy(OTHER));
    expect(under.warnings).toHaveLength(1);
    await under.time.advance(20_000);
    expect(under.warnings).toHaveLength(1);
  });

  test('is not waited for with 0', async () => {
    const [under] = await working(0);
    await under.live(SELF, OTHER);
    expect(under.released).toEqual(under.ownedBy(OTHER));
    expect(under.warnings).toEqual([]);
  });

  test('that ends late is not joined by another one of its run', async () => {
    const [under, job] = await working(1_000);
    await under.live(SELF, OTHER);
    const [late = -1] = under.ownedBy(OTHER);
    await under.time.advance(900);
    await under.live(SELF);
    await under.time.advance(1_500);
    expect(under.shards.owned()).toEqual(ALL);
    expect(job.atWork.filter((partition) => partition === late)).toHaveLength(1);
    job.end(late);
    await under.time.advance(0);
    expect(job.atWork.filter((partition) => partition === late)).toHaveLength(1);
    expect(job.signalOf(late)?.aborted).toBe(false);
  });

  test('that returns has done its work until the partition comes anew', async () => {
    const [under, job] = await working();
    job.end(3);
    await under.time.advance(60_000);
    expect(job.atWork).not.toContain(3);
    expect(job.shards).toHaveLength(RING);
  });

  test('that throws is logged and starts again after 1 s, then 2 s, then 4 s at most', async () => {
    const under = await HandOffUnderTest.alone();
    const startsMs: number[] = [];
    void under.shards.run(async ({ partition }) => {
      if (partition !== 0) return;
      startsMs.push(under.time.monotonicMs());
      throw new Error('not yet');
    });
    await under.time.advance(7_000);
    const pauses = startsMs.slice(1, 4).map((ms, i) => ms - (startsMs[i] ?? 0));
    for (const [i, pauseMs] of pauses.entries()) {
      expect(pauseMs).toBeGreaterThanOrEqual(500 * 2 ** i);
      expect(pauseMs).toBeLessThanOrEqual(1_000 * 2 ** i);
    }
    expect(pauses).toHaveLength(3);
    expect(under.warnings).toHaveLength(startsMs.length);
  });

  test('that fails starts no more when its partition has gone', async () => {
    const under = await HandOffUnderTest.alone();
    const starts: number[] = [];
    void under.shards.run(async ({ partition }) => {
      starts.push(partition);
      throw new Error('never');
    });
    await under.time.advance(0);
    await under.live(SELF, OTHER);
    const gone = new Set(under.ownedBy(OTHER));
    starts.length = 0;
    await under.time.advance(5_000);
    expect(starts.length).toBeGreaterThan(0);
    expect(starts.filter((partition) => gone.has(partition))).toEqual([]);
  });
});

describe('a run', () => {
  test('resolves when its signal has aborted and the jobs have ended; partitions stay', async () => {
    const under = await HandOffUnderTest.alone();
    const job = new PlayedJob();
    const abort = new AbortController();
    let isOver = false;
    void under.shards.run(job.run, { signal: abort.signal }).then(() => {
      isOver = true;
    });
    await under.time.advance(0);
    abort.abort(new Error('enough'));
    await under.time.advance(0);
    expect(job.signalOf(5)?.reason).toMatchObject({ message: 'enough' });
    expect(isOver).toBe(false);
    job.end(...ALL);
    await under.time.advance(0);
    expect(isOver).toBe(true);
    expect(under.shards.owned()).toEqual(ALL);
  });

  test('resolves at once with a signal that has aborted before', async () => {
    const under = await HandOffUnderTest.alone();
    const job = new PlayedJob();
    await under.shards.run(job.run, { signal: AbortSignal.abort() });
    expect(job.shards).toEqual([]);
  });

  test('holds its partitions until its jobs have ended, also after its signal has aborted', async () => {
    const under = await HandOffUnderTest.alone();
    const job = new PlayedJob();
    const abort = new AbortController();
    void under.shards.run(job.run, { signal: abort.signal });
    await under.time.advance(0);
    abort.abort();
    await under.live(SELF, OTHER);
    const gone = under.ownedBy(OTHER);
    expect(under.released).toEqual([]);
    job.end(...gone);
    await under.time.advance(0);
    expect(under.released).toEqual(gone);
    await under.live(SELF);
    await under.time.advance(500);
    expect(under.shards.owned()).toEqual(ALL);
    expect(job.shards).toHaveLength(RING);
  });

  test('stands beside others: a partition goes when the jobs of all have ended', async () => {
    const [under, one] = await working();
    const two = new PlayedJob();
    void under.shards.run(two.run);
    await under.live(SELF, OTHER);
    const gone = under.ownedBy(OTHER);
    one.end(...gone);
    await under.time.advance(0);
    expect(under.released).toEqual([]);
    two.end(...gone);
    await under.time.advance(0);
    expect(under.released).toEqual(gone);
  });

  test('that begins while a partition is on its way has no job on it', async () => {
    const [under] = await working();
    await under.live(SELF, OTHER);
    const late = new PlayedJob();
    void under.shards.run(late.run);
    await under.time.advance(0);
    expect(byNumber(late.atWork)).toEqual(under.ownedBy(SELF));
  });

  test('is refused with ERR_OVERLOADED beside 64 others', async () => {
    const under = await HandOffUnderTest.alone();
    const idle = async (_: HeldShard): Promise<void> => {};
    for (let i = 0; i < 64; i += 1) void under.shards.run(idle);
    await expect(under.shards.run(idle)).rejects.toMatchObject({ code: 'ERR_OVERLOADED' });
  });
});

describe('the end of a node', () => {
  test('ends jobs, grants all to the next owners, and then is over', async () => {
    const [under, job] = await working();
    await under.live(SELF, OTHER);
    job.end(...under.ownedBy(OTHER));
    await under.time.advance(0);
    const mine = under.ownedBy(SELF);
    expect(under.sent).toHaveLength(2);
    let isClosed = false;
    void under.shards.close().then(() => {
      isClosed = true;
    });
    await under.time.advance(100);
    expect(isClosed).toBe(false);
    job.end(...mine);
    await under.time.advance(0);
    expect(isClosed).toBe(true);
    expect(under.shards.owned()).toEqual([]);
    expect(under.sent.at(-1)).toEqual([
      OTHER,
      { kind: 'grant', hops: 1, leaver: SELF, partitions: mine },
    ]);
  });

  test('waits no longer than 1 s for nodes that cannot be reached', async () => {
    const under = await HandOffUnderTest.alone();
    await under.live(SELF, OTHER);
    under.links.sentBy = new Promise(() => {});
    let closedMs = Number.NaN;
    void under.shards.close().then(() => {
      closedMs = under.time.monotonicMs();
    });
    await under.time.advance(5_000);
    expect(closedMs).toBe(1_000);
  });

  test('resolves runs, and no later one begins', async () => {
    const under = await HandOffUnderTest.alone();
    const job = new PlayedJob();
    const running = under.shards.run(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    await under.time.advance(0);
    const closing = under.shards.close();
    await under.time.advance(0);
    await Promise.all([closing, running, under.shards.run(job.run)]);
    expect(job.shards).toEqual([]);
  });

  test('is the end also where it overtakes a `leave`', async () => {
    const [under, job] = await working();
    await under.live(SELF, OTHER);
    const leaving = under.shards.leave();
    const closing = under.shards.close();
    job.end(...ALL);
    await under.time.advance(0);
    await Promise.all([leaving, closing]);
    under.shards.join();
    under.shards.settle();
    await under.time.advance(20_000);
    expect(under.shards.owned()).toEqual([]);
    expect(under.metric('barrel_shards_waiting')).toBe(0);
  });

  test('by `leave` is one after which it takes part again', async () => {
    const under = await HandOffUnderTest.alone();
    await under.live(SELF, OTHER);
    const leaving = under.shards.leave();
    await under.time.advance(0);
    await leaving;
    expect(under.shards.owned()).toEqual([]);
    under.shards.join();
    under.shards.settle();
    await under.time.advance(0);
    const mine = under.ownedBy(SELF);
    expect(under.sent.at(-1)).toEqual([OTHER, { kind: 'ask', partitions: mine }]);
    under.links.hear(OTHER, { kind: 'grant', hops: 1, leaver: undefined, partitions: mine });
    expect(under.shards.owned()).toEqual(mine);
  });
});
