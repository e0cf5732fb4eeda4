/**
 * Rosters and failure detectors of many nodes on virtual time. The overlay is played by the
 * network: it links nodes at random, ends the links of the dead, and brings each broadcast to all
 * that can be reached, after a delay. Losses are delays, as on a reliable channel.
 */
import type { NodeName } from '../../../../src/core/names.ts';
import type {
  MemberEvent,
  RosterEffect,
  RosterInput,
} from '../../../../src/core/roster/contract.ts';
import type {
  DetectorEffect,
  DetectorInput,
} from '../../../../src/core/roster/detector-contract.ts';
import type { MemberRecord, RosterEntry } from '../../../../src/core/roster/entry.ts';
import { FailureDetector } from '../../../../src/core/roster/failure-detector.ts';
import type { LivenessMessage } from '../../../../src/core/roster/messages.ts';
import { Roster } from '../../../../src/core/roster/roster.ts';
import { SeededRandom } from '../../../../src/testing/seeded-random.ts';
import { TimerHeap } from '../../../../src/testing/timer-heap.ts';

export const RECORD: MemberRecord = {
  addresses: ['10.0.0.1:1'],
  fingerprint: 'SHA256:f',
  version: '1.0.0',
  weight: 1,
  meta: new Uint8Array(),
  neighbors: [],
};

const DEGREE = 5;
const LOSS_DELAY_MS = 100;

export interface NetworkOptions {
  readonly size: number;
  readonly seed: number;
  /** Share of messages that come late; 0 to 1. */
  readonly loss?: number;
}

export interface TimedEvent {
  readonly atMs: number;
  readonly on: NodeName;
  readonly event: MemberEvent;
}

export class RosterNetwork {
  readonly random: SeededRandom;
  readonly nodes: readonly SimulatedNode[];
  readonly loss: number;
  readonly events: TimedEvent[] = [];
  readonly sent: Map<string, number> = new Map();
  broadcasts = 0;
  nowMs = 0;
  /** Nodes in different groups do not reach each other. */
  groupOf: (node: NodeName) => number = () => 0;
  readonly #heap = new TimerHeap();

  constructor({ size, seed, loss = 0 }: NetworkOptions) {
    this.random = new SeededRandom(seed);
    this.loss = loss;
    this.nodes = Array.from({ length: size }, (_, i) => new SimulatedNode(this, `n${i}@t`));
    for (const node of this.nodes) node.start();
    this.#mend();
    this.every(500, () => this.#mend());
  }

  get running(): readonly SimulatedNode[] {
    return this.nodes.filter(({ isRunning }) => isRunning);
  }

  at(index: number): SimulatedNode {
    const node = this.nodes[index];
    if (node === undefined) throw new RangeError(`no node ${index}`);
    return node;
  }

  find(name: NodeName): SimulatedNode {
    return this.at(Number(/\d+/.exec(name)?.[0]));
  }

  after(delayMs: number, callback: () => void): void {
    this.#heap.push(this.nowMs + delayMs, callback);
  }

  every(periodMs: number, callback: () => void): void {
    this.after(periodMs, () => {
      callback();
      this.every(periodMs, callback);
    });
  }

  run(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let next = this.#heap.popDue(endMs); next; next = this.#heap.popDue(endMs)) {
      this.nowMs = next.dueMs;
      next.callback?.();
    }
    this.nowMs = endMs;
  }

  delayMs(): number {
    let delayMs = 5 + 20 * this.random.float();
    while (this.random.float() < this.loss) delayMs += LOSS_DELAY_MS;
    return delayMs;
  }

  reaches(from: SimulatedNode, to: SimulatedNode): boolean {
    return to.isRunning && this.groupOf(from.name) === this.groupOf(to.name);
  }

  link(one: SimulatedNode, other: SimulatedNode): void {
    if (one === other || one.links.has(other.name)) return;
    one.connect(other.name);
    other.connect(one.name);
  }

  unlink(one: SimulatedNode, other: NodeName, isLost: boolean): void {
    one.disconnect(other, isLost);
    this.find(other).disconnect(one.name, isLost);
  }

  downsOf(name: NodeName): readonly TimedEvent[] {
    return this.events.filter(({ event }) => event.type === 'memberDown' && event.node === name);
  }

  /** Links those with few neighbours to others that they take for alive. */
  #mend(): void {
    for (const node of this.running) {
      for (let tries = 0; node.links.size < DEGREE && tries < 20; tries += 1) {
        const other = this.at(Math.floor(this.random.float() * this.nodes.length));
        if (other.links.size > DEGREE || !this.reaches(node, other) || node.isStalled) continue;
        this.link(node, other);
      }
    }
  }
}

export class SimulatedNode {
  readonly name: NodeName;
  readonly roster: Roster;
  readonly detector: FailureDetector;
  readonly links: Map<NodeName, number> = new Map();
  isRunning = true;
  reasserts = 0;
  readonly #network: RosterNetwork;
  #stalledUntilMs = 0;

  constructor(network: RosterNetwork, name: NodeName) {
    this.#network = network;
    this.name = name;
    const self = { node: name, incarnation: 1n };
    const { random } = network;
    this.roster = new Roster(self, { random, health: () => this.detector.health });
    const links = {
      rttMs: () => 30,
      lastHeardMs: (node: NodeName) => this.links.get(node),
    };
    this.detector = new FailureDetector(self, { random, links, roster: this.roster });
  }

