/** A process of another node, or that node itself, watches a process here. */
import { laneOf, type Peer, type RemoteWatch } from './peer.ts';
import type { Process, Watcher } from './process.ts';
import type { Value } from './processes.ts';

export interface RemoteWatcherParts {
  readonly peer: Peer;
  readonly target: Process;
  /** Of the monitor, as the peer counts. */
  readonly id: number;
  /** Serial of the watching process, 0 for the node. */
  readonly watcher: number;
}

export class RemoteWatcher implements Watcher, RemoteWatch {
  readonly target: Process;
  readonly #peer: Peer;
  readonly #id: number;
  readonly #watcher: number;

  /** Enters it at the target. */
  constructor(parts: RemoteWatcherParts) {
    this.target = parts.target;
    this.#peer = parts.peer;
    this.#id = parts.id;
    this.#watcher = parts.watcher;
    this.target.watchers ??= new Set();
    this.target.watchers.add(this);
  }

  targetEnded(target: Process, reason: Value): void {
    const peer = this.#peer;
    peer.watches.delete(this.#id);
    peer.updateHold();
    const from = target.pid.serial;
    peer.output.signal({
      frame: peer.writer.down(this.#id, reason),
      lane: laneOf(from, from),
      from,
      key: this.#watcher === 0 ? undefined : this.#watcher,
    });
  }

  stop(): void {
    this.target.watchers?.delete(this);
  }
}
