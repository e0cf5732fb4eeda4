/**
 * Queries through the overlay, by the echo algorithm (Chang 1982): a node passes a query on to its
 * other neighbours and answers its parent, the one that it has it from, when all of these have
 * answered. So the answer that nobody has what was looked for comes as soon as everybody was asked.
 * A node handles a query once; when it comes again, on another way, that is said at once. Where two
 * neighbours ask each other, each takes the query of the other for that answer.
 *
 * Each hop keeps some of the time for itself, so that a silent node costs its parent's answer only
 * what lies behind it.
 *
 * A node that the roster knows a way to is looked for along that way; only where that ends, all
 * neighbours are asked.
 */
import { ABSENT_NAMES_MAX, QUERIES_MAX, QUERY_HOPS_MAX, QUERY_LINKS_MAX } from '../../limits.ts';
import type { NodeName } from '../names.ts';
import { RecentKeys } from '../recent-keys.ts';
import { PeerBudgets } from '../roster/peer-budgets.ts';
import type { Circuits } from './circuits.ts';
import type { QueryResult, RoutingEffect, RoutingFacts, RoutingInput } from './contract.ts';
import type { FoundService, QueryTarget, RoutingMessage } from './messages.ts';
import { SeenQueries } from './seen-queries.ts';

/** What a hop keeps of the time, beside a round trip to the next one. */
const HOP_MARGIN_MS = 50;
/** A name that nobody had when all were asked is asked for again only after so long, or anew. */
const ABSENT_MS = 1_000;
/** Queries of one neighbour that are looked into. */
const NEIGHBOR_RATE = { burst: 256, perSecond: 128 };

type MessageOf<K extends RoutingMessage['kind']> = Extract<RoutingMessage, { kind: K }>;

interface OpenQuery {
  readonly id: bigint;
  readonly target: QueryTarget;
  /** Whom to answer; undefined for a query of this node. */
  readonly parent: NodeName | undefined;
  readonly hopsLeft: number;
  readonly deadlineMs: number;
  /** Who was asked and has not answered. */
  readonly awaited: Set<NodeName>;
  /** Who is asked when the way that the roster knows leads nowhere. */
  others: readonly NodeName[];
  /** Nobody on the ways so far was left out. */
  isComplete: boolean;
}

/** One start of one node. */
export type Self = Pick<FoundService, 'node' | 'incarnation'>;

export interface QueriesParts {
  readonly self: Self;
  readonly facts: RoutingFacts;
  readonly circuits: Circuits;
  readonly push: (effect: RoutingEffect) => void;
}

export class Queries {
  readonly #parts: QueriesParts;
  readonly #open = new Map<bigint, OpenQuery>();
  readonly #seen = new SeenQueries();
  readonly #absent = new RecentKeys(ABSENT_MS, ABSENT_NAMES_MAX);
  readonly #budgets = new PeerBudgets(NEIGHBOR_RATE);

  constructor(parts: QueriesParts) {
    this.#parts = parts;
  }

  /** Queries whose answer is awaited here. */
  get size(): number {
    return this.#open.size;
  }

  find(input: Extract<RoutingInput, { kind: 'find' }>, nowMs: number): void {
    const { id, target, timeLeftMs, isAnew } = input;
    if (!isAnew && this.#absent.has(keyOf(target), nowMs)) {
      this.#parts.push({ kind: 'answered', id, result: { kind: 'miss', why: 'absent' } });
    } else if (this.#open.size >= QUERIES_MAX) {
      this.#count('overloaded');
      this.#parts.push({ kind: 'answered', id, result: { kind: 'miss', why: 'overloaded' } });
    } else {
      this.#count('asked');
      const hopsLeft = QUERY_HOPS_MAX;
      this.#begin({ id, target, parent: undefined, hopsLeft, timeLeftMs }, nowMs);
    }
  }

