/** Cron ports that know one expression each, and count how often they are asked. */
import type { CronPort } from '../../../../src/core/schedule/contract.ts';

export const DAY_MS = 86_400_000;

/** Midnight, UTC. */
export const everyDay: CronPort = {
  nextAfter: (_expression, _timeZone, afterMs) => (Math.floor(afterMs / DAY_MS) + 1) * DAY_MS,
};

/** Due at these times, in order, and never again. */
export function dueAtTimes(times: readonly number[]): CronPort & { readonly asked: () => number } {
  let asked = 0;
  return {
    asked: () => asked,
    nextAfter: (_expression, _timeZone, afterMs) => {
      asked += 1;
      return times.find((atMs) => atMs > afterMs);
    },
  };
}

/** The 29th of February at noon, UTC. */
export const leapDays: CronPort = {
  nextAfter: (_expression, _timeZone, afterMs) => {
    for (let year = new Date(afterMs).getUTCFullYear(); ; year += 1) {
      const atMs = Date.UTC(year, 1, 29, 12);
      if (atMs > afterMs && new Date(atMs).getUTCMonth() === 1) return atMs;
    }
  },
};

const HOUR_MS = 3_600_000;

/**
 * Each day at 02:30 of a zone that is at UTC, and an hour ahead between the two times: a local time
 * that does not exist is skipped, one that comes twice is due the first time.
 */
export function halfPastTwo(summer: readonly [fromMs: number, untilMs: number]): CronPort {
  const [fromMs, untilMs] = summer;
  const isSummer = (atMs: number): boolean => atMs >= fromMs && atMs < untilMs;
  return {
    nextAfter: (_expression, _timeZone, afterMs) => {
      for (let day = Math.floor(afterMs / DAY_MS) - 1; ; day += 1) {
        const local = day * DAY_MS + 2.5 * HOUR_MS;
        const times = [local - HOUR_MS, local].filter(
          (atMs) => atMs + (isSummer(atMs) ? HOUR_MS : 0) === local,
        );
        const [first] = times;
        if (first !== undefined && first > afterMs) return first;
      }
    },
  };
}
