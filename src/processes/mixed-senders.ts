/**
 * A sender that addresses processes of one node both by pid and by name, while something of it
 * waits there. The name may stand for the same process, so that nothing of that sender may pass
 * what waits on the other way: its frames stand in one line here until it does not matter any more.
 */
import { OUTBOX_BYTES_HIGH_WATER, OUTBOX_MESSAGES_HIGH_WATER } from '../limits.ts';
import { Fifo } from './fifo.ts';
import type { OutFrame } from './outflow.ts';

/** What may be done with the frame at the head of a line. */
export interface LineStep {
  /** True while something of its sender waits on the other way. */
  mustWait(frame: OutFrame): boolean;
  /** Lets it go, or wait on its own way. False when it must stay for now. */
  pass(frame: OutFrame): boolean;
}

export class MixedSenders {
  readonly #lines = new Map<number, Fifo<OutFrame>>();
  #count = 0;
  #bytes = 0;

  /** Senders are asked to wait. */
  get isHigh(): boolean {
    return this.#count >= OUTBOX_MESSAGES_HIGH_WATER || this.#bytes >= OUTBOX_BYTES_HIGH_WATER;
  }

  has(from: number): boolean {
    return this.#lines.has(from);
  }

  /** Waiting frames of that sender. */
  lengthOf(from: number): number {
    return this.#lines.get(from)?.length ?? 0;
  }

  push(frame: OutFrame): void {
    const line = this.#lines.get(frame.from) ?? new Fifo<OutFrame>();
    this.#lines.set(frame.from, line);
    line.push(frame);
    this.#count += 1;
    this.#bytes += frame.frame.byteLength;
  }

  /** Moves on what may move. */
  run(step: LineStep): void {
    for (const [from, line] of this.#lines) {
      for (let head = line.peek(); head !== undefined; head = line.peek()) {
        if (step.mustWait(head) || !step.pass(head)) break;
        line.shift();
        this.#count -= 1;
        this.#bytes -= head.frame.byteLength;
      }
      if (line.length === 0) this.#lines.delete(from);
    }
  }

  clear(): void {
    this.#lines.clear();
    this.#count = 0;
    this.#bytes = 0;
  }
}
