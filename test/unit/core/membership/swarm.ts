/**
 * Many membership cores on a simulated network, fast enough for hundreds of nodes: messages pass as
 * objects, each pair of nodes has one latency, and a crash is noticed by each neighbour a while
 * later. One seed replays a run.
 */

import type { HyParViewOptions } from '../../../../src/core/membership/config.ts';
import type {
  MembershipEffect,
  MembershipInput,
  MembershipResult,
} from '../../../../src/core/membership/contract.ts';
import { HyParView } from '../../../../src/core/membership/hyparview.ts';
import type { PeerDescriptor } from '../../../../src/core/membership/peer.ts';
import type { Randomness } from '../../../../src/core/membership/randomness.ts';
import { seeded } from '../overlay-network.ts';

const LATENCY_MS_MIN = 10;
const LATENCY_MS_SPREAD = 40;
/** A crash is noticed by a neighbour so long after it, and up to as long again. */
const NOTICED_MS = 800;
/** Full member lists name the dead for so long. */
const DEAD_LISTED_MS = 4_000;

interface Task {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export interface SwarmNode {
  readonly self: PeerDescriptor;
  readonly place: number;
  readonly core: HyParView;
  readonly links: Set<SwarmNode>;
  readonly results: MembershipResult[];
  diedMs: number;
}

export class Swarm {
  readonly nodes: Map<string, SwarmNode> = new Map();
  readonly #random: Randomness;
  readonly #options: HyParViewOptions;
  readonly #tasks: Task[] = [];
  /** Answers `needCandidates` with every member; else with nobody. */
  hasMemberList = false;
  nowMs = 0;
  #order = 0;

  constructor(seed: number, options: HyParViewOptions = {}) {
    this.#random = seeded(seed);
    this.#options = options;
  }

  get living(): SwarmNode[] {
    return [...this.nodes.values()].filter(isAlive);
  }

  add(name = `n${this.nodes.size}@s`, incarnation = 1n): SwarmNode {
    const self = { node: name, incarnation, addresses: [], ageMs: 0 };
    const random = seeded(Math.floor(this.#random.float() * 2 ** 32));
    const core = new HyParView(self, random, this.#options);
    const node: SwarmNode = {
      self,
      place: this.nodes.size,
      core,
      links: new Set(),
      results: [],
      diedMs: Number.POSITIVE_INFINITY,
    };
    this.nodes.set(name, node);
    return node;
  }

  /** So many nodes that join the first one, each a pause after the one before. */
  cluster(count: number, pauseMs: number): SwarmNode[] {
    const nodes = Array.from({ length: count }, () => this.add());
    const [contact, ...others] = nodes;
    for (const [i, node] of others.entries()) {
      if (contact !== undefined) this.#after(i * pauseMs, () => this.join(node, contact));
    }
    return nodes;
  }

  /** Follows redirects until a contact accepts or the node has neighbours anyway. */
  join(node: SwarmNode, contact: SwarmNode): void {
    const peer = contact.self;
    const ask = (): void => this.tell(node, { kind: 'join', peer, requestId: 1 });
    if (node.links.has(contact)) ask();
    else this.#dial(node, contact, ask);
  }

  /** Those processes are gone without a word. */
  crash(dead: readonly SwarmNode[]): void {
    for (const node of dead) node.diedMs = this.nowMs;
    for (const node of dead) {
      for (const other of node.links) {
        const reason = 'lost';
        const noticedMs = NOTICED_MS * (1 + this.#random.float());
        this.#after(noticedMs, () => {
          other.links.delete(node);
          this.tell(other, { kind: 'disconnected', node: node.self.node, reason });
        });
      }
    }
  }

  tell(node: SwarmNode, input: MembershipInput): void {
    if (!isAlive(node)) return;
    for (const effect of node.core.handle(input, this.nowMs)) this.#perform(node, effect);
  }

  /** Runs virtual time for so long. */
  run(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let task = this.#tasks[0]; task !== undefined; task = this.#tasks[0]) {
      if (task.atMs > endMs) break;
      this.#takeFirst();
      this.nowMs = task.atMs;
      task.run();
    }
    this.nowMs = endMs;
  }

  #perform(node: SwarmNode, effect: MembershipEffect): void {
    switch (effect.kind) {
      case 'connect':
        this.#connect(node, effect.peer.node);
        break;
      case 'send':
        this.#send(node, effect);
        break;
      case 'schedule':
        this.#after(effect.delayMs, () =>
          this.tell(node, { kind: 'timerFired', timer: effect.timer }),
        );
        break;
      case 'needCandidates':
        this.#after(0, () => this.tell(node, { kind: 'candidates', peers: this.#members(node) }));
        break;
      case 'reply':
        this.#onResult(node, effect.result);
        break;
      case 'protocolError':
        throw new Error(effect.detail);
      default:
      // Links stay, and events and counts are read from the core.
    }
  }

