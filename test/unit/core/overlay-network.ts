/**
 * The overlay's cores, whole nodes of them, on a simulated network: one seed replays a run. Frames
 * cross it as bytes, in order per direction, late, and lost when asked for; a crashed node is
 * silent, as a killed process is.
 */

import type { Broadcast } from '../../../src/core/gossip/contract.ts';
import type { HyParViewConfig } from '../../../src/core/membership/config.ts';
import type { MembershipEffect, MembershipResult } from '../../../src/core/membership/contract.ts';
import type { HyParView } from '../../../src/core/membership/hyparview.ts';
import { MembershipInvariants } from '../../../src/core/membership/invariants.ts';
import type { PeerDescriptor } from '../../../src/core/membership/peer.ts';
import type { Randomness } from '../../../src/core/membership/randomness.ts';
import type { OverlayEffect, OverlayInput } from '../../../src/core/overlay/contract.ts';
import { decodeOverlay, encodeOverlay } from '../../../src/core/overlay/frames.ts';
import { Overlay } from '../../../src/core/overlay/overlay.ts';
import type { MemberEvent } from '../../../src/core/roster/contract.ts';
import type { MemberRecord } from '../../../src/core/roster/entry.ts';
import type { Roster } from '../../../src/core/roster/roster.ts';
import { EXCHANGE } from '../../../src/core/store/exchange/exchange-codec.ts';
import { Reader } from '../../../src/core/wire/reader.ts';
import { Writer } from '../../../src/core/wire/writer.ts';
import { OverlayStore, STORE_TAG } from './overlay-store.ts';

/** The sender has sent all that it knew of who lives. */
const SYNCED_FRAME = new Writer().uint(48).take();
const TICK_MS = 1_000;

