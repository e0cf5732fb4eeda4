/**
 * What a method of a client gives. Nobody knows before the answer whether it is a value or a
 * stream, so that it is a promise that can be iterated over as well. Who iterates may begin long
 * after the call has failed: a failure that nobody has looked at yet is noted, and ends no program.
 */
import { BarrelError } from '../errors.ts';

type Executor = ConstructorParameters<typeof Promise<unknown>>[0];

export class RemoteReply extends Promise<unknown> implements AsyncIterable<unknown> {
  #isHeard = false;

  /** @param onUnheard told of a failure that nobody has awaited, or iterated to, by then. */
  static of(answer: Promise<unknown>, onUnheard: (error: unknown) => void): RemoteReply {
    const reply = new RemoteReply((resolve, reject) => {
      answer.then(resolve, (error: unknown) => {
        reject(error);
        if (!reply.#isHeard) onUnheard(error);
      });
    });
    Promise.prototype.then.call(reply, undefined, () => {});
    return reply;
  }

  // As for any promise; only then do `await` and the others come by way of `then` below.
  private constructor(executor: Executor) {
    super(executor);
  }

  /** What follows from it are plain promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise, which notes that it is awaited
  override then<Yes = unknown, No = never>(
    onFulfilled?: ((value: unknown) => Yes | PromiseLike<Yes>) | null,
    onRejected?: ((reason: unknown) => No | PromiseLike<No>) | null,
  ): Promise<Yes | No> {
    this.#isHeard = true;
    return super.then(onFulfilled, onRejected);
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return new ReplyIterator(this);
  }
}

class ReplyIterator implements AsyncIterableIterator<unknown> {
  readonly #reply: Promise<unknown>;
  #items: AsyncIterator<unknown> | undefined;
  /** The opening failed, or it was left before: nothing comes. */
  #isOver = false;

  constructor(reply: Promise<unknown>) {
    this.#reply = reply;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown>> {
    return this.#items?.next() ?? this.#first();
  }

  /** Before the answer it waits for that, to end a stream that it may be. */
  async return(): Promise<IteratorResult<unknown>> {
    const items = this.#items ?? (await this.#open().catch(() => undefined));
    this.#isOver = true;
    await items?.return?.();
    return { done: true, value: undefined };
  }

  /** A failure is told once, as that of a generator. */
  async #first(): Promise<IteratorResult<unknown>> {
    let items: AsyncIterator<unknown>;
    try {
      items = await this.#open();
    } catch (error) {
      if (this.#isOver) return { done: true, value: undefined };
      this.#isOver = true;
      throw error;
    }
    return items.next();
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
