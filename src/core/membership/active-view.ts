/**
 * The neighbours. One of which nothing is heard is looked for a successor at once, and keeps its
 * place until that comes: a cable that is out for two seconds costs a small cluster no neighbour.
 */
import type { NodeName } from '../names.ts';
import type { PeerDescriptor } from './peer.ts';
import { pick, type Randomness } from './randomness.ts';

export class ActiveView {
  readonly #capacity: number;
  readonly #random: Randomness;
  readonly #peers = new Map<NodeName, PeerDescriptor>();
  readonly #silent = new Set<NodeName>();

  constructor(capacity: number, random: Randomness) {
    this.#capacity = capacity;
    this.#random = random;
  }

  get size(): number {
    return this.#peers.size;
  }

  /** Neighbours, less the silent ones. */
  get audibleSize(): number {
    return this.#peers.size - this.#silent.size;
  }

  /** Nobody else enters before one leaves. */
  get isFull(): boolean {
    return this.#peers.size >= this.#capacity;
  }

  /** There is a place without a neighbour, or with a silent one. */
  get hasRoom(): boolean {
    return this.audibleSize < this.#capacity;
  }

  /** The neighbours that are heard. */
  get audible(): PeerDescriptor[] {
    return [...this.#peers.values()].filter(({ node }) => !this.#silent.has(node));
  }

  /** A silent neighbour, the one that has been so for longest. */
  get firstSilent(): NodeName | undefined {
    for (const node of this.#silent) return node;
    return undefined;
  }

  /** One of the neighbours that are heard, other than these. */
  random(...except: readonly NodeName[]): NodeName | undefined {
    const others = this.audible.filter(({ node }) => !except.includes(node));
    return pick(this.#random, others)?.node;
  }

  has(node: NodeName): boolean {
    return this.#peers.has(node);
  }

  get(node: NodeName): PeerDescriptor | undefined {
    return this.#peers.get(node);
  }

  nodes(): NodeName[] {
    return [...this.#peers.keys()];
  }

  peers(): PeerDescriptor[] {
    return [...this.#peers.values()];
  }

  isSilent(node: NodeName): boolean {
    return this.#silent.has(node);
  }

  add(peer: PeerDescriptor): void {
    this.#peers.set(peer.node, peer);
  }

  delete(node: NodeName): void {
    this.#peers.delete(node);
    this.#silent.delete(node);
  }

  /** True when that start of the node is a neighbour. */
  silence(node: NodeName, incarnation: bigint): boolean {
    if (this.#peers.get(node)?.incarnation !== incarnation) return false;
    this.#silent.add(node);
    return true;
  }

  hear(node: NodeName): void {
    this.#silent.delete(node);
  }
}
