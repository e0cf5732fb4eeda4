/**
 * Routing cores on a virtual network: messages pass as frames, each link has one latency, and what
 * happens is counted. Nodes are named by number.
 */
import type {
  QueryResult,
  RoutingCount,
  RoutingEffect,
  RoutingFacts,
  RoutingInput,
} from '../../../../src/core/routing/contract.ts';
import {
  decodeRouting,
  encodeRouting,
  type QueryTarget,
  type RoutingMessage,
} from '../../../../src/core/routing/messages.ts';
import { Routing } from '../../../../src/core/routing/routing.ts';
import { QUERY_TIME_MS_MAX } from '../../../../src/limits.ts';

interface Task {
  readonly atMs: number;
  readonly run: () => void;
}

export interface Sent {
  readonly from: number;
  readonly to: number;
  readonly message: RoutingMessage;
}

/** Two numbers are the ends of a link; a third one is its latency, 1 ms where it is missing. */
export type Links = readonly (readonly [a: number, b: number, latencyMs?: number])[];

export class RoutingNode {
  readonly index: number;
  readonly core: Routing;
  /** Latency of each direct link. */
  readonly links: Map<number, number> = new Map();
  /** Linked, but through other nodes: counts as a neighbour, not as a direct link. */
  readonly relayed: Set<number> = new Set();
  /** Own services. */
  readonly services: Map<string, Uint8Array> = new Map();
  /** The next node on the way to another one, as a roster would know it. */
  readonly nextHops: Map<number, number> = new Map();
  readonly answers: Map<bigint, QueryResult> = new Map();
  readonly counts: Map<RoutingCount, number> = new Map();
  readonly opened: bigint[] = [];
  readonly closed: bigint[] = [];
  readonly delivered: string[] = [];
  readonly faults: string[] = [];
  /** Takes everything and does nothing. */
  isSilent = false;
  /** Its links stand, but it has no neighbour. */
  hasNoNeighbors = false;

  constructor(index: number) {
    this.index = index;
    const nodes = (of: Iterable<number>): string[] => [...of].map(nameOf);
    const facts: RoutingFacts = {
      neighbors: () => (this.hasNoNeighbors ? [] : nodes([...this.links.keys(), ...this.relayed])),
      directLinks: () => nodes(this.links.keys()),
      isDirect: (node) => this.links.has(indexOf(node)),
      nextHop: (node) => {
        const next = this.nextHops.get(indexOf(node));
        return next === undefined ? undefined : nameOf(next);
      },
      rttMs: (node) => 2 * (this.links.get(indexOf(node)) ?? 0),
      ownService: (name) => this.services.get(name),
    };
    this.core = new Routing({ node: nameOf(index), incarnation: BigInt(index) }, facts);
  }

  count(what: RoutingCount): number {
    return this.counts.get(what) ?? 0;
  }
}

export class RoutingNetwork {
  readonly nodes: RoutingNode[];
  readonly sent: Sent[] = [];
  nowMs = 0;
  #id = 0n;
  readonly #tasks: Task[] = [];

  constructor(count: number, links: Links) {
    this.nodes = Array.from({ length: count }, (_, index) => new RoutingNode(index));
    for (const [a, b, latencyMs = 1] of links) {
      this.node(a).links.set(b, latencyMs);
      this.node(b).links.set(a, latencyMs);
    }
  }

  node(index: number): RoutingNode {
    const node = this.nodes[index];
    if (node === undefined) throw new RangeError(`no node ${index}`);
    return node;
  }

