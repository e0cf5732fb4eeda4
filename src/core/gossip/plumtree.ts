/**
 * Plumtree (Leitão, Pereira, Rodrigues, "Epidemic broadcast trees", SRDS 2007): payloads are pushed
 * along the links of a tree that is embedded in the overlay, ids are announced on all other links,
 * and a node that hears of what it has not got asks for it, which mends the tree.
 *
 * Deviations from the paper: a link is pruned after several duplicates; an announcer that has not
 * got the payload says so; new links begin with digests; busy origins have eager sets of their own;
 * a congested neighbour is announced to only; a broadcast is validated before it is passed on.
 */
import { BarrelError } from '../../errors.ts';
import {
  GOSSIP_HOPS_MAX,
  GOSSIP_PAYLOAD_BYTES_MAX,
  GOSSIP_TAG_MAX,
  GOSSIP_WINDOW_MAX,
} from '../../limits.ts';
import type { NodeName } from '../names.ts';
import type { LinkFacts } from '../overlay/link-facts.ts';
import { unreachable } from '../unreachable.ts';
import { Announcements, idBatches, nextHops } from './announcements.ts';
import { PLUMTREE_DEFAULTS, type PlumtreeConfig } from './config.ts';
import type { Broadcast, GossipEffect, GossipInput, GossipTimer, MessageId } from './contract.ts';
import { digestOf } from './digest.ts';
import { type EagerSet, EagerSets } from './eager-set.ts';
import { faultOf, type GossipMessage, type OriginMark } from './messages.ts';
import { type Missing, MissingTable } from './missing-table.ts';
import { type Neighbor, newNeighbor } from './neighbor.ts';
import type { OriginLog } from './origin-log.ts';
import { Origins, type Start } from './origins.ts';
import { type GossipCounts, Outbox } from './outbox.ts';
import { type Held, PayloadCache } from './payload-cache.ts';

type MessageOf<K extends GossipMessage['kind']> = Extract<GossipMessage, { kind: K }>;
type OwnBroadcast = Extract<GossipInput, { kind: 'broadcast' }>;

/** Of the nodes that send at once, one in so many may shape the tree. */
const TURNS = 16;

/** How a broadcast goes on from here. */
interface Way {
  readonly from?: Neighbor;
  readonly missing?: Missing | undefined;
  readonly isShaping: boolean;
  readonly toAll?: boolean;
}

export interface PlumtreeSelf {
  readonly node: NodeName;
  readonly incarnation: bigint;
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
  readonly #self: PlumtreeSelf;
  readonly #accepts: PlumtreeOptions['accepts'];
  readonly #config: PlumtreeConfig;
  readonly #outbox: Outbox = new Outbox();
  readonly #neighbors = new Map<NodeName, Neighbor>();
  readonly #origins: Origins;
  readonly #sets: EagerSets;
  readonly #cache: PayloadCache;
  readonly #missing: MissingTable;
  readonly #announcements: Announcements;
  readonly #turn: number;
  #sequence = 0;
  /** Until it knows of others' broadcasts: the past is not pulled. */
  #isNewcomer = true;

  /** Nothing is scheduled before the first input. */
  constructor(self: PlumtreeSelf, { links, accepts, config = {} }: PlumtreeOptions) {
    this.#self = { node: self.node, incarnation: self.incarnation };
    this.#turn = turnOf(self.node);
    this.#accepts = accepts;
    this.#config = { ...PLUMTREE_DEFAULTS, ...config };
    this.#origins = new Origins(this.#config.payloadsKeptMs);
    this.#sets = new EagerSets(this.#config);
    this.#cache = new PayloadCache(this.#config.payloadBytesMax);
    this.#missing = new MissingTable(links, this.#config);
    this.#announcements = new Announcements(this.#config, this.#outbox);
  }

  get config(): PlumtreeConfig {
    return this.#config;
  }

  /** Neighbours that payloads are pushed to, in the set that origins share. */
  get eagerPeers(): NodeName[] {
    return this.#peers((neighbor) => this.#sets.shared.isEager(neighbor));
  }

