/**
 * Plumtree (Leitão, Pereira, Rodrigues, "Epidemic broadcast trees", SRDS 2007): payloads are pushed
 * along the links of a tree that is embedded in the overlay, ids are announced on all other links,
 * and a node that hears of what it has not got asks for it, which mends the tree.
 *
 * Deviations from the paper: now and then a broadcast goes over all links and shapes the shared
 * tree anew, as the first one does in the paper, since repairs and churn wear it out; links that
 * are much earlier than the tree are added to it; a link is pruned after several duplicates; an
 * announcer that has not got the payload says so; new links begin with digests; busy origins have
 * eager sets of their own; a congested neighbour is announced to only; a broadcast is validated
 * before it is passed on; what a node says itself is taken also from one that is no neighbour.
 */
import { BarrelError } from '../../errors.ts';
import { GOSSIP_PAYLOAD_BYTES_MAX, GOSSIP_TAG_MAX } from '../../limits.ts';
import type { LinkFacts } from '../link-facts.ts';
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import { nextHops } from './announcements.ts';
import { PLUMTREE_DEFAULTS, type PlumtreeConfig } from './config.ts';
import type { Broadcast, GossipEffect, GossipInput, GossipTimer, MessageId } from './contract.ts';
import { Digests } from './digests.ts';
import type { EagerSet } from './eager-set.ts';
import { faultOf, type GossipMessage } from './messages.ts';
import type { Missing } from './missing-table.ts';
import { type Neighbor, newNeighbor } from './neighbor.ts';
import type { OriginLog } from './origin-log.ts';
import type { GossipCounts } from './outbox.ts';
import { type GossipParts, lose, newParts, type PlumtreeSelf } from './parts.ts';
import type { Held } from './payload-cache.ts';
import { TreeRepair } from './repair.ts';
import { sweep } from './sweep.ts';

type MessageOf<K extends GossipMessage['kind']> = Extract<GossipMessage, { kind: K }>;
type OwnBroadcast = Extract<GossipInput, { kind: 'broadcast' }>;

/** Of the nodes that send at once, one in so many may shape the tree. */
const TURNS = 32;

/** How a broadcast goes on from here. */
interface Way {
  readonly from?: Neighbor | undefined;
  readonly missing?: Missing | undefined;
  readonly isShaping: boolean;
  readonly toAll?: boolean;
}

export interface PlumtreeOptions {
  readonly links: LinkFacts;
  /**
   * False for what no honest node makes or passes on: it is not delivered, and the link that it
   * came on is closed. Not asked for own broadcasts.
   */
  readonly accepts: (broadcast: Broadcast) => boolean;
  readonly config?: Partial<PlumtreeConfig> | undefined;
}

/** Broadcasts of one node. No clock, no socket, no randomness: facts in, effects out. */
export class Plumtree {
  readonly #parts: GossipParts;
  readonly #accepts: PlumtreeOptions['accepts'];
  readonly #repair: TreeRepair;
  readonly #digests: Digests;
  readonly #turn: number;
  #sequence = 0;

  /** Nothing is scheduled before the first input. */
  constructor(self: PlumtreeSelf, { links, accepts, config = {} }: PlumtreeOptions) {
    const { node, incarnation } = self;
    this.#parts = newParts({ node, incarnation }, { ...PLUMTREE_DEFAULTS, ...config }, links);
    this.#accepts = accepts;
    this.#turn = turnOf(node);
    this.#repair = new TreeRepair(this.#parts);
    this.#digests = new Digests(this.#parts, this.#repair);
  }

  get config(): PlumtreeConfig {
    return this.#parts.config;
  }

  /** Neighbours that payloads are pushed to, in the set that origins share. */
  get eagerPeers(): NodeName[] {
    return this.#peers((neighbor) => this.#parts.sets.shared.isEager(neighbor));
  }

  /** Neighbours that are announced to, in the set that origins share. */
  get lazyPeers(): NodeName[] {
    return this.#peers((neighbor) => !this.#parts.sets.shared.isEager(neighbor));
  }

