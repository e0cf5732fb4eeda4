/**
 * What goes to one other node: messages by their credit, signals in order behind the messages of
 * their pair, and nothing that a full link could lose silently.
 */

import type { MessageLinks } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import type { Counter } from '../host/meter.ts';
import { FLOWS_PER_LINK_MAX, OUTBOX_BYTES_PER_LINK_MAX, SIGNALS_WAITING_MAX } from '../limits.ts';
import { Fifo } from './fifo.ts';
import type { FlowKey } from './frames.ts';
import { type HeldFrame, Outflow } from './outflow.ts';

interface DrainWaiter {
  /** Undefined to wait for all destinations on the node. */
  readonly key: FlowKey | undefined;
  readonly wake: () => void;
}

export class PeerOutput {
  readonly #node: NodeName;
  readonly #links: MessageLinks;
  readonly #lost: Counter;
  readonly #flows = new Map<FlowKey, Outflow>();
  readonly #holding = new Set<Outflow>();
  /** Signals that the link refused at its hard limit; nothing may pass them. */
  readonly #refused = new Fifo<HeldFrame>();
  readonly #waiters = new Set<DrainWaiter>();
  #heldBytes = 0;
  /** The link is above its high-water mark: what waits here goes on waiting. */
  #isCongested = false;

  /** @param lost counts signals for which there is no room left anywhere. */
  constructor(node: NodeName, links: MessageLinks, lost: Counter) {
    this.#node = node;
    this.#links = links;
    this.#lost = lost;
  }