  /** Neighbours that are announced to, in the set that origins share. */
  get lazyPeers(): NodeName[] {
    return this.#peers((neighbor) => !this.#sets.shared.isEager(neighbor));
  }

  /** Eager neighbours for what that origin makes. */
  eagerPeersOf(origin: NodeName): NodeName[] {
    const set = this.#sets.of(this.#origins.of(origin));
    return this.#peers((neighbor) => set.isEager(neighbor));
  }

  /** Payloads that are held for those that ask. */
  get cachedCount(): number {
    return this.#cache.size;
  }

  /** Bytes of those, with 256 for each. */
  get cachedBytes(): number {
    return this.#cache.bytes;
  }

  /** Broadcasts that were announced and have not come. */
  get missingCount(): number {
    return this.#missing.size;
  }

  /** Origins whose broadcasts were seen here. */
  get originCount(): number {
    return this.#origins.size;
  }

  /** Origins with eager sets of their own. */
  get ownSetCount(): number {
    return this.#sets.ownCount;
  }

  get counts(): GossipCounts {
    return this.#outbox.counts;
  }

  /** Takes the number of a broadcast that will be handed in: its maker may want its id before. */
  reserve(): MessageId {
    this.#sequence += 1;
    const { node: origin, incarnation } = this.#self;
    return { origin, incarnation, sequence: this.#sequence };
  }

  /**
   * Applies one input at a monotonic time in milliseconds; returns its effects in the order in
   * which the driver must carry them out. Never throws for what a peer sent. A payload must not
   * change once it was handed in.
   * @throws ERR_VALUE for a broadcast with a payload or tag above its bound; nothing changes then.
   */
  handle(input: GossipInput, nowMs: number): readonly GossipEffect[] {
    this.#outbox.nowMs = nowMs;
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
    this.#outbox.wake('graft', this.#missing.nextDueMs);
    return this.#outbox.take();
  }

  // Broadcasts

  #broadcast({ tag, payload, toAll = false, sequence }: OwnBroadcast): void {
    if (payload.length > GOSSIP_PAYLOAD_BYTES_MAX) {
      throw new BarrelError('ERR_VALUE', `payload of ${payload.length} bytes is too long`);
    }
    if (!Number.isInteger(tag) || tag < 0 || tag > GOSSIP_TAG_MAX) {
      throw new BarrelError('ERR_VALUE', `no tag of a broadcast: ${tag}`);
    }
    const { node: origin, incarnation } = this.#self;
    const log = this.#origins.prove({ origin, incarnation }, this.#outbox.nowMs);
    if (log === undefined) {
      throw new BarrelError('ERR_OVERLOADED', 'too many origins of broadcasts');
    }
    const id = sequence === undefined ? this.reserve() : { origin, incarnation, sequence };
    const held = this.#deliver(log, { id, tag, payload: compact(payload), hops: 0 });
    const set = this.#sets.of(log);
    const isShaping = this.#isShapeDue(set, id.sequence);
    if (isShaping) set.shape(log, id.sequence, this.#outbox.nowMs);
    set.onFirst(undefined);
    this.#forward(held, { toAll, isShaping });
  }

  /** GOSSIP (paper, "Gossip and tree construction"). */
  #onGossip(from: Neighbor, message: MessageOf<'gossip'>): void {
    const { broadcast } = message;
    const { id } = broadcast;
    const known = this.#origins.find(id);
    if (id.origin === this.#self.node ? this.#isOwnEcho(broadcast) : known?.has(id.sequence)) {
      this.#onDuplicate(from, known, id.sequence);
      return;
    }
    if (id.origin === this.#self.node || this.#origins.isStale(id)) {
      this.#outbox.count('stale');
      return;
    }
    if (!this.#accepts(broadcast)) {
      this.#outbox.count('refused');
      this.#fail(from, 'broadcast refused');
      return;
    }
    const log = this.#prove(broadcast);
    if (log !== undefined) this.#onFirst(from, log, message);
  }