  onQuery(from: NodeName, query: MessageOf<'query'>, nowMs: number): void {
    const { id, target } = query;
    const open = this.#open.get(id);
    if (open?.awaited.has(from) === true) {
      this.#branchEnded(open, from, { isComplete: true, nowMs });
    } else if (target.kind === 'node' && !this.#parts.facts.isDirect(from)) {
      // No circuit leads over a circuit. No fault either: while links come and go, the two ends may
      // differ on whether theirs is one.
      this.#send(from, { kind: 'miss', id, why: 'incomplete' });
    } else if (this.#seen.has(id)) {
      this.#send(from, { kind: 'miss', id, why: 'seen' });
    } else if (this.#open.size >= QUERIES_MAX || !this.#budgets.take(from, nowMs)) {
      this.#count('overloaded');
      this.#send(from, { kind: 'miss', id, why: 'overloaded' });
    } else {
      this.#count('handled');
      this.#look(from, query, nowMs);
    }
  }

  onMiss(from: NodeName, { id, why }: MessageOf<'miss'>, nowMs: number): void {
    const query = this.#awaiting(from, id);
    if (query === undefined) return;
    const isComplete = why === 'absent' || why === 'seen';
    this.#branchEnded(query, from, { isComplete, nowMs });
  }

  onFound(from: NodeName, message: MessageOf<'found'>): void {
    const query = this.#awaiting(from, message.id);
    if (query === undefined) return;
    if (query.target.kind !== 'service') this.#fault(from, 'found no service');
    else this.#conclude(query, { kind: 'found', found: message.found });
  }

  /** An answer that comes too late has opened a circuit that leads nowhere: it is cut. */
  onReached(from: NodeName, { id }: MessageOf<'reached'>, nowMs: number): void {
    const { circuits, push } = this.#parts;
    const query = this.#awaiting(from, id);
    if (query === undefined) {
      circuits.refuse(from, id);
    } else if (query.target.kind !== 'node') {
      this.#fault(from, 'reached no node');
    } else if (circuits.open({ id, back: query.parent, forth: from }, nowMs)) {
      if (query.parent === undefined) push({ kind: 'opened', circuit: id, through: from });
      this.#conclude(query, { kind: 'reached' });
    } else {
      this.#count('full');
      circuits.refuse(from, id);
      this.#branchEnded(query, from, { isComplete: false, nowMs });
    }
  }

  linkDown(node: NodeName, nowMs: number): void {
    for (const query of [...this.#open.values()]) {
      if (query.parent === node) this.#open.delete(query.id);
      else if (query.awaited.has(node)) {
        this.#branchEnded(query, node, { isComplete: false, nowMs });
      }
    }
  }

  onTimeout(id: bigint): void {
    const query = this.#open.get(id);
    if (query === undefined) return;
    this.#count('expired');
    this.#conclude(query, { kind: 'miss', why: 'incomplete' });
  }

  /** The node has it itself, or asks on. */
  #look(from: NodeName, query: MessageOf<'query'>, nowMs: number): void {
    const { id, target, hopsLeft, timeLeftMs } = query;
    const { self, facts } = this.#parts;
    if (target.kind === 'node' && target.name === self.node) {
      this.#seen.add(id);
      this.#reached(from, id, nowMs);
      return;
    }
    const value = target.kind === 'service' ? facts.ownService(target.name) : undefined;
    if (value === undefined) {
      this.#begin({ id, target, parent: from, hopsLeft, timeLeftMs }, nowMs);
      return;
    }
    this.#seen.add(id);
    this.#send(from, { kind: 'found', id, found: { ...self, value } });
  }

