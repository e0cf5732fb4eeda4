/**
 * The passive view: spare peers, bounded, from which repair takes candidates and shuffles take
 * samples (HyParView, section 4.1).
 */
import type { NodeName } from '../names.ts';
import { PEER_AGE_MS_MAX, type PeerDescriptor } from './peer.ts';
import { pick, type Randomness } from './randomness.ts';

interface Spare {
  readonly peer: PeerDescriptor;
  /** When somebody last heard the peer, on this node's clock. */
  readonly heardMs: number;
  /** Not asked again before. */
  readonly coolUntilMs: number;
}

export interface PassiveAddition {
  readonly coolUntilMs?: number;
  /** When there is no room, members of this set go first (paper, section 4.4). */
  readonly dropFirst?: ReadonlySet<NodeName>;
}

export class PassiveView {
  readonly #capacity: number;
  readonly #random: Randomness;
  readonly #spares = new Map<NodeName, Spare>();

  constructor(capacity: number, random: Randomness) {
    this.#capacity = capacity;
    this.#random = random;
  }

  get size(): number {
    return this.#spares.size;
  }

  has(node: NodeName): boolean {
    return this.#spares.has(node);
  }

  /** The spare as it would be told to another node now. */
  get(node: NodeName, nowMs: number): PeerDescriptor | undefined {
    const spare = this.#spares.get(node);
    return spare === undefined ? undefined : aged(spare, nowMs);
  }

  nodes(): NodeName[] {
    return [...this.#spares.keys()];
  }

  /** Stores what is newer than what is known; drops a member at random when there is no room. */
  add(peer: PeerDescriptor, nowMs: number, addition: PassiveAddition = {}): void {
    if (this.#capacity === 0 || peer.ageMs >= PEER_AGE_MS_MAX) return;
    const heardMs = nowMs - peer.ageMs;
    const known = this.#spares.get(peer.node);
    const coolUntilMs = Math.max(addition.coolUntilMs ?? 0, known?.coolUntilMs ?? 0);
    if (known !== undefined && !isNewer(peer, heardMs, known)) {
      this.#spares.set(peer.node, { ...known, coolUntilMs });
      return;
    }
    if (known === undefined && this.#spares.size >= this.#capacity) this.#dropOne(addition);
    this.#spares.set(peer.node, { peer, heardMs, coolUntilMs });
  }

  remove(node: NodeName): void {
    this.#spares.delete(node);
  }

  /** Drops spares that nobody heard for too long. */
  expire(nowMs: number): void {
    for (const [node, { heardMs }] of this.#spares) {
      if (nowMs - heardMs >= PEER_AGE_MS_MAX) this.#spares.delete(node);
    }
  }

  /** Makes the peer wait before it is asked again. */
  cool(node: NodeName, untilMs: number): void {
    const spare = this.#spares.get(node);
    if (spare !== undefined) this.#spares.set(node, { ...spare, coolUntilMs: untilMs });
  }

  clear(): void {
    this.#spares.clear();
  }

  /** All spares, as they would be told now. */
  known(nowMs: number): PeerDescriptor[] {
    return [...this.#spares.values()].map((spare) => aged(spare, nowMs));
  }

  /** Peers that are not cooling and that `may` admits. */
  candidates(nowMs: number, may: (node: NodeName) => boolean): NodeName[] {
    const found: NodeName[] = [];
    for (const [node, { coolUntilMs }] of this.#spares) {
      if (coolUntilMs <= nowMs && may(node)) found.push(node);
    }
    return found;
  }

  #dropOne({ dropFirst }: PassiveAddition): void {
    const nodes = this.nodes();
    const sent = dropFirst === undefined ? [] : nodes.filter((node) => dropFirst.has(node));
    const dropped = pick(this.#random, sent.length > 0 ? sent : nodes);
    if (dropped !== undefined) this.#spares.delete(dropped);
  }
}

function isNewer(peer: PeerDescriptor, heardMs: number, known: Spare): boolean {
  if (peer.incarnation !== known.peer.incarnation) {
    return peer.incarnation > known.peer.incarnation;
  }
  return heardMs > known.heardMs;
}

function aged({ peer, heardMs }: Spare, nowMs: number): PeerDescriptor {
  return { ...peer, ageMs: Math.min(Math.max(nowMs - heardMs, 0), PEER_AGE_MS_MAX) };
}
