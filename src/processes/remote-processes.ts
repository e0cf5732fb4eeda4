/**
 * Signals from processes of this node to those of other nodes. Each goes on the lane of its sender,
 * so that all signals of one pair stay in order; what comes back is read by `FrameReceiver`.
 */
import type { LinkEvents, MessageLinks, NodeRef } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import { isPid, type Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import type { Counter } from '../host/meter.ts';
import { MONITORS_PER_LINK_MAX, PROCESS_LINKS_PER_LINK_MAX } from '../limits.ts';
import type { FrameReceiver } from './frame-receiver.ts';
import { FrameWriter, flowKey, type RemoteTarget } from './frame-writer.ts';
import type { LocalProcesses } from './local-processes.ts';
import type { Monitor } from './monitor.ts';
import { laneOf, Peer } from './peer.ts';
import type { PendingCall } from './pending-call.ts';
import type { Process } from './process.ts';
import type { Value } from './processes.ts';
import { RemoteLink } from './remote-link.ts';

export interface RemoteProcessesParts {
  readonly links: MessageLinks;
  readonly locals: LocalProcesses;
  readonly receiver: FrameReceiver;
  /** Counts signals that found no room anywhere. */
  readonly lost: Counter;
}

export class RemoteProcesses implements LinkEvents {
  readonly #links: MessageLinks;
  readonly #locals: LocalProcesses;
  readonly #receiver: FrameReceiver;
  readonly #lost: Counter;
  readonly #writer = new FrameWriter();
  readonly #peers = new Map<NodeName, Peer>();
  #lastId = 0;
  #isClosed = false;

  constructor(parts: RemoteProcessesParts) {
    this.#links = parts.links;
    this.#locals = parts.locals;
    this.#receiver = parts.receiver;
    this.#lost = parts.lost;
  }

  /** Streams of processes here that other nodes read. */
  get streams(): number {
    let sum = 0;
    for (const { results } of this.#peers.values()) sum += results.sending;
    return sum;
  }

  /** @throws ERR_VALUE, ERR_OVERLOADED, ERR_CLOSED. */
  send(from: number, target: RemoteTarget, message: Value): boolean {
    const peer = this.#peerFor(target);
    // A stale pid: the message is checked as any other and goes nowhere.
    if (peer === undefined) return this.#writer.message(target, false, message).length > 0;
    const key = flowKey(target);
    const flow = peer.output.flowTo(key);
    const frame = this.#writer.message(target, !flow.isBegun, message);
    return peer.output.message(flow, {
      frame,
      lane: laneOf(from, key),
      from,
      key,
      flow,
    });
  }

  /** Sends the request of a call. @throws ERR_VALUE, ERR_OVERLOADED, ERR_CLOSED. */
  call(call: PendingCall, target: RemoteTarget, request: CallRequest): void {
    const from = call.caller?.pid.serial ?? 0;
    const { id, timeoutMs } = call;
    const head = { id, from, timeoutMs, traceparent: request.traceparent };
    const frame = this.#writer.call(target, head, request.value);
    const peer = this.#peerFor(target);
    if (peer === undefined) {
      call.fail({ kind: 'noProcess' });
      return;
    }
    call.key = flowKey(target);
    call.lane = laneOf(from, call.key);
    const { lane, key } = call;
    const isWanted = (): boolean => !call.isSettled;
    peer.output.call({ frame, lane, from, key, isWanted });
    call.callee = peer;
    peer.calls.set(id, call);
    peer.updateHold();
  }

  /** @throws ERR_OVERLOADED at the bound of monitors on one node. */
  monitor(from: number, target: RemoteTarget, monitor: Monitor): void {
    const peer = this.#peerFor(target);
    if (peer === undefined) {
      monitor.fire('noproc');
      return;
    }
    if (peer.monitors.size >= MONITORS_PER_LINK_MAX) throw tooMany('monitors', peer.node);
    this.#lastId += 1;
    const id = this.#lastId;
    const key = flowKey(target);
    const way = { lane: laneOf(from, key), from, key };
    peer.monitors.set(id, monitor);
    peer.updateHold();
    peer.output.signal({ ...way, frame: this.#writer.monitor(target, id, from) });
    monitor.attach(() => {
      if (!peer.monitors.delete(id)) return;
      peer.updateHold();
      peer.output.signal({ ...way, frame: this.#writer.demonitor(id) });
    });
  }

  /** @throws ERR_OVERLOADED at the bound of links with processes of one node. */
  link(process: Process, remote: Pid): void {
    if (process.links?.has(remote) === true) return;
    const peer = this.#peerFor(remote);
    if (peer !== undefined) {
      if (peer.links.size >= PROCESS_LINKS_PER_LINK_MAX) throw tooMany('links', peer.node);
      this.#lastId += 1;
      new RemoteLink({ peer, process, remote, judge: this.#locals }).announce(this.#lastId);
      return;
    }
    process.links ??= new Map();
    process.links.set(remote, process);
    this.#locals.exitFromLink(process, remote, 'noproc');
  }

  /** What a call of `exit` sends. @throws ERR_VALUE. */
  exit(from: number, target: Pid, reason: Value): void {
    const frame = this.#writer.exit(target, { from, isLink: false }, reason);
    const key = target.serial;
    const lane = laneOf(from, key);
    this.#peerFor(target)?.output.exit({ frame, lane, from, key });
  }

  /** Calls back once when the way there is clear; returns a cancel. */
  whenClear(to: Pid | NodeName, wake: () => void): () => void {
    const peer = this.#peers.get(isPid(to) ? to.node : to);
    if (peer !== undefined) return peer.output.whenClear(isPid(to) ? to.serial : undefined, wake);
    wake();
    return () => {};
  }

  onLinkUp(ref: NodeRef): void {
    const peer = this.#peerOf(ref.node);
    peer.incarnation = ref.incarnation;
    if (this.#isClosed) peer.sayClosed();
    for (const link of [...peer.links]) {
      if (link.remote.incarnation !== ref.incarnation) link.cut('noproc');
    }
  }

  onLinkDown(ref: NodeRef, reason: string): void {
    const message = `the connection to ${ref.node} ended: ${reason}`;
    this.#end(ref.node, new BarrelError('ERR_NO_CONNECTION', message, { node: ref.node }));
  }

  onUnreachable(node: NodeName, error: BarrelError): void {
    this.#end(node, error);
  }

  needsLink(node: NodeName): boolean {
    return this.#peers.get(node)?.output.isWaiting ?? false;
  }

  onDrained(node: NodeName): void {
    this.#peers.get(node)?.output.onDrained();
  }

  /** @throws WireError, which ends the link. */
  onFrame(from: NodeRef, frame: Uint8Array): void {
    if (this.#isClosed) return;
    const peer = this.#peerOf(from.node);
    peer.incarnation = from.incarnation;
    this.#receiver.receive(peer, frame);
  }

  /** Calls of other nodes find no process any more; those that are open go on. */
  refuseCalls(): void {
    this.#receiver.refuseCalls();
  }

  /** Nothing that comes is looked at any more, and all linked nodes are told so. */
  close(): void {
    this.#isClosed = true;
    for (const peer of this.#peers.values()) {
      if (this.#links.connected(peer.node) !== undefined) peer.sayClosed();
    }
    const error = new BarrelError('ERR_CLOSED', 'the node is closing');
    for (const node of [...this.#peers.keys()]) this.#end(node, error);
  }

  #end(node: NodeName, cause: BarrelError): void {
    const peer = this.#peers.get(node);
    // Removed first: what listeners send now begins anew.
    this.#peers.delete(node);
    peer?.end(cause);
  }

  /** Undefined where no process is any more: for a start that is over, a node that closes. */
  #peerFor(target: RemoteTarget): Peer | undefined {
    if (isPid(target)) {
      if (target.serial === 0 || target.node === this.#locals.self.node) return undefined;
      const connected = this.#links.connected(target.node);
      if (connected !== undefined && connected.incarnation !== target.incarnation) return undefined;
    }
    const peer = this.#peerOf(target.node);
    return peer.isClosed ? undefined : peer;
  }

  #peerOf(node: NodeName): Peer {
    const known = this.#peers.get(node);
    if (known !== undefined) return known;
    const parts = { node, links: this.#links, writer: this.#writer, lost: this.#lost };
    const peer = new Peer(parts);
    this.#peers.set(node, peer);
    return peer;
  }
}

export interface CallRequest {
  readonly value: Value;
  readonly traceparent: string | undefined;
}

function tooMany(what: string, node: NodeName): BarrelError {
  const message = `too many ${what} with processes of ${node} already`;
  return new BarrelError('ERR_OVERLOADED', message, { node });
}
