/**
 * What frames of other nodes do to processes here. A peer can only speak for itself: calls,
 * monitors and links are looked up among its own, and what it can make here is bounded.
 */
import { unreachable } from '../core/unreachable.ts';
import { WireError } from '../core/wire/wire-error.ts';
import type { Clock } from '../host/host.ts';
import {
  MONITORS_PER_LINK_MAX,
  PROCESS_LINKS_PER_LINK_MAX,
  REQUESTS_PER_LINK_MAX,
} from '../limits.ts';
import type { CallAuthorization } from './call-authorization.ts';
import type { CallFailure } from './call-failure.ts';
import type { Deadlines } from './deadlines.ts';
import { type Addressed, type FlowKey, type Frame, readFrame } from './frames.ts';
import type { LocalProcesses } from './local-processes.ts';
import { creditUnits } from './outflow.ts';
import { laneOf, type Peer } from './peer.ts';
import type { Process } from './process.ts';
import type { Value } from './processes.ts';
import { RemoteCall } from './remote-call.ts';
import { RemoteLink } from './remote-link.ts';
import { RemoteWatcher } from './remote-watcher.ts';

type FrameOf<K extends Frame['kind']> = Extract<Frame, { readonly kind: K }>;

/**
 * Ends of monitors and links travel on other lanes than their beginnings, so that a peer that
 * keeps to the bounds may be seen above them for a moment; above twice of them it does not.
 */
const TRANSIENT_FACTOR = 2;

export interface FrameReceiverParts {
  readonly locals: LocalProcesses;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Undefined: every call is let through. */
  readonly authorization: CallAuthorization | undefined;
}

export class FrameReceiver {
  readonly #locals: LocalProcesses;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #authorization: CallAuthorization | undefined;
  #takesCalls = true;

  constructor(parts: FrameReceiverParts) {
    this.#locals = parts.locals;
    this.#clock = parts.clock;
    this.#deadlines = parts.deadlines;
    this.#authorization = parts.authorization;
  }

  /** Calls find no process any more, so that their callers know that nobody took them. */
  refuseCalls(): void {
    this.#takesCalls = false;
  }

  /** @throws WireError for bytes that are no frame, or that no honest node sends. */
  receive(peer: Peer, bytes: Uint8Array): void {
    const frame = readFrame(bytes);
    switch (frame.kind) {
      case 'message':
        this.#onMessage(peer, frame, bytes.byteLength);
        break;
      case 'call':
        this.#onCall(peer, frame, bytes.byteLength);
        break;
      case 'reply':
        peer.calls.get(frame.id)?.reply(frame.value);
        break;
      case 'failure':
        peer.calls.get(frame.id)?.fail(frame.failure);
        break;
      case 'cancel':
        peer.requests.get(frame.id)?.abandon('caller');
        break;
      case 'credit':
        peer.output.onCredit(frame.key, frame.units, frame.window);
        break;
      case 'item':
        peer.results.onItem(frame.id, frame.value, bytes.byteLength);
        break;
      case 'pull':
        peer.requests.get(frame.id)?.pulled(frame.count);
        break;
      case 'closed':
        peer.onClosed();
        break;
      case 'opened':
      case 'ended':
      case 'broken':
        receiveResult(peer, frame);
        break;
      default:
        this.#receiveSignal(peer, frame);
    }
  }

