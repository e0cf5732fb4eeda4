/**
 * A request that a process does not answer itself but passes on: the call that comes of it has the
 * same deadline, ends when the caller waits no more, and is part of the same trace.
 */
import type { Pid } from '../core/pid.ts';
import { runInCall } from './call-context.ts';
import { IncomingCall } from './incoming-call.ts';
import type { Request } from './messages.ts';
import { passedOn } from './passed-failure.ts';
import type { Self, Value } from './processes.ts';

/** What the other process answers. @throws what `Processes.call` throws. */
export function passCall(self: Self, { request, context }: Request, to: Pid): Promise<Value> {
  const call = context instanceof IncomingCall ? context : undefined;
  const timeoutMs = Math.max(0, Math.ceil(call?.leftMs ?? 0));
  return runInCall(call, () => self.call(to, request, { timeoutMs, signal: context.signal }));
}

/** A stream that is passed on: breaks for the reader as it breaks here. */
export class PassedStream implements AsyncIterableIterator<Value> {
  readonly #items: AsyncIterator<Value>;
  readonly #onEnd: () => void;
  #isOver = false;

  /** @param onEnd called once, when nothing more comes. */
  constructor(stream: AsyncIterable<Value>, onEnd: () => void) {
    this.#items = stream[Symbol.asyncIterator]();
    this.#onEnd = onEnd;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Value>> {
    try {
      const step = await this.#items.next();
      if (step.done === true) this.#end();
      return step;
    } catch (error) {
      this.#end();
      throw passedOn(error);
    }
  }

  async return(): Promise<IteratorResult<Value>> {
    this.#end();
    await this.#items.return?.();
    return { done: true, value: undefined };
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onEnd();
  }
}
