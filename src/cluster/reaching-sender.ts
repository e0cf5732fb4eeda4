/** Frames of the control channel to any node, in order: a link is made where there is none. */
import type { NodeName } from '../core/names.ts';
import type { Host } from '../host/host.ts';
import { DIALS_MAX, FRAMES_BEFORE_LINK_MAX, LINKS_MAX } from '../limits.ts';
import { type Settlement, settlement } from '../settlement.ts';
import type { ControlSender } from './control-sender.ts';
import type { Dialler, Relaying } from './dialler.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';

export interface ReachingSenderOptions {
  readonly host: Pick<Host, 'logger'>;
  readonly control: Pick<ControlSender, 'send'>;
  readonly links: Pick<LinkTable, 'get'>;
  readonly dialler: Pick<Dialler, 'toNode'>;
  /** Whether the links may lead through other nodes. */
  readonly relaying: Relaying;
}

export class ReachingSender {
  readonly #options: ReachingSenderOptions;
  /** Frames that wait for a link. */
  readonly #waiting = new Map<NodeName, Uint8Array[]>();
  readonly #dialled = new Set<NodeName>();
  #idle: Settlement<void> | undefined;

  constructor(options: ReachingSenderOptions) {
    this.#options = options;
  }

  /** What cannot be sent is lost: whoever waits for an answer misses it. */
  send(node: NodeName, frame: Uint8Array): void {
    if (this.#options.links.get(node) !== undefined) {
      this.#flush(node);
      this.#options.control.send(node, frame);
      return;
    }
    const waiting = this.#waiting.get(node) ?? [];
    const isNew = waiting.length === 0;
    if (isNew ? this.#waiting.size >= LINKS_MAX : waiting.length >= FRAMES_BEFORE_LINK_MAX) return;
    waiting.push(frame);
    this.#waiting.set(node, waiting);
    if (isNew) this.#dial();
  }

  /** There is a link, by whoever's dial: the own one may take longer. */
  linkUp({ node }: Link): void {
    this.#flush(node);
  }

  /** That node is gone: what waits for a link to it is not for a later start of it. */
  drop(node: NodeName): void {
    this.#take(node);
  }

  /** Resolves when no frame waits for a link any more. */
  async sent(): Promise<void> {
    if (this.#waiting.size === 0) return;
    this.#idle ??= settlement();
    await this.#idle.promise;
  }

  /** So many nodes at a time, in the order in which frames came. */
  #dial(): void {
    for (const node of this.#waiting.keys()) {
      if (this.#dialled.size >= DIALS_MAX) return;
      if (this.#dialled.has(node)) continue;
      this.#dialled.add(node);
      void this.#reach(node);
    }
  }

  async #reach(node: NodeName): Promise<void> {
    const { dialler, host, links, relaying } = this.#options;
    try {
      await dialler.toNode(node, { relaying });
    } catch (error) {
      host.logger.debug('frames for a node that cannot be reached are lost', { node, error });
    }
    this.#dialled.delete(node);
    if (links.get(node) !== undefined) this.#flush(node);
    else this.#take(node);
    this.#dial();
  }

  #flush(node: NodeName): void {
    for (const frame of this.#take(node)) this.#options.control.send(node, frame);
  }

  #take(node: NodeName): readonly Uint8Array[] {
    const frames = this.#waiting.get(node) ?? [];
    this.#waiting.delete(node);
    if (this.#waiting.size > 0) return frames;
    this.#idle?.resolve();
    this.#idle = undefined;
    return frames;
  }
}