  #receiveSignal(
    peer: Peer,
    frame: FrameOf<'monitor' | 'demonitor' | 'down' | 'link' | 'unlink' | 'exit'>,
  ): void {
    switch (frame.kind) {
      case 'monitor':
        this.#onMonitor(peer, frame);
        break;
      case 'demonitor':
        peer.watches.get(frame.id)?.stop();
        if (peer.watches.delete(frame.id)) peer.updateHold();
        break;
      case 'down':
        this.#onDown(peer, frame.id, frame.reason);
        break;
      case 'link':
        this.#onLink(peer, frame);
        break;
      case 'unlink':
        this.#remoteLink(peer, frame)?.onUnlink(frame.ownId, frame.otherId);
        break;
      case 'exit':
        this.#onExit(peer, frame);
        break;
      default:
        unreachable(frame);
    }
  }

  #onMessage(peer: Peer, frame: FrameOf<'message'>, frameBytes: number): void {
    const process = this.#locals.addressed(frame.to);
    const inflow = peer.inflow(keyOf(frame.to), frame.isFirst, process?.mailbox);
    const units = creditUnits(frameBytes);
    if (process === undefined) inflow.consumed(units, 0);
    else process.deliver({ value: frame.message, bytes: frameBytes }, inflow, units);
  }

  #onCall(peer: Peer, frame: FrameOf<'call'>, frameBytes: number): void {
    if (peer.requests.has(frame.id)) throw new WireError('two open calls of one id');
    const process = this.#takesCalls ? this.#locals.addressed(frame.to) : undefined;
    const lane = laneOf(process?.pid.serial ?? frame.to.serial, frame.to.name);
    const isFull = peer.requests.size >= REQUESTS_PER_LINK_MAX;
    if (process === undefined || isFull || !this.#allows(peer, process, frame.request)) {
      const kind = isFull ? 'overloaded' : process === undefined ? 'noProcess' : 'unauthorized';
      peer.output.urgent(lane, peer.writer.failure(frame.id, { kind } satisfies CallFailure));
      return;
    }
    const parts = { clock: this.#clock, deadlines: this.#deadlines, lane };
    const request = { value: frame.request, bytes: frameBytes };
    process.deliverCall(new RemoteCall(peer, frame, parts), request);
  }

  #allows(peer: Peer, process: Process, request: Value): boolean {
    return this.#authorization?.allows(peer.node, process, request) ?? true;
  }

  #onMonitor(peer: Peer, frame: FrameOf<'monitor'>): void {
    if (peer.watches.has(frame.id)) throw new WireError('two monitors of one id');
    if (peer.watches.size >= TRANSIENT_FACTOR * MONITORS_PER_LINK_MAX) {
      throw new WireError('too many monitors');
    }
    const target = this.#locals.addressed(frame.to);
    if (target !== undefined) {
      const watcher = new RemoteWatcher({ peer, target, id: frame.id, watcher: frame.from });
      peer.watches.set(frame.id, watcher);
      peer.updateHold();
      return;
    }
    const from = frame.to.serial;
    const key = frame.from === 0 ? undefined : frame.from;
    const lane = laneOf(from, frame.to.name);
    const down = peer.writer.down(frame.id, 'noproc');
    peer.output.signal({ frame: down, lane, from, key });
  }

  #onDown(peer: Peer, id: number, reason: Value): void {
    const monitor = peer.monitors.get(id);
    if (monitor === undefined) return;
    peer.monitors.delete(id);
    peer.updateHold();
    monitor.fire(reason);
  }

  #onLink(peer: Peer, frame: FrameOf<'link'>): void {
    // A link to a process of another start: the linker knows by itself that it is over.
    if (frame.to.incarnation !== this.#locals.self.incarnation) return;
    const process = this.#locals.addressed(frame.to);
    const remote = peer.pidOf(frame.from);
    if (process === undefined) {
      const exit = { from: frame.to.serial, isLink: true };
      const lane = laneOf(frame.to.serial, frame.from);
      const bytes = peer.writer.exit(remote, exit, 'noproc');
      const way = { lane, from: frame.to.serial, key: frame.from };
      peer.output.exit({ ...way, frame: bytes });
      return;
    }
    if (peer.links.size >= TRANSIENT_FACTOR * PROCESS_LINKS_PER_LINK_MAX) {
      throw new WireError('too many links');
    }
    const known = process.links?.get(remote);
    const link =
      known instanceof RemoteLink
        ? known
        : new RemoteLink({ peer, process, remote, judge: this.#locals });
    link.otherId = frame.id;
  }

  #remoteLink(peer: Peer, frame: FrameOf<'unlink'>): RemoteLink | undefined {
    const process = this.#locals.addressed(frame.to);
    const link = process?.links?.get(peer.pidOf(frame.from));
    return link instanceof RemoteLink ? link : undefined;
  }

  #onExit(peer: Peer, frame: FrameOf<'exit'>): void {
    const process: Process | undefined = this.#locals.addressed(frame.to);
    if (process === undefined) return;
    const from = peer.pidOf(frame.from);
    if (!frame.isLink) {
      this.#locals.exitFrom(process, from, frame.reason);
      return;
    }
    const link = process.links?.get(from);
    if (link instanceof RemoteLink) link.cut(frame.reason);
  }
}

function receiveResult(peer: Peer, frame: FrameOf<'opened' | 'ended' | 'broken'>): void {
  switch (frame.kind) {
    case 'opened':
      peer.results.onOpened(frame.id);
      break;
    case 'ended':
      peer.results.onEnded(frame.id);
      break;
    case 'broken':
      peer.results.onBroken(frame.id, frame.failure);
      break;
    default:
      unreachable(frame);
  }
}

function keyOf(to: Addressed): FlowKey {
  return to.serial === 0 ? to.name : to.serial;
}
