/**
 * The streams between this node and one other: those that it reads, by the ids of the calls that
 * they answer, and how many it answers with.
 */
import { WireError } from '../core/wire/wire-error.ts';
import { BarrelError } from '../errors.ts';
import { LANE_COUNT, RESULTS_PER_LINK_MAX } from '../limits.ts';
import { type CallFailure, callError } from './call-failure.ts';
import type { Peer } from './peer.ts';
import type { PendingCall } from './pending-call.ts';
import type { Destination, Value } from './processes.ts';
import type { ResultFeed, ResultReader } from './result-reader.ts';

interface Reading {
  readonly reader: ResultReader;
  readonly to: Destination;
}

export class RemoteResults {
  /** Streams of this node that the other one reads. */
  sending = 0;
  readonly #peer: Peer;
  readonly #readings = new Map<number, Reading>();

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** Streams of the other node that are read here. */
  get reading(): number {
    return this.#readings.size;
  }

  /** @throws WireError */
  onOpened(id: number): void {
    if (this.#readings.has(id)) throw new WireError('two streams of one id');
    const call = this.#peer.calls.get(id);
    if (call === undefined) {
      // The caller has given up meanwhile, at its deadline perhaps, which ends no open stream.
      this.#send(id % LANE_COUNT, this.#peer.writer.cancel(id));
      return;
    }
    this.#open(call);
  }

  /** @throws WireError when it is above the window. */
  onItem(id: number, value: Value, bytes: number): void {
    this.#readings.get(id)?.reader.push(value, bytes);
  }

  onEnded(id: number): void {
    this.#take(id)?.reader.end();
  }

  onBroken(id: number, failure: CallFailure): void {
    const reading = this.#take(id);
    reading?.reader.fail(callError(failure, reading.to));
  }

  /** The link is gone. */
  end(error: BarrelError): void {
    const readings = [...this.#readings.values()];
    this.#readings.clear();
    for (const { reader } of readings) reader.fail(error);
  }

  #open(call: PendingCall): void {
    const { id, lane, to } = call;
    const { node, writer } = this.#peer;
    const cancel = (): void => {
      this.#take(id);
      this.#send(lane, writer.cancel(id));
    };
    if (this.#readings.size >= RESULTS_PER_LINK_MAX) {
      const message = `${RESULTS_PER_LINK_MAX} streams of ${node} are read already`;
      call.reject(new BarrelError('ERR_OVERLOADED', message, { node }));
      cancel();
      return;
    }
    const pulled = (count: number): void => this.#send(lane, writer.pull(id, count));
    const reader = call.open({ pulled, cancel } satisfies ResultFeed);
    if (reader === undefined) return;
    this.#readings.set(id, { reader, to });
    this.#peer.updateHold();
  }

  #take(id: number): Reading | undefined {
    const reading = this.#readings.get(id);
    if (this.#readings.delete(id)) this.#peer.updateHold();
    return reading;
  }

  #send(lane: number, frame: Uint8Array): void {
    this.#peer.output.urgent(lane, frame);
  }
}