/** A small seeded generator (mulberry32). */
export function seeded(seed: number): Randomness {
  let state = seed >>> 0;
  return {
    float(): number {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}

export interface NetworkOptions {
  readonly seed: number;
  readonly config?: Partial<HyParViewConfig>;
  /** Chance that a frame is lost, 0 to 1. */
  loss?: number;
}

interface Link {
  readonly ends: readonly [OverlayNode, OverlayNode];
  /** Ends that need it: it closes when neither does. */
  readonly needed: Set<OverlayNode>;
  /** When the last frame towards each end arrives; order holds. */
  readonly arrivesMs: Map<OverlayNode, number>;
  /** When each end last heard something. */
  readonly heardMs: Map<OverlayNode, number>;
  isOpen: boolean;
}

interface Task {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class OverlayNetwork {
  readonly random: Randomness;
  readonly options: NetworkOptions;
  readonly nodes: Map<string, OverlayNode> = new Map();
  readonly #tasks: Task[] = [];
  readonly #links = new Map<string, Link>();
  /** Pairs that cannot reach each other, by `isCut`. */
  isCut: (a: string, b: string) => boolean = () => false;
  nowMs: number = 0;
  framesSent: number = 0;
  #order = 0;

  constructor(options: NetworkOptions) {
    this.options = options;
    this.random = seeded(options.seed);
  }

  add(name: string, incarnation = 1n): OverlayNode {
    const node = new OverlayNode(this, name, incarnation);
    this.nodes.set(name, node);
    node.announce();
    return node;
  }

  /** n nodes that join through the first one, all within `withinMs`. */
  cluster(n: number, withinMs: number): OverlayNode[] {
    const nodes = Array.from({ length: n }, (_, i) => this.add(`n${i}@sim`));
    const [seed, ...others] = nodes;
    for (const node of others) {
      if (seed !== undefined) {
        this.after(this.random.float() * withinMs, () => node.join(seed.self));
      }
    }
    return nodes;
  }

  /** The process is gone without a word. */
  crash(node: OverlayNode): void {
    node.isUp = false;
    if (this.nodes.get(node.name) === node) this.nodes.delete(node.name);
    for (const link of this.#links.values()) if (link.ends.includes(node)) link.isOpen = false;
  }

  after(delayMs: number, run: () => void): void {
    this.#order += 1;
    const task = { atMs: this.nowMs + delayMs, order: this.#order, run };
    let low = 0;
    let high = this.#tasks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#tasks[middle];
      if (other !== undefined && other.atMs > task.atMs) low = middle + 1;
      else high = middle;
    }
    this.#tasks.splice(low, 0, task);
  }

  /** Runs virtual time for so long. */
  run(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let task = this.#tasks.at(-1); task !== undefined; task = this.#tasks.at(-1)) {
      if (task.atMs > endMs) break;
      this.#tasks.pop();
      this.nowMs = task.atMs;
      task.run();
    }
    this.nowMs = endMs;
  }

  link(a: OverlayNode, b: string): Link | undefined {
    const link = this.#links.get(keyOf(a.name, b));
    return link?.isOpen === true && link.ends.includes(a) ? link : undefined;
  }

  /** Makes a link, or finds the one that stands; tells both ends. */
  connect(from: OverlayNode, peer: PeerDescriptor): void {
    const standing = this.link(from, peer.node);
    if (standing !== undefined) {
      standing.needed.add(from);
      this.after(0, () => from.onConnected(peer.node));
      return;
    }
    const delayMs = this.#latency() * 3;
    this.after(delayMs, () => {
      const to = this.nodes.get(peer.node);
      if (!from.isUp) return;
      if (to === undefined || this.isCut(from.name, to.name)) {
        this.after(300, () => from.onConnectFailed(peer.node));
        return;
      }
      this.#open(from, to);
    });
  }

  /** Makes a link to a node known by name; `then` hears whether there is one. */
  reach(from: OverlayNode, name: string, then: (isReached: boolean) => void): void {
    const to = this.nodes.get(name);
    const isThere = to !== undefined && !this.isCut(from.name, name);
    if (this.link(from, name) !== undefined) {
      then(true);
      return;
    }
    this.after(isThere ? this.#latency() * 3 : 1_500, () => {
      if (!from.isUp) return;
      if (to?.isUp === true && isThere) this.#open(from, to);
      then(this.link(from, name) !== undefined);
    });
  }

  #open(from: OverlayNode, to: OverlayNode): void {
    const key = keyOf(from.name, to.name);
    const old = this.#links.get(key);
    const isSame = old?.isOpen === true && old.ends.includes(from) && old.ends.includes(to);
    if (isSame) {
      old.needed.add(from);
    } else {
      if (old !== undefined) old.isOpen = false;
      // An end that still holds a link to an older start learns that it is gone first.
      for (const end of [from, to]) {
        if (old?.ends.includes(end)) end.onDisconnected(otherEnd(old, end).self, 'replaced');
      }
      const link: Link = {
        ends: [from, to],
        needed: new Set([from]),
        arrivesMs: new Map(),
        heardMs: new Map(),
        isOpen: true,
      };
      this.#links.set(key, link);
    }
    from.onConnected(to.name);
    if (!isSame) to.onConnected(from.name);
  }

  release(node: OverlayNode, peer: string): void {
    const link = this.link(node, peer);
    if (link === undefined) return;
    link.needed.delete(node);
    this.after(200, () => {
      if (link.isOpen && link.needed.size === 0) this.close(link, 'idle');
    });
  }

  close(link: Link, reason: string): void {
    if (!link.isOpen) return;
    link.isOpen = false;
    for (const end of link.ends) {
      if (end.isUp) end.onDisconnected(otherEnd(link, end).self, reason);
    }
  }

  send(from: OverlayNode, to: string, frame: Uint8Array): void {
    const link = this.link(from, to);
    if (link === undefined) return;
    const end = otherEnd(link, from);
    this.framesSent += 1;
    const isLost = this.random.float() < (this.options.loss ?? 0);
    if (isLost || this.isCut(from.name, to)) return;
    const atMs = Math.max(link.arrivesMs.get(end) ?? 0, this.nowMs + this.#latency());
    link.arrivesMs.set(end, atMs);
    this.after(atMs - this.nowMs, () => {
      if (!link.isOpen || !end.isUp) return;
      link.heardMs.set(end, this.nowMs);
      end.onFrame(from.name, frame);
    });
  }

  heardMs(node: OverlayNode, peer: string): number | undefined {
    return this.link(node, peer)?.heardMs.get(node);
  }

  #latency(): number {
    return 1 + this.random.float() * 20;
  }
}

/** One node: overlay and store, driven as the cluster drives them. */
export class OverlayNode {
  readonly name: string;
  readonly self: PeerDescriptor;
  readonly overlay: Overlay;
  readonly store: OverlayStore;
  readonly invariants: MembershipInvariants;
  readonly memberEvents: MemberEvent[] = [];
  /** Those of stores are left out. */
  readonly broadcasts: Broadcast[] = [];
  readonly results: MembershipResult[] = [];
  readonly faults: string[] = [];
  readonly #network: OverlayNetwork;
  readonly #joining = new Map<string, PeerDescriptor>();
  /** Frames for nodes to which a link is being made. */
  readonly #waiting = new Map<string, Uint8Array[]>();
  isUp: boolean = true;

  constructor(network: OverlayNetwork, name: string, incarnation: bigint) {
    this.#network = network;
    this.name = name;
    this.self = { node: name, incarnation, addresses: ['10.0.0.1:4433'], ageMs: 0 };
    this.overlay = new Overlay(this.self, {
      random: seeded(Math.floor(network.random.float() * 2 ** 32)),
      links: {
        rttMs: (node) => (network.link(this, node) === undefined ? undefined : 40),
        lastHeardMs: (node) => network.heardMs(this, node),
      },
      accepts: () => true,
      isPlausible: () => true,
      config: { membership: network.options.config },
    });
    this.invariants = new MembershipInvariants(this.overlay.membership);
    this.store = this.#store();
    this.#tick();
  }

  get membership(): HyParView {
    return this.overlay.membership;
  }

  get roster(): Roster {
    return this.overlay.roster;
  }

  announce(): void {
    const record: MemberRecord = { ...RECORD, addresses: this.self.addresses };
    this.handle({ kind: 'announce', record });
  }

  /** Joins a contact, again and again until one accepted. */
  join(contact: PeerDescriptor): void {
    if (!this.roster.isMember(this.name)) this.announce();
    this.#joining.set(contact.node, contact);
    this.#network.connect(this, contact);
  }

  leave(): void {
    this.handle({ kind: 'leave', requestId: 0 });
  }

  put(key: string, value: string): void {
    this.store.put(key, value);
  }

  remove(key: string): void {
    this.store.remove(key);
  }

  /** `owner/key=value` of all entries, sorted. */
  get tableText(): string[] {
    return this.store.text;
  }

  get aliveNames(): string[] {
    return this.roster.alive.map((entry) => entry.node).sort();
  }

  onConnected(name: string): void {
    const link = this.#network.link(this, name);
    if (link === undefined || !this.isUp) return;
    const peer = otherEnd(link, this).self;
    this.handle({ kind: 'connected', peer });
    if (!this.#joining.delete(name)) return;
    link.needed.add(this);
    this.handle({ kind: 'join', peer, requestId: 1 });
  }

  onConnectFailed(node: string): void {
    if (!this.isUp) return;
    const contact = this.#joining.get(node);
    if (contact !== undefined) this.#network.after(500, () => this.isUp && this.join(contact));
    this.handle({ kind: 'connectFailed', node });
  }

  onDisconnected(peer: PeerDescriptor, reason: string): void {
    if (!this.isUp) return;
    const { node, incarnation } = peer;
    const isLost = reason === 'lost';
    this.handle({ kind: 'disconnected', node, incarnation, reason, isLost });
  }

  onFrame(from: string, frame: Uint8Array): void {
    const kind = new Reader(frame).uint();
    const message = decodeOverlay(kind, frame);
    if (message !== undefined) this.handle({ kind: 'received', from, message });
    else if (kind === EXCHANGE) this.store.frame(from, frame);
    else this.store.handle({ kind: 'ask', node: from });
  }

  handle(input: OverlayInput): void {
    const effects = this.overlay.handle(input, this.#network.nowMs);
    const ofMembership = effects.flatMap(membershipEffectOf);
    this.invariants.check(ofMembership);
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: OverlayEffect): void {
    switch (effect.kind) {
      case 'connect':
        this.#network.connect(this, effect.peer);
        break;
      case 'release':
        this.#network.release(this, effect.node);
        break;
      case 'send':
        this.#network.send(this, effect.to, encodeOverlay(effect.message));
        break;
      case 'sendAnywhere':
        this.#network.reach(this, effect.to, (isReached) => {
          if (isReached) this.#network.send(this, effect.to, encodeOverlay(effect.message));
        });
        break;
      case 'reach':
        this.#network.reach(this, effect.node, (isReached) =>
          this.handle({ kind: 'reached', node: effect.node, isReached }),
        );
        break;
      case 'schedule':
        this.#network.after(effect.delayMs, () => {
          if (this.isUp) this.handle({ kind: 'timerFired', timer: effect.timer });
        });
        break;
      case 'reply':
        this.#onResult(effect.result);
        break;
      case 'neighbor': {
        const { type, node } = effect.event;
        if (type === 'peerUp') this.#network.link(this, node)?.needed.add(this);
        const kind = type === 'peerUp' ? 'neighborUp' : 'neighborDown';
        this.store.handle({ kind, node });
        break;
      }
      case 'member':
        this.#onMemberEvent(effect.event);
        break;
      case 'deliver':
        this.#onBroadcast(effect.broadcast);
        break;
      case 'exchange':
        this.#exchange(effect);
        break;
      case 'reassert':
        this.store.handle({ kind: 'reassert' });
        break;
      case 'dropped':
        // What a dead node announced cannot be had any more; anything else is a fault.
        if (effect.what !== 'broadcast') this.faults.push(`${effect.kind} ${effect.what}`);
        break;
      default:
        this.faults.push(effect.kind);
    }
  }

  /** All at once, where the real driver sends page after page. */
  #exchange({ to, buckets, isFirst }: Extract<OverlayEffect, { kind: 'exchange' }>): void {
    for (const entries of this.roster.entriesIn(buckets)) {
      const message = { kind: 'entries', entries } as const;
      this.#network.send(this, to, encodeOverlay({ layer: 'liveness', message }));
    }
    if (isFirst) this.#network.send(this, to, SYNCED_FRAME);
  }

  #onResult(result: MembershipResult): void {
    this.results.push(result);
    if (result.kind === 'redirected') {
      const [next] = result.peers;
      if (next !== undefined) this.join(next);
    } else if (result.kind === 'timedOut' || result.kind === 'refused') {
      const [contact] = this.membership.peers;
      if (contact !== undefined && this.membership.activeView.length === 0) this.join(contact);
    }
  }

  #onMemberEvent(event: MemberEvent): void {
    this.memberEvents.push(event);
    this.store.member(event);
  }

  #onBroadcast(broadcast: Broadcast): void {
    const { id, tag, payload } = broadcast;
    if (tag !== STORE_TAG) this.broadcasts.push(broadcast);
    else if (id.origin !== this.name) this.store.delta(id.origin, payload);
  }

  #store(): OverlayStore {
    const network = this.#network;
    return new OverlayStore({
      self: { node: this.name, incarnation: this.self.incarnation },
      random: seeded(Math.floor(network.random.float() * 2 ** 32)),
      nowMs: () => network.nowMs,
      after: (delayMs, run) => network.after(delayMs, () => this.isUp && run()),
      broadcast: (payload) => {
        const { sequence } = this.overlay.gossip.reserve();
        this.handle({ kind: 'broadcast', tag: STORE_TAG, payload, sequence });
      },
      send: (to, frame) => this.#sendAnywhere(to, frame),
      onFault: (what) => this.faults.push(what),
    });
  }

  #tick(): void {
    this.#network.after(TICK_MS, () => {
      if (!this.isUp) return;
      this.store.handle({ kind: 'tick' });
      this.#tick();
    });
  }

  /** In order, also while the link is being made. */
  #sendAnywhere(to: string, frame: Uint8Array): void {
    const waiting = this.#waiting.get(to);
    if (waiting !== undefined) {
      waiting.push(frame);
      return;
    }
    const frames = [frame];
    this.#waiting.set(to, frames);
    this.#network.reach(this, to, (isReached) => {
      this.#waiting.delete(to);
      if (isReached) for (const one of frames) this.#network.send(this, to, one);
    });
  }
}

/** What the overlay passes on of its membership core. */
function membershipEffectOf(effect: OverlayEffect): MembershipEffect[] {
  if (effect.kind === 'neighbor') return [{ kind: 'emit', event: effect.event }];
  if (effect.kind === 'schedule' && effect.timer.layer === 'membership') {
    return [{ kind: 'schedule', timer: effect.timer.timer, delayMs: effect.delayMs }];
  }
  return [];
}

/** Names of the nodes that the first one reaches over mutual links. */
export function componentOf(nodes: readonly OverlayNode[]): ReadonlySet<string> {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const [first] = nodes;
  const reached = new Set<string>(first === undefined ? [] : [first.name]);
  for (const name of reached) {
    for (const peer of byName.get(name)?.membership.activeView ?? []) {
      if (byName.has(peer)) reached.add(peer);
    }
  }
  return reached;
}

const RECORD: MemberRecord = {
  addresses: [],
  fingerprint: 'SHA256:test',
  version: '1.0.0',
  weight: 1,
  meta: new Uint8Array(),
  neighbors: [],
};

function keyOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

function otherEnd(link: Link, end: OverlayNode): OverlayNode {
  return link.ends[0] === end ? link.ends[1] : link.ends[0];
}