  /** The account of a destination. @throws ERR_OVERLOADED when there are too many. */
  flowTo(key: FlowKey): Outflow {
    const known = this.#flows.get(key);
    if (known !== undefined) {
      known.wasUsed = true;
      return known;
    }
    if (this.#flows.size >= FLOWS_PER_LINK_MAX) this.#evictFlow();
    const flow = new Outflow(key);
    this.#flows.set(key, flow);
    return flow;
  }

  /**
   * Sends a message, or keeps it until there is credit. False when senders should wait.
   * @throws ERR_OVERLOADED, the message is not taken; ERR_CLOSED.
   */
  message(flow: Outflow, message: HeldFrame): boolean {
    if (flow.isHolding || !flow.hasCredit || this.#refused.length > 0) {
      return this.#holdMessage(flow, message);
    }
    const isClear = this.#links.send(this.#node, message.lane, message.frame);
    flow.isBegun = true;
    flow.spend(message.frame.byteLength);
    if (!isClear) this.#isCongested = true;
    return isClear;
  }

  /** Sends a request behind the messages of its pair. @throws ERR_OVERLOADED; ERR_CLOSED. */
  call(call: HeldFrame): void {
    const flow = this.#flowAhead(call);
    if (flow !== undefined) {
      this.#checkRoom(flow, call.frame.byteLength);
      this.#hold(flow, call);
    } else if (this.#refused.length > 0) {
      throw this.#overloaded();
    } else if (!this.#links.send(this.#node, call.lane, call.frame)) {
      this.#isCongested = true;
    }
  }

  /** Sends a signal behind the messages of its pair. It is never refused. */
  signal(signal: HeldFrame): void {
    const flow = this.#flowAhead(signal);
    if (flow === undefined) this.#put(signal);
    else this.#hold(flow, signal);
  }

  /**
   * Sends an exit signal. It cannot wait for a process that may never consume again: what waits
   * for that process goes with it, credit or not, so that the order is kept.
   */
  exit(exit: HeldFrame): void {
    const flow = this.#flowAhead(exit);
    if (flow === undefined) {
      this.#put(exit);
      return;
    }
    this.#hold(flow, exit);
    flow.force();
    this.#release(flow);
  }

  /** Sends an answer or credit: these wait for no message. */
  urgent(lane: number, frame: Uint8Array): void {
    this.#put({ frame, lane, from: 0, key: undefined, isMessage: false });
  }

  /** The receiver gave credit back. */
  onCredit(key: FlowKey, units: number, window: number): void {
    const flow = this.#flows.get(key);
    if (flow === undefined) return;
    flow.receive(units, window);
    this.#release(flow);
    this.#wake();
  }

  /** The link takes frames again. */
  onDrained(): void {
    this.#isCongested = false;
    for (let next = this.#refused.peek(); next !== undefined; next = this.#refused.peek()) {
      if (!this.#trySend(next)) return;
      this.#refused.shift();
    }
    for (const flow of [...this.#holding]) this.#release(flow);
    this.#wake();
  }

  /** The link is gone, and with it everything that waited for it. */
  reset(): void {
    this.#flows.clear();
    this.#holding.clear();
    this.#refused.clear();
    this.#heldBytes = 0;
    this.#isCongested = false;
    this.#wake();
  }

  /** Calls back once when the way to that destination, or to all, is clear; returns a cancel. */
  whenClear(key: FlowKey | undefined, wake: () => void): () => void {
    const waiter = { key, wake };
    this.#waiters.add(waiter);
    this.#wake();
    return () => this.#waiters.delete(waiter);
  }

  #isClear(key: FlowKey | undefined): boolean {
    if (this.#isCongested || this.#refused.length > 0) return false;
    if (key !== undefined) return this.#flows.get(key)?.isHigh !== true;
    for (const flow of this.#holding) if (flow.isHigh) return false;
    return true;
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) {
      if (!this.#isClear(waiter.key)) continue;
      this.#waiters.delete(waiter);
      waiter.wake();
    }
  }

  #holdMessage(flow: Outflow, message: HeldFrame): boolean {
    this.#checkRoom(flow, message.frame.byteLength);
    flow.isBegun = true;
    this.#hold(flow, message);
    return !flow.isHigh && !this.#isCongested;
  }

  #checkRoom(flow: Outflow, bytes: number): void {
    const hasRoom = this.#heldBytes + bytes <= OUTBOX_BYTES_PER_LINK_MAX;
    if (!hasRoom || !flow.hasRoom(bytes)) throw this.#overloaded();
  }

  #overloaded(): BarrelError {
    const message = `too much waits for ${this.#node}`;
    return new BarrelError('ERR_OVERLOADED', message, { node: this.#node });
  }

  #hold(flow: Outflow, frame: HeldFrame): void {
    flow.hold(frame);
    this.#heldBytes += frame.frame.byteLength;
    this.#holding.add(flow);
  }

  /**
   * The account behind whose messages a signal must wait. A name may stand for any process, so
   * a sender's messages to names come before its signals to all processes of the node.
   */
  #flowAhead(signal: HeldFrame): Outflow | undefined {
    for (const flow of this.#holding) {
      if (typeof flow.key === 'string' && flow.holdsOf(signal.from)) return flow;
    }
    return this.#flowOf(signal.key);
  }

  #flowOf(key: FlowKey | undefined): Outflow | undefined {
    const flow = key === undefined ? undefined : this.#flows.get(key);
    return flow?.isHolding === true ? flow : undefined;
  }

  #release(flow: Outflow): void {
    while (!this.#isCongested && this.#refused.length === 0) {
      const next = flow.next();
      if (next === undefined) break;
      if (!this.#passOn(flow, next)) break;
    }
    if (!flow.isHolding) this.#holding.delete(flow);
  }

  /** Sends what goes next, or leaves it where it is when the link takes nothing. */
  #passOn(flow: Outflow, next: HeldFrame): boolean {
    const isOwn = next.isMessage || next.key === flow.key;
    const ahead = isOwn ? undefined : this.#flowOf(next.key);
    const isWanted = next.isWanted === undefined || next.isWanted();
    if (isWanted && ahead === undefined && !this.#trySend(next)) return false;
    flow.shift();
    this.#heldBytes -= next.frame.byteLength;
    if (next.isMessage) flow.spend(next.frame.byteLength);
    if (isWanted && ahead !== undefined) this.#hold(ahead, next);
    return true;
  }

  #put(signal: HeldFrame): void {
    if (this.#refused.length === 0 && this.#trySend(signal)) return;
    if (this.#refused.length < SIGNALS_WAITING_MAX) this.#refused.push(signal);
    else this.#lost.value += 1;
  }

  /** False when the link is at its hard limit. After close nothing can be sent, or matters. */
  #trySend(frame: HeldFrame): boolean {
    try {
      if (!this.#links.send(this.#node, frame.lane, frame.frame)) this.#isCongested = true;
      return true;
    } catch (error) {
      if (!(error instanceof BarrelError)) throw error;
      if (error.code !== 'ERR_OVERLOADED') return true;
      this.#isCongested = true;
      return false;
    }
  }

  /** Drops an account that nothing waits for: one not used of late, the oldest first. */
  #evictFlow(): void {
    for (const [key, flow] of this.#flows) {
      if (flow.isHolding) continue;
      this.#flows.delete(key);
      if (!flow.wasUsed) return;
      flow.wasUsed = false;
      this.#flows.set(key, flow);
    }
    if (this.#flows.size >= FLOWS_PER_LINK_MAX) throw this.#overloaded();
  }
}
