/**
 * Links through other nodes are for want of better ones: now and then the node is dialled again,
 * and a direct link takes the place of the other. That ends the older link, so it waits for a
 * moment in which nothing depends on it and no message is under way; two nodes that talk all the
 * time leave one, too, if only for a fraction of a second.
 */
import type { NodeName } from '../core/names.ts';
import type { Host } from '../host/host.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';

/** From the link, or a dial that failed, to the next dial. */
const RETRY_MS = 60_000;
/** When that time has come, the moment is looked for so often. */
const LOOK_MS = 250;
/** A link over which no message went for so long, or for two round trips, is quiet. */
const QUIET_MS = 200;
/** A dial that came through when the moment had passed is made again after so long. */
const AGAIN_MS = 5_000;

export interface DirectRetriesOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'logger'>;
  readonly links: Pick<LinkTable, 'get'>;
  /** Dials the addresses of the node; a direct link replaces the one through others if it may. */
  readonly dial: (node: NodeName, mayReplace: () => boolean) => Promise<Link>;
  /** Calls, monitors or links of processes depend on the link. */
  readonly isHeld: (node: NodeName) => boolean;
}

export class DirectRetries {
  readonly #options: DirectRetriesOptions;
  /** A link whose end was agreed and withdrawn comes up again, and is looked at all the time. */
  readonly #planned = new WeakSet<Link>();

  constructor(options: DirectRetriesOptions) {
    this.#options = options;
  }

  /** One end tries: the one that dialled. */
  linkUp(link: Link): void {
    if (!link.isRelayed || link.connection.role !== 'dialer' || this.#planned.has(link)) return;
    this.#planned.add(link);
    this.#plan(link, RETRY_MS);
  }

  #plan(link: Link, delayMs: number): void {
    this.#options.host.timers.after(delayMs, () => void this.#look(link));
  }

  async #look(link: Link): Promise<void> {
    if (!this.#isUp(link)) {
      this.#planned.delete(link);
      return;
    }
    const delayMs = this.#isQuiet(link) ? await this.#dial(link) : LOOK_MS;
    this.#plan(link, delayMs);
  }

  /** Resolves with the time to the next look, should the link still be there. */
  async #dial(link: Link): Promise<number> {
    const { node } = link;
    const { dial, host } = this.#options;
    let isTooLate = false;
    const mayReplace = (): boolean => {
      isTooLate = this.#isUp(link) && !this.#isQuiet(link);
      return !isTooLate;
    };
    try {
      await dial(node, mayReplace);
    } catch (error) {
      host.logger.debug('no direct link to a node yet', { node, isTooLate, error });
    }
    return isTooLate ? AGAIN_MS : RETRY_MS;
  }

  #isUp(link: Link): boolean {
    return this.#options.links.get(link.node) === link;
  }

  #isQuiet({ node, connection, use }: Link): boolean {
    const { host, isHeld } = this.#options;
    if (isHeld(node) || connection.queuedBytes > 0) return false;
    const quietMs = Math.max(QUIET_MS, 2 * connection.rttMs);
    return host.clock.monotonicMs() - use.messageMs >= quietMs;
  }
}
