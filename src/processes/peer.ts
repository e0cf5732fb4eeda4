/**
 * What this node shares with one other node while there is, or shall be, a link to it. All of it
 * ends with the link: each side then tells its own processes.
 */
import type { MessageLinks } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import { type Pid, pidOf } from '../core/pid.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { BarrelError } from '../errors.ts';
import type { Counter } from '../host/meter.ts';
import { FLOW_WINDOW_INITIAL, FLOWS_PER_LINK_MAX, LANE_COUNT } from '../limits.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { FlowKey } from './frames.ts';
import { Inflow } from './inflow.ts';
import type { Mailbox } from './mailbox.ts';
import type { Monitor } from './monitor.ts';
import { PeerOutput } from './peer-output.ts';
import type { Callee, PendingCall } from './pending-call.ts';
import type { Process } from './process.ts';
import type { RemoteCall } from './remote-call.ts';
import type { RemoteLink } from './remote-link.ts';
import { RemoteResults } from './remote-results.ts';

export interface PeerParts {
  readonly node: NodeName;
  readonly links: MessageLinks;
  readonly writer: FrameWriter;
  /** Counts signals that found no room anywhere. */
  readonly lost: Counter;
}

/** A process of the other node watches one of this node. */
export interface RemoteWatch {
  readonly target: Process;
  stop(): void;
}

export class Peer implements Callee {
  readonly node: NodeName;
  /** Of the start that the link is up to; undefined while there is none. */
  incarnation: bigint | undefined;
  readonly output: PeerOutput;
  readonly writer: FrameWriter;
  /** Calls from here that wait for it, by their id. */
  readonly calls: Map<number, PendingCall> = new Map();
  /** Monitors from here on its processes. */
  readonly monitors: Map<number, Monitor> = new Map();
  /** Calls from it that are open here, by its id. */
  readonly requests: Map<number, RemoteCall> = new Map();
  /** Monitors from it on processes here. */
  readonly watches: Map<number, RemoteWatch> = new Map();
  /** Streams that answer calls, both ways. */
  readonly results: RemoteResults = new RemoteResults(this);
  /** Links between processes here and there. */
  readonly links: Set<RemoteLink> = new Set();
  readonly #links: MessageLinks;
  readonly #inflows = new Map<FlowKey, Inflow>();
  /** On which it has said that it takes no calls any more. */
  #closedLanes = 0;
  #hold: Disposable | undefined;

  constructor(parts: PeerParts) {
    this.node = parts.node;
    this.writer = parts.writer;
    this.#links = parts.links;
    this.output = new PeerOutput(parts.node, parts.links, parts.lost);
  }

  /** No process runs there any more, and all answers that there will be have come. */
  get isClosed(): boolean {
    return this.#closedLanes === LANE_COUNT;
  }

  /** A process of the start that the link is up to. */
  pidOf(serial: number): Pid {
    return pidOf(this.node, this.incarnation ?? 0n, serial);
  }

  /** Keeps the link open exactly while something depends on it. */
  updateHold(): void {
    const isNeeded =
      this.calls.size + this.monitors.size + this.requests.size > 0 ||
      this.watches.size + this.links.size + this.results.reading > 0;
    if (isNeeded) {
      this.#hold ??= this.#links.hold(this.node);
    } else {
      this.#hold?.[Symbol.dispose]();
      this.#hold = undefined;
    }
  }

  callSettled(call: PendingCall): void {
    this.calls.delete(call.id);
    this.updateHold();
  }

  callOpened(call: PendingCall): void {
    this.calls.delete(call.id);
  }

  callAbandoned(call: PendingCall, gone: 'deadline' | 'caller'): void {
    this.callSettled(call);
    // The callee has the deadline itself.
    if (gone === 'deadline') return;
    const from = call.caller?.pid.serial ?? 0;
    this.output.signal({
      frame: this.writer.cancel(call.id),
      lane: call.lane,
      from,
      key: call.key,
    });
  }

  /** It said on one more lane that it takes no calls any more. @throws WireError */
  onClosed(): void {
    if (this.isClosed) throw new WireError('closed on more lanes than there are');
    this.#closedLanes += 1;
    if (!this.isClosed) return;
    for (const call of [...this.calls.values()]) call.fail({ kind: 'noProcess' });
  }

  /** Says on every lane, behind all answers, that no call of it is taken any more. */
  sayClosed(): void {
    const frame = this.writer.closed();
    for (let lane = 0; lane < LANE_COUNT; lane += 1) this.output.urgent(lane, frame);
  }

  /** The account of its messages for a destination here. */
  inflow(key: FlowKey, isFirst: boolean, mailbox: Mailbox | undefined): Inflow {
    const known = this.#inflows.get(key);
    if (known !== undefined && !isFirst) {
      known.wasUsed = true;
      return known;
    }
    known?.forget();
    if (known === undefined && this.#inflows.size >= FLOWS_PER_LINK_MAX) this.#evictInflow();
    const inflow = new Inflow(key, this.#giveCredit);
    this.#inflows.set(key, inflow);
    inflow.announce(mailbox?.window ?? FLOW_WINDOW_INITIAL);
    return inflow;
  }

  /** The link is gone. Processes here are told; the other node tells its own. */
  end(cause: BarrelError): void {
    this.output.end();
    for (const inflow of this.#inflows.values()) inflow.forget();
    this.#inflows.clear();
    for (const watch of this.watches.values()) watch.stop();
    this.watches.clear();
    for (const request of [...this.requests.values()]) request.abandon('connection');
    for (const call of [...this.calls.values()]) call.reject(lostError(this.node, cause));
    this.results.end(lostError(this.node, cause));
    const monitors = [...this.monitors.values()];
    this.monitors.clear();
    for (const monitor of monitors) monitor.fire('noconnection');
    const links = [...this.links];
    this.links.clear();
    for (const link of links) link.cut('noconnection');
    this.updateHold();
  }

  readonly #giveCredit = (key: FlowKey, units: number, window: number): void => {
    this.output.urgent(laneOf(0, key), this.writer.credit(key, units, window));
  };

  #evictInflow(): void {
    for (const [key, inflow] of this.#inflows) {
      this.#inflows.delete(key);
      if (!inflow.wasUsed) {
        inflow.evict();
        return;
      }
      inflow.wasUsed = false;
      this.#inflows.set(key, inflow);
    }
  }
}

/**
 * The lane that keeps the order of a sender: its own, or for the node itself, which has no order
 * to keep across destinations, that of the destination.
 */
export function laneOf(from: number, key: FlowKey): number {
  if (from !== 0) return from % LANE_COUNT;
  return (typeof key === 'number' ? key : hashOf(key)) % LANE_COUNT;
}

function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i += 1) hash = (hash * 31 + text.charCodeAt(i)) >>> 0;
  return hash;
}

function lostError(node: NodeName, cause: BarrelError): BarrelError {
  return new BarrelError('ERR_NO_CONNECTION', `the connection to ${node} is lost`, { cause, node });
}
