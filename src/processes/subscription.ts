/** Events of a facet that go into a mailbox until the process ends or the handle is disposed. */
import type { Logger } from '../host/logger.ts';
import type { Process } from './process.ts';
import { quietly } from './quietly.ts';

export class Subscription implements Disposable {
  readonly #process: Process;
  readonly #logger: Logger;
  readonly #controller = new AbortController();

  constructor(process: Process, logger: Logger) {
    this.#process = process;
    this.#logger = logger;
  }

  /** Ends the stream of events. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  follow(events: AsyncIterable<unknown>): void {
    this.#pass(events).catch((error: unknown) => {
      if (this.signal.aborted) return;
      this.#process.disown(this);
      quietly(() => this.#logger.error('a stream of events failed', { error }));
    });
  }

  [Symbol.dispose](): void {
    this.#process.disown(this);
    this.#controller.abort();
  }

  async #pass(events: AsyncIterable<unknown>): Promise<void> {
    for await (const event of events) {
      if (this.signal.aborted) return;
      // By reference: it costs the mailbox no bytes of its own.
      this.#process.deliver({ value: event, bytes: 0 });
    }
    this.#process.disown(this);
  }
}
