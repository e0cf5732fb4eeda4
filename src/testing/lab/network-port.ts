/** A node's end of the laboratory's network: names outside, numbers inside. */

import type { LinkFacts } from '../../core/link-facts.ts';
import type { PeerDescriptor } from '../../core/membership/peer.ts';
import type { NodeName } from '../../core/names.ts';
import type { LabNetwork } from './lab-network.ts';
import type { LabMessage, LabPort } from './lab-node.ts';

export class NetworkPort<M extends LabMessage, T> implements LabPort<M, T>, LinkFacts {
  readonly index: number;
  readonly #network: LabNetwork<M, T>;

  constructor(network: LabNetwork<M, T>, index: number) {
    this.#network = network;
    this.index = index;
  }

  get self(): PeerDescriptor {
    return this.#network.descriptor(this.index);
  }

  get nowMs(): number {
    return this.#network.nowMs;
  }

  get links(): LinkFacts {
    return this;
  }

  rttMs(node: NodeName): number | undefined {
    const link = this.#network.linkOf(this.index, this.#network.indexOf(node));
    return link === undefined ? undefined : 2 * link.latencyMs;
  }

  lastHeardMs(node: NodeName): number | undefined {
    return this.#network.linkOf(this.index, this.#network.indexOf(node))?.heardMs(this.index);
  }

  connect(node: NodeName): void {
    this.#network.connect(this.index, this.#network.indexOf(node));
  }

  release(node: NodeName): void {
    this.#network.release(this.index, this.#network.indexOf(node));
  }

  send(to: NodeName, message: M): void {
    this.#network.send(this.index, this.#network.indexOf(to), message);
  }

  sendDatagram(to: NodeName, message: M): void {
    this.#network.sendDatagram(this.index, this.#network.indexOf(to), message);
  }

  schedule(timer: T, delayMs: number): void {
    this.#network.schedule(this.index, timer, delayMs);
  }

  neighborUp(node: NodeName): void {
    const peer = this.#network.indexOf(node);
    const view = this.#network.neighbors[this.index];
    if (view === undefined || peer < 0 || view.includes(peer)) return;
    view.push(peer);
    this.#network.linkOf(this.index, peer)?.need(this.index, true);
  }

  neighborDown(node: NodeName): void {
    const view = this.#network.neighbors[this.index];
    const at = view?.indexOf(this.#network.indexOf(node)) ?? -1;
    if (at >= 0) view?.splice(at, 1);
  }

  close(node: NodeName, reason: string): void {
    this.#network.close(this.index, this.#network.indexOf(node), reason);
  }
}
