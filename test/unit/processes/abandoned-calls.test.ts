/** Calls that nobody waits for any more stand in nobody's way, and a drain waits for the others. */
import { expect, test } from 'vitest';
import { SERVE_WAITING_MAX } from '../../../src/limits.ts';
import { Request } from '../../../src/processes/messages.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import { LinkedNodes } from './linked-nodes.ts';

test('calls given up in the queue of a served object make room for new ones', async () => {
  const net = new LinkedNodes();
  const { processes } = net.start('a@h', 1n);
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const pid = processes.serve({ wait: () => gate }, { concurrency: 1 });
  const wait = methodCall('wait', []);
  const first = processes.call(pid, wait);
  await net.settle(0);
  const given = Array.from({ length: SERVE_WAITING_MAX }, () =>
    processes.call(pid, wait, { timeoutMs: 10 }),
  );
  const ends = Promise.allSettled(given);
  await net.settle(20);
  await ends;
  const next = processes.call(pid, wait);
  open();
  await net.settle(0);
  expect(await Promise.all([first, next])).toEqual([undefined, undefined]);
});

test('calls given up in a full mailbox make room, and those left are not received', async () => {
  const net = new LinkedNodes();
  const { processes } = net.start('a@h', 1n);
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const got: unknown[] = [];
  const pid = processes.spawn(
    async (self) => {
      await gate;
      got.push(await self.receive({ match: (message) => message instanceof Request }));
      for await (const message of self) got.push(message);
    },
    { mailboxMax: 4 },
  );
  const giveUp = async (count: number): Promise<void> => {
    const calls = Array.from({ length: count }, () => processes.call(pid, 'x', { timeoutMs: 1 }));
    const ends = Promise.allSettled(calls);
    await net.settle(5);
    await ends;
  };
  processes.send(pid, 'kept');
  await giveUp(3);
  const answered = processes.call(pid, 'wanted');
  await giveUp(2);
  open();
  await net.settle(0);
  expect(got).toMatchObject([{ request: 'wanted' }, 'kept']);
  (got[0] as Request).reply('done');
  expect(await answered).toBe('done');
});

test('draining waits for the requests that spawned processes hold open', async () => {
  const net = new LinkedNodes();
  const { processes } = net.start('a@h', 1n);
  let held: unknown;
  const pid = processes.spawn(async (self) => {
    for await (const message of self) held = message;
  });
  const call = processes.call(pid, 'x');
  let isDrained = false;
  const drain = processes.drain(60_000).then(() => {
    isDrained = true;
  });
  await net.settle();
  expect(isDrained).toBe(false);
  (held as Request).reply('done');
  await net.settle(0);
  expect([isDrained, await call]).toEqual([true, 'done']);
  await drain;
});
