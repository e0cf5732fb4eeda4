import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VIRTUAL_START_WALL_MS, VirtualTime } from '../../../src/testing/virtual-time.ts';

describe('virtual time', () => {
  test('stands still until it is told to move', async () => {
    const time = new VirtualTime();
    let fired = false;
    time.after(0, () => {
      fired = true;
    });
    await new Promise(setImmediate);
    expect([fired, time.monotonicMs(), time.wallMs()]).toEqual([false, 0, VIRTUAL_START_WALL_MS]);
    await time.advance(250);
    expect([fired, time.monotonicMs(), time.wallMs()]).toEqual([
      true,
      250,
      VIRTUAL_START_WALL_MS + 250,
    ]);
  });

  test('timers run by due time, those of one instant in the order of their setting', async () => {
    const delays = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(delays, async (delayList) => {
        const time = new VirtualTime();
        const order: (readonly [number, number])[] = [];
        for (const [index, delayMs] of delayList.entries()) {
          time.after(delayMs, () => order.push([time.monotonicMs(), index]));
        }
        await time.advance(20);
        const expected = delayList.map((delayMs, index) => [delayMs, index] as const);
        expect(order).toEqual(expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]));
      }),
      { numRuns: 50 },
    );
  });

  test('what is asked for soon comes before any timer, in order', async () => {
    const time = new VirtualTime();
    const order: string[] = [];
    time.after(0, () => order.push('timer'));
    time.soon(() => {
      order.push('soon');
      time.soon(() => order.push('soon again'));
    });
    await time.advance(0);
    expect(order).toEqual(['soon', 'soon again', 'timer']);
  });

  test('a disposed timer is inert', async () => {
    const time = new VirtualTime();
    let fired = 0;
    const timer = time.after(5, () => {
      fired += 1;
    });
    const later = time.after(10, () => {
      fired += 1;
    });
    timer[Symbol.dispose]();
    await time.advance(20);
    later[Symbol.dispose]();
    expect(fired).toBe(1);
  });

  test('promises are followed to their end between two callbacks', async () => {
    const time = new VirtualTime();
    const order: string[] = [];
    time.after(1, async () => {
      for (let hop = 0; hop < 100; hop += 1) await Promise.resolve();
      order.push('end of the promises');
    });
    time.after(1, () => order.push('second timer'));
    await time.advance(1);
    expect(order).toEqual(['end of the promises', 'second timer']);
  });

  test('a timer set by a timer within the run fires in it', async () => {
    const time = new VirtualTime();
    const times: number[] = [];
    const again = (): void => {
      times.push(time.monotonicMs());
      time.after(10, again);
    };
    time.after(10, again);
    await time.advance(35);
    expect(times).toEqual([10, 20, 30]);
    expect(time.monotonicMs()).toBe(35);
  });

  test('runUntil stops as soon as the condition holds', async () => {
    const time = new VirtualTime();
    let count = 0;
    for (let ms = 1; ms <= 10; ms += 1) {
      time.after(ms, () => {
        count += 1;
      });
    }
    await time.runUntil(() => count === 3, 100);
    expect(time.monotonicMs()).toBe(3);
  });

  test('runUntil rejects when the condition never holds', async () => {
    const time = new VirtualTime();
    const run = time.runUntil(() => false, 100);
    await expect(run).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(time.monotonicMs()).toBe(100);
  });

  test('what a callback throws rejects the run, and the next run goes on', async () => {
    const time = new VirtualTime();
    const failure = new Error('broken');
    time.after(1, () => {
      throw failure;
    });
    let fired = false;
    time.after(2, () => {
      fired = true;
    });
    await expect(time.advance(5)).rejects.toBe(failure);
    await time.advance(5);
    expect(fired).toBe(true);
  });

  test('two runs at once are refused', async () => {
    const time = new VirtualTime();
    const first = time.advance(1);
    await expect(time.advance(1)).rejects.toThrow('already running');
    await first;
  });
});
