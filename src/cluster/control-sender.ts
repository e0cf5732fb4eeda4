/**
 * Frames of the overlay itself to one peer. A peer that does not take them, so that its control
 * queue is full, loses its link; nobody else notices.
 */
import type { NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { CONTROL } from '../transport/transport.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';

export class ControlSender {
  readonly #host: Pick<Host, 'timers' | 'logger' | 'meter'>;
  readonly #links: LinkTable;

  constructor(host: Pick<Host, 'timers' | 'logger' | 'meter'>, links: LinkTable) {
    this.#host = host;
    this.#links = links;
  }

  /**
   * True while there is room for more; false above the high-water mark, until the link has drained,
   * and without a link. Never throws for what the peer does or does not do.
   */
  send(node: NodeName, frame: Uint8Array): boolean {
    const link = this.#links.get(node);
    return link === undefined ? false : this.sendOver(link, frame);
  }

  /** The same for a link that the table may not have any more, since its end is agreed. */
  sendOver(link: Link, frame: Uint8Array): boolean {
    const { node } = link;
    try {
      return link.send(CONTROL, frame);
    } catch (error) {
      if (!(error instanceof BarrelError) || error.code !== 'ERR_OVERLOADED') throw error;
      this.#host.meter.counter('barrel_links_overloaded_total').value += 1;
      this.#host.logger.warn('a peer does not take what the overlay sends', { node });
      // Later: the core whose effect this was has more of them to be carried out first.
      this.#host.timers.soon(() => {
        if (this.#links.get(node) === link) this.#links.close(link, 'overloaded');
      });
      return false;
    }
  }
}
