/**
 * Cron expressions, read by croner. It is an optional dependency and is loaded when somebody needs
 * it: a node without recurring reminders of that kind runs without it.
 *
 * The rules of daylight saving: a time in the hour that is skipped is due at the end of the gap,
 * one in the hour that comes twice is due the first time. An expression whose seconds, minutes or
 * hours have a wildcard or a step goes by elapsed time instead: it has nothing in the gap, and is
 * due in both hours.
 */
import type { Cron } from 'croner';
import type { CronPort } from '../core/schedule/contract.ts';
import {
  CRON_EXPRESSION_CHARS_MAX,
  CRONS_READ_MAX,
  TIME_ZONE_CHARS_MAX,
} from '../core/schedule/schedule-limits.ts';
import { BarrelError } from '../errors.ts';

/** As much of the package as is used. */
type Croner = Pick<typeof import('croner'), 'Cron'>;
type CronMaker = typeof Cron;

const OPTIONS = { paused: true, mode: 'auto', fixedTimeRule: 'no-wildcard' } as const;

/**
 * Loads the reader of cron expressions. It reads five fields from minutes, six from seconds, seven
 * with a year, and nicknames such as `@daily`. Refuses expressions over 256 characters, those that
 * are never due, and zones that this Node.js does not know: they have no next time.
 * @throws ERR_OPTION when the package is not installed.
 */
export async function openCron(load: () => Promise<Croner> = loadCroner): Promise<CronPort> {
  try {
    const { Cron } = await load();
    return new CronReader(Cron);
  } catch (cause) {
    const what = 'cron expressions need the package `croner`, which cannot be loaded';
    const message = `${what}: npm install croner@11.0.1`;
    throw new BarrelError('ERR_OPTION', message, { cause });
  }
}

function loadCroner(): Promise<Croner> {
  return import('croner');
}

class CronReader implements CronPort {
  readonly #Cron: CronMaker;
  /** Those that were read, in the order of their last use; undefined for what cannot be read. */
  readonly #crons = new Map<string, Cron | undefined>();

  constructor(maker: CronMaker) {
    this.#Cron = maker;
  }

  nextAfter(expression: string, timeZone: string | undefined, afterMs: number): number | undefined {
    try {
      return this.#cronOf(expression, timeZone)?.nextRun(new Date(afterMs))?.getTime();
    } catch {
      // A zone that it finds out about late, or a time beyond its years.
      return undefined;
    }
  }

  #cronOf(expression: string, timeZone = 'UTC'): Cron | undefined {
    if (!isInBounds(expression, timeZone)) return undefined;
    const words = `${timeZone} ${expression}`;
    const cron = this.#crons.has(words) ? this.#crons.get(words) : this.#read(expression, timeZone);
    this.#crons.delete(words);
    this.#crons.set(words, cron);
    if (this.#crons.size > CRONS_READ_MAX) this.#forgetOldest();
    return cron;
  }

  #read(expression: string, timezone: string): Cron | undefined {
    try {
      const cron = new this.#Cron(expression, { ...OPTIONS, timezone });
      // It takes a date for an expression, too.
      return cron.getPattern() === undefined ? undefined : cron;
    } catch {
      return undefined;
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#crons.keys();
    if (oldest !== undefined) this.#crons.delete(oldest);
  }
}

function isInBounds(expression: string, timeZone: string): boolean {
  if (expression.length > CRON_EXPRESSION_CHARS_MAX) return false;
  // An empty zone is that of the machine, and only some lines of Node.js know of mere offsets.
  return /^[A-Za-z]/.test(timeZone) && timeZone.length <= TIME_ZONE_CHARS_MAX;
}
