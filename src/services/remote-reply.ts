/**
 * What a method of a client gives. Nobody knows before the answer whether it is a value or a
 * stream, so that it is a promise that can be iterated over as well.
 */
import { BarrelError } from '../errors.ts';

export type RemoteReply = Promise<unknown> & AsyncIterable<unknown>;

/** The same promise, which can be iterated over where it gives something that can. */
export function remoteReply(reply: Promise<unknown>): RemoteReply {
  const iterable = reply as Promise<unknown> & { [Symbol.asyncIterator]?: typeof iterate };
  iterable[Symbol.asyncIterator] = iterate;
  return iterable as RemoteReply;
}

function iterate(this: Promise<unknown>): AsyncIterator<unknown> {
  return new ReplyIterator(this);
}

class ReplyIterator implements AsyncIterableIterator<unknown> {
  readonly #reply: Promise<unknown>;
  #items: AsyncIterator<unknown> | undefined;

  constructor(reply: Promise<unknown>) {
    this.#reply = reply;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown>> {
    return this.#items?.next() ?? this.#open().then((items) => items.next());
  }

  /** Before the answer it waits for that, to end a stream that it may be. */
  async return(): Promise<IteratorResult<unknown>> {
    const items = this.#items ?? (await this.#open().catch(() => undefined));
    await items?.return?.();
    return { done: true, value: undefined };
  }

  async #open(): Promise<AsyncIterator<unknown>> {
    const reply = await this.#reply;
    if (typeof reply !== 'object' || reply === null || !(Symbol.asyncIterator in reply)) {
      throw new BarrelError('ERR_VALUE', 'the method answered with no stream: await its answer');
    }
    this.#items ??= (reply as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    return this.#items;
  }
}
