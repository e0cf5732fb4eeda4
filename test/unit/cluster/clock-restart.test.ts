import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NodeClock } from '../../../src/cluster/node-clock.ts';
import { packStamp, type Stamp, wallMsOf } from '../../../src/core/clock/stamp.ts';
import { ClockMachine, FakeBound, settled, START_WALL_MS as T } from './clock-machine.ts';

const DISK_FULL = new Error('disk full');
const HOUR_MS = 3_600_000;

describe('the bound of a clock', () => {
  test('is 10 s ahead on disk before the clock is there', async () => {
    const { bound } = await start();
    expect(bound.saves).toEqual([packStamp(T + 10_000, 0)]);
  });

  test('moves when less than 5 s is left, in the background, and only with use', async () => {
    const { clock, machine, bound } = await start();
    machine.pass(5_000);
    clock.now();
    expect(bound.saves).toHaveLength(1);
    machine.pass(1);
    expect(bound.saves).toHaveLength(1);
    clock.now();
    clock.now();
    expect(bound.saves).toEqual([T + 10_000, T + 15_001].map((wallMs) => packStamp(wallMs, 0)));
    machine.pass(HOUR_MS);
    await settled();
    expect(bound.saves).toHaveLength(2);
  });

  test('is saved at once when the clock has jumped over it, and again if it jumps meanwhile', async () => {
    const { clock, machine, bound } = await start();
    bound.isSlow = true;
    clock.observe(packStamp(T + 30_000, 0));
    expect(machine.count('barrel_clock_uncovered_total')).toBe(1);
    clock.update(packStamp(T + 45_000, 0));
    expect(bound.waiting.map((save) => save.bound)).toEqual([packStamp(T + 40_000, 0)]);
    bound.finish();
    await settled();
    expect(bound.waiting.map((save) => save.bound)).toEqual([packStamp(T + 55_000, 0)]);
    const covered = clock.covered();
    bound.finish();
    expect(await covered).toBe(true);
    expect(machine.count('barrel_clock_uncovered_total')).toBe(2);
  });

  test('is no further ahead of the machine’s clock than others allow', async () => {
    const { clock, machine, bound } = await start();
    for (let step = 0; step < 100; step += 1) {
      machine.pass(100);
      clock.observe(packStamp(machine.wallMs + 59_000, 0));
      await settled();
    }
    expect(wallMsOf(bound.durable ?? 0n) - machine.wallMs).toBeLessThanOrEqual(60_000);
    // About one save a second while a clock pulls this one to the limit.
    expect(bound.saves.length).toBeLessThan(15);
    expect(machine.count('barrel_clock_uncovered_total')).toBe(1);
  });

  test('of a node that is closed is its last stamp: the next start is not ahead', async () => {
    const { clock, machine, bound } = await start();
    const last = clock.now();
    await clock.close();
    expect(bound.durable).toBe(last);
    machine.wallMs -= HOUR_MS;
    const next = await start(machine, bound);
    expect(next.clock.now()).toBe(last + 1n);
  });

  test('of a clock that was not used is given back at its close', async () => {
    const { clock, bound } = await start();
    await clock.close();
    expect(bound.durable).toBe(0n);
  });

  test('does not run away from a node that crashes again and again', async () => {
    let { clock, machine, bound } = await start();
    for (let crash = 0; crash < 50; crash += 1) {
      machine.pass(100);
      clock.now();
      await settled();
      ({ clock, machine, bound } = await start(machine, bound.afterCrash(true)));
    }
    expect(wallMsOf(bound.durable ?? 0n) - machine.wallMs).toBeLessThanOrEqual(10_200);
  });

  test('that cannot be saved is said and counted; the clock goes on; then it is said again', async () => {
    const { clock, machine, bound } = await start();
    bound.failure = DISK_FULL;
    machine.pass(20_000);
    const stamp = clock.now();
    expect(stamp).toBe(packStamp(T + 20_000, 0));
    expect(await clock.covered()).toBe(false);
    expect(machine.count('barrel_clock_save_failed_total')).toBeGreaterThan(0);
    for (let tick = 0; tick < 50; tick += 1) {
      machine.pass(100);
      clock.now();
      await settled();
    }
    // Tried once a second, said once.
    expect(bound.saves.length).toBeLessThanOrEqual(1 + 1 + 1 + 5);
    expect(machine.lines.map(({ level }) => level)).toEqual(['error']);
    bound.failure = undefined;
    machine.pass(1_000);
    clock.now();
    await settled();
    expect(machine.lines.map(({ level }) => level)).toEqual(['error', 'info']);
    expect(await clock.covered()).toBe(true);
  });

  test('that cannot be saved at the start or the close stops neither', async () => {
    const machine = new ClockMachine();
    const bound = new FakeBound();
    bound.failure = DISK_FULL;
    const { clock } = await start(machine, bound);
    expect(clock.now()).toBe(packStamp(T, 0));
    await clock.close();
    expect(bound.durable).toBeUndefined();
    expect(machine.lines).toHaveLength(1);
  });

  test('is waited for by a close, which comes after it', async () => {
    const { clock, machine, bound } = await start();
    bound.isSlow = true;
    machine.pass(7_000);
    const last = clock.now();
    const closing = clock.close();
    await settled();
    expect(bound.waiting).toHaveLength(1);
    bound.finish();
    await settled();
    bound.finish();
    await closing;
    expect(bound.durable).toBe(last);
  });
});

