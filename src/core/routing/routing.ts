/**
 * Routing of one node: what it looks for through the overlay, what others look for through it, and
 * the circuits that it is an end or a relay of. No clock, no socket, no randomness of its own.
 */
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import { Circuits } from './circuits.ts';
import type { RoutingEffect, RoutingFacts, RoutingInput } from './contract.ts';
import type { RoutingMessage } from './messages.ts';
import { Queries, type Self } from './queries.ts';

export class Routing {
  readonly #circuits: Circuits;
  readonly #queries: Queries;
  #effects: RoutingEffect[] = [];

  constructor(self: Self, facts: RoutingFacts) {
    const push = (effect: RoutingEffect): void => void this.#effects.push(effect);
    this.#circuits = new Circuits(push);
    this.#queries = new Queries({ self, facts, circuits: this.#circuits, push });
  }

  /** Queries that wait for an answer, own ones and those of others. */
  get openQueries(): number {
    return this.#queries.size;
  }

  get openCircuits(): number {
    return this.#circuits.size;
  }

  /**
   * Applies one input at a monotonic time in milliseconds; returns its effects in the order in
   * which the driver must carry them out. Never throws for what a peer sent.
   */
  handle(input: RoutingInput, nowMs: number): readonly RoutingEffect[] {
    this.#admit(input, nowMs);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #admit(input: RoutingInput, nowMs: number): void {
    switch (input.kind) {
      case 'find':
        this.#queries.find(input, nowMs);
        break;
      case 'received':
        this.#onMessage(input.from, input.message, nowMs);
        break;
      case 'linkDown':
        this.#queries.linkDown(input.node, nowMs);
        this.#circuits.linkDown(input.node);
        break;
      case 'carry':
        this.#circuits.carry(input.circuit, input.datagram, nowMs);
        break;
      case 'close':
        this.#circuits.close(input.circuit);
        break;
      case 'timerFired':
        if (input.timer.kind === 'query') this.#queries.onTimeout(input.timer.id);
        else this.#circuits.sweep(nowMs);
        break;
      default:
        unreachable(input);
    }
  }

  #onMessage(from: NodeName, message: RoutingMessage, nowMs: number): void {
    switch (message.kind) {
      case 'query':
        this.#queries.onQuery(from, message, nowMs);
        break;
      case 'miss':
        this.#queries.onMiss(from, message, nowMs);
        break;
      case 'found':
        this.#queries.onFound(from, message);
        break;
      case 'reached':
        this.#queries.onReached(from, message, nowMs);
        break;
      case 'carry':
        this.#circuits.onCarry(from, message, nowMs);
        break;
      case 'cut':
        this.#circuits.onCut(from, message.circuit);
        break;
      default:
        unreachable(message);
    }
  }
}
