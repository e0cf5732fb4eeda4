/**
 * The overlay's cores, whole nodes of them, on a simulated network: one seed replays a run. Frames
 * cross it as bytes, in order per direction, late, and lost when asked for; a crashed node is
 * silent, as a killed process is.
 */

import type { HyParViewConfig } from '../../../src/core/membership/config.ts';
import type { MembershipEffect, MembershipResult } from '../../../src/core/membership/contract.ts';
import { HyParView } from '../../../src/core/membership/hyparview.ts';
import { MembershipInvariants } from '../../../src/core/membership/invariants.ts';
import {
  decodeMembership,
  encodeMembership,
  isMembershipKind,
} from '../../../src/core/membership/messages.ts';
import type { PeerDescriptor } from '../../../src/core/membership/peer.ts';
import type { Randomness } from '../../../src/core/membership/randomness.ts';
import type { MemberEvent, RosterEffect } from '../../../src/core/roster/contract.ts';
import type { MemberRecord } from '../../../src/core/roster/entry.ts';
import { type HeartbeatEffect, HeartbeatMonitor } from '../../../src/core/roster/heartbeat.ts';
import { decodeRoster, encodeRoster, isRosterKind } from '../../../src/core/roster/messages.ts';
import { Roster } from '../../../src/core/roster/roster.ts';
import type { TableEffect } from '../../../src/core/table/contract.ts';
import { decodeTable, encodeTable } from '../../../src/core/table/messages.ts';
import { OwnerTable } from '../../../src/core/table/owner-table.ts';
import { Reader } from '../../../src/core/wire/reader.ts';

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
    node.start();
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
        if (old?.ends.includes(end)) end.onDisconnected(otherEnd(old, end).name, 'replaced');
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
      if (end.isUp) end.onDisconnected(otherEnd(link, end).name, reason);
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

/** One node: the four cores, driven as the cluster drives them. */
export class OverlayNode {
  readonly name: string;
  readonly self: PeerDescriptor;
  readonly membership: HyParView;
  readonly roster: Roster;
  readonly table: OwnerTable;
  readonly heartbeats: HeartbeatMonitor = new HeartbeatMonitor();
  readonly invariants: MembershipInvariants;
  readonly memberEvents: MemberEvent[] = [];
  readonly results: MembershipResult[] = [];
  readonly faults: string[] = [];
  readonly #network: OverlayNetwork;
  readonly #joining = new Map<string, PeerDescriptor>();
  #announced = false;
  isUp: boolean = true;

  constructor(network: OverlayNetwork, name: string, incarnation: bigint) {
    this.#network = network;
    this.name = name;
    this.self = { node: name, incarnation, addresses: ['10.0.0.1:4433'], ageMs: 0 };
    const random = seeded(Math.floor(network.random.float() * 2 ** 32));
    this.membership = new HyParView(this.self, random, network.options.config);
    this.invariants = new MembershipInvariants(this.membership);
    this.roster = new Roster(this.self);
    this.table = new OwnerTable(this.self, {
      isAlive: (node, start) => this.roster.isAlive(node, start),
    });
  }

  start(): void {
    this.announce();
    const tick = (): void => {
      if (!this.isUp) return;
      this.#tick();
      this.#network.after(500, tick);
    };
    this.#network.after(this.#network.random.float() * 500, tick);
  }

  announce(): void {
    const record: MemberRecord = { ...RECORD, addresses: this.self.addresses };
    this.#announced = true;
    this.#onRoster(this.roster.handle({ kind: 'announce', record }, this.#network.nowMs));
  }

  /** Joins a contact, again and again until one accepted. */
  join(contact: PeerDescriptor): void {
    if (!this.#announced) this.announce();
    this.#joining.set(contact.node, contact);
    this.#network.connect(this, contact);
  }

  leave(): void {
    this.#onRoster(this.roster.handle({ kind: 'leave' }, this.#network.nowMs));
    this.#announced = false;
    this.#onMembership(this.membership.handle({ kind: 'leave', requestId: 0 }, this.#now()));
  }

  put(key: string, value: string): void {
    this.#onTable(this.table.handle({ kind: 'put', key, value: Buffer.from(value) }));
  }

  remove(key: string): void {
    this.#onTable(this.table.handle({ kind: 'remove', key }));
  }

  /** `owner/key=value` of all entries, sorted. */
  get tableText(): string[] {
    return [...this.table.entries()]
      .map(({ owner, key, value }) => `${owner.node}/${key}=${Buffer.from(value ?? []).toString()}`)
      .sort();
  }

  get aliveNames(): string[] {
    return this.roster.alive.map((entry) => entry.node).sort();
  }

  onConnected(name: string): void {
    const link = this.#network.link(this, name);
    if (link === undefined || !this.isUp) return;
    const peer = otherEnd(link, this).self;
    this.#onMembership(this.membership.handle({ kind: 'connected', peer }, this.#now()));
    if (!this.#joining.delete(name)) return;
    link.needed.add(this);
    this.#onMembership(this.membership.handle({ kind: 'join', peer, requestId: 1 }, this.#now()));
  }

  onConnectFailed(node: string): void {
    if (!this.isUp) return;
    const contact = this.#joining.get(node);
    if (contact !== undefined) this.#network.after(500, () => this.isUp && this.join(contact));
    this.#onMembership(this.membership.handle({ kind: 'connectFailed', node }, this.#now()));
  }

  onDisconnected(node: string, reason: string): void {
    if (!this.isUp) return;
    this.#onMembership(this.membership.handle({ kind: 'disconnected', node, reason }, this.#now()));
  }

  onFrame(from: string, frame: Uint8Array): void {
    const kind = new Reader(frame).uint();
    const nowMs = this.#now();
    if (isMembershipKind(kind)) {
      const message = decodeMembership(frame);
      this.#onMembership(this.membership.handle({ kind: 'messageReceived', from, message }, nowMs));
    } else if (isRosterKind(kind)) {
      const message = decodeRoster(frame);
      if (message.kind === 'entries') {
        const { entries } = message;
        this.#onRoster(this.roster.handle({ kind: 'received', from, entries }, nowMs));
      } else if (message.kind === 'ping') {
        this.#onHeartbeat(this.heartbeats.handle({ kind: 'pinged', from }, nowMs));
      }
    } else {
      const { entries } = decodeTable(frame);
      this.#onTable(this.table.handle({ kind: 'received', from, entries }));
    }
  }

  #now(): number {
    return this.#network.nowMs;
  }

  #tick(): void {
    const lastHeardMs = new Map<string, number>();
    for (const node of this.membership.activeView) {
      const heardMs = this.#network.heardMs(this, node);
      if (heardMs !== undefined) lastHeardMs.set(node, heardMs);
    }
    this.#onHeartbeat(this.heartbeats.handle({ kind: 'tick', lastHeardMs }, this.#now()));
    this.#onRoster(this.roster.handle({ kind: 'tick' }, this.#now()));
  }