/** What happens to a machine, between any two of which it may crash. */
type Step =
  | { readonly kind: 'now' | 'finish' | 'fail' | 'await' }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'remote'; readonly aheadMs: number }
  | { readonly kind: 'set'; readonly offsetMs: number };

const NOW = fc.constant<Step>({ kind: 'now' });
const PASS = fc.nat(4_000).map((ms): Step => ({ kind: 'pass', ms }));
const ANY_STEP: fc.Arbitrary<Step> = fc.oneof(
  NOW,
  PASS,
  fc.constantFrom<Step>({ kind: 'finish' }, { kind: 'fail' }, { kind: 'await' }),
  fc.integer({ min: -70_000, max: 70_000 }).map((aheadMs): Step => ({ kind: 'remote', aheadMs })),
  fc.integer({ min: -HOUR_MS, max: HOUR_MS }).map((offsetMs): Step => ({ kind: 'set', offsetMs })),
);
const LIFE = fc.record({
  steps: fc.array(ANY_STEP, { maxLength: 30 }),
  /** Whether the save that was under way at the crash is on disk. */
  isReached: fc.boolean(),
  setBackMs: fc.nat(2 * HOUR_MS),
});

describe('after a crash at any point, with the machine’s clock set back', () => {
  test('a clock makes only stamps above all that were covered, whatever had happened', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(LIFE, { minLength: 1, maxLength: 4 }), async (lives) => {
        const machine = new ClockMachine();
        let bound = new FakeBound();
        let covered: Stamp = 0n;
        for (const { steps, isReached, setBackMs } of lives) {
          const { clock } = await start(machine, bound);
          bound.isSlow = true;
          expect(clock.now() > covered).toBe(true);
          for (const step of steps)
            covered = later(covered, await run(step, clock, bound, machine));
          bound = bound.afterCrash(isReached);
          machine.wallMs -= setBackMs;
        }
        const { clock } = await start(machine, bound);
        expect(clock.now() > covered).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('a clock that is used every 4 s, without jumps, makes only stamps above all', async () => {
    const passes = fc.array(fc.nat(4_000), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(passes, fc.boolean(), fc.nat(HOUR_MS), async (times, isReached, backMs) => {
        const { clock, machine, bound } = await start();
        bound.isSlow = true;
        let last = clock.now();
        for (const ms of times) {
          // A save ends before the next use; the crash comes while the last one is under way.
          await finishAll(bound);
          machine.pass(ms);
          last = clock.now();
        }
        expect(machine.count('barrel_clock_uncovered_total')).toBe(0);
        machine.wallMs -= backMs;
        const next = await start(machine, bound.afterCrash(isReached));
        expect(next.clock.now() > last).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

/** Answers the last stamp when it is certain that it is covered, 0 otherwise. */
async function run(
  step: Step,
  clock: NodeClock,
  bound: FakeBound,
  machine: ClockMachine,
): Promise<Stamp> {
  switch (step.kind) {
    case 'now':
      clock.now();
      break;
    case 'pass':
      machine.pass(step.ms);
      break;
    case 'set':
      machine.wallMs = T + step.offsetMs;
      break;
    case 'remote':
      clock.observe(packStamp(Math.max(machine.wallMs + step.aheadMs, 0), 7));
      break;
    case 'finish':
      bound.finish();
      await settled();
      break;
    case 'fail':
      bound.fail(DISK_FULL);
      await settled();
      break;
    case 'await':
      return awaitCovered(clock, bound);
  }
  return clock.last <= (bound.durable ?? 0n) ? clock.last : 0n;
}

async function awaitCovered(clock: NodeClock, bound: FakeBound): Promise<Stamp> {
  const { last } = clock;
  const covered = clock.covered().then((isCovered) => {
    if (isCovered) expect(bound.durable ?? 0n).toBeGreaterThanOrEqual(last);
    return isCovered;
  });
  await finishAll(bound);
  return (await covered) ? last : 0n;
}

async function finishAll(bound: FakeBound): Promise<void> {
  await settled();
  while (bound.waiting.length > 0) {
    bound.finish();
    await settled();
  }
}

function later(a: Stamp, b: Stamp): Stamp {
  return a > b ? a : b;
}

async function start(machine = new ClockMachine(), bound = new FakeBound()) {
  return { machine, bound, clock: await NodeClock.open({ host: machine.host, bound }) };
}
