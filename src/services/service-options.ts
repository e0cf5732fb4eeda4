/** Checks of the options that say how an instance is looked for. */
import { BarrelError } from '../errors.ts';
import { SERVICE_RETRIES_MAX } from '../limits.ts';
import type { Select } from './services.ts';

const SELECT_WORDS: readonly unknown[] = ['local', 'random', 'nearest'] satisfies Select[];

export interface SearchOptions {
  readonly retries?: number | undefined;
  readonly select?: Select | undefined;
}

/** @throws ERR_OPTION */
export function checkSearch({ retries = 0, select = 'local' }: SearchOptions): void {
  if (!Number.isInteger(retries) || retries < 0 || retries > SERVICE_RETRIES_MAX) {
    const rule = `retries must be an integer from 0 to ${SERVICE_RETRIES_MAX}`;
    throw new BarrelError('ERR_OPTION', `${rule}, not ${shortText(retries)}`);
  }
  if (typeof select === 'function' || SELECT_WORDS.includes(select)) return;
  const rule = `select must be one of ${SELECT_WORDS.join(', ')}, or a function`;
  throw new BarrelError('ERR_OPTION', `${rule}, not ${shortText(select)}`);
}

function shortText(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 64)) : typeof value;
}
