/** Calls to a node that closes: those that it took are answered, the others were never taken. */
import { expect, test } from 'vitest';
import type { Pid } from '../../../src/core/pid.ts';
import { LANE_COUNT } from '../../../src/limits.ts';
import { FrameWriter } from '../../../src/processes/frame-writer.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import { type LinkedNode, LinkedNodes, type NetworkOptions } from './linked-nodes.ts';

test('a call that comes when the processes have ended fails as one that nobody took', async () => {
  const { net, a, b, pid, work } = await served();
  const call = failure(a.processes.call(pid, methodCall('work', [])));
  b.processes.close();
  await net.settle();
  net.endLink(a.links, b.links, 'leaving');
  expect(await call).toMatchObject({ code: 'ERR_NO_PROCESS', node: 'b@h' });
  expect(work.calls).toBe(0);
  expect(a.links.holds.get('b@h')).toBe(0);
});

test('answers that are on slower ways than the goodbye still count', async () => {
  const { net, a, b, work } = await served({ laneSkewMs: 10 });
  const pids = Array.from({ length: LANE_COUNT }, () => b.processes.serve(work));
  const calls = pids.map((pid) => a.processes.call(pid, methodCall('work', [])));
  // All are taken; the answers on the slower lanes are on their way.
  await net.time.runUntil(() => work.calls === LANE_COUNT, 1_000);
  b.processes.close();
  await net.settle(200);
  net.endLink(a.links, b.links, 'leaving');
  expect(await Promise.all(calls)).toEqual(pids.map(() => 'done'));
});

test('a call that was taken and is cut off never fails as one that nobody took', async () => {
  const { net, a, b, pid } = await served();
  const call = failure(a.processes.call(pid, methodCall('never', [])));
  await net.settle();
  b.processes.close();
  await net.settle();
  expect(await call).toMatchObject({ code: 'ERR_EXIT', cause: 'shutdown' });
});

test('a link that ends before the goodbye is whole leaves open what became of a call', async () => {
  const { net, a, b, pid } = await served({ laneSkewMs: 10 });
  const call = failure(a.processes.call(pid, methodCall('work', [])));
  b.processes.close();
  await net.settle(10 * (LANE_COUNT - 2));
  net.endLink(a.links, b.links, 'lost');
  expect(await call).toMatchObject({ code: 'ERR_NO_CONNECTION' });
});

test('what is called at a node that has said goodbye fails at once, until it starts anew', async () => {
  const { net, a, b, pid, work } = await served();
  b.processes.close();
  await net.settle();
  const sent = a.links.sent;
  await expect(a.processes.call(pid, 'x')).rejects.toMatchObject({ code: 'ERR_NO_PROCESS' });
  expect(a.processes.send(pid, 'x')).toBe(true);
  expect(a.links.sent).toBe(sent);
  net.crash(b);
  const born = net.start('b@h', 21n);
  const call = a.processes.call(born.processes.serve(work), methodCall('work', []));
  await net.settle();
  expect(await call).toBe('done');
});

test('a node that links with one whose processes have ended hears it, too', async () => {
  const net = new LinkedNodes();
  const [a, b] = [net.start('a@h', 10n), net.start('b@h', 20n)];
  const pid = b.processes.serve({ work: () => 'done' });
  b.processes.close();
  const call = failure(a.processes.call(pid, methodCall('work', [])));
  await net.settle();
  expect(await call).toMatchObject({ code: 'ERR_NO_PROCESS' });
});

test('after draining calls of others are not taken; during it they are', async () => {
  const { net, a, b, pid, work } = await served();
  const first = a.processes.call(pid, methodCall('finish', []));
  await net.settle();
  let isDrained = false;
  const drained = b.processes.drain(10_000).then(() => {
    isDrained = true;
  });
  expect(await within(net, a.processes.call(pid, methodCall('work', [])))).toBe('done');
  expect(isDrained).toBe(false);
  work.release();
  await within(net, drained);
  expect(await within(net, first)).toBe('finished');
  const late = failure(a.processes.call(pid, methodCall('work', [])));
  expect(await within(net, late)).toMatchObject({ code: 'ERR_NO_PROCESS' });
  expect(work.calls).toBe(1);
  // Its own processes may need each other to the end.
  expect(await within(net, b.processes.call(pid, methodCall('work', [])))).toBe('done');
});

test('a node that says goodbye more often than there are lanes loses its link', async () => {
  const { net, a, b, pid } = await served();
  const call = failure(a.processes.call(pid, methodCall('never', [])));
  await net.settle();
  const goodbye = new FrameWriter().closed();
  for (let lane = 0; lane <= LANE_COUNT; lane += 1) b.links.inject(a, goodbye);
  expect(await call).toMatchObject({ code: 'ERR_NO_PROCESS' });
  expect(net.faults).toHaveLength(1);
});

class Work {
  calls = 0;
  release: () => void = () => {};

  work(): string {
    this.calls += 1;
    return 'done';
  }

  async finish(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.release = resolve;
    });
    return 'finished';
  }

  never(): Promise<never> {
    return new Promise(() => {});
  }
}

/** Two nodes with a link, and what one of them serves. */
async function served(options: NetworkOptions = {}): Promise<{
  readonly net: LinkedNodes;
  readonly a: LinkedNode;
  readonly b: LinkedNode;
  readonly pid: Pid;
  readonly work: Work;
}> {
  const net = new LinkedNodes(options);
  const [a, b] = [net.start('a@h', 10n), net.start('b@h', 20n)];
  const work = new Work();
  const pid = b.processes.serve(work);
  const hello = a.processes.call(pid, methodCall('work', []));
  await within(net, hello);
  work.calls = 0;
  return { net, a, b, pid, work };
}

async function within<T>(net: LinkedNodes, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  promise.then(settle, settle);
  await net.time.runUntil(() => isSettled, 10_000);
  return promise;
}

function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => value,
    (error: unknown) => error,
  );
}
