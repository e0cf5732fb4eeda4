/**
 * Newcomers (HyParView, section 4.2): a contact takes them in and introduces them by random walks;
 * the node at the end of a walk asks the newcomer to be its neighbour.
 *
 * Deviation from the paper: a contact takes in a bounded rate. It names others to the rest, and
 * picks those evenly among all that came in the same storm, so that no tree of early newcomers
 * grows around it. Whoever was placed in a storm later introduces itself again by a few walks:
 * each replaces one of its links by one to the end of a random walk, until the overlay is as random
 * as one that grew slowly.
 */
import type { NodeName } from '../names.ts';
import type { HyParViewConfig } from './config.ts';
import type { Outbox } from './outbox.ts';
import type { PeerDescriptor } from './peer.ts';
import type { PeerBook } from './peer-book.ts';
import { type Randomness, sample } from './randomness.ts';
import { TokenBucket } from './token-bucket.ts';

/** Peers named to a newcomer, redirected or not. */
const NAMED_PEERS_MAX = 8;
/** Newcomers of the present storm that are remembered; an even sample of all that came. */
const STORM_SAMPLE_MAX = 32;
/** So long after its last redirect a storm is over. */
const STORM_CALM_MS = 10_000;

export interface NewcomersOptions {
  readonly self: PeerDescriptor;
  readonly config: HyParViewConfig;
  readonly random: Randomness;
  readonly outbox: Outbox;
  readonly book: PeerBook;
}

export class Newcomers {
  readonly #self: PeerDescriptor;
  readonly #config: HyParViewConfig;
  readonly #random: Randomness;
  readonly #outbox: Outbox;
  readonly #book: PeerBook;
  #bucket: TokenBucket | undefined;
  readonly #storm: PeerDescriptor[] = [];
  #stormSize = 0;
  #stormEndsMs = Number.NEGATIVE_INFINITY;
  #walksLeft = 0;

  constructor({ self, config, random, outbox, book }: NewcomersOptions) {
    this.#self = self;
    this.#config = config;
    this.#random = random;
    this.#outbox = outbox;
    this.#book = book;
  }

  /** A contact accepts, even if it must drop a random neighbour. */
  onJoin(joiner: PeerDescriptor, requestId: number): void {
    const { node } = joiner;
    const isKnown = this.#book.active.has(node);
    if (!isKnown && !this.#takes()) {
      this.#redirect(joiner, requestId);
      return;
    }
    const peers = isKnown ? [] : this.#named(node);
    this.#book.enterActive(joiner);
    this.#outbox.send(node, { kind: 'joinReply', requestId, outcome: 'accepted', peers });
    if (isKnown) return;
    const hopsLeft = this.#config.activeWalkHops;
    for (const neighbor of this.#book.active.nodes()) {
      if (neighbor === node) continue;
      this.#outbox.send(neighbor, { kind: 'forwardJoin', newcomer: joiner, hopsLeft });
    }
  }

  #takes(): boolean {
    const { joinBurst, joinsPerSecond } = this.#config;
    this.#bucket ??= new TokenBucket(joinBurst, joinsPerSecond, this.#outbox.nowMs);
    return this.#bucket.take(this.#outbox.nowMs);
  }

  #redirect(joiner: PeerDescriptor, requestId: number): void {
    const { node } = joiner;
    const peers = this.#named(node);
    const outcome = peers.length > 0 ? 'redirected' : 'refused';
    this.#outbox.send(node, { kind: 'joinReply', requestId, outcome, peers });
    this.#outbox.release(node);
    this.#remember(joiner);
    this.placedInStorm();
  }

  /** Whom else to know: neighbours, spares and newcomers of the storm, evenly. */
  #named(except: NodeName): PeerDescriptor[] {
    if (this.#outbox.nowMs > this.#stormEndsMs) this.#storm.length = 0;
    const known = new Map([...this.#storm, ...this.#book.active.peers()].map(entryOf));
    const nodes = new Set([...known.keys(), ...this.#book.healthySpares()]);
    nodes.delete(except);
    return sample(this.#random, [...nodes], NAMED_PEERS_MAX).flatMap(
      (node) => known.get(node) ?? this.#book.spare(node) ?? [],
    );
  }

  /** Reservoir sampling: each newcomer of the storm is remembered with the same chance. */
  #remember(joiner: PeerDescriptor): void {
    if (this.#storm.length === 0) this.#stormSize = 0;
    this.#stormEndsMs = this.#outbox.nowMs + STORM_CALM_MS;
    this.#stormSize += 1;
    if (this.#storm.length < STORM_SAMPLE_MAX) {
      this.#storm.push(joiner);
      return;
    }
    const place = Math.floor(this.#random.float() * this.#stormSize);
    if (place < STORM_SAMPLE_MAX) this.#storm[place] = joiner;
  }

  /** This node was redirected, or redirects: its links tell of the storm, not of chance. */
  placedInStorm(): void {
    this.#walksLeft = this.#config.reintroductions;
  }

  /** Gives one link up for a random one, while walks are left; called at each tick of repair. */
  mix(): void {
    if (this.#walksLeft === 0) return;
    const next = this.#book.active.random();
    if (next === undefined) return;
    this.#walksLeft -= 1;
    const hopsLeft = this.#config.activeWalkHops;
    this.#outbox.send(next, { kind: 'forwardJoin', newcomer: this.#self, hopsLeft });
  }

  /** One hop of the random walk that introduces a newcomer (section 4.2, steps i to iv). */
  onForwardJoin(from: NodeName, newcomer: PeerDescriptor, hopsLeft: number): void {
    if (newcomer.node === this.#self.node || this.#book.hasDeparted(newcomer)) return;
    if (hopsLeft === 0 || this.#book.active.audibleSize <= 1) {
      this.invite(newcomer);
      return;
    }
    if (hopsLeft === this.#config.passiveWalkHops) this.#book.addPassive(newcomer);
    const next = this.#book.active.random(from, newcomer.node);
    if (next === undefined) {
      this.invite(newcomer);
      return;
    }
    this.#outbox.send(next, { kind: 'forwardJoin', newcomer, hopsLeft: hopsLeft - 1 });
  }

  /**
   * Deviation from the paper: the walk's last node asks and adds on the answer, so that both ends
   * know of the link and a newcomer that died takes nobody's place.
   */
  invite(newcomer: PeerDescriptor): void {
    const { node } = newcomer;
    const { active, attempts } = this.#book;
    if (node === this.#self.node || active.has(node) || this.#book.isBlocked(node)) return;
    const attempt = attempts.get(node);
    if (attempt !== undefined) {
      this.#book.upgrade(attempt);
    } else if (attempts.size >= this.#config.attemptsMax) {
      this.#book.addPassive(newcomer);
    } else {
      this.#book.attempt(newcomer, 'high');
    }
  }

  /** Forgets the storm; the rate stays bounded. */
  clear(): void {
    this.#storm.length = 0;
    this.#walksLeft = 0;
  }
}

function entryOf(peer: PeerDescriptor): readonly [NodeName, PeerDescriptor] {
  return [peer.node, peer];
}
