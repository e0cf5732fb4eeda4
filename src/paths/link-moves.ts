/** Moves of links that were dialled here, one at a time for each link, in the order of asking. */
import type { Link } from '../cluster/link.ts';
import type { NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import { abortable } from '../settlement.ts';
import type { PathMove } from '../transport/transport.ts';
import { MOVES_WAITING_MAX } from './path-watch-limits.ts';

interface Queue {
  /** Settles, never rejects, when the last one has ended. */
  last: Promise<void>;
  waiting: number;
}

export class LinkMoves {
  readonly #queues = new Map<NodeName, Queue>();

  /** One is under way. */
  isBusy(node: NodeName): boolean {
    return this.#queues.has(node);
  }

  /** As `Connection.migrate`. @throws also ERR_OVERLOADED when too many wait for this link. */
  async run(link: Link, move: PathMove, signal: AbortSignal): Promise<void> {
    const queue = this.#queues.get(link.node) ?? { last: Promise.resolve(), waiting: 0 };
    if (queue.waiting >= MOVES_WAITING_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${MOVES_WAITING_MAX} moves of this link wait`);
    }
    this.#queues.set(link.node, queue);
    const before = queue.last;
    const done = this.#run(link, { move, before, signal });
    queue.waiting += 1;
    queue.last = Promise.allSettled([before, done]).then(() => {
      queue.waiting -= 1;
      if (queue.waiting === 0) this.#queues.delete(link.node);
    });
    return done;
  }

  async #run(
    { connection }: Link,
    turn: { readonly move: PathMove; readonly before: Promise<void>; readonly signal: AbortSignal },
  ): Promise<void> {
    await abortable(turn.before, turn.signal);
    await connection.migrate(turn.move, turn.signal);
  }
}
