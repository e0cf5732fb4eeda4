/**
 * Several ways to one goal: each is begun a moment after the one before it, or as soon as that one
 * has failed; the first that succeeds is taken, and the others are given up (RFC 8305 in short).
 */
import { BarrelError } from '../../errors.ts';
import type { Timers } from '../../host/host.ts';
import { settlement } from '../../settlement.ts';

const NEXT_AFTER_MS = 250;

export interface FirstOfOptions<T> {
  readonly timers: Timers;
  /** Undoes a success that came too late. */
  readonly undo: (value: T) => void;
}

/** Rejects with what the first way failed with, when all of them have. `ways`: at least one. */
export async function firstOf<W, T>(
  { timers, undo }: FirstOfOptions<T>,
  ways: readonly W[],
  attempt: (way: W, givenUp: AbortSignal) => Promise<T>,
): Promise<T> {
  const found = settlement<T>();
  const givenUp = new AbortController();
  const failures: unknown[] = [];
  let begun = 0;
  let isFound = false;
  const take = (value: T): void => {
    if (isFound) undo(value);
    isFound = true;
    found.resolve(value);
  };
  let timer: Disposable | undefined;
  const begin = (): void => {
    timer?.[Symbol.dispose]();
    const way = ways[begun];
    if (way === undefined) return;
    begun += 1;
    timer = timers.after(NEXT_AFTER_MS, begin);
    attempt(way, givenUp.signal).then(take, (error: unknown) => {
      failures.push(error);
      if (failures.length === ways.length) found.reject(failures[0]);
      else begin();
    });
  };
  begin();
  try {
    return await found.promise;
  } finally {
    timer?.[Symbol.dispose]();
    givenUp.abort(new BarrelError('ERR_UNREACHABLE', 'another address answered first'));
  }
}
