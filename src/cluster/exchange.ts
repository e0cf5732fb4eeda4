/**
 * What this node knows, to its neighbours: news as it comes, and everything, page by page, to a new
 * neighbour or to one that could not take the news. So no table, however large, fills a queue, and
 * nothing that was skipped stays unsaid.
 */
import type { NodeName } from '../core/names.ts';
import type { ControlSender } from './control-sender.ts';

interface Exchange {
  /** The pages that are still to be sent; undefined when none are. */
  pages: Iterator<Uint8Array> | undefined;
  /** News was skipped because the link was full: everything must be said once more. */
  hasSkipped: boolean;
}

export class Exchanges {
  readonly #control: ControlSender;
  readonly #pages: () => Iterator<Uint8Array>;
  readonly #neighbors = new Map<NodeName, Exchange>();

  /** `pages` gives the frames of one whole exchange, read lazily. */
  constructor(control: ControlSender, pages: () => Iterator<Uint8Array>) {
    this.#control = control;
    this.#pages = pages;
  }

  /** Begins with everything; news may follow from now on. */
  start(node: NodeName): void {
    this.#neighbors.set(node, { pages: this.#pages(), hasSkipped: false });
    this.goOn(node);
  }

  stop(node: NodeName): void {
    this.#neighbors.delete(node);
  }

  /** Sends one frame of news. Once the link is above its high-water mark, it waits for `goOn`. */
  news(node: NodeName, frame: Uint8Array): void {
    const exchange = this.#neighbors.get(node);
    if (exchange?.hasSkipped === true) return;
    const hasRoom = this.#control.send(node, frame);
    if (exchange !== undefined && !hasRoom) exchange.hasSkipped = true;
  }

  /** Sends pages until the link is above its high-water mark. Called when it has drained. */
  goOn(node: NodeName): void {
    const exchange = this.#neighbors.get(node);
    if (exchange === undefined) return;
    for (let hasRoom = true; hasRoom; ) {
      const page = exchange.pages?.next();
      if (page === undefined || page.done === true) {
        if (!exchange.hasSkipped) {
          exchange.pages = undefined;
          return;
        }
        exchange.hasSkipped = false;
        exchange.pages = this.#pages();
        continue;
      }
      hasRoom = this.#control.send(node, page.value);
    }
  }
}
