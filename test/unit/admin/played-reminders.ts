/** Reminders that note what is asked of them and have what they are given. */
import type { Reminders } from '../../../src/admin/reminder-queries.ts';

type Reminder = NonNullable<Awaited<ReturnType<Reminders['get']>>>;
type Filter = Parameters<Reminders['list']>[0];

export class PlayedReminders implements Reminders {
  /** The method, then what it was given, without signals. */
  readonly calls: (readonly unknown[])[] = [];
  readonly signals: (AbortSignal | undefined)[] = [];
  /** How many have been read by lists. */
  read = 0;
  readonly #there: readonly Reminder[];

  constructor(there: readonly Reminder[] = []) {
    this.#there = there;
  }

  set(...words: Parameters<Reminders['set']>): Promise<void> {
    return this.#note('set', words);
  }

  after(...words: Parameters<Reminders['after']>): Promise<void> {
    return this.#note('after', words);
  }

  every(...words: Parameters<Reminders['every']>): Promise<void> {
    return this.#note('every', words);
  }

  cancel(...words: Parameters<Reminders['cancel']>): Promise<void> {
    return this.#note('cancel', words);
  }

  retry(...words: Parameters<Reminders['retry']>): Promise<void> {
    return this.#note('retry', words);
  }

  get(key: Parameters<Reminders['get']>[0]): Promise<Reminder | undefined> {
    return Promise.resolve(this.#there.find((one) => one.key === key));
  }

  async *list(options: Filter): AsyncGenerator<Reminder> {
    await this.#note('list', [options]);
    for (const reminder of this.#there) {
      this.read += 1;
      yield reminder;
    }
  }

  handle(): Disposable {
    throw new Error('nobody handles anything here');
  }

  #note(method: string, words: readonly unknown[]): Promise<void> {
    const { signal, ...options } = words.at(-1) as { readonly signal?: AbortSignal | undefined };
    this.signals.push(signal);
    this.calls.push([method, ...words.slice(0, -1), options]);
    return Promise.resolve();
  }
}

export function reminderOf(more: Partial<Reminder> & Pick<Reminder, 'key'>): Reminder {
  const rest = { payload: null, state: 'scheduled', attempt: 0, error: undefined } as const;
  return { dueAt: new Date(0), ...rest, ...more };
}