  get isStalled(): boolean {
    return this.#network.nowMs < this.#stalledUntilMs;
  }

  start(): void {
    this.toRoster({ kind: 'announce', record: RECORD });
  }

  crash(): void {
    this.isRunning = false;
  }

  /** The node stands still: its timers fire late, what was sent to it is read after them. */
  stall(ms: number): void {
    this.#stalledUntilMs = this.#network.nowMs + ms;
  }

  connect(other: NodeName): void {
    this.links.set(other, this.#network.nowMs);
    this.toDetector({ kind: 'neighborUp', node: other, incarnation: 1n });
    this.toRoster({ kind: 'neighborUp', node: other });
    this.#tellNeighbors();
  }

  disconnect(other: NodeName, isLost: boolean): void {
    if (!this.links.delete(other) || !this.isRunning) return;
    this.toDetector({ kind: 'neighborDown', node: other, isLost });
    this.#tellNeighbors();
  }

  toRoster(input: RosterInput): void {
    for (const effect of this.roster.handle(input, this.#network.nowMs)) this.#onRoster(effect);
  }

  toDetector(input: DetectorInput): void {
    for (const effect of this.detector.handle(input, this.#network.nowMs)) this.#onDetector(effect);
  }

  /** Runs it after the delay, or when this node moves again, the timers first. */
  later(delayMs: number, callback: () => void, isTimer = false): void {
    this.#network.after(delayMs, () => {
      if (!this.isRunning) return;
      const waitMs = this.#stalledUntilMs - this.#network.nowMs + (isTimer ? 0 : 0.001);
      if (this.#stalledUntilMs > this.#network.nowMs) this.later(waitMs, callback, isTimer);
      else callback();
    });
  }

  #tellNeighbors(): void {
    this.toRoster({ kind: 'neighborsChanged', neighbors: [...this.links.keys()] });
  }

  #send(to: NodeName, message: LivenessMessage): void {
    const { sent } = this.#network;
    sent.set(message.kind, (sent.get(message.kind) ?? 0) + 1);
    const target = this.#network.find(to);
    if (!this.#network.reaches(this, target)) return;
    target.later(this.#network.delayMs(), () => target.receive(this, message));
  }

  receive(from: SimulatedNode, message: LivenessMessage): void {
    if (!this.#network.reaches(from, this)) return;
    if (this.links.has(from.name)) this.links.set(from.name, this.#network.nowMs);
    if (message.kind === 'digest') {
      this.toRoster({ kind: 'messageReceived', from: from.name, message });
    } else if (message.kind === 'entries') {
      this.toRoster({ kind: 'heard', from: from.name, entries: message.entries, by: 'exchange' });
    } else this.toDetector({ kind: 'messageReceived', from: from.name, message });
  }

  #onRoster(effect: RosterEffect): void {
    switch (effect.kind) {
      case 'broadcast':
        this.#broadcast(effect.entries);
        break;
      case 'send':
        this.#send(effect.to, effect.message);
        break;
      case 'exchange':
        for (const entries of this.roster.entriesIn(effect.buckets)) {
          this.#send(effect.to, { kind: 'entries', entries });
        }
        break;
      case 'emit':
        this.#onMember(effect.event);
        break;
      case 'reassert':
        this.reasserts += 1;
        break;
      case 'refuted':
        this.toDetector({ kind: 'refuted' });
        break;
      case 'schedule': {
        const { timer } = effect;
        this.later(effect.delayMs, () => this.toRoster({ kind: 'timerFired', timer }), true);
        break;
      }
      case 'superseded':
      case 'refused':
        throw new Error(`${this.name}: ${effect.kind}`);
    }
  }

  #broadcast(entries: readonly RosterEntry[]): void {
    this.#network.broadcasts += 1;
    for (const other of this.#network.running) {
      if (other === this || !this.#network.reaches(this, other) || this.links.size === 0) continue;
      other.later(3 * this.#network.delayMs(), () => {
        if (!this.#network.reaches(this, other)) return;
        other.toRoster({ kind: 'heard', from: this.name, entries, by: 'broadcast' });
      });
    }
  }

  #onMember(event: MemberEvent): void {
    this.#network.events.push({ atMs: this.#network.nowMs, on: this.name, event });
    if (event.type !== 'memberDown') return;
    if (this.links.has(event.node)) this.#network.unlink(this, event.node, false);
  }

  #onDetector(effect: DetectorEffect): void {
    const network = this.#network;
    switch (effect.kind) {
      case 'send':
        this.#send(effect.to, effect.message);
        break;
      case 'reach': {
        const { node } = effect;
        const isReached = network.reaches(this, network.find(node));
        this.later(isReached ? 60 : 3_000, () => {
          this.toDetector({ kind: 'reached', node, isReached });
        });
        break;
      }
      case 'suspect':
        this.toRoster(effect);
        break;
      case 'stray':
        network.link(this, network.find(effect.peer.node));
        break;
      case 'schedule': {
        const { timer } = effect;
        this.later(effect.delayMs, () => this.toDetector({ kind: 'timerFired', timer }), true);
        break;
      }
    }
  }
}