  /** Eager neighbours for what that origin makes. */
  eagerPeersOf(origin: NodeName): NodeName[] {
    const set = this.#parts.sets.of(this.#parts.origins.of(origin));
    return this.#peers((neighbor) => set.isEager(neighbor));
  }

  /** Payloads that are held for those that ask. */
  get cachedCount(): number {
    return this.#parts.cache.size;
  }

  /** Bytes of those, with 256 for each. */
  get cachedBytes(): number {
    return this.#parts.cache.bytes;
  }

  /** Broadcasts that were announced and have not come. */
  get missingCount(): number {
    return this.#parts.missing.size;
  }

  /** Origins whose broadcasts were seen here. */
  get originCount(): number {
    return this.#parts.origins.size;
  }

  /** Origins with eager sets of their own. */
  get ownSetCount(): number {
    return this.#parts.sets.ownCount;
  }

  get counts(): GossipCounts {
    return this.#parts.outbox.counts;
  }

  /** Takes the number of a broadcast that will be handed in: its maker may want its id before. */
  reserve(): MessageId {
    const { node: origin, incarnation } = this.#parts.self;
    this.#sequence += 1;
    return { origin, incarnation, sequence: this.#sequence };
  }

  /**
   * Applies one input at a monotonic time in milliseconds; returns its effects in the order in
   * which the driver must carry them out. Never throws for what a peer sent. A payload must not
   * change once it was handed in.
   * @throws ERR_VALUE for a broadcast with a payload or tag above its bound; nothing changes then.
   */
  handle(input: GossipInput, nowMs: number): readonly GossipEffect[] {
    this.#parts.outbox.nowMs = nowMs;
    switch (input.kind) {
      case 'broadcast':
        this.#broadcast(input);
        break;
      case 'neighborUp':
        this.#onNeighborUp(input.node);
        break;
      case 'neighborDown':
        this.#onNeighborDown(input.node);
        break;
      case 'messageReceived':
        this.#onMessage(input.from, input.message);
        break;
      case 'congested':
        this.#onCongested(input.node);
        break;
      case 'drained':
        this.#onDrained(input.node);
        break;
      case 'timerFired':
        this.#onTimer(input.timer);
        break;
      default:
        unreachable(input);
    }
    this.#parts.outbox.wake('graft', this.#parts.missing.nextDueMs);
    return this.#parts.outbox.take();
  }

  // Broadcasts

  #broadcast({ tag, payload, toAll = false, sequence }: OwnBroadcast): void {
    if (payload.length > GOSSIP_PAYLOAD_BYTES_MAX) {
      throw new BarrelError('ERR_VALUE', `payload of ${payload.length} bytes is too long`);
    }
    if (!Number.isInteger(tag) || tag < 0 || tag > GOSSIP_TAG_MAX) {
      throw new BarrelError('ERR_VALUE', `no tag of a broadcast: ${tag}`);
    }
    const { node: origin, incarnation } = this.#parts.self;
    const log = this.#parts.origins.prove({ origin, incarnation }, this.#parts.outbox.nowMs);
    if (log === undefined) {
      throw new BarrelError('ERR_OVERLOADED', 'too many origins of broadcasts');
    }
    const id = sequence === undefined ? this.reserve() : { origin, incarnation, sequence };
    const held = this.#deliver(log, { id, tag, payload: compact(payload), hops: 0 });
    const set = this.#parts.sets.of(log);
    const isShaping = this.#isShapeDue(set, id.sequence);
    if (isShaping) set.shape({ log, sequence: id.sequence }, this.#parts.outbox.nowMs);
    set.onFirst(undefined, this.#parts.outbox.nowMs);
    this.#forward(held, { toAll, isShaping });
  }

  /** GOSSIP (paper, "Gossip and tree construction"). */
  #onGossip(from: Neighbor, message: MessageOf<'gossip'>): void {
    const { broadcast } = message;
    const { id } = broadcast;
    const known = this.#parts.origins.find(id);
    if (
      id.origin === this.#parts.self.node ? this.#isOwnEcho(broadcast) : known?.has(id.sequence)
    ) {
      this.#onDuplicate(from, known, id.sequence);
      return;
    }
    if (id.origin === this.#parts.self.node || this.#parts.origins.isStale(id)) {
      this.#parts.outbox.count('stale');
      return;
    }
    this.#takeFirst(from.node, from, message);
  }

  #takeFirst(node: NodeName, from: Neighbor | undefined, message: MessageOf<'gossip'>): void {
    const { broadcast } = message;
    if (!this.#accepts(broadcast)) {
      this.#parts.outbox.count('refused');
      this.#fail(node, 'broadcast refused');
      return;
    }
    const log = this.#prove(broadcast);
    if (log !== undefined) this.#onFirst(from, log, message);
  }

