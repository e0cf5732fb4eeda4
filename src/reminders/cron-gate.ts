/**
 * The reader of cron expressions, loaded when the first one is met. Until then, and for good where
 * it is not installed, this node sees no reminders of that kind: they stay as they are and wait.
 */
import type { CronPort } from '../core/schedule/contract.ts';
import type { ReminderRecord } from '../core/schedule/record.ts';
import { BarrelError } from '../errors.ts';
import type { Logger } from '../host/logger.ts';

export class CronGate implements CronPort {
  readonly #open: () => Promise<CronPort>;
  readonly #logger: Logger;
  readonly #waiting = new Set<string>();
  #opening: Promise<CronPort> | undefined;
  #port: CronPort | undefined;
  #hasFailed = false;
  #onOpen: (ids: readonly string[]) => void = () => {};

  /** `open` rejects with ERR_OPTION when the package is not installed. */
  constructor(open: () => Promise<CronPort>, logger: Logger) {
    this.#open = open;
    this.#logger = logger;
  }

  /** Sets who is told of those that were not seen until now. */
  onOpen(listener: (ids: readonly string[]) => void): void {
    this.#onOpen = listener;
  }

  /** @throws ERR_OPTION */
  opened(): Promise<CronPort> {
    this.#opening ??= this.#load();
    return this.#opening;
  }

  nextAfter(expression: string, timeZone: string | undefined, afterMs: number): number | undefined {
    return this.#port?.nextAfter(expression, timeZone, afterMs);
  }

  /** The record, unless it needs what is not loaded. */
  admit(id: string, record: ReminderRecord | undefined): ReminderRecord | undefined {
    if (record?.schedule.kind !== 'cron' || this.#port !== undefined) return record;
    if (this.#hasFailed) return undefined;
    this.#waiting.add(id);
    this.opened().catch((error: unknown) => this.#fail(error));
    return undefined;
  }

  async #load(): Promise<CronPort> {
    const port = await this.#open();
    this.#port = port;
    const ids = [...this.#waiting];
    this.#waiting.clear();
    this.#onOpen(ids);
    return port;
  }

  #fail(error: unknown): void {
    if (!(error instanceof BarrelError)) throw error;
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#waiting.clear();
    this.#logger.error('reminders with cron expressions do not fire on this node', { error });
  }
}
