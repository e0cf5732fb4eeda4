/**
 * What goes to one other node: messages by their credit, signals in order behind the messages of
 * their pair, and nothing that a full link could lose silently.
 */

import type { MessageLinks } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import type { Counter } from '../host/meter.ts';
import {
  FLOWS_PER_LINK_MAX,
  OUTBOX_BYTES_PER_LINK_MAX,
  OUTBOX_MESSAGES_MAX,
  SIGNALS_WAITING_BYTES_MAX,
  SIGNALS_WAITING_MAX,
} from '../limits.ts';
import { Fifo } from './fifo.ts';
import type { FlowKey } from './frames.ts';
import { type LineStep, MixedSenders } from './mixed-senders.ts';
import { type OutFrame, Outflow } from './outflow.ts';

interface DrainWaiter {
  /** Undefined to wait for all destinations on the node. */
  readonly key: FlowKey | undefined;
  readonly wake: () => void;
}

export class PeerOutput implements LineStep {
  readonly #node: NodeName;
  readonly #links: MessageLinks;
  readonly #lost: Counter;
  readonly #flows = new Map<FlowKey, Outflow>();
  readonly #holding = new Set<Outflow>();
  /** Signals that the link refused at its hard limit; nothing may pass them. */
  readonly #refused = new Fifo<OutFrame>();
  readonly #mixed = new MixedSenders();
  readonly #waiters = new Set<DrainWaiter>();
  readonly #streams = new Set<() => void>();
  #heldBytes = 0;
  #refusedBytes = 0;
  /** The link is above its high-water mark: what waits here goes on waiting. */
  #isCongested = false;
  #isEnded = false;

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
  message(flow: Outflow, message: OutFrame): boolean {
    if (this.#isInLine(message)) {
      this.#checkRoom(message);
      flow.waitingElsewhere += 1;
      flow.isBegun = true;
      this.#stand(message);
      return !this.#mixed.isHigh && !this.#isCongested;
    }
    if (flow.isHolding || !flow.hasCredit || this.#refused.length > 0) {
      this.#checkRoom(message);
      flow.isBegun = true;
      this.#hold(flow, message);
      return !flow.isHigh && !this.#isCongested;
    }
    const isClear = this.#links.send(this.#node, message.lane, message.frame);
    flow.isBegun = true;
    flow.spend(message.frame.byteLength);
    if (!isClear) this.#isCongested = true;
    return isClear;
  }

  /** Sends a request behind the messages of its pair. @throws ERR_OVERLOADED; ERR_CLOSED. */
  call(call: OutFrame): void {
    const flow = this.#holdingFlow(call.key);
    if (this.#isInLine(call) || flow !== undefined) {
      this.#checkRoom(call);
      this.signal(call);
    } else if (this.#refused.length > 0) {
      throw this.#overloaded();
    } else if (!this.#links.send(this.#node, call.lane, call.frame)) {
      this.#isCongested = true;
    }
  }

