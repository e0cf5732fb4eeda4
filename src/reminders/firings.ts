/** Where a reminder that fires goes: to the handler of this node, else to another node's. */
import type { NodeRef } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import type { DeliverEffect, DeliveryOutcome } from '../core/schedule/contract.ts';
import { keyPartOf } from '../core/schedule/reminder-id.ts';
import type { KnownHandlers } from './known-handlers.ts';
import type { OwnHandlers } from './own-handlers.ts';
import type { PeerCalls } from './peer-calls.ts';

export interface FiringsOptions {
  readonly self: NodeRef;
  readonly own: Pick<OwnHandlers, 'canHandle' | 'run' | 'abandon'>;
  readonly known: Pick<KnownHandlers, 'hasFor' | 'nodesFor'>;
  readonly peers: Pick<PeerCalls, 'handles' | 'deliver' | 'abandon'>;
  /** All members in the order in which they come to own the key, best first. */
  readonly ownersOf: (keyText: string) => readonly NodeName[];
}

export class Firings {
  readonly #options: FiringsOptions;
  /** Which node has a delivery, by its token; undefined while one is looked for. */
  readonly #away = new Map<number, NodeName | undefined>();
  /** Told to give up before anybody had it. */
  readonly #abandoned = new Set<number>();

  constructor(options: FiringsOptions) {
    this.#options = options;
  }

  canHandle(keyText: string): boolean {
    const { own, known } = this.#options;
    return own.canHandle(keyText) || known.hasFor(keyText);
  }

  /** Never rejects. */
  async deliver({ token, ...delivery }: DeliverEffect): Promise<DeliveryOutcome> {
    const { own } = this.#options;
    const keyText = keyPartOf(delivery.id);
    if (own.canHandle(keyText)) return own.run(this.#nameOf(token), delivery);
    this.#away.set(token, undefined);
    try {
      return await this.#deliverAway(token, delivery, keyText);
    } finally {
      this.#away.delete(token);
      this.#abandoned.delete(token);
    }
  }

  /** Tells the handler to give up, wherever it is. */
  abandon(token: number): void {
    const { own, peers } = this.#options;
    const node = this.#away.get(token);
    if (node !== undefined) peers.abandon(node, this.#nameOf(token));
    else if (this.#away.has(token)) this.#abandoned.add(token);
    else own.abandon(this.#nameOf(token));
  }

  /** A node that answers has not got it yet: only then is it handed over, to that one alone. */
  async #deliverAway(
    token: number,
    delivery: Parameters<PeerCalls['deliver']>[2],
    keyText: string,
  ): Promise<DeliveryOutcome> {
    const { peers } = this.#options;
    for (const node of this.#handlersOf(keyText)) {
      const isReady = await peers.handles(node, keyText);
      if (this.#abandoned.has(token)) break;
      if (!isReady) continue;
      this.#away.set(token, node);
      return peers.deliver(node, this.#nameOf(token), delivery);
    }
    return { kind: 'undelivered' };
  }

  /** Those that would come to own the key first, then those that own nothing. */
  #handlersOf(keyText: string): readonly NodeName[] {
    const { known, ownersOf } = this.#options;
    const nodes = known.nodesFor(keyText);
    const owners = ownersOf(keyText).filter((node) => nodes.has(node));
    return [...new Set([...owners, ...nodes])];
  }

  /** The same is never given to two deliveries. */
  #nameOf(token: number): string {
    const { node, incarnation } = this.#options.self;
    return `${node}/${incarnation}/${token}`;
  }
}
