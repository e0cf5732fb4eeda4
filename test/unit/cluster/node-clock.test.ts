import { describe, expect, test } from 'vitest';
import { NodeClock } from '../../../src/cluster/node-clock.ts';
import { packStamp, STAMP_MAX } from '../../../src/core/clock/stamp.ts';
import { BarrelError } from '../../../src/errors.ts';
import { ClockMachine, FakeBound, START_WALL_MS as T } from './clock-machine.ts';

const VALUE = expect.objectContaining({ code: 'ERR_VALUE' });
const CLOSED = expect.objectContaining({ code: 'ERR_CLOSED' });

describe('the clock of a node', () => {
  test('shows when the node runs a positive wall, and the machine’s time', async () => {
    const { clock } = await opened();
    const stamp = clock.now();
    expect(typeof stamp).toBe('bigint');
    expect(clock.wallTime(stamp)).toEqual(new Date(T));
    expect(clock.wallTime(clock.now())).toEqual(new Date(T));
  });

  test('gives a second reading that is greater, also when it is set back', async () => {
    const { clock, machine } = await opened();
    const first = clock.now();
    machine.wallMs -= 3_600_000;
    expect(clock.compare(clock.now(), first)).toBe(1);
    expect(clock.compare(first, first)).toBe(0);
    expect(clock.compare(first, clock.now())).toBe(-1);
  });

  test('moves past a remote stamp 10 s and 100 ticks ahead', async () => {
    const { clock } = await opened();
    const remote = packStamp(T + 10_000, 100);
    expect(clock.compare(clock.update(remote), remote)).toBe(1);
    expect(clock.last).toBe(packStamp(T + 10_000, 101));
  });

  test('is ordered over nodes by what they tell each other', async () => {
    const fast = await opened();
    const slow = await opened();
    slow.machine.wallMs -= 20_000;
    const sent = fast.clock.now();
    expect(slow.clock.now() < sent).toBe(true);
    const received = slow.clock.update(sent);
    expect(slow.clock.compare(sent, received)).toBe(-1);
    expect(slow.clock.compare(received, slow.clock.now())).toBe(-1);
  });

  test('refuses what is more than 60 s ahead: counted, said once a minute, unchanged', async () => {
    const { clock, machine } = await opened();
    const before = clock.now();
    const tooFar = packStamp(T + 60_001, 0);
    expect(() => clock.update(tooFar)).toThrow(VALUE);
    expect(clock.observe(tooFar)).toBe(false);
    expect(clock.last).toBe(before);
    expect(machine.count('barrel_clock_drift_refused_total')).toBe(2);
    expect(machine.lines).toEqual([
      { level: 'warn', msg: expect.stringContaining('refused'), fields: { aheadMs: 60_001 } },
    ]);
    machine.pass(60_000);
    expect(clock.observe(packStamp(T + 120_001, 0))).toBe(false);
    expect(machine.lines).toHaveLength(2);
    expect(clock.observe(tooFar)).toBe(true);
  });

  test('refuses what is no stamp: counted, without a word', async () => {
    const { clock, machine } = await opened();
    for (const bad of [-1n, STAMP_MAX + 1n]) {
      expect(() => clock.update(bad)).toThrow(VALUE);
      expect(() => clock.wallTime(bad)).toThrow(VALUE);
      expect(clock.observe(bad)).toBe(false);
    }
    expect(() => Reflect.apply(clock.update, clock, [{ toString: null }])).toThrow(VALUE);
    expect(machine.count('barrel_clock_malformed_total')).toBe(5);
    expect(machine.lines).toEqual([]);
  });

  test('says from 80 % of the bound on, once a minute, that it is ahead', async () => {
    const { clock, machine } = await opened();
    expect(clock.observe(packStamp(T + 47_999, 0))).toBe(true);
    expect(machine.lines).toEqual([]);
    expect(clock.observe(packStamp(T + 48_000, 0))).toBe(true);
    expect(clock.observe(packStamp(T + 49_000, 0))).toBe(true);
    expect(machine.lines).toEqual([
      { level: 'warn', msg: expect.stringContaining('ahead'), fields: { aheadMs: 48_000 } },
    ]);
    expect(machine.count('barrel_clock_ahead_ms')).toBe(49_000);
    machine.pass(60_000);
    expect(machine.count('barrel_clock_ahead_ms')).toBe(0);
    clock.now();
    expect(machine.lines).toHaveLength(1);
  });

  test('says as an error that others refuse its stamps, when its wall was set back', async () => {
    const { clock, machine } = await opened();
    clock.now();
    machine.wallMs -= 60_001;
    clock.now();
    expect(machine.lines).toEqual([
      { level: 'error', msg: expect.stringContaining('other nodes'), fields: { aheadMs: 60_001 } },
    ]);
  });

  test('makes no stamps after its close; what others send harms nothing', async () => {
    const { clock } = await opened();
    await clock.close();
    await clock.close();
    expect(() => clock.now()).toThrow(CLOSED);
    expect(() => clock.update(1n)).toThrow(CLOSED);
    expect(clock.observe(packStamp(T, 1))).toBe(true);
    expect(clock.observe(-1n)).toBe(false);
  });

  test('that keeps nothing is never covered, and starts by the machine’s clock', async () => {
    const machine = new ClockMachine();
    const clock = await NodeClock.open({ host: machine.host, bound: undefined });
    expect(clock.now()).toBe(packStamp(T, 0));
    expect(await clock.covered()).toBe(false);
    await clock.close();
    expect(() => clock.now()).toThrow(BarrelError);
  });

  test('does not start when the bound cannot be read', async () => {
    const { host } = new ClockMachine();
    const error = new BarrelError('ERR_STORE', 'not readable');
    const bound = { load: () => Promise.reject(error), save: () => Promise.resolve() };
    await expect(NodeClock.open({ host, bound })).rejects.toBe(error);
  });
});

async function opened() {
  const machine = new ClockMachine();
  const bound = new FakeBound();
  return { machine, bound, clock: await NodeClock.open({ host: machine.host, bound }) };
}