  /** Senders take turns by their numbers, lest all that send at once shape at once. */
  #isShapeDue(set: EagerSet, sequence: number): boolean {
    const { shapeBroadcasts } = this.#parts.config;
    // Nobody else has sent anything yet, as far as this node knows.
    if (this.#parts.origins.size === 1 && !set.isShaped) return true;
    if (set.sinceShaped < shapeBroadcasts || !set.mayShape(this.#parts.outbox.nowMs)) return false;
    return set.log !== undefined || (set.sinceShaped + sequence + this.#turn) % TURNS === 0;
  }

  #isOwnEcho({ id }: Broadcast): boolean {
    return id.incarnation === this.#parts.self.incarnation && id.sequence <= this.#sequence;
  }

  #prove({ id }: Broadcast): OriginLog | undefined {
    const older = this.#parts.origins.of(id.origin);
    const log = this.#parts.origins.prove(id, this.#parts.outbox.nowMs);
    if (log === undefined) this.#parts.outbox.count('originsRefused');
    else if (older !== undefined && older !== log) this.#retire(older);
    return log;
  }

  /** A later start replaces this one: what was missing of it will not come any more. */
  #retire(log: OriginLog): void {
    this.#parts.outbox.lose(log.origin, log.missing?.size ?? 0);
    this.#parts.missing.removeUpTo(log, Number.POSITIVE_INFINITY);
    this.#parts.cache.dropAll(log);
    this.#parts.sets.drop(log);
  }

  #onFirst(from: Neighbor | undefined, log: OriginLog, message: MessageOf<'gossip'>): void {
    const { broadcast } = message;
    const missing = log.missing?.get(broadcast.id.sequence);
    if (missing !== undefined) this.#parts.missing.remove(missing);
    const copy = compact(broadcast.payload);
    const kept = copy === broadcast.payload ? broadcast : { ...broadcast, payload: copy };
    const held = this.#deliver(log, kept);
    const set = this.#parts.sets.of(log);
    const { nowMs } = this.#parts.outbox;
    const isShaping = message.isShaping && (set.mayShape(nowMs) || set.prefers(log.origin, nowMs));
    if (isShaping) set.shape({ log, sequence: broadcast.id.sequence }, this.#parts.outbox.nowMs);
    set.onFirst(from, this.#parts.outbox.nowMs, message.isShaping);
    if (missing !== undefined && from !== undefined) {
      const [first] = missing.announcers;
      if (missing.asked > 0) held.pulled = { from, heardMs: first?.heardMs ?? 0 };
      else this.#parts.missing.onLate(this.#parts.outbox.nowMs - (first?.heardMs ?? 0));
      if (!isShaping) this.#optimise(from, missing, broadcast.hops);
    }
    this.#forward(held, { from, missing, isShaping });
  }

  #deliver(log: OriginLog, broadcast: Broadcast): Held {
    const { nowMs } = this.#parts.outbox;
    lose(this.#parts, log, log.add(broadcast.id.sequence, nowMs));
    this.#parts.outbox.count('delivered');
    this.#parts.outbox.push({ kind: 'deliver', broadcast });
    const held = this.#parts.cache.add(log, broadcast, nowMs);
    this.#parts.outbox.count('payloadsEvicted', this.#parts.cache.evict());
    this.#parts.sets.consider(log, this.#parts.neighbors.values());
    this.#parts.outbox.wake('sweep', nowMs + this.#parts.config.sweepPeriodMs);
    return held;
  }

  /** Eager push and lazy push, past those that are known to have it. */
  #forward(held: Held, { from, missing, isShaping, toAll = false }: Way): void {
    const set = this.#parts.sets.of(held.log);
    const { broadcast } = held;
    const copy: GossipMessage = {
      kind: 'gossip',
      isShaping,
      broadcast: { ...broadcast, hops: nextHops(broadcast.hops) },
    };
    for (const neighbor of this.#parts.neighbors.values()) {
      if (neighbor === from) continue;
      if (missing?.announcers.some((announcer) => announcer.neighbor === neighbor)) continue;
      if (toAll || ((isShaping || set.isEager(neighbor)) && !neighbor.isCongested)) {
        this.#parts.outbox.send(neighbor.node, copy);
      } else {
        this.#parts.announcements.add(neighbor, held);
      }
    }
  }