  /**
   * Sends a signal behind the messages of its pair. It is never refused: one for which there is
   * no room anywhere is lost, and counted.
   */
  signal(signal: OutFrame): void {
    if (this.#heldBytes + signal.frame.byteLength > SIGNALS_WAITING_BYTES_MAX) {
      this.#lost.value += 1;
      return;
    }
    if (this.#isInLine(signal)) this.#stand(signal);
    else this.#passSignal(signal);
  }

  /**
   * Sends an exit signal. It cannot wait for a process that may never consume again: what waits
   * before it goes with it, credit or not, so that the order is kept.
   */
  exit(exit: OutFrame): void {
    this.signal(exit);
    if (this.#mixed.has(exit.from)) this.#forceLine(exit.from);
    this.#holdingFlow(exit.key)?.force();
    this.#releaseAll();
    this.#wake();
  }

  /** Something here has yet to be sent. */
  get isWaiting(): boolean {
    return this.#heldBytes > 0 || this.#refused.length > 0;
  }

  /** True while the link is at its hard limit: large answers had better be small ones. */
  get isBlocked(): boolean {
    return this.#refused.length > 0;
  }

  /** False while the link is above its high-water mark: streams pause then. */
  get isFlowing(): boolean {
    return this.#canSend();
  }

  /** Calls back once when the link flows again, or is gone; returns a cancel. */
  whenFlowing(wake: () => void): () => void {
    this.#streams.add(wake);
    return () => this.#streams.delete(wake);
  }

  /** Sends an answer or credit: these wait for no message. */
  urgent(lane: number, frame: Uint8Array): void {
    this.#put({ frame, lane, from: 0, key: undefined });
  }

  /** The receiver gave credit back. */
  onCredit(key: FlowKey, units: number, window: number): void {
    const flow = this.#flows.get(key);
    if (flow === undefined) return;
    flow.receive(units, window);
    this.#release(flow);
    this.#mixed.run(this);
    this.#wake();
  }

  /** The link takes frames again. */
  onDrained(): void {
    this.#isCongested = false;
    for (let next = this.#refused.peek(); next !== undefined; next = this.#refused.peek()) {
      if (!this.#trySend(next)) return;
      this.#refused.shift();
      this.#refusedBytes -= next.frame.byteLength;
    }
    this.#releaseAll();
    this.#wake();
    this.#wakeStreams();
  }

  /** The link is gone, and with it everything that waited for it; nothing is sent any more. */
  end(): void {
    this.#isEnded = true;
    this.#flows.clear();
    this.#holding.clear();
    this.#refused.clear();
    this.#mixed.clear();
    this.#heldBytes = 0;
    this.#refusedBytes = 0;
    this.#isCongested = false;
    this.#wake();
    this.#wakeStreams();
  }

  /** Calls back once when the way to that destination, or to all, is clear; returns a cancel. */
  whenClear(key: FlowKey | undefined, wake: () => void): () => void {
    const waiter = { key, wake };
    this.#waiters.add(waiter);
    this.#wake();
    return () => this.#waiters.delete(waiter);
  }

  #isClear(key: FlowKey | undefined): boolean {
    if (!this.#canSend() || this.#mixed.isHigh) return false;
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

  #wakeStreams(): void {
    const waiting = [...this.#streams];
    this.#streams.clear();
    for (const wake of waiting) wake();
  }

  /** As a step of a line: something of the sender waits on the other way, by pid or by name. */
  mustWait(frame: OutFrame): boolean {
    if (frame.key === undefined || frame.from === 0) return false;
    const kind = typeof frame.key;
    for (const flow of this.#holding) {
      if (typeof flow.key !== kind && flow.holdsOf(frame.from)) return true;
    }
    return false;
  }

  /** As a step of a line: it goes, or waits on its own way. */
  pass(frame: OutFrame): boolean {
    const { flow } = frame;
    if (flow === undefined) {
      this.#passSignal(frame);
    } else if (flow.isHolding || !flow.hasCredit) {
      flow.hold(frame);
      this.#holding.add(flow);
      flow.waitingElsewhere -= 1;
      return true;
    } else {
      if (!this.#trySend(frame)) return false;
      flow.spend(frame.frame.byteLength);
      flow.waitingElsewhere -= 1;
    }
    this.#heldBytes -= frame.frame.byteLength;
    return true;
  }

  #isInLine(frame: OutFrame): boolean {
    return this.#mixed.has(frame.from) || (this.#holding.size > 0 && this.mustWait(frame));
  }

  #stand(frame: OutFrame): void {
    this.#mixed.push(frame);
    this.#heldBytes += frame.frame.byteLength;
  }

  /** Lets everything of a sender that stands in line go, as far as the link takes it. */
  #forceLine(from: number): void {
    while (this.#mixed.has(from) && this.#canSend()) {
      for (const flow of [...this.#holding]) {
        if (!flow.holdsOf(from)) continue;
        flow.force();
        this.#release(flow);
      }
      this.#mixed.run(this);
    }
  }

  #canSend(): boolean {
    return !this.#isCongested && this.#refused.length === 0;
  }

  #passSignal(signal: OutFrame): void {
    const flow = this.#holdingFlow(signal.key);
    if (flow === undefined) this.#put(signal);
    else this.#hold(flow, signal);
  }

  #checkRoom({ frame, from, key, flow }: OutFrame): void {
    const bytes = frame.byteLength;
    const account = flow ?? this.#holdingFlow(key);
    const isFull =
      this.#heldBytes + bytes > OUTBOX_BYTES_PER_LINK_MAX ||
      this.#mixed.lengthOf(from) >= OUTBOX_MESSAGES_MAX;
    if (isFull || account?.hasRoom(bytes) === false) throw this.#overloaded();
  }

  #overloaded(): BarrelError {
    const message = `too much waits for ${this.#node}`;
    return new BarrelError('ERR_OVERLOADED', message, { node: this.#node });
  }

  #hold(flow: Outflow, frame: OutFrame): void {
    flow.hold(frame);
    this.#heldBytes += frame.frame.byteLength;
    this.#holding.add(flow);
  }

  #holdingFlow(key: FlowKey | undefined): Outflow | undefined {
    const flow = key === undefined ? undefined : this.#flows.get(key);
    return flow?.isHolding === true ? flow : undefined;
  }

  #releaseAll(): void {
    for (const flow of [...this.#holding]) this.#release(flow);
    this.#mixed.run(this);
  }

  #release(flow: Outflow): void {
    while (this.#canSend()) {
      const next = flow.next();
      if (next === undefined) break;
      const isWanted = next.isWanted === undefined || next.isWanted();
      if (isWanted && !this.#trySend(next)) break;
      flow.shift();
      this.#heldBytes -= next.frame.byteLength;
      if (next.flow !== undefined) flow.spend(next.frame.byteLength);
    }
    if (!flow.isHolding) this.#holding.delete(flow);
  }

  #put(signal: OutFrame): void {
    if (this.#isEnded) return;
    if (this.#refused.length === 0 && this.#trySend(signal)) return;
    const bytes = this.#refusedBytes + signal.frame.byteLength;
    if (this.#refused.length >= SIGNALS_WAITING_MAX || bytes > SIGNALS_WAITING_BYTES_MAX) {
      this.#lost.value += 1;
      return;
    }
    this.#refused.push(signal);
    this.#refusedBytes = bytes;
  }

  /** False when the link is at its hard limit. After close nothing can be sent, or matters. */
  #trySend(frame: OutFrame): boolean {
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
      if (flow.isHolding || flow.waitingElsewhere > 0) continue;
      this.#flows.delete(key);
      if (!flow.wasUsed) return;
      flow.wasUsed = false;
      this.#flows.set(key, flow);
    }
    if (this.#flows.size >= FLOWS_PER_LINK_MAX) throw this.#overloaded();
  }
}
