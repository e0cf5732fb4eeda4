/** What goes into the trace of a simulation: deliveries, orders from outside, and node events. */
import type { BarrelNode, NodeEvent } from '../barrel-node.ts';
import type { Address } from '../core/names.ts';
import type { Clock } from '../host/host.ts';
import type { Path } from '../transport/memory/path.ts';
import type { QueuedFrame } from '../transport/memory/send-queue.ts';
import { Trace } from './trace.ts';

const NODE_EVENTS = [
  'joined',
  'left',
  'peerUp',
  'peerDown',
  'memberUp',
  'memberUpdated',
  'memberDown',
] as const;
const SERVICE_EVENTS = ['registered', 'updated', 'unregistered', 'down'] as const;

export class EventTrace {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #trace = new Trace();
  /** Small numbers in place of addresses, because each frame has two. */
  readonly #numbers = new Map<Address, number>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  nameAddress(address: Address, number: number): void {
    this.#numbers.set(address, number);
  }

  /** A frame was delivered. */
  frame({ from, to }: Path, { channel, bytes }: QueuedFrame): void {
    this.#trace.time(this.#clock.monotonicMs());
    this.#trace.word(this.#numbers.get(from) ?? -1);
    this.#trace.word(this.#numbers.get(to) ?? -1);
    this.#trace.word(channel);
    this.#trace.bytes(bytes);
  }

  /** Something that was done to the cluster, or that a node tells of. */
  happened(what: string, to: string): void {
    this.#trace.time(this.#clock.monotonicMs());
    this.#trace.text(what);
    this.#trace.text(to);
  }

  /** Takes in everything that the node tells from now on. */
  follow(node: BarrelNode): void {
    const { name, services } = node;
    for (const type of NODE_EVENTS) {
      node.on(type, (event) => this.happened(type, `${name} ${subjectOf(event)}`));
    }
    for (const type of SERVICE_EVENTS) {
      services.on(type, (event) => this.happened(type, `${name} ${event.name} ${event.node}`));
    }
  }

  toString(): string {
    return this.#trace.toString();
  }
}

function subjectOf(event: NodeEvent): string {
  if (event.type === 'left') return '';
  return event.type === 'joined' ? event.contact : event.node;
}
