/**
 * Links through other nodes are for want of better ones: now and then the node is dialled again,
 * and a direct link takes the place of the other. That ends the older link, so it waits for a
 * moment in which nothing depends on it and no message is under way.
 */
import type { NodeName } from '../core/names.ts';
import type { Host } from '../host/host.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';

const RETRY_MS = 60_000;
/** A link over which no message went for so long is quiet. */
const QUIET_MS = 2_000;

export interface DirectRetriesOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'logger'>;
  readonly links: LinkTable;
  /** Dials the addresses of the node; a direct link replaces the one through others. */
  readonly dial: (node: NodeName) => Promise<Link>;
  /** Calls, monitors or links of processes depend on the link. */
  readonly isHeld: (node: NodeName) => boolean;
  /** Monotonic time of the last message to or from that node; undefined when there was none. */
  readonly lastUsedMs: (node: NodeName) => number | undefined;
}

export class DirectRetries {
  readonly #options: DirectRetriesOptions;

  constructor(options: DirectRetriesOptions) {
    this.#options = options;
  }

  /** One end tries: the one that dialled. */
  linkUp(link: Link): void {
    if (link.isRelayed && link.connection.role === 'dialer') this.#plan(link);
  }

  #plan(link: Link): void {
    this.#options.host.timers.after(RETRY_MS, () => void this.#retry(link));
  }

  async #retry(link: Link): Promise<void> {
    const { links, dial, host } = this.#options;
    const { node } = link;
    if (links.get(node) !== link) return;
    if (this.#isQuiet(link)) {
      try {
        await dial(node);
      } catch (error) {
        host.logger.debug('no direct way to a node yet', { node, error });
      }
    }
    if (links.get(node) === link) this.#plan(link);
  }

  #isQuiet({ node, connection }: Link): boolean {
    const { host, isHeld, lastUsedMs } = this.#options;
    if (isHeld(node) || connection.queuedBytes > 0) return false;
    const usedMs = lastUsedMs(node) ?? Number.NEGATIVE_INFINITY;
    return host.clock.monotonicMs() - usedMs >= QUIET_MS;
  }
}