  #onMembership(effects: readonly MembershipEffect[]): void {
    this.invariants.check(effects);
    for (const effect of effects) this.#performMembership(effect);
  }

  #performMembership(effect: MembershipEffect): void {
    const nowMs = this.#now();
    switch (effect.kind) {
      case 'connect':
        this.#network.connect(this, effect.peer);
        break;
      case 'release':
        this.#network.release(this, effect.node);
        break;
      case 'send':
        this.#network.send(this, effect.to, encodeMembership(effect.message));
        break;
      case 'schedule':
        this.#network.after(effect.delayMs, () => {
          if (!this.isUp) return;
          const { timer } = effect;
          this.#onMembership(this.membership.handle({ kind: 'timerFired', timer }, this.#now()));
        });
        break;
      case 'reply':
        this.#onResult(effect.result);
        break;
      case 'needCandidates': {
        const peers = this.roster.entries.flatMap(({ node, incarnation, record }) =>
          record === undefined || node === this.name
            ? []
            : [{ node, incarnation, addresses: record.addresses, ageMs: 0 }],
        );
        this.#onMembership(this.membership.handle({ kind: 'candidates', peers }, nowMs));
        break;
      }
      case 'emit': {
        const { type, node } = effect.event;
        const kind = type === 'peerUp' ? 'neighborUp' : 'neighborDown';
        if (type === 'peerUp') this.#network.link(this, node)?.needed.add(this);
        this.heartbeats.handle({ kind, node }, nowMs);
        this.#onRoster(this.roster.handle({ kind, node }, nowMs));
        this.#onTable(this.table.handle({ kind, node }));
        if (type === 'peerUp') this.#exchange(node);
        break;
      }
      default:
        this.faults.push(effect.kind);
    }
  }

  /** All at once, where the real driver sends page after page. */
  #exchange(to: string): void {
    for (const entries of this.roster.exchange()) {
      this.#network.send(this, to, encodeRoster({ kind: 'entries', entries }));
    }
    for (const entries of this.table.exchange()) {
      this.#network.send(this, to, encodeTable({ kind: 'entries', entries }));
    }
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

  #onHeartbeat(effects: readonly HeartbeatEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'send') {
        this.#network.send(this, effect.to, encodeRoster(effect.message));
        continue;
      }
      const { node } = effect;
      const incarnation = this.#incarnationOf(node);
      if (incarnation !== undefined) {
        const input = { kind: 'suspectDead', node, incarnation } as const;
        this.#onRoster(this.roster.handle(input, this.#now()));
      }
      const link = this.#network.link(this, node);
      if (link === undefined) this.onDisconnected(node, 'lost');
      else this.#network.close(link, 'lost');
    }
  }

  #incarnationOf(node: string): bigint | undefined {
    return this.membership.peers.find((peer) => peer.node === node)?.incarnation;
  }

  #onRoster(effects: readonly RosterEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send': {
          const { entries } = effect;
          this.#network.send(this, effect.to, encodeRoster({ kind: 'entries', entries }));
          break;
        }
        case 'emit':
          this.#onMemberEvent(effect.event);
          break;
        case 'reassert':
          this.#onTable(this.table.handle({ kind: 'reassert' }));
          break;
        default:
          this.faults.push(effect.kind);
      }
    }
  }

  #onMemberEvent(event: MemberEvent): void {
    this.memberEvents.push(event);
    if (event.type !== 'memberDown') return;
    const { node, incarnation } = event;
    this.#onTable(this.table.handle({ kind: 'ownerGone', node, incarnation }));
    this.#onMembership(this.membership.handle({ kind: 'gone', node, incarnation }, this.#now()));
  }

  #onTable(effects: readonly TableEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'send') {
        const { entries } = effect;
        this.#network.send(this, effect.to, encodeTable({ kind: 'entries', entries }));
      } else if (effect.kind !== 'change') {
        this.faults.push(effect.kind);
      }
    }
  }
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
};

function keyOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

function otherEnd(link: Link, end: OverlayNode): OverlayNode {
  return link.ends[0] === end ? link.ends[1] : link.ends[0];
}
