/** One watch on a process, wherever that is: it gives one `Down` or is disposed, never both. */
import { copyValue } from './copy-value.ts';
import { Down } from './messages.ts';
import type { Process, Watcher } from './process.ts';
import type { MonitorHandle, Value } from './processes.ts';

/** Where the `Down` goes. */
export interface DownSink {
  down(down: Down): void;
  /** The monitor was disposed after its `Down` had been given: nobody shall see that. */
  retract(down: Down): void;
  /** Called once when the monitor watches nothing any more: fired or disposed. */
  ended(monitor: Monitor): void;
}

export class Monitor implements MonitorHandle, Watcher {
  readonly ref: string;
  readonly target: Down['target'];
  readonly #sink: DownSink;
  /** Takes it off the target; set while it is on one. */
  #detach: (() => void) | undefined;
  #down: Down | undefined;
  #isDone = false;

  constructor(ref: string, target: Down['target'], sink: DownSink) {
    this.ref = ref;
    this.target = target;
    this.#sink = sink;
  }

  /** @param detach called when the monitor is disposed before it has fired. */
  attach(detach: () => void): void {
    this.#detach = detach;
  }

  targetEnded(_target: Process, reason: Value): void {
    this.fire(reason);
  }

  /** Gives the one `Down`. No effect on a monitor that is done. */
  fire(reason: Value): void {
    if (this.#isDone) return;
    this.#end();
    this.#down = new Down(this.ref, this.target, copyValue(reason));
    this.#sink.down(this.#down);
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  [Symbol.dispose](): void {
    if (!this.#isDone) {
      this.#end();
      this.#detach?.();
    } else if (this.#down !== undefined) {
      this.#sink.retract(this.#down);
      this.#down = undefined;
    }
  }

  #end(): void {
    this.#isDone = true;
    this.#sink.ended(this);
  }
}
