import { expect, test } from 'vitest';
import { JointAttempts } from '../../../src/cluster/joint-attempts.ts';
import { DIALS_MAX } from '../../../src/limits.ts';

test('callers that want the same node share one attempt', async () => {
  const attempts = new JointAttempts<string>();
  let starts = 0;
  const start = async (): Promise<string> => {
    starts += 1;
    return 'linked';
  };
  const joined = [1, 2, 3].map(() => attempts.join({ node: 'a@test' }, start, undefined));
  expect(await Promise.all(joined)).toEqual(['linked', 'linked', 'linked']);
  expect(starts).toBe(1);
  await attempts.join({ node: 'a@test' }, start, undefined);
  expect(starts).toBe(2);
});

test('an attempt goes on while one of its callers waits, and ends with the last', async () => {
  const attempts = new JointAttempts<string>();
  const signals: AbortSignal[] = [];
  const start = (signal: AbortSignal): Promise<string> => {
    signals.push(signal);
    return new Promise(() => {});
  };
  const [first, second] = [new AbortController(), new AbortController()];
  const joined = [first, second].map(({ signal }) =>
    attempts.join({ node: 'a@test' }, start, signal),
  );
  first.abort(new Error('first'));
  await expect(joined[0]).rejects.toThrow('first');
  expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  second.abort(new Error('second'));
  await expect(joined[1]).rejects.toThrow('second');
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
});

test('too many attempts at once are refused', async () => {
  const attempts = new JointAttempts<string>();
  const start = (): Promise<string> => new Promise(() => {});
  for (let index = 0; index < DIALS_MAX; index += 1) {
    void attempts.join({ node: `n${index}@test` }, start, undefined);
  }
  await expect(attempts.join({ node: 'more@test' }, start, undefined)).rejects.toMatchObject({
    code: 'ERR_OVERLOADED',
    node: 'more@test',
  });
});
