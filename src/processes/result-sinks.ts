/** The two ways of the items of a stream: to a reader of this node, and to one of another node. */
import { type CallFailure, callError } from './call-failure.ts';
import { copySized } from './copy-value.ts';
import type { Peer } from './peer.ts';
import type { Destination, Value } from './processes.ts';
import type { ResultSink } from './result-pump.ts';
import type { ResultReader } from './result-reader.ts';

export class LocalResultSink implements ResultSink {
  readonly isClear = true;
  readonly #reader: ResultReader;
  readonly #to: Destination;

  constructor(reader: ResultReader, to: Destination) {
    this.#reader = reader;
    this.#to = to;
  }

  whenClear(wake: () => void): () => void {
    wake();
    return () => {};
  }

  item(value: Value, count: (bytes: number) => void): void {
    const copy = copySized(value);
    count(copy.bytes);
    this.#reader.push(copy.value, copy.bytes);
  }

  end(): void {
    this.#reader.end();
  }

  fail(failure: CallFailure): void {
    this.#reader.fail(callError(failure, this.#to));
  }
}

/** Where the frames of one stream go. */
export interface ResultWay {
  readonly peer: Peer;
  /** Of the call that the stream answers. */
  readonly id: number;
  readonly lane: number;
}

export class RemoteResultSink implements ResultSink {
  readonly #way: ResultWay;

  /** Tells the caller that a stream answers its call. */
  constructor(way: ResultWay) {
    this.#way = way;
    this.#send(way.peer.writer.opened(way.id));
  }

  get isClear(): boolean {
    return this.#way.peer.output.isFlowing;
  }

  whenClear(wake: () => void): () => void {
    return this.#way.peer.output.whenFlowing(wake);
  }

  item(value: Value, count: (bytes: number) => void): void {
    const { peer, id } = this.#way;
    const frame = peer.writer.item(id, value);
    count(frame.byteLength);
    this.#send(frame);
  }

  end(): void {
    this.#send(this.#way.peer.writer.ended(this.#way.id));
  }

  fail(failure: CallFailure): void {
    this.#send(this.#way.peer.writer.broken(this.#way.id, failure));
  }

  #send(frame: Uint8Array): void {
    this.#way.peer.output.urgent(this.#way.lane, frame);
  }
}
