/**
 * What this node knows, to its neighbours: news as it comes, and page by page what a neighbour
 * lacks. So no roster or table, however large, fills a queue, and nothing that was skipped stays
 * unsaid.
 */
import type { NodeName } from '../core/names.ts';
import type { ControlSender } from './control-sender.ts';

/** Comparisons whose pages wait for one neighbour; above it one is left to the next comparison. */
const EXCHANGES_WAITING_MAX = 4;

interface Exchange {
  /** Pages that are still to be sent, those of one comparison after those of another. */
  readonly pages: Iterator<Uint8Array>[];
  /** News was skipped because the link was full: it must be said once more. */
  hasSkipped: boolean;
}

export class Exchanges {
  readonly #control: ControlSender;
  readonly #everything: () => Iterator<Uint8Array>;
  readonly #neighbors = new Map<NodeName, Exchange>();

  /** `everything` gives the frames of all that travels as news, read lazily. */
  constructor(control: ControlSender, everything: () => Iterator<Uint8Array>) {
    this.#control = control;
    this.#everything = everything;
  }

  /** A new neighbour: news and pages may follow from now on. */
  start(node: NodeName): void {
    this.#neighbors.set(node, { pages: [], hasSkipped: false });
  }

  stop(node: NodeName): void {
    this.#neighbors.delete(node);
  }

  /** Sends these pages, as far as the link takes them, behind those that wait already. */
  add(node: NodeName, pages: Iterator<Uint8Array>): void {
    const exchange = this.#neighbors.get(node);
    if (exchange === undefined || exchange.pages.length >= EXCHANGES_WAITING_MAX) return;
    exchange.pages.push(pages);
    if (exchange.pages.length === 1) this.goOn(node);
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
      if (exchange.pages.length === 0 && exchange.hasSkipped) {
        exchange.hasSkipped = false;
        exchange.pages.push(this.#everything());
      }
      const page = exchange.pages[0]?.next();
      if (page === undefined) return;
      if (page.done === true) exchange.pages.shift();
      else hasRoom = this.#control.send(node, page.value);
    }
  }
}