  #onDuplicate(from: Neighbor, log: OriginLog | undefined, sequence: number): void {
    this.#parts.outbox.count('duplicates');
    const set = this.#parts.sets.of(log);
    const held = log?.held?.get(sequence);
    if (held?.pulled !== undefined && held.pulled.from !== from && set.isEager(from)) {
      this.#parts.missing.onLate(this.#parts.outbox.nowMs - held.pulled.heardMs);
      this.#replace(set, held.pulled.from);
      held.pulled = undefined;
      return;
    }
    if (!set.onDuplicate(from, { log, sequence }, this.#parts.outbox.nowMs)) return;
    this.#parts.outbox.send(from.node, { kind: 'prune', origin: set.log?.origin });
  }

  /**
   * Optimization (paper): an announcement told of a way that is shorter by enough hops, which
   * replaces the payload's. Deviation: one that came much earlier than the payload is a shorter
   * way whatever it counts; its link is added, and duplicates show which one goes.
   */
  #optimise(from: Neighbor, missing: Missing, hops: number): void {
    const [first] = missing.announcers;
    if (first === undefined || first.neighbor === from) return;
    const { optimisationHops, optimisationMs } = this.#parts.config;
    const isShorter = missing.log.ownSet !== undefined && hops - first.hops >= optimisationHops;
    const { nowMs } = this.#parts.outbox;
    const set = this.#parts.sets.of(missing.log);
    if (!isShorter && (nowMs - first.heardMs < optimisationMs || !set.claimAddition(nowMs))) return;
    const origin = set.log?.origin;
    if (set.graft(first.neighbor)) {
      this.#parts.outbox.send(first.neighbor.node, { kind: 'graft', groups: [], origin });
    }
    if (!isShorter) return;
    this.#replace(set, from);
  }

  /** Prunes a link on both sides, if it still stands. */
  #replace(set: EagerSet, neighbor: Neighbor): void {
    if (this.#parts.neighbors.get(neighbor.node) !== neighbor) return;
    set.replace(neighbor, this.#parts.outbox.nowMs);
    this.#parts.outbox.send(neighbor.node, { kind: 'prune', origin: set.log?.origin });
  }

  #onPrune(from: Neighbor, { origin }: MessageOf<'prune'>): void {
    if (origin === undefined) {
      this.#parts.sets.shared.prune(from);
      return;
    }
    const log = this.#parts.origins.of(origin);
    if (log === undefined) return;
    this.#parts.sets.follow(log, this.#parts.neighbors.values());
    log.ownSet?.prune(from);
  }

  // Neighbours

  /** The new neighbour is eager (paper, "Overlay network change handlers"). */
  #onNeighborUp(node: NodeName): void {
    if (node === this.#parts.self.node || this.#parts.neighbors.has(node)) return;
    const neighbor = newNeighbor(node);
    this.#parts.neighbors.set(node, neighbor);
    this.#parts.sets.add(neighbor);
    this.#digests.send(neighbor, true);
  }