  #send(from: SwarmNode, { to, message }: Extract<MembershipEffect, { kind: 'send' }>): void {
    const end = this.nodes.get(to);
    if (end === undefined || !from.links.has(end)) return;
    this.#after(latencyMs(from, end), () => {
      if (!end.links.has(from)) return;
      this.tell(end, { kind: 'messageReceived', from: from.self.node, message });
    });
  }

  /** A dead or unknown peer never answers. */
  #connect(from: SwarmNode, name: string): void {
    const to = this.nodes.get(name);
    if (to === undefined) return;
    if (from.links.has(to)) {
      this.#after(0, () => this.tell(from, { kind: 'connected', peer: to.self }));
    } else {
      this.#dial(from, to, () => undefined);
    }
  }

  #dial(from: SwarmNode, to: SwarmNode, then: () => void): void {
    this.#after(4 * latencyMs(from, to), () => {
      if (!isAlive(to) || !isAlive(from)) return;
      const isNew = !from.links.has(to);
      from.links.add(to);
      to.links.add(from);
      this.tell(from, { kind: 'connected', peer: to.self });
      if (isNew) this.tell(to, { kind: 'connected', peer: from.self });
      then();
    });
  }

  #onResult(node: SwarmNode, result: MembershipResult): void {
    node.results.push(result);
    if (result.kind !== 'redirected' || node.core.activeView.length > 0) return;
    const next = this.nodes.get(result.peers[0]?.node ?? '');
    if (next !== undefined) this.join(node, next);
  }

  #members(except: SwarmNode): PeerDescriptor[] {
    if (!this.hasMemberList) return [];
    return [...this.nodes.values()]
      .filter((node) => node !== except && this.nowMs < node.diedMs + DEAD_LISTED_MS)
      .map(({ self }) => self);
  }

  #after(delayMs: number, run: () => void): void {
    this.#order += 1;
    const task = { atMs: this.nowMs + delayMs, order: this.#order, run };
    let place = this.#tasks.length;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = this.#tasks[above] as Task;
      if (isBefore(other, task)) break;
      this.#tasks[place] = other;
      place = above;
    }
    this.#tasks[place] = task;
  }

  #takeFirst(): void {
    const last = this.#tasks.pop();
    const count = this.#tasks.length;
    if (last === undefined || count === 0) return;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= count) break;
      const right = Math.min(left + 1, count - 1);
      const [a, b] = [this.#tasks[left] as Task, this.#tasks[right] as Task];
      const below = isBefore(b, a) ? right : left;
      const other = this.#tasks[below] as Task;
      if (!isBefore(other, last)) break;
      this.#tasks[place] = other;
      place = below;
    }
    this.#tasks[place] = last;
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function isAlive({ diedMs }: SwarmNode): boolean {
  return diedMs === Number.POSITIVE_INFINITY;
}

/** The same for a pair of nodes in either direction, so that order holds. */
function latencyMs(a: SwarmNode, b: SwarmNode): number {
  const near = Math.min(a.place, b.place);
  const far = Math.max(a.place, b.place);
  const hash = Math.imul(Math.imul(near + 1, 0x9e3779b1) + far, 0x85ebca6b) >>> 12;
  return LATENCY_MS_MIN + (hash % LATENCY_MS_SPREAD);
}