  /** This node is the one that is looked for. */
  #reached(from: NodeName, id: bigint, nowMs: number): void {
    const { circuits, push } = this.#parts;
    if (circuits.open({ id, back: from, forth: undefined }, nowMs)) {
      push({ kind: 'opened', circuit: id, through: from });
      this.#send(from, { kind: 'reached', id });
    } else {
      this.#count('full');
      this.#send(from, { kind: 'miss', id, why: 'overloaded' });
    }
  }

  #begin(
    asked: Omit<OpenQuery, 'deadlineMs' | 'awaited' | 'others' | 'isComplete'> & {
      readonly timeLeftMs: number;
    },
    nowMs: number,
  ): void {
    const { id, target, parent, hopsLeft, timeLeftMs } = asked;
    this.#seen.add(id);
    const { first, others } = this.#ways(target, parent);
    const query: OpenQuery = {
      id,
      target,
      parent,
      hopsLeft,
      deadlineMs: nowMs + timeLeftMs,
      awaited: new Set(),
      others,
      isComplete: true,
    };
    this.#open.set(id, query);
    this.#parts.push({ kind: 'schedule', timer: { kind: 'query', id }, delayMs: timeLeftMs });
    this.#ask(query, first, nowMs);
  }

  /** Whom to ask first, and whom if that is in vain. Never the one that it came from. */
  #ways(
    target: QueryTarget,
    parent: NodeName | undefined,
  ): { readonly first: readonly NodeName[]; readonly others: readonly NodeName[] } {
    const { facts } = this.#parts;
    const isNode = target.kind === 'node';
    const neighbors = facts.neighbors().filter((node) => !isNode || facts.isDirect(node));
    const known = neighbors.length > 0 ? neighbors : facts.directLinks().slice(0, QUERY_LINKS_MAX);
    const all = known.filter((node) => node !== parent);
    if (!isNode) return { first: all, others: [] };
    const next = this.#nextHop(target.name);
    if (next === undefined || next === parent) return { first: all, others: [] };
    return { first: [next], others: all.filter((node) => node !== next) };
  }

  #nextHop(node: NodeName): NodeName | undefined {
    const { facts } = this.#parts;
    const next = facts.isDirect(node) ? node : facts.nextHop(node);
    return next !== undefined && facts.isDirect(next) ? next : undefined;
  }

  #ask(query: OpenQuery, nodes: readonly NodeName[], nowMs: number): void {
    const { id, target, deadlineMs } = query;
    const hopsLeft = query.hopsLeft - 1;
    for (const node of nodes) {
      const shareMs = deadlineMs - nowMs - HOP_MARGIN_MS - (this.#parts.facts.rttMs(node) ?? 0);
      const timeLeftMs = Math.floor(shareMs);
      if (hopsLeft < 0 || timeLeftMs <= 0) {
        query.isComplete = false;
        continue;
      }
      query.awaited.add(node);
      this.#send(node, { kind: 'query', id, hopsLeft, timeLeftMs, target });
    }
    if (query.awaited.size === 0) this.#exhausted(query, nowMs);
  }

  #branchEnded(
    query: OpenQuery,
    node: NodeName,
    { isComplete, nowMs }: { readonly isComplete: boolean; readonly nowMs: number },
  ): void {
    query.awaited.delete(node);
    query.isComplete &&= isComplete;
    if (query.awaited.size === 0) this.#exhausted(query, nowMs);
  }

  #exhausted(query: OpenQuery, nowMs: number): void {
    const { others } = query;
    query.others = [];
    if (others.length > 0) {
      this.#ask(query, others, nowMs);
      return;
    }
    if (query.isComplete && query.parent === undefined) {
      this.#absent.add(keyOf(query.target), nowMs);
    }
    this.#conclude(query, { kind: 'miss', why: query.isComplete ? 'absent' : 'incomplete' });
  }

  /** Answers the parent, or the node itself. What its neighbours still say is too late. */
  #conclude({ id, parent }: OpenQuery, result: QueryResult): void {
    this.#open.delete(id);
    if (parent === undefined) this.#parts.push({ kind: 'answered', id, result });
    else this.#send(parent, { ...result, id });
  }

  #awaiting(from: NodeName, id: bigint): OpenQuery | undefined {
    const query = this.#open.get(id);
    return query?.awaited.has(from) === true ? query : undefined;
  }

  #fault(node: NodeName, detail: string): void {
    this.#parts.push({ kind: 'protocolError', node, detail });
  }

  #send(to: NodeName, message: RoutingMessage): void {
    this.#parts.push({ kind: 'send', to, message });
  }

  #count(what: Extract<RoutingEffect, { kind: 'count' }>['what']): void {
    this.#parts.push({ kind: 'count', what });
  }
}

function keyOf({ kind, name }: QueryTarget): string {
  return `${kind} ${name}`;
}
