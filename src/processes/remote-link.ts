/**
 * A link between a process of this node and one of another node, as this side knows it.
 *
 * Either side may make the link, both at once too, and unlink and link again while the other's
 * signals are under way. Each side numbers the links that it makes; an unlink names the numbers
 * that it ends, so that it never ends a link made after it, and the two sides agree.
 */
import type { Pid } from '../core/pid.ts';
import { laneOf, type Peer } from './peer.ts';
import type { ExitJudge, LinkEnd, Process } from './process.ts';
import type { Value } from './processes.ts';

export interface RemoteLinkParts {
  readonly peer: Peer;
  readonly process: Process;
  readonly remote: Pid;
  readonly judge: ExitJudge;
}

export class RemoteLink implements LinkEnd {
  readonly remote: Pid;
  /** The number of the link that this side made, and that of the other side; 0 for none. */
  ownId = 0;
  otherId = 0;
  readonly #peer: Peer;
  readonly #process: Process;
  readonly #judge: ExitJudge;

  /** Enters it at the process and at the peer. */
  constructor(parts: RemoteLinkParts) {
    this.remote = parts.remote;
    this.#peer = parts.peer;
    this.#process = parts.process;
    this.#judge = parts.judge;
    parts.process.links ??= new Map();
    parts.process.links.set(parts.remote, this);
    parts.peer.links.add(this);
    parts.peer.updateHold();
  }

  /** Tells the other side that its link may end this process. */
  announce(id: number): void {
    this.ownId = id;
    this.#signal(this.#peer.writer.link(this.remote, this.#process.pid.serial, id));
  }

  unlinked(): void {
    const ids = { own: this.ownId, other: this.otherId };
    this.#signal(this.#peer.writer.unlink(this.remote, this.#process.pid.serial, ids));
    this.#process.links?.delete(this.remote);
    this.#leavePeer();
  }

  /** The other side ended the links with these numbers, as it counts. */
  onUnlink(theirs: number, ours: number): void {
    if (this.otherId === theirs) this.otherId = 0;
    if (this.ownId === ours) this.ownId = 0;
    if (this.otherId !== 0 || this.ownId !== 0) return;
    this.#process.links?.delete(this.remote);
    this.#leavePeer();
  }

  /** The process here ended. */
  linkedEnded(from: Process, reason: Value): void {
    this.#leavePeer();
    const exit = { from: from.pid.serial, isLink: true };
    this.#peer.output.exit({
      frame: this.#peer.writer.exit(this.remote, exit, reason),
      lane: laneOf(from.pid.serial, this.remote.serial),
      from: from.pid.serial,
      key: this.remote.serial,
    });
  }

  /** The process there ended, or the way to it. */
  cut(reason: Value): void {
    this.#leavePeer();
    this.#judge.exitFromLink(this.#process, this.remote, reason);
  }

  #leavePeer(): void {
    this.#peer.links.delete(this);
    this.#peer.updateHold();
  }

  #signal(frame: Uint8Array): void {
    const from = this.#process.pid.serial;
    const key = this.remote.serial;
    const lane = laneOf(from, key);
    this.#peer.output.signal({ frame, lane, from, key });
  }
}