  /** Senders take turns by their numbers, lest all that send at once shape at once. */
  #isShapeDue(set: EagerSet, sequence: number): boolean {
    const { shapeBroadcasts } = this.#config;
    if (set.sinceShaped < shapeBroadcasts || !set.mayShape(this.#outbox.nowMs)) return false;
    return set.log !== undefined || (set.sinceShaped + sequence + this.#turn) % TURNS === 0;
  }

  #isOwnEcho({ id }: Broadcast): boolean {
    return id.incarnation === this.#self.incarnation && id.sequence <= this.#sequence;
  }

  #prove({ id }: Broadcast): OriginLog | undefined {
    const older = this.#origins.of(id.origin);
    const log = this.#origins.prove(id, this.#outbox.nowMs);
    if (log === undefined) this.#outbox.count('originsRefused');
    else if (older !== undefined && older !== log) this.#retire(older);
    return log;
  }

  /** A later start replaces this one: what was missing of it will not come any more. */
  #retire(log: OriginLog): void {
    this.#outbox.lose(log.origin, log.missing?.size ?? 0);
    this.#missing.removeUpTo(log, Number.POSITIVE_INFINITY);
    this.#cache.dropAll(log);
    this.#sets.drop(log);
  }

  #onFirst(from: Neighbor, log: OriginLog, message: MessageOf<'gossip'>): void {
    const { broadcast } = message;
    this.#isNewcomer = false;
    const missing = log.missing?.get(broadcast.id.sequence);
    if (missing !== undefined) this.#missing.remove(missing);
    const copy = compact(broadcast.payload);
    const kept = copy === broadcast.payload ? broadcast : { ...broadcast, payload: copy };
    const held = this.#deliver(log, kept);
    const set = this.#sets.of(log);
    const isShaping = message.isShaping && set.mayShape(this.#outbox.nowMs);
    if (isShaping) set.shape(log, broadcast.id.sequence, this.#outbox.nowMs);
    set.onFirst(from);
    if (missing !== undefined) {
      const [first] = missing.announcers;
      if (missing.asked > 0) held.pulled = { from, heardMs: first?.heardMs ?? 0 };
      else this.#missing.onLate(this.#outbox.nowMs - (first?.heardMs ?? 0));
      if (!isShaping) this.#optimise(from, missing, broadcast.hops);
    }
    this.#forward(held, { from, missing, isShaping });
  }

  #deliver(log: OriginLog, broadcast: Broadcast): Held {
    const { nowMs } = this.#outbox;
    this.#lose(log, log.add(broadcast.id.sequence, nowMs));
    this.#outbox.count('delivered');
    this.#outbox.push({ kind: 'deliver', broadcast });
    const held = this.#cache.add(log, broadcast, nowMs);
    this.#outbox.count('payloadsEvicted', this.#cache.evict());
    this.#sets.consider(log, this.#neighbors.values());
    this.#outbox.wake('sweep', nowMs + this.#config.sweepPeriodMs);
    return held;
  }

  /** Eager push and lazy push, past those that are known to have it. */
  #forward(held: Held, { from, missing, isShaping, toAll = false }: Way): void {
    const set = this.#sets.of(held.log);
    const { broadcast } = held;
    const copy: GossipMessage = {
      kind: 'gossip',
      isShaping,
      broadcast: { ...broadcast, hops: nextHops(broadcast.hops) },
    };
    for (const neighbor of this.#neighbors.values()) {
      if (neighbor === from) continue;
      if (missing?.announcers.some((announcer) => announcer.neighbor === neighbor)) continue;
      if (toAll || (set.isEager(neighbor) && !neighbor.isCongested)) {
        this.#outbox.send(neighbor.node, copy);
      } else {
        this.#announcements.add(neighbor, held);
      }
    }
  }

  #onDuplicate(from: Neighbor, log: OriginLog | undefined, sequence: number): void {
    this.#outbox.count('duplicates');
    const set = this.#sets.of(log);
    const held = log?.held?.get(sequence);
    if (held?.pulled !== undefined && held.pulled.from !== from && set.isEager(from)) {
      this.#missing.onLate(this.#outbox.nowMs - held.pulled.heardMs);
      set.replace(held.pulled.from, this.#outbox.nowMs);
      this.#outbox.send(held.pulled.from.node, { kind: 'prune', origin: set.log?.origin });
      held.pulled = undefined;
      return;
    }
    if (!set.onDuplicate(from, log, sequence, this.#outbox.nowMs)) return;
    this.#outbox.send(from.node, { kind: 'prune', origin: set.log?.origin });
  }

  /**
   * Optimization (paper): an announcement told of a way that is shorter by enough hops, which
   * replaces the payload's. Deviation: one that came much earlier than the payload is a shorter
   * way whatever it counts; its link is added, and duplicates show which one goes.
   */
  #optimise(from: Neighbor, missing: Missing, hops: number): void {
    const [first] = missing.announcers;
    if (first === undefined || first.neighbor === from) return;
    const { optimisationHops, optimisationMs } = this.#config;
    const isShorter = hops - first.hops >= optimisationHops;
    if (!isShorter && this.#outbox.nowMs - first.heardMs < optimisationMs) return;
    const set = this.#sets.of(missing.log);
    const origin = set.log?.origin;
    if (set.graft(first.neighbor)) {
      this.#outbox.send(first.neighbor.node, { kind: 'graft', groups: [], origin });
    }
    if (!isShorter) return;
    set.replace(from, this.#outbox.nowMs);
    this.#outbox.send(from.node, { kind: 'prune', origin });
  }

  // Repair

  /** IHAVE: a timer starts for what is not there (paper, "Fault tolerance and tree repair"). */
  #onIhave(from: Neighbor, { groups }: MessageOf<'ihave'>): void {
    for (const group of groups) {
      if (group.origin === this.#self.node || this.#origins.isStale(group)) continue;
      for (const [at, sequence] of group.sequences.entries()) {
        const log = this.#origins.find(group) ?? this.#origins.hear(group, this.#outbox.nowMs);
        if (log?.has(sequence) === true) continue;
        const heard = { neighbor: from, hops: group.hops[at] ?? GOSSIP_HOPS_MAX, isUrgent: false };
        if (!this.#announce(log, sequence, heard)) this.#outbox.count('announcementsDropped');
      }
    }
  }

  #announce(
    log: OriginLog | undefined,
    sequence: number,
    heard: { readonly neighbor: Neighbor; readonly hops: number; readonly isUrgent: boolean },
  ): boolean {
    if (log === undefined) return false;
    const { nowMs } = this.#outbox;
    log.activeMs = nowMs;
    this.#outbox.wake('sweep', nowMs + this.#config.sweepPeriodMs);
    return this.#missing.announce(log, sequence, heard, nowMs);
  }

  /** What is overdue is asked for: the announcer becomes eager, on both sides. */
  #askForMissing(): void {
    for (const [neighbor, entries] of this.#missing.takeDue(this.#outbox.nowMs)) {
      for (const { log } of entries) this.#sets.of(log).graft(neighbor);
      for (const groups of idBatches(entries)) {
        this.#outbox.send(neighbor.node, { kind: 'graft', groups });
      }
    }
  }

  /**
   * GRAFT. Deviation from the paper: what is not there is answered too, so that the asker moves on
   * at once. A congested neighbour gets no payload; it is told again once it is drained.
   */
  #onGraft(from: Neighbor, { groups, origin }: MessageOf<'graft'>): void {
    if (groups.length === 0) {
      this.#sets.of(origin === undefined ? undefined : this.#origins.of(origin)).graft(from);
      return;
    }
    const unknown: { log: Start; sequence: number }[] = [];
    for (const group of groups) {
      const log = this.#origins.find(group);
      this.#sets.of(log).graft(from);
      for (const sequence of group.sequences) {
        const held = log?.held?.get(sequence);
        if (held !== undefined && !from.isCongested) {
          const { broadcast } = held;
          const hops = nextHops(broadcast.hops);
          const copy = { ...broadcast, hops };
          this.#outbox.send(from.node, { kind: 'gossip', broadcast: copy, isShaping: false });
        } else {
          unknown.push({ log: log ?? group, sequence });
          if (held !== undefined) from.isOwedDigest = true;
        }
      }
    }
    for (const batch of idBatches(unknown)) {
      this.#outbox.send(from.node, { kind: 'unknown', groups: batch });
    }
  }

  #onUnknown(from: Neighbor, { groups }: MessageOf<'unknown'>): void {
    for (const group of groups) {
      const missing = this.#origins.find(group)?.missing;
      for (const sequence of group.sequences) {
        const entry = missing?.get(sequence);
        if (entry !== undefined) this.#missing.onUnknown(entry, from, this.#outbox.nowMs);
      }
    }
    this.#askForMissing();
  }

  #onPrune(from: Neighbor, { origin }: MessageOf<'prune'>): void {
    if (origin === undefined) {
      this.#sets.shared.prune(from);
      return;
    }
    const log = this.#origins.of(origin);
    if (log === undefined) return;
    this.#sets.follow(log, this.#neighbors.values());
    log.ownSet?.prune(from);
  }

  // Digests

  #onDigest(from: Neighbor, { marks, isLast, isTruncated }: MessageOf<'digest'>): void {
    const isAdopting = this.#isNewcomer;
    for (const mark of marks) {
      if (mark.origin === this.#self.node || this.#origins.isStale(mark)) continue;
      if (isAdopting && this.#origins.of(mark.origin) === undefined) this.#adopt(mark);
      else this.#compare(from, mark);
    }
    if (!isLast) return;
    if (marks.length > 0) this.#isNewcomer = false;
    if (isTruncated && !isAdopting) this.#outbox.push({ kind: 'truncated', node: from.node });
    this.#askForMissing();
  }

  #adopt(mark: OriginMark): void {
    const log = this.#origins.prove(mark, this.#outbox.nowMs);
    if (log === undefined) this.#outbox.count('originsRefused');
    else log.adopt(mark);
    this.#outbox.wake('sweep', this.#outbox.nowMs + this.#config.sweepPeriodMs);
  }

  /** What the neighbour offers and this node has not got is asked for at once. */
  #compare(from: Neighbor, { origin, incarnation, highest, oldest, gaps }: OriginMark): void {
    const start = { origin, incarnation };
    const known = this.#origins.find(start);
    if (known !== undefined) this.#lose(known, known.missUpTo(oldest - 1));
    const first = Math.max(oldest, (known?.floor ?? 0) + 1, highest - GOSSIP_WINDOW_MAX + 1);
    const closed = new Set(gaps);
    const heard = { neighbor: from, hops: GOSSIP_HOPS_MAX, isUrgent: true };
    for (let sequence = first; sequence <= highest; sequence++) {
      if (closed.has(sequence) || known?.has(sequence) === true) continue;
      const log = known ?? this.#origins.hear(start, this.#outbox.nowMs);
      if (this.#announce(log, sequence, heard)) continue;
      this.#outbox.count('announcementsDropped', highest - sequence + 1);
      return;
    }
  }

  #sendDigest(to: Neighbor): void {
    to.isOwedDigest = false;
    for (const frame of digestOf(this.#origins.proven())) this.#outbox.send(to.node, frame);
  }

  // Neighbours

  /** The new neighbour is eager (paper, "Overlay network change handlers"). */
  #onNeighborUp(node: NodeName): void {
    if (node === this.#self.node || this.#neighbors.has(node)) return;
    const neighbor = newNeighbor(node);
    this.#neighbors.set(node, neighbor);
    this.#sets.add(neighbor);
    this.#sendDigest(neighbor);
  }

  /** Its announcements go with it; others are asked for what it was asked for. */
  #onNeighborDown(node: NodeName): void {
    const neighbor = this.#neighbors.get(node);
    if (neighbor === undefined) return;
    this.#neighbors.delete(node);
    this.#sets.remove(neighbor);
    this.#missing.onNeighborDown(neighbor, this.#outbox.nowMs);
    this.#askForMissing();
  }

  #onCongested(node: NodeName): void {
    const neighbor = this.#neighbors.get(node);
    if (neighbor === undefined || neighbor.isCongested) return;
    neighbor.isCongested = true;
    neighbor.congestedIds = 0;
  }

  #onDrained(node: NodeName): void {
    const neighbor = this.#neighbors.get(node);
    if (neighbor === undefined) return;
    neighbor.isCongested = false;
    if (neighbor.isOwedDigest) this.#sendDigest(neighbor);
  }

  #onMessage(from: NodeName, message: GossipMessage): void {
    const neighbor = this.#neighbors.get(from);
    if (neighbor === undefined) {
      this.#outbox.count('strangers');
      return;
    }
    this.#outbox.countReceived(message.kind);
    const fault = faultOf(message);
    if (fault === undefined) this.#dispatch(neighbor, message);
    else this.#fail(neighbor, fault);
  }

  #dispatch(from: Neighbor, message: GossipMessage): void {
    switch (message.kind) {
      case 'gossip':
        this.#onGossip(from, message);
        break;
      case 'ihave':
        this.#onIhave(from, message);
        break;
      case 'graft':
        this.#onGraft(from, message);
        break;
      case 'prune':
        this.#onPrune(from, message);
        break;
      case 'unknown':
        this.#onUnknown(from, message);
        break;
      case 'digest':
        this.#onDigest(from, message);
        break;
      default:
        unreachable(message);
    }
  }

  // Timers

  #onTimer(timer: GossipTimer): void {
    if (!this.#outbox.claim(timer)) return;
    switch (timer.kind) {
      case 'announce':
        for (const neighbor of this.#neighbors.values()) this.#announcements.flush(neighbor);
        break;
      case 'graft':
        this.#askForMissing();
        break;
      case 'sweep':
        this.#sweep();
        break;
      default:
        unreachable(timer.kind);
    }
  }

  #sweep(): void {
    const { nowMs } = this.#outbox;
    const { payloadsKeptMs, originsKeptMs, sweepPeriodMs } = this.#config;
    this.#cache.expire(nowMs - payloadsKeptMs);
    const lost = this.#missing.takeOld(nowMs - payloadsKeptMs);
    for (const { log, sequence } of lost) {
      // The others are counted when their gap is given up.
      if (sequence > log.highest || sequence < log.owedFrom) this.#outbox.lose(log.origin, 1);
    }
    for (const log of this.#origins.rumours()) {
      if ((log.missing?.size ?? 0) === 0) this.#origins.drop(log);
    }
    for (const log of this.#origins.proven()) {
      this.#lose(log, log.ageGaps(nowMs, payloadsKeptMs));
      log.previous = log.recent;
      log.recent = 0;
      if (log.previous === 0) this.#sets.drop(log);
      if (nowMs - log.activeMs >= originsKeptMs && log.origin !== this.#self.node) {
        this.#origins.drop(log);
      }
    }
    if (this.#origins.size + this.#missing.size > 0)
      this.#outbox.wake('sweep', nowMs + sweepPeriodMs);
  }

  #lose(log: OriginLog, owed: number): void {
    const unowed = log.missing === undefined ? 0 : this.#missing.removeUpTo(log, log.floor);
    this.#outbox.lose(log.origin, owed + unowed);
  }

  #fail(neighbor: Neighbor, detail: string): void {
    this.#outbox.push({ kind: 'protocolError', node: neighbor.node, detail });
  }

  #peers(isIn: (neighbor: Neighbor) => boolean): NodeName[] {
    return [...this.#neighbors.values()].filter(isIn).map(({ node }) => node);
  }
}

/** A short view of a long buffer would keep all of it as long as itself. */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}

/** A number that differs between most nodes. */
function turnOf(name: NodeName): number {
  let turn = 0;
  for (let i = 0; i < name.length; i++) turn = (turn * 31 + name.charCodeAt(i)) % 65_521;
  return turn;
}
