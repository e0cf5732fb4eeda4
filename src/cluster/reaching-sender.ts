/** Frames of the control channel to any node, in order: a link is made where there is none. */
import type { NodeName } from '../core/names.ts';
import type { Host } from '../host/host.ts';
import { FRAMES_BEFORE_LINK_MAX } from '../limits.ts';
import type { ControlSender } from './control-sender.ts';
import type { Dialler } from './dialler.ts';
import type { LinkTable } from './link-table.ts';

export interface ReachingSenderOptions {
  readonly host: Pick<Host, 'logger'>;
  readonly control: ControlSender;
  readonly links: LinkTable;
  readonly dialler: Dialler;
}

export class ReachingSender {
  readonly #options: ReachingSenderOptions;
  /** Frames that wait for a link. */
  readonly #waiting = new Map<NodeName, Uint8Array[]>();

  constructor(options: ReachingSenderOptions) {
    this.#options = options;
  }

  /** What cannot be sent is lost: whoever waits for an answer misses it. */
  send(node: NodeName, frame: Uint8Array): void {
    const waiting = this.#waiting.get(node);
    if (waiting !== undefined) {
      if (waiting.length < FRAMES_BEFORE_LINK_MAX) waiting.push(frame);
    } else if (this.#options.links.get(node) !== undefined) {
      this.#options.control.send(node, frame);
    } else {
      this.#waiting.set(node, [frame]);
      void this.#reach(node);
    }
  }

  async #reach(node: NodeName): Promise<void> {
    const { control, dialler, host } = this.#options;
    try {
      // There are other nodes to compare with: links through others are for messages.
      await dialler.toNode(node, { relaying: 'never' });
      for (const frame of this.#waiting.get(node) ?? []) control.send(node, frame);
    } catch (error) {
      host.logger.debug('a store has nobody to compare with', { node, error });
    } finally {
      this.#waiting.delete(node);
    }
  }
}
