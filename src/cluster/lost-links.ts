/**
 * What a lost link says about the node at its other end: by itself nothing. It is dialled once
 * more, and only one that does not answer is taken for dead.
 */
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { Closure } from '../transport/transport.ts';
import type { Dialler } from './dialler.ts';
import type { Link } from './link.ts';
import type { NodeRef } from './ports.ts';

/** A lost node that does not answer a new dial within this is dead. */
const REDIAL_TIMEOUT_MS = 1_500;

export interface LostLinksOptions {
  readonly host: Pick<Host, 'timers' | 'logger'>;
  readonly dialler: Dialler;
  /** True while the roster has that start of the node, and this node itself, as alive. */
  readonly isOfInterest: (node: NodeRef) => boolean;
  readonly suspectDead: (node: NodeRef) => void;
}

export class LostLinks {
  readonly #options: LostLinksOptions;

  constructor(options: LostLinksOptions) {
    this.#options = options;
  }

  /** Only silence, deafness, or a goodbye that the roster has not heard, is a reason to look. */
  async lookAfter(link: Link, { reason, by }: Closure): Promise<void> {
    const isSilent = reason === 'lost' || (reason === 'overloaded' && by === 'local');
    const isGoodbye = reason === 'leaving' && by === 'peer';
    if (!(isSilent || isGoodbye) || !this.#options.isOfInterest(link)) return;
    const { host, dialler, suspectDead } = this.#options;
    const abort = new AbortController();
    const timer = host.timers.after(REDIAL_TIMEOUT_MS, () =>
      abort.abort(new BarrelError('ERR_UNREACHABLE', 'no answer to a new dial')),
    );
    try {
      await dialler.toNode(link.node, [], abort.signal);
    } catch (error) {
      host.logger.info('a lost node cannot be linked again', { node: link.node, error });
      // A refusal, or too many dials of our own, says nothing about its life.
      const isUnreachable = error instanceof BarrelError && error.code === 'ERR_UNREACHABLE';
      if (isUnreachable && this.#options.isOfInterest(link)) suspectDead(link);
    } finally {
      timer[Symbol.dispose]();
    }
  }
}
