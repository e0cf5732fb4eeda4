/** The two places where the `Down` of a monitor goes: a mailbox, or a listener. */
import type { Logger } from '../host/logger.ts';
import type { Down } from './messages.ts';
import type { DownSink, Monitor } from './monitor.ts';
import type { Process } from './process.ts';
import { quietly } from './quietly.ts';

/** Into the mailbox of the process that watches; there is always room for it. */
export class MailboxSink implements DownSink {
  readonly #process: Process;

  constructor(process: Process) {
    this.#process = process;
  }

  down(down: Down): void {
    if (this.#process.isAlive) this.#process.deliverOwn(down);
  }

  retract(down: Down): void {
    this.#process.retract(down);
  }

  ended(monitor: Monitor): void {
    this.#process.disown(monitor);
  }
}

/** To a listener, after the code that caused it has run on. */
export class ListenerSink implements DownSink {
  readonly #listener: (down: Down) => void;
  readonly #logger: Logger;
  #isRetracted = false;

  constructor(listener: (down: Down) => void, logger: Logger) {
    this.#listener = listener;
    this.#logger = logger;
  }

  down(down: Down): void {
    queueMicrotask(() => {
      if (this.#isRetracted) return;
      try {
        this.#listener(down);
      } catch (error) {
        quietly(() => this.#logger.error('a listener of a monitor threw', { error }));
      }
    });
  }

  retract(): void {
    this.#isRetracted = true;
  }

  ended(): void {}
}
