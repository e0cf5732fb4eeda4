/**
 * Links as features use them: a send makes the link when there is none, keeps its frames in order
 * meanwhile, and drops them with a report when the node cannot be reached.
 */
import type { NodeName } from '../core/names.ts';
import { frameBytes } from '../core/wire/frame.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { DIALS_MAX, LINK_QUEUE_BYTES_MAX, LINK_QUEUE_HIGH_WATER_BYTES } from '../limits.ts';
import type { Link } from './link.ts';
import type { LinkEvents, MessageLinks, NodeRef } from './ports.ts';

/** After a failed dial, sends to that node fail at once for so long. */
const REDIAL_AFTER_MS = 500;
/** Nodes whose last dial failed that are remembered. */
const FAILURES_MAX = 4_096;

/** What the overlay gives: the link there is, and a way to make one. */
export interface LinkSource {
  link(node: NodeName): Link | undefined;
  /** Resolves when `link(node)` is there. Rejects with a BarrelError. */
  connect(node: NodeName): Promise<void>;
}

interface Waiting {
  readonly frames: (readonly [lane: number, frame: Uint8Array])[];
  bytes: number;
}

interface Failure {
  readonly atMs: number;
  readonly error: BarrelError;
}

export class OnDemandLinks implements MessageLinks {
  readonly self: NodeRef;
  readonly #host: Pick<Host, 'clock' | 'timers'>;
  readonly #source: LinkSource;
  readonly #waiting = new Map<NodeName, Waiting>();
  readonly #failures = new Map<NodeName, Failure>();
  readonly #holds = new Map<NodeName, number>();
  #events: LinkEvents | undefined;
  #isClosed = false;

  constructor(self: NodeRef, host: Pick<Host, 'clock' | 'timers'>, source: LinkSource) {
    this.self = self;
    this.#host = host;
    this.#source = source;
  }

  attach(events: LinkEvents): void {
    this.#events = events;
  }

  send(node: NodeName, lane: number, frame: Uint8Array): boolean {
    if (this.#isClosed) throw new BarrelError('ERR_CLOSED', 'the node is closed');
    const link = this.#source.link(node);
    if (link === undefined) return this.#queue(node, lane, frame);
    return link.send(lane + 1, frame);
  }

  connected(node: NodeName): NodeRef | undefined {
    return this.#source.link(node);
  }

  queuedBytes(node: NodeName): number {
    const link = this.#source.link(node);
    return link?.connection.queuedBytes ?? this.#waiting.get(node)?.bytes ?? 0;
  }

  hold(node: NodeName): Disposable {
    this.#holds.set(node, (this.#holds.get(node) ?? 0) + 1);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        const left = (this.#holds.get(node) ?? 1) - 1;
        if (left === 0) this.#holds.delete(node);
        else this.#holds.set(node, left);
      },
    };
  }

  /** True while something on this node depends on the link to that one. */
  isHeld(node: NodeName): boolean {
    return this.#holds.has(node);
  }

  /** True while the link is held, or something waits to be sent over it. */
  isNeeded(node: NodeName): boolean {
    if (this.#holds.has(node) || this.#waiting.has(node)) return true;
    return this.#events?.needsLink?.(node) ?? false;
  }

  linkUp(link: Link): void {
    this.#failures.delete(link.node);
    const waiting = this.#waiting.get(link.node);
    this.#waiting.delete(link.node);
    for (const [lane, frame] of waiting?.frames ?? []) link.send(lane + 1, frame);
    this.#events?.onLinkUp(link);
    if (waiting !== undefined) this.#events?.onDrained(link.node);
  }

  linkDown(link: Link, reason: string): void {
    this.#events?.onLinkDown(link, reason);
  }

  frame(link: Link, frame: Uint8Array): void {
    this.#events?.onFrame(link, frame);
  }

  drained(link: Link): void {
    this.#events?.onDrained(link.node);
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting.clear();
  }

  #queue(node: NodeName, lane: number, frame: Uint8Array): boolean {
    const waiting = this.#waiting.get(node) ?? this.#dial(node);
    // As the queue of the link counts, which takes all of it at once.
    const bytes = frameBytes(frame.length);
    if (waiting.bytes + bytes > LINK_QUEUE_BYTES_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `too much waits for ${node}`, { node });
    }
    // The caller may reuse its buffer; the copy lives until the link does.
    waiting.frames.push([lane, frame.slice()]);
    waiting.bytes += bytes;
    return waiting.bytes < LINK_QUEUE_HIGH_WATER_BYTES;
  }

  /** A node that was out of reach a moment ago is not dialled, but fails in a later turn. */
  #dial(node: NodeName): Waiting {
    if (this.#waiting.size >= DIALS_MAX) {
      throw new BarrelError('ERR_OVERLOADED', `${DIALS_MAX} nodes are being dialled`, { node });
    }
    const waiting: Waiting = { frames: [], bytes: 0 };
    this.#waiting.set(node, waiting);
    const fail = (error: unknown): void => this.#failed(node, waiting, error);
    const failure = this.#failures.get(node);
    if (failure !== undefined && this.#host.clock.monotonicMs() - failure.atMs < REDIAL_AFTER_MS) {
      this.#host.timers.soon(() => fail(failure.error));
    } else {
      this.#source.connect(node).then(() => this.#host.timers.soon(() => this.#late(node)), fail);
    }
    return waiting;
  }

  /** The link came and went before its news did: what waits still needs one. */
  #late(node: NodeName): void {
    const waiting = this.#waiting.get(node);
    if (waiting === undefined || this.#source.link(node) !== undefined) return;
    this.#failed(node, waiting, new BarrelError('ERR_UNREACHABLE', `the link to ${node} was lost`));
  }

  #failed(node: NodeName, waiting: Waiting, cause: unknown): void {
    if (this.#waiting.get(node) !== waiting) return;
    this.#waiting.delete(node);
    const error =
      cause instanceof BarrelError
        ? cause
        : new BarrelError('ERR_UNREACHABLE', `cannot reach ${node}`, { cause, node });
    this.#remember(node, { atMs: this.#host.clock.monotonicMs(), error });
    this.#events?.onUnreachable(node, error);
  }

  #remember(node: NodeName, failure: Failure): void {
    this.#failures.delete(node);
    this.#failures.set(node, failure);
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > FAILURES_MAX && oldest !== undefined) this.#failures.delete(oldest);
  }
}
