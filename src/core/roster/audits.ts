/**
 * Looks at members that are no neighbours: at one now and then, so that nobody dies unnoticed whose
 * neighbours died too, and at those of which this node has a doubt. An audit goes through the
 * overlay and back; without an answer the member is dialed. One that can be dialed but not be come
 * upon through the overlay is on another island.
 */
import { vary } from '../membership/randomness.ts';
import type { NodeName } from '../names.ts';
import type { DetectorContext } from './detector-context.ts';
import { isLiving, type LivingEntry } from './entry.ts';
import type { AuditMessage, Route } from './messages.ts';
import { findRoute } from './route.ts';
import type { Watching } from './watching.ts';

/** Members that are looked at together. */
const AUDITS_MAX = 8;

/** Doubts that wait; above it they are dropped, and the audits of all nodes find the dead. */
const DOUBTS_MAX = 64;

interface Audit {
  readonly node: NodeName;
  readonly incarnation: bigint;
  /** `routed`: an answer through the overlay is awaited. `dialed`: the driver's. */
  stage: 'routed' | 'dialed';
  failedRoutes: number;
  nonce: number;
  dueMs: number;
}

export class Audits {
  readonly #context: DetectorContext;
  readonly #watching: Watching;
  readonly #audits = new Map<NodeName, Audit>();
  readonly #doubts = new Map<NodeName, bigint>();
  #roundMs: number | undefined;

  constructor(context: DetectorContext, watching: Watching) {
    this.#context = context;
    this.#watching = watching;
  }

