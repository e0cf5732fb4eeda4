/** Asking dialers to follow this node, and following those that ask. */
import type { Link } from '../cluster/link.ts';
import type { LinkPort } from '../cluster/ports.ts';
import type { Address, NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { type Settlement, settlement } from '../settlement.ts';
import { within } from '../time-limit.ts';
import { MOVE_ADDRESSES_MAX } from '../transport/path-limits.ts';
import type { LinkMoves } from './link-moves.ts';
import { decodeMove, encodeMove, MOVE, MOVED, type MoveFault } from './move-frames.ts';
import { MIGRATE_TIMEOUT_MS, MOVED_TIMEOUT_MS, MOVES_ASKED_MAX } from './path-watch-limits.ts';

export interface MoveRequestsOptions {
  readonly host: Pick<Host, 'timers' | 'logger'>;
  readonly links: LinkPort;
  readonly moves: LinkMoves;
}

interface Asked {
  readonly node: NodeName;
  readonly outcome: Settlement<void>;
}

export class MoveRequests {
  readonly #options: MoveRequestsOptions;
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;
  #isClosed = false;

  constructor(options: MoveRequestsOptions) {
    this.#options = options;
    const { links } = options;
    links.read([MOVE, MOVED], (link, frame) => this.#read(link, frame));
    links.listen({ onLinkDown: ({ node }) => this.#onLinkDown(node) });
  }

  /**
   * Resolves when the dialer of the link has followed. It cannot be withdrawn: until this settles
   * the dialer may still come.
   * @throws what the dialer says, ERR_TIMEOUT when it says nothing, ERR_OVERLOADED,
   * ERR_NOT_CONNECTED, ERR_CLOSED.
   */
  async ask(link: Link, addresses: readonly Address[]): Promise<void> {
    if (this.#isClosed) throw closedError();
    if (this.#asked.size >= MOVES_ASKED_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${MOVES_ASKED_MAX} moves are under way`);
    }
    const id = this.#nextId();
    const asked: Asked = { node: link.node, outcome: settlement<void>() };
    this.#asked.set(id, asked);
    this.#say(link.node, id, addresses);
    const silence = this.#options.host.timers.after(MOVED_TIMEOUT_MS, () => {
      const why = `${link.node} has not said whether it follows`;
      asked.outcome.reject(new BarrelError('ERR_TIMEOUT', why));
    });
    try {
      await asked.outcome.promise;
    } finally {
      silence[Symbol.dispose]();
      this.#asked.delete(id);
    }
  }

  /** It has not answered all that it was asked. */
  isAsking(node: NodeName): boolean {
    return [...this.#asked.values()].some((asked) => asked.node === node);
  }

  /** Tells the dialer of a link where this node is now, and does not wait. */
  tell(link: Link, addresses: readonly Address[]): void {
    this.#say(link.node, this.#nextId(), addresses);
  }

  close(): void {
    this.#isClosed = true;
    for (const { outcome } of this.#asked.values()) outcome.reject(closedError());
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  #say(node: NodeName, id: number, addresses: readonly Address[]): void {
    const told = addresses.slice(0, MOVE_ADDRESSES_MAX);
    this.#options.links.send(node, encodeMove({ kind: 'move', id, addresses: told }));
  }

  #onLinkDown(node: NodeName): void {
    const lost = new BarrelError('ERR_NOT_CONNECTED', `the connection to ${node} ended`, { node });
    for (const asked of this.#asked.values()) {
      if (asked.node === node) asked.outcome.reject(lost);
    }
  }

  #read(link: Link, frame: Uint8Array): void {
    const message = decodeMove(frame);
    if (message.kind === 'move') void this.#follow(link, message.id, message.addresses);
    else this.#onMoved(link, message.id, message.fault);
  }

  #onMoved(link: Link, id: number, fault: MoveFault | undefined): void {
    const asked = this.#asked.get(id);
    if (asked === undefined || asked.node !== link.node) return;
    if (fault === undefined) asked.outcome.resolve();
    else asked.outcome.reject(new BarrelError(fault, `${link.node} did not follow`));
  }

  async #follow(link: Link, id: number, remotes: readonly Address[]): Promise<void> {
    const fault = await this.#tryToFollow(link, remotes);
    if (this.#isClosed || this.#options.links.link(link.node) !== link) return;
    this.#options.links.send(link.node, encodeMove({ kind: 'moved', id, fault }));
  }

  async #tryToFollow(link: Link, remotes: readonly Address[]): Promise<MoveFault | undefined> {
    const { moves, host } = this.#options;
    const { timers, logger } = host;
    const what = `following ${link.node}`;
    try {
      await within({ timers, timeoutMs: MIGRATE_TIMEOUT_MS, what }, (signal) =>
        moves.run(link, { remotes, mayFollow: true }, signal),
      );
      return undefined;
    } catch (error) {
      logger.debug('a peer that moved was not followed', { node: link.node, error });
      return faultOf(error);
    }
  }
}

function closedError(): BarrelError {
  return new BarrelError('ERR_CLOSED', 'the node is closed');
}

function faultOf(error: unknown): MoveFault {
  const code = error instanceof BarrelError ? error.code : undefined;
  const isTold = code === 'ERR_MIGRATION_DISABLED' || code === 'ERR_OVERLOADED';
  if (isTold || code === 'ERR_TIMEOUT') return code;
  return 'ERR_PATH_NOT_VALIDATED';
}
