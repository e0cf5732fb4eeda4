import { describe, expect, test } from 'vitest';
import { VirtualTime } from '../../src/testing/virtual-time.ts';
import { within } from '../../src/time-limit.ts';

describe('work with a deadline', () => {
  test('gives what the work gives', async () => {
    const timers = new VirtualTime();
    expect(await within({ timers, timeoutMs: 10, what: 'it' }, async () => 42)).toBe(42);
  });

  test('fails at the deadline and tells the work by its signal', async () => {
    const timers = new VirtualTime();
    let seen: AbortSignal | undefined;
    const late = within({ timers, timeoutMs: 10, what: 'waiting' }, (signal) => {
      seen = signal;
      return new Promise(() => {});
    });
    const outcome = expect(late).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      message: 'waiting took more than 10 ms',
    });
    await timers.advance(10);
    await outcome;
    expect(seen?.aborted).toBe(true);
  });

  test('fails with the reason of the caller, at once and on the way', async () => {
    const timers = new VirtualTime();
    const abort = new AbortController();
    const limit = { timers, timeoutMs: 10, what: 'it', signal: abort.signal };
    const waiting = within(limit, () => new Promise(() => {}));
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(within(limit, async () => 1)).rejects.toBe(reason);
  });

  test('takes no time-out that is none', async () => {
    const timers = new VirtualTime();
    for (const timeoutMs of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      const refused = within({ timers, timeoutMs, what: 'it' }, async () => 1);
      await expect(refused).rejects.toMatchObject({ code: 'ERR_OPTION' });
    }
  });
});

test('a hundred waits on one signal warn of nothing', async () => {
  const warnings: string[] = [];
  const note = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', note);
  const timers = new VirtualTime();
  const { signal } = new AbortController();
  const waits = Array.from({ length: 100 }, () =>
    within({ timers, timeoutMs: 10, what: 'it', signal }, () => new Promise(() => {})),
  );
  const settled = Promise.allSettled(waits);
  await timers.advance(10);
  await settled;
  process.off('warning', note);
  expect(warnings).toEqual([]);
});