  /** When to look next; the first round comes when new nodes have told of their neighbours. */
  planMs(): number {
    let nextMs = this.#roundMs ?? this.#planRound(0.5 + this.#context.random.float() / 2);
    for (const { dueMs } of this.#audits.values()) nextMs = Math.min(nextMs, dueMs);
    return nextMs;
  }

  /** Looks at that start of the node soon, without the way through the overlay. */
  doubt(node: NodeName, incarnation: bigint): void {
    if (this.#doubts.size >= DOUBTS_MAX && !this.#doubts.has(node)) return;
    this.#doubts.set(node, incarnation);
    this.#takeDoubts();
  }

  /** One hop of an audit; its last one answers. */
  onAudit(from: NodeName, message: AuditMessage<'audit'>): void {
    const { nonce, route, position } = message;
    if (route[position] !== this.#context.self || route[position - 1] !== from) return;
    if (position < route.length - 1) this.#relay({ ...message, position: position + 1 });
    else {
      this.#context.send(from, { kind: 'audited', nonce, route, position: position - 1 });
    }
  }

  /** One hop of an answer; at its first node the audit is over. */
  onAudited(from: NodeName, message: AuditMessage<'audited'>): void {
    const { nonce, route, position } = message;
    if (route[position] !== this.#context.self || route[position + 1] !== from) return;
    if (position > 0) {
      this.#relay({ ...message, position: position - 1 });
      return;
    }
    const audit = this.#audits.get(route.at(-1) ?? '');
    if (audit?.stage === 'routed' && audit.nonce === nonce) this.#finish(audit);
  }

  /** Without a link to the next hop the message ends: the sender finds another way. */
  #relay(message: AuditMessage<'audit'> | AuditMessage<'audited'>): void {
    const next = message.route[message.position];
    if (next === undefined || this.#context.links.lastHeardMs(next) === undefined) return;
    this.#context.send(next, message);
  }

  onReached(node: NodeName, isReached: boolean): void {
    const audit = this.#audits.get(node);
    if (audit?.stage !== 'dialed') return;
    const entry = this.#context.member(node, audit.incarnation);
    if (entry === undefined) this.#finish(audit);
    else if (isReached) this.#onDialed(audit, entry);
    else {
      this.#context.push({ kind: 'suspect', node, incarnation: audit.incarnation });
      this.#finish(audit);
    }
  }

  /** It lives; whether it is on this island shows a route. */
  #onDialed(audit: Audit, entry: LivingEntry): void {
    const route = this.#routeTo(audit.node);
    if (route === undefined) this.#onStray(audit, entry);
    else if (audit.failedRoutes === 0) this.#finish(audit);
    else this.#send(audit, route);
  }

  #onStray(audit: Audit, { node, incarnation, record }: LivingEntry): void {
    const { addresses, fingerprint } = record;
    const peer = { node, incarnation, addresses, fingerprint, ageMs: 0 };
    // One that never told of neighbours is new: nobody knows a way to it yet.
    const isLost = record.neighbors.length > 0 && !this.#watching.isNeighbor(node);
    if (isLost) this.#context.push({ kind: 'stray', peer });
    this.#finish(audit);
  }

  /** Nobody is blamed for the time in which this node stood still. */
  shift(byMs: number): void {
    for (const audit of this.#audits.values()) audit.dueMs += byMs;
  }

  look(): void {
    const { nowMs, config, random } = this.#context;
    for (const audit of this.#audits.values()) if (audit.dueMs <= nowMs) this.#onTimeout(audit);
    if (this.#roundMs === undefined || this.#roundMs > nowMs) return;
    this.#planRound(vary(random, config.auditPeriodMs) / config.auditPeriodMs);
    const entry = this.#chooseMember();
    if (entry !== undefined) this.#begin(entry);
  }

  #planRound(share: number): number {
    this.#roundMs = this.#context.nowMs + share * this.#context.config.auditPeriodMs;
    return this.#roundMs;
  }

  #begin({ node, incarnation }: LivingEntry): void {
    if (this.#audits.size >= AUDITS_MAX || this.#audits.has(node)) return;
    const audit = this.#open(node, incarnation);
    const route = this.#routeTo(node);
    if (route === undefined) this.#dial(audit);
    else this.#send(audit, route);
  }

  #onTimeout(audit: Audit): void {
    if (audit.stage === 'dialed') {
      this.#finish(audit);
      return;
    }
    audit.failedRoutes += 1;
    const entry = this.#context.member(audit.node, audit.incarnation);
    if (entry === undefined) this.#finish(audit);
    else if (audit.failedRoutes === 1) this.#dial(audit);
    else this.#onStray(audit, entry);
  }

  #takeDoubts(): void {
    for (const [node, incarnation] of this.#doubts) {
      if (this.#audits.size >= AUDITS_MAX) return;
      this.#doubts.delete(node);
      const isIdle = this.#audits.has(node) || this.#watching.has(node);
      if (isIdle || this.#context.member(node, incarnation) === undefined) continue;
      this.#dial(this.#open(node, incarnation));
    }
  }

  #open(node: NodeName, incarnation: bigint): Audit {
    const audit: Audit = {
      node,
      incarnation,
      stage: 'dialed',
      failedRoutes: 0,
      nonce: 0,
      dueMs: 0,
    };
    this.#audits.set(node, audit);
    return audit;
  }

  #finish(audit: Audit): void {
    this.#audits.delete(audit.node);
    this.#takeDoubts();
  }

  #send(audit: Audit, route: Route): void {
    const { config, health, nowMs } = this.#context;
    audit.stage = 'routed';
    audit.nonce = this.#context.nextNonce();
    audit.dueMs = nowMs + config.auditTimeoutMs * health.stretch;
    const message = { kind: 'audit', nonce: audit.nonce, route, position: 1 } as const;
    this.#context.send(route[1] ?? audit.node, message);
  }

  #dial(audit: Audit): void {
    audit.stage = 'dialed';
    audit.dueMs = this.#context.nowMs + this.#context.config.reachTimeoutMs;
    this.#context.push({ kind: 'reach', node: audit.node });
  }

  #routeTo(target: NodeName): Route | undefined {
    const { self, roster } = this.#context;
    return findRoute(roster, { self, neighbors: this.#watching.linked, target });
  }

  /** From a random place of the roster on, the first that may be looked at. */
  #chooseMember(): LivingEntry | undefined {
    const { roster, random } = this.#context;
    let skipped = Math.floor(random.float() * roster.size);
    let first: LivingEntry | undefined;
    for (const entry of roster.values()) {
      const isChoice = isLiving(entry) && this.#isAuditable(entry);
      if (skipped > 0) skipped -= 1;
      else if (isChoice) return entry;
      if (isChoice) first ??= entry;
    }
    return first;
  }

  #isAuditable({ node, status }: LivingEntry): boolean {
    return status === 'alive' && node !== this.#context.self && !this.#watching.has(node);
  }
}
