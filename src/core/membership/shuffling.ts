/**
 * The shuffle (HyParView, section 4.4): a node sends a sample of its views on a short walk, and the
 * node at its end answers the origin with as many of its own spares. So passive views stay fresh.
 */
import type { NodeName } from '../names.ts';
import type { HyParViewConfig } from './config.ts';
import type { MembershipMessage } from './messages.ts';
import type { Outbox } from './outbox.ts';
import type { PeerDescriptor } from './peer.ts';
import type { PeerBook } from './peer-book.ts';
import { type Randomness, sample } from './randomness.ts';

type Shuffle = Extract<MembershipMessage, { kind: 'shuffle' }>;
type ShuffleReply = Extract<MembershipMessage, { kind: 'shuffleReply' }>;

/** Replies that wait for a link to their origin; above it a reply is dropped. */
const ERRANDS_MAX = 16;

export interface ShufflingOptions {
  readonly self: PeerDescriptor;
  readonly config: HyParViewConfig;
  readonly random: Randomness;
  readonly outbox: Outbox;
  readonly book: PeerBook;
}

export class Shuffling {
  readonly #self: PeerDescriptor;
  readonly #config: HyParViewConfig;
  readonly #random: Randomness;
  readonly #outbox: Outbox;
  readonly #book: PeerBook;
  readonly #errands = new Map<NodeName, ShuffleReply>();
  #open: { readonly id: number; readonly sent: ReadonlySet<NodeName> } | undefined;

  constructor({ self, config, random, outbox, book }: ShufflingOptions) {
    this.#self = self;
    this.#config = config;
    this.#random = random;
    this.#outbox = outbox;
    this.#book = book;
  }

  /** Starts a walk: this node, k_a neighbours and k_p spares. No effect without a neighbour. */
  begin(): void {
    const target = this.#book.active.random();
    if (target === undefined) return;
    const others = this.#book.active.audible.filter((peer) => peer.node !== target);
    const peers = [
      ...sample(this.#random, others, this.#config.shuffleActive),
      ...this.#book.sampleSpares(this.#config.shufflePassive),
    ];
    const shuffleId = this.#outbox.nextSerial();
    this.#open = { id: shuffleId, sent: namesOf(peers) };
    this.#outbox.send(target, {
      kind: 'shuffle',
      shuffleId,
      origin: this.#self,
      hopsLeft: this.#config.shuffleWalkHops,
      peers,
    });
  }

  /** One hop of a walk, or its end: then answers the origin and keeps what it sent. */
  onShuffle(from: NodeName, message: Shuffle): void {
    const { origin, shuffleId, peers } = message;
    if (origin.node === this.#self.node || this.#book.isBlocked(origin.node)) return;
    const hopsLeft = message.hopsLeft - 1;
    const next = hopsLeft > 0 ? this.#book.active.random(from, origin.node) : undefined;
    if (next !== undefined) {
      this.#outbox.send(next, { ...message, hopsLeft });
      return;
    }
    const answer = this.#book.sampleSpares(peers.length + 1, origin.node);
    this.#answer(origin, { kind: 'shuffleReply', shuffleId, peers: answer });
    this.#learn([origin, ...peers], namesOf(answer));
  }

  /** The answer to this node's last walk; anything else is ignored. */
  onShuffleReply({ shuffleId, peers }: ShuffleReply): void {
    if (shuffleId !== this.#open?.id) return;
    this.#learn(peers, this.#open.sent);
    this.#open = undefined;
  }

  /** A link stands: what waited for it is sent. */
  onConnected(node: NodeName): void {
    const reply = this.#errands.get(node);
    if (reply === undefined) return;
    this.#errands.delete(node);
    this.#outbox.send(node, reply);
    if (!this.#book.active.has(node) && !this.#book.attempts.has(node)) this.#outbox.release(node);
  }

  onConnectFailed(node: NodeName): void {
    this.#errands.delete(node);
  }

  clear(): void {
    this.#errands.clear();
    this.#open = undefined;
  }

  /** Straight to the origin, which need not be a neighbour. */
  #answer(origin: PeerDescriptor, reply: ShuffleReply): void {
    if (this.#book.links.has(origin.node)) {
      this.#outbox.send(origin.node, reply);
      return;
    }
    if (this.#errands.size >= ERRANDS_MAX && !this.#errands.has(origin.node)) return;
    this.#errands.set(origin.node, reply);
    this.#outbox.push({ kind: 'connect', peer: origin });
  }

  /** Without room, what was just sent to the partner goes first. */
  #learn(peers: readonly PeerDescriptor[], sent: ReadonlySet<NodeName>): void {
    for (const peer of peers) this.#book.addPassive(peer, { dropFirst: sent });
  }
}

function namesOf(peers: readonly PeerDescriptor[]): ReadonlySet<NodeName> {
  return new Set(peers.map((peer) => peer.node));
}
