/**
 * Process tables of several nodes whose links are queues in memory on virtual time: cut and healed
 * by hand, each lane with a delay of its own, so that nothing but the order within a lane holds.
 */

import type { LinkEvents, MessageLinks, NodeRef } from '../../../src/cluster/ports.ts';
import type { NodeName } from '../../../src/core/names.ts';
import { WireError } from '../../../src/core/wire/wire-error.ts';
import { BarrelError } from '../../../src/errors.ts';
import type { Host } from '../../../src/host/host.ts';
import { type Logger, silentLogger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { systemDigest } from '../../../src/host/system-digest.ts';
import {
  LANE_COUNT,
  LINK_QUEUE_BYTES_MAX,
  LINK_QUEUE_HIGH_WATER_BYTES,
} from '../../../src/limits.ts';
import { ProcessTable, type ProcessTableParts } from '../../../src/processes/process-table.ts';
import { MemoryFiles } from '../../../src/testing/memory-files.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

export interface NetworkOptions {
  /** One way, of lane 0. Default 1. */
  readonly latencyMs?: number;
  /** What each lane takes longer than the one before it. Default 0.25. */
  readonly laneSkewMs?: number;
  readonly highWaterBytes?: number;
  readonly bytesMax?: number;
}

/** One node of the network. */
export interface LinkedNode {
  readonly ref: NodeRef;
  readonly links: LinkedNodeLinks;
  readonly processes: ProcessTable;
  readonly meter: Meter;
}

export class LinkedNodes {
  readonly time: VirtualTime = new VirtualTime();
  readonly options: Required<NetworkOptions>;
  /** What frames that a receiver refused were refused for. */
  readonly faults: WireError[] = [];
  readonly logged: string[] = [];
  readonly #nodes = new Map<NodeName, LinkedNodeLinks>();
  readonly #cuts = new Set<string>();

  constructor(options: NetworkOptions = {}) {
    this.options = {
      latencyMs: 1,
      laneSkewMs: 0.25,
      highWaterBytes: LINK_QUEUE_HIGH_WATER_BYTES,
      bytesMax: LINK_QUEUE_BYTES_MAX,
      ...options,
    };
  }

  /** Starts a node; with a name that was there before, a new start of it. */
  start(node: NodeName, incarnation: bigint, parts: Partial<ProcessTableParts> = {}): LinkedNode {
    const meter = new Meter();
    const links = new LinkedNodeLinks({ node, incarnation }, this);
    this.#nodes.set(node, links);
    const host = this.#host(meter);
    const processes = new ProcessTable({ host, links, ...parts });
    return { ref: links.self, links, processes, meter };
  }

  /** The node stops without a word; its links end at the other nodes. */
  crash({ links }: LinkedNode): void {
    this.#nodes.delete(links.self.node);
    for (const other of this.#nodes.values()) this.endLink(links, other, 'crashed');
  }

  /** Ends the link of two nodes at once and lets none come up. */
  cut(a: LinkedNode, b: LinkedNode): void {
    this.#cuts.add(pairKey(a.links, b.links));
    this.endLink(a.links, b.links, 'cut');
  }

  heal(a: LinkedNode, b: LinkedNode): void {
    this.#cuts.delete(pairKey(a.links, b.links));
  }

  /** Ends the link of two nodes at once; the next send makes a new one. */
  endLink(a: LinkedNodeLinks, b: LinkedNodeLinks, reason: string): void {
    a.drop(b, reason);
    b.drop(a, reason);
  }

  /** Runs everything that is under way. */
  settle(ms = 20): Promise<void> {
    return this.time.advance(ms);
  }

  reachable(from: LinkedNodeLinks, node: NodeName): LinkedNodeLinks | undefined {
    const other = this.#nodes.get(node);
    if (other === undefined || other === from) return undefined;
    return this.#cuts.has(pairKey(from, other)) ? undefined : other;
  }

  #host(meter: Meter): Host {
    const note = (message: string): void => void this.logged.push(message);
    const logger: Logger = { ...silentLogger, warn: note, error: note };
    return {
      clock: this.time,
      timers: this.time,
      random: new SeededRandom(1),
      files: new MemoryFiles(),
      digest: systemDigest,
      openStore: () => Promise.reject(new Error('no store here')),
      openUdp: () => Promise.reject(new Error('no sockets here')),
      lookup: () => Promise.reject(new Error('no names here')),
      logger,
      meter,
      hostName: 'test',
      externalAddresses: () => [],
    };
  }
}

interface LaneQueue {
  readonly delayMs: number;
  frames: { readonly dueMs: number; readonly frame: Uint8Array }[];
  timer: Disposable | undefined;
}

/** One direction of a link. */
interface Direction {
  readonly to: LinkedNodeLinks;
  readonly lanes: readonly LaneQueue[];
  isUp: boolean;
  isHigh: boolean;
  bytes: number;
  /** While set nothing is delivered, as behind a receiver that reads nothing. */
  isPaused: boolean;
}

export class LinkedNodeLinks implements MessageLinks {
  readonly self: NodeRef;
  /** Frames taken by `send`, since the last look. */
  sent = 0;
  sentBytesMax = 0;
  readonly holds: Map<NodeName, number> = new Map();
  readonly #network: LinkedNodes;
  readonly #directions = new Map<NodeName, Direction>();
  #events: LinkEvents | undefined;

  constructor(self: NodeRef, network: LinkedNodes) {
    this.self = self;
    this.#network = network;
  }

  attach(events: LinkEvents): void {
    this.#events = events;
  }

  send(node: NodeName, lane: number, frame: Uint8Array): boolean {
    const direction = this.#directions.get(node) ?? this.#dial(node);
    if (direction === undefined) return true;
    const { highWaterBytes, bytesMax } = this.#network.options;
    if (direction.bytes + frame.byteLength > bytesMax) {
      throw new BarrelError('ERR_OVERLOADED', 'the queue of the link is full');
    }
    this.sent += 1;
    direction.bytes += frame.byteLength;
    this.sentBytesMax = Math.max(this.sentBytesMax, direction.bytes);
    this.#queue(direction, lane, frame);
    if (direction.bytes > highWaterBytes) direction.isHigh = true;
    return !direction.isHigh;
  }

  connected(node: NodeName): NodeRef | undefined {
    const direction = this.#directions.get(node);
    return direction?.isUp === true ? direction.to.self : undefined;
  }

  queuedBytes(node: NodeName): number {
    return this.#directions.get(node)?.bytes ?? 0;
  }

  hold(node: NodeName): Disposable {
    this.holds.set(node, (this.holds.get(node) ?? 0) + 1);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.holds.set(node, (this.holds.get(node) ?? 0) - 1);
        isHeld = false;
      },
    };
  }

  /** Nothing sent to that node arrives until `resume`. */
  pause({ links }: LinkedNode): void {
    const direction = this.#directions.get(links.self.node);
    if (direction !== undefined) direction.isPaused = true;
  }

  resume({ links }: LinkedNode): void {
    const direction = this.#directions.get(links.self.node);
    if (direction === undefined) return;
    direction.isPaused = false;
    for (const lane of direction.lanes) this.#arm(direction, lane);
  }

  /** Lets `to` receive bytes from here that nobody here would send. */
  inject({ links }: LinkedNode, frame: Uint8Array): void {
    links.deliver(this, frame);
  }

  /** The link to that node came up. */
  up(to: LinkedNodeLinks): void {
    const direction = this.#directions.get(to.self.node) ?? this.#newDirection(to);
    direction.isUp = true;
    this.#directions.set(to.self.node, direction);
    this.#events?.onLinkUp(to.self);
    for (const lane of direction.lanes) this.#arm(direction, lane);
  }

  /** The link to that node, or the try to make one, ended. */
  drop(to: LinkedNodeLinks, reason: string): void {
    const direction = this.#directions.get(to.self.node);
    if (direction === undefined || direction.to !== to) return;
    this.#directions.delete(to.self.node);
    for (const lane of direction.lanes) lane.timer?.[Symbol.dispose]();
    if (direction.isUp) this.#events?.onLinkDown(to.self, reason);
    else this.#events?.onUnreachable(to.self.node, unreachableError(to.self.node));
  }

  deliver(from: LinkedNodeLinks, frame: Uint8Array): void {
    // The frame is a view that is worth nothing after the call.
    const view = new Uint8Array(frame);
    try {
      this.#events?.onFrame(from.self, view);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#network.faults.push(error);
      this.#network.endLink(this, from, 'protocol');
    } finally {
      view.fill(0xc1);
    }
  }

  #dial(node: NodeName): Direction | undefined {
    const { latencyMs } = this.#network.options;
    const to = this.#network.reachable(this, node);
    if (to === undefined) {
      const error = unreachableError(node);
      this.#network.time.after(latencyMs, () => this.#events?.onUnreachable(node, error));
      return undefined;
    }
    const direction = this.#newDirection(to);
    this.#directions.set(node, direction);
    this.#network.time.after(latencyMs, () => {
      if (this.#directions.get(node) !== direction || direction.isUp) return;
      if (this.#network.reachable(this, node) !== to) {
        this.drop(to, 'unreachable');
        return;
      }
      to.up(this);
      this.up(to);
    });
    return direction;
  }

  #newDirection(to: LinkedNodeLinks): Direction {
    const { latencyMs, laneSkewMs } = this.#network.options;
    const lanes = Array.from({ length: LANE_COUNT }, (_, lane): LaneQueue => {
      return { delayMs: latencyMs + lane * laneSkewMs, frames: [], timer: undefined };
    });
    return { to, lanes, isUp: false, isHigh: false, bytes: 0, isPaused: false };
  }

  #queue(direction: Direction, lane: number, frame: Uint8Array): void {
    const queue = direction.lanes[lane];
    if (queue === undefined) throw new RangeError(`no lane ${lane}`);
    queue.frames.push({ dueMs: this.#network.time.monotonicMs() + queue.delayMs, frame });
    this.#arm(direction, queue);
  }

  #arm(direction: Direction, lane: LaneQueue): void {
    const first = lane.frames[0];
    if (first === undefined || lane.timer !== undefined) return;
    if (!direction.isUp || direction.isPaused) return;
    const delayMs = first.dueMs - this.#network.time.monotonicMs();
    lane.timer = this.#network.time.after(delayMs, () => {
      lane.timer = undefined;
      this.#run(direction, lane);
    });
  }

  #run(direction: Direction, lane: LaneQueue): void {
    const nowMs = this.#network.time.monotonicMs();
    const due = lane.frames.findIndex(({ dueMs }) => dueMs > nowMs);
    const ready = lane.frames.splice(0, due === -1 ? lane.frames.length : due);
    for (const { frame } of ready) {
      if (this.#directions.get(direction.to.self.node) !== direction) return;
      direction.bytes -= frame.byteLength;
      direction.to.deliver(this, frame);
    }
    if (this.#directions.get(direction.to.self.node) !== direction) return;
    if (direction.isHigh && direction.bytes <= this.#network.options.highWaterBytes / 2) {
      direction.isHigh = false;
      this.#events?.onDrained(direction.to.self.node);
    }
    this.#arm(direction, lane);
  }
}

function pairKey(a: LinkedNodeLinks, b: LinkedNodeLinks): string {
  return [a.self.node, b.self.node].sort().join(' ');
}

function unreachableError(node: NodeName): BarrelError {
  return new BarrelError('ERR_UNREACHABLE', `no way to ${node}`, { node });
}
