/** The reasons of processes that ended lately. */
import { expect, test } from 'vitest';
import { ENDED_PROCESSES_KEPT_MAX } from '../../../src/limits.ts';
import { EndedProcesses } from '../../../src/processes/ended-processes.ts';

test('are kept for so many of them', () => {
  const ended = new EndedProcesses();
  for (let serial = 1; serial <= ENDED_PROCESSES_KEPT_MAX + 2; serial += 1) {
    ended.add(serial, `reason ${serial}`);
  }
  expect([ended.size, ended.reasonOf(2), ended.reasonOf(3)]).toEqual([
    ENDED_PROCESSES_KEPT_MAX,
    undefined,
    'reason 3',
  ]);
});

test('are cut to a summary where they are long', () => {
  const ended = new EndedProcesses();
  const message = 'x'.repeat(10_000);
  ended.add(1, message);
  ended.add(2, { name: 'RangeError', message: 'too far', code: 'E_FAR', stack: message });
  ended.add(3, 'normal');
  expect(String(ended.reasonOf(1)).length).toBeLessThan(1_025);
  expect(ended.reasonOf(2)).toEqual({ name: 'RangeError', message: 'too far', code: 'E_FAR' });
  expect(ended.reasonOf(3)).toBe('normal');
});
