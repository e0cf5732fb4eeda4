/** The streams that users of this node hold, each with its connection held. */
import type { NodeName } from '../core/names.ts';
import type { Timers } from '../host/host.ts';
import { settlement } from '../settlement.ts';
import type { UserStream } from './user-stream.ts';

export interface OpenStream {
  readonly stream: UserStream;
  readonly node: NodeName;
  readonly by: 'local' | 'peer';
}

export class OpenStreams {
  readonly #hold: (node: NodeName) => Disposable;
  readonly #open = new Set<OpenStream>();

  constructor(hold: (node: NodeName) => Disposable) {
    this.#hold = hold;
  }

  count(by: 'local' | 'peer', node?: NodeName): number {
    let count = 0;
    for (const one of this.#open) {
      if (one.by === by && (node === undefined || one.node === node)) count += 1;
    }
    return count;
  }

  add(one: OpenStream): void {
    const held = this.#hold(one.node);
    this.#open.add(one);
    one.stream.once('close', () => {
      this.#open.delete(one);
      held[Symbol.dispose]();
    });
  }

  /**
   * Ends all of them: those whose user has ended his direction may say the rest, for so long at
   * most; all others are destroyed with the error now.
   */
  async end(error: Error, { timers, graceMs }: Grace): Promise<void> {
    const leaving: Promise<void>[] = [];
    for (const { stream } of [...this.#open]) {
      if (stream.writableEnded) leaving.push(closed(stream));
      else stream.destroy(error);
    }
    if (leaving.length > 0) await atMost(Promise.all(leaving), { timers, graceMs });
    for (const { stream } of [...this.#open]) stream.destroy(error);
  }
}

export interface Grace {
  readonly timers: Timers;
  readonly graceMs: number;
}

function closed(stream: UserStream): Promise<void> {
  const done = settlement<void>();
  if (stream.closed) done.resolve();
  else stream.once('close', () => done.resolve());
  return done.promise;
}

async function atMost(promise: Promise<unknown>, { timers, graceMs }: Grace): Promise<void> {
  const over = settlement<void>();
  const timer = timers.after(graceMs, () => over.resolve());
  await Promise.race([promise, over.promise]);
  timer[Symbol.dispose]();
}
