/**
 * Circuits: ways through other nodes, on which two nodes without a link exchange datagrams. A relay
 * knows of each one only the two neighbours that it lies between. What is carried is not looked
 * into, may get lost, and keeps its order; both ends prove to each other who they are, so a relay
 * is trusted with nothing.
 *
 * The parts of a circuit are direct links: there are no circuits over circuits.
 */
import { CIRCUIT_IDLE_MS, CIRCUITS_MAX, CIRCUITS_PER_NEIGHBOR_MAX } from '../../limits.ts';
import type { NodeName } from '../names.ts';
import { PeerBudgets } from '../roster/peer-budgets.ts';
import type { RoutingEffect } from './contract.ts';
import type { RoutingMessage } from './messages.ts';

const SWEEP_MS = CIRCUIT_IDLE_MS / 4;

export interface CircuitEnds {
  readonly id: bigint;
  /** Towards the node that asked for it; undefined at that node. */
  readonly back: NodeName | undefined;
  /** Towards the node that was looked for; undefined at that node. */
  readonly forth: NodeName | undefined;
}

interface Circuit extends CircuitEnds {
  usedMs: number;
}

export class Circuits {
  readonly #push: (effect: RoutingEffect) => void;
  readonly #circuits = new Map<bigint, Circuit>();
  /** Who sends into circuits that are gone is told so, but not for each datagram of a flood. */
  readonly #cuts = new PeerBudgets();
  #isSweeping = false;

  constructor(push: (effect: RoutingEffect) => void) {
    this.#push = push;
  }

  get size(): number {
    return this.#circuits.size;
  }

  /** False at a bound. */
  open(ends: CircuitEnds, nowMs: number): boolean {
    if (this.#circuits.size >= CIRCUITS_MAX || this.#circuits.has(ends.id)) return false;
    if (ends.back !== undefined && this.#countFrom(ends.back) >= CIRCUITS_PER_NEIGHBOR_MAX) {
      return false;
    }
    this.#circuits.set(ends.id, { ...ends, usedMs: nowMs });
    if (!this.#isSweeping) this.#scheduleSweep();
    return true;
  }

  /** A datagram from the node itself, where the circuit ends. Lost if the circuit is gone. */
  carry(id: bigint, datagram: Uint8Array, nowMs: number): void {
    const circuit = this.#circuits.get(id);
    const to = circuit?.back ?? circuit?.forth;
    if (circuit === undefined || to === undefined) return;
    circuit.usedMs = nowMs;
    this.#push({ kind: 'carry', to, circuit: id, datagram });
  }

  onCarry(
    from: NodeName,
    { circuit: id, datagram }: Extract<RoutingMessage, { kind: 'carry' }>,
    nowMs: number,
  ): void {
    const circuit = this.#between(id, from);
    if (circuit === undefined) {
      if (this.#cuts.take(from, nowMs)) this.#sendCut(from, id);
      return;
    }
    circuit.usedMs = nowMs;
    const to = otherEnd(circuit, from);
    if (to === undefined) this.#push({ kind: 'deliver', circuit: id, datagram });
    else this.#push({ kind: 'carry', to, circuit: id, datagram });
  }

  onCut(from: NodeName, id: bigint): void {
    const circuit = this.#between(id, from);
    if (circuit !== undefined) this.#end(circuit, otherEnd(circuit, from));
  }

  /** The node where it ends needs it no more. */
  close(id: bigint): void {
    const circuit = this.#circuits.get(id);
    if (circuit === undefined) return;
    this.#circuits.delete(id);
    for (const node of [circuit.back, circuit.forth]) this.#sendCut(node, id);
  }

  /** Tells the neighbour that the circuit which it has just opened leads nowhere. */
  refuse(to: NodeName, id: bigint): void {
    this.#sendCut(to, id);
  }

  linkDown(node: NodeName): void {
    for (const circuit of [...this.#circuits.values()]) {
      if (isBetween(circuit, node)) this.#end(circuit, otherEnd(circuit, node));
    }
  }

  /** Ends what nothing uses. */
  sweep(nowMs: number): void {
    this.#isSweeping = false;
    for (const circuit of [...this.#circuits.values()]) {
      if (nowMs - circuit.usedMs < CIRCUIT_IDLE_MS) continue;
      this.close(circuit.id);
      if (circuit.back === undefined || circuit.forth === undefined) {
        this.#push({ kind: 'closed', circuit: circuit.id });
      }
    }
    if (this.#circuits.size > 0) this.#scheduleSweep();
  }

  #countFrom(neighbor: NodeName): number {
    let count = 0;
    for (const { back } of this.#circuits.values()) if (back === neighbor) count += 1;
    return count;
  }

  /** The circuit of that id, if that node is next to this one on it. */
  #between(id: bigint, node: NodeName): Circuit | undefined {
    const circuit = this.#circuits.get(id);
    return circuit !== undefined && isBetween(circuit, node) ? circuit : undefined;
  }

  /** It broke on one side: the other one, or this node, is told. */
  #end({ id }: Circuit, other: NodeName | undefined): void {
    this.#circuits.delete(id);
    if (other === undefined) this.#push({ kind: 'closed', circuit: id });
    else this.#sendCut(other, id);
  }

  #sendCut(to: NodeName | undefined, circuit: bigint): void {
    if (to !== undefined) this.#push({ kind: 'send', to, message: { kind: 'cut', circuit } });
  }

  #scheduleSweep(): void {
    this.#isSweeping = true;
    this.#push({ kind: 'schedule', timer: { kind: 'sweep' }, delayMs: SWEEP_MS });
  }
}

function isBetween({ back, forth }: CircuitEnds, node: NodeName): boolean {
  return back === node || forth === node;
}

function otherEnd({ back, forth }: CircuitEnds, node: NodeName): NodeName | undefined {
  return back === node ? forth : back;
}