  /** Begins a query; its id. */
  find(from: number, target: QueryTarget, timeLeftMs: number = QUERY_TIME_MS_MAX): bigint {
    this.#id += 1n;
    this.tell(from, { kind: 'find', id: this.#id, target, timeLeftMs, isAnew: false });
    return this.#id;
  }

  /** As `ask`, whatever was found out before. */
  askAnew(from: number, target: QueryTarget): QueryResult | undefined {
    this.#id += 1n;
    const id = this.#id;
    this.tell(from, { kind: 'find', id, target, timeLeftMs: QUERY_TIME_MS_MAX, isAnew: true });
    this.runUntil(() => this.node(from).answers.has(id));
    return this.node(from).answers.get(id);
  }

  /** Finds, runs until all is quiet, and tells the result. */
  ask(from: number, target: QueryTarget, timeLeftMs?: number): QueryResult | undefined {
    const id = this.find(from, target, timeLeftMs);
    this.runUntil(() => this.node(from).answers.has(id));
    return this.node(from).answers.get(id);
  }

  /** The circuit that a query for that node has set up. */
  connect(from: number, to: number): bigint {
    const id = this.find(from, nodeTarget(to));
    this.runUntil(() => this.node(from).answers.has(id));
    if (this.node(from).answers.get(id)?.kind !== 'reached') throw new Error('not reached');
    return id;
  }

  tell(index: number, input: RoutingInput): void {
    const node = this.node(index);
    if (node.isSilent) return;
    for (const effect of node.core.handle(input, this.nowMs)) this.#perform(node, effect);
  }

  /** As if that node had sent it; a message that breaks a rule, for example. */
  receive(index: number, from: number, message: RoutingMessage): void {
    this.tell(index, { kind: 'received', from: nameOf(from), message });
  }

  cutLink(a: number, b: number): void {
    this.node(a).links.delete(b);
    this.node(b).links.delete(a);
    this.tell(a, { kind: 'linkDown', node: nameOf(b) });
    this.tell(b, { kind: 'linkDown', node: nameOf(a) });
  }

  /** Runs until the condition holds, or nothing is left to do. */
  runUntil(condition: () => boolean): void {
    while (!condition() && this.#step()) {
      // Each step is one event.
    }
  }

  /** Runs for so long. */
  run(ms: number): void {
    const endMs = this.nowMs + ms;
    while ((this.#next()?.atMs ?? Number.POSITIVE_INFINITY) <= endMs) this.#step();
    this.nowMs = endMs;
  }

  #next(): Task | undefined {
    return this.#tasks.reduce<Task | undefined>(
      (first, task) => (first === undefined || task.atMs < first.atMs ? task : first),
      undefined,
    );
  }

  #step(): boolean {
    const task = this.#next();
    if (task === undefined) return false;
    this.#tasks.splice(this.#tasks.indexOf(task), 1);
    this.nowMs = task.atMs;
    task.run();
    return true;
  }

  #perform(node: RoutingNode, effect: RoutingEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#send(node, effect.to, effect.message);
        break;
      case 'carry':
        this.#send(node, effect.to, { ...effect, kind: 'carry' });
        break;
      case 'opened':
        node.opened.push(effect.circuit);
        break;
      case 'deliver':
        node.delivered.push(Buffer.from(effect.datagram).toString());
        break;
      case 'closed':
        node.closed.push(effect.circuit);
        break;
      case 'answered':
        if (node.answers.has(effect.id)) throw new Error('answered twice');
        node.answers.set(effect.id, effect.result);
        break;
      case 'schedule':
        this.#after(effect.delayMs, () =>
          this.tell(node.index, { kind: 'timerFired', timer: effect.timer }),
        );
        break;
      case 'protocolError':
        node.faults.push(`${effect.node} ${effect.detail}`);
        break;
      case 'count':
        node.counts.set(effect.what, node.count(effect.what) + 1);
        break;
    }
  }

  #send(node: RoutingNode, to: string, message: RoutingMessage): void {
    const index = indexOf(to);
    const latencyMs = node.links.get(index) ?? (node.relayed.has(index) ? 1 : undefined);
    if (latencyMs === undefined) throw new Error(`${node.index} has no link to ${index}`);
    const frame = encodeRouting(message);
    this.sent.push({ from: node.index, to: index, message });
    this.#after(latencyMs, () => {
      if (!node.links.has(index) && !node.relayed.has(index)) return;
      this.receive(index, node.index, decodeRouting(frame));
    });
  }

  #after(delayMs: number, run: () => void): void {
    this.#tasks.push({ atMs: this.nowMs + delayMs, run });
  }
}

export function nameOf(index: number): string {
  return `n${index}@x`;
}

function indexOf(node: string): number {
  return Number(node.slice(1, node.indexOf('@')));
}

export function nodeTarget(index: number): QueryTarget {
  return { kind: 'node', name: nameOf(index) };
}

export function serviceTarget(name: string): QueryTarget {
  return { kind: 'service', name };
}

/** Each node linked with the next one. */
export function chain(count: number): Links {
  return Array.from({ length: count - 1 }, (_, index) => [index, index + 1]);
}