  /** Its announcements go with it; others are asked for what it was asked for. */
  #onNeighborDown(node: NodeName): void {
    const neighbor = this.#parts.neighbors.get(node);
    if (neighbor === undefined) return;
    this.#parts.neighbors.delete(node);
    this.#parts.sets.remove(neighbor);
    this.#parts.missing.onNeighborDown(neighbor, this.#parts.outbox.nowMs);
    this.#repair.askForMissing();
  }

  #onCongested(node: NodeName): void {
    const neighbor = this.#parts.neighbors.get(node);
    if (neighbor === undefined || neighbor.isCongested) return;
    neighbor.isCongested = true;
    neighbor.congestedIds = 0;
  }

  #onDrained(node: NodeName): void {
    const neighbor = this.#parts.neighbors.get(node);
    if (neighbor === undefined) return;
    neighbor.isCongested = false;
    if (neighbor.isOwedDigest) this.#digests.send(neighbor, false);
  }

  #onMessage(from: NodeName, message: GossipMessage): void {
    const neighbor = this.#parts.neighbors.get(from);
    if (neighbor === undefined) this.#parts.outbox.count('strangers');
    else this.#parts.outbox.countReceived(message.kind);
    const fault = faultOf(message);
    if (fault !== undefined) this.#fail(from, fault);
    else if (neighbor !== undefined) this.#dispatch(neighbor, message);
    else if (message.kind === 'gossip') this.#onStranger(from, message.broadcast);
  }

  /**
   * A node that was given up here may not know it yet, and what it says of itself then is the most
   * important that it ever has to say: that it lives.
   */
  #onStranger(from: NodeName, broadcast: Broadcast): void {
    const { id } = broadcast;
    const { origins } = this.#parts;
    if (id.origin !== from || origins.find(id)?.has(id.sequence) || origins.isStale(id)) return;
    this.#takeFirst(from, undefined, { kind: 'gossip', isShaping: false, broadcast });
  }

  #dispatch(from: Neighbor, message: GossipMessage): void {
    switch (message.kind) {
      case 'gossip':
        this.#onGossip(from, message);
        break;
      case 'ihave':
        this.#repair.onIhave(from, message);
        break;
      case 'graft':
        this.#repair.onGraft(from, message);
        break;
      case 'prune':
        this.#onPrune(from, message);
        break;
      case 'unknown':
        this.#repair.onUnknown(from, message);
        break;
      case 'digest':
        this.#digests.onDigest(from, message);
        break;
      default:
        unreachable(message);
    }
  }

  // Timers

  #onTimer(timer: GossipTimer): void {
    if (!this.#parts.outbox.claim(timer)) return;
    switch (timer.kind) {
      case 'announce':
        for (const neighbor of this.#parts.neighbors.values())
          this.#parts.announcements.flush(neighbor);
        break;
      case 'graft':
        this.#repair.askForMissing();
        break;
      case 'sweep':
        sweep(this.#parts);
        break;
      default:
        unreachable(timer.kind);
    }
  }

  #fail(node: NodeName, detail: string): void {
    this.#parts.outbox.push({ kind: 'protocolError', node, detail });
  }

  #peers(isIn: (neighbor: Neighbor) => boolean): NodeName[] {
    return [...this.#parts.neighbors.values()].filter(isIn).map(({ node }) => node);
  }
}

/** A short view of a long buffer would keep all of it as long as itself. */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}

/** A number that is spread evenly over nodes, also over names that differ in their last digits. */
function turnOf(name: NodeName): number {
  let turn = 0x811c_9dc5;
  for (let i = 0; i < name.length; i++) turn = Math.imul(turn ^ name.charCodeAt(i), 0x0100_0193);
  turn = Math.imul(turn ^ (turn >>> 15), 0x2c1b_3c6d);
  return (turn ^ (turn >>> 13)) >>> 0;
}
