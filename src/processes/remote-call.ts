/** A call of another node that is open here. */
import type { Pid } from '../core/pid.ts';
import type { Clock } from '../host/host.ts';
import { RESULTS_PER_LINK_MAX } from '../limits.ts';
import type { CallFailure } from './call-failure.ts';
import type { DeadlineEntry, DeadlineList, Deadlines } from './deadlines.ts';
import type { Frame } from './frames.ts';
import { IncomingCall } from './incoming-call.ts';
import type { Peer } from './peer.ts';
import type { Value } from './processes.ts';
import type { ResultSink } from './result-pump.ts';
import { RemoteResultSink } from './result-sinks.ts';

type CallFrame = Extract<Frame, { readonly kind: 'call' }>;

export interface RemoteCallParts {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Of the callee: its answers keep to the order of its signals. */
  readonly lane: number;
}

export class RemoteCall extends IncomingCall<Uint8Array> implements DeadlineEntry {
  dueMs = 0;
  earlier: DeadlineEntry | undefined;
  later: DeadlineEntry | undefined;
  list: DeadlineList | undefined;
  readonly #peer: Peer;
  readonly #id: number;
  readonly #fromSerial: number;
  readonly #lane: number;
  readonly #deadlines: Deadlines;
  #sink: ResultSink | undefined;
  /** Asked for late: most handlers do not look who called. */
  #from: Pid | undefined;

  /** Enters it at the peer; its deadline runs from now. */
  constructor(peer: Peer, frame: CallFrame, parts: RemoteCallParts) {
    super(parts.clock, frame.traceparent);
    this.#peer = peer;
    this.#id = frame.id;
    this.#fromSerial = frame.from;
    this.#lane = parts.lane;
    this.#deadlines = parts.deadlines;
    peer.requests.set(frame.id, this);
    parts.deadlines.add(this, frame.timeoutMs);
    peer.updateHold();
  }

  get from(): Pid {
    this.#from ??= this.#peer.pidOf(this.#fromSerial);
    return this.#from;
  }

  protected get dueAtMs(): number {
    return this.dueMs;
  }

  expire(): void {
    this.abandon('deadline');
  }

  protected encodeReply(value: Value): Uint8Array {
    return this.#peer.writer.reply(this.#id, value);
  }

  protected sendReply(frame: Uint8Array): void {
    // What cannot be sent now has to be kept: then the caller gets a short answer.
    if (this.#peer.output.isBlocked) this.sendFailure({ kind: 'overloaded' });
    else this.#peer.output.urgent(this.#lane, frame);
  }

  protected sendFailure(failure: CallFailure): void {
    this.#peer.output.urgent(this.#lane, this.#peer.writer.failure(this.#id, failure));
  }

  /** A stream that is open has no deadline. */
  protected openSink(): ResultSink | undefined {
    const { output, results } = this.#peer;
    if (output.isBlocked || results.sending >= RESULTS_PER_LINK_MAX) return undefined;
    results.sending += 1;
    this.#deadlines.remove(this);
    this.#sink = new RemoteResultSink({ peer: this.#peer, id: this.#id, lane: this.#lane });
    return this.#sink;
  }

  protected override onClosed(): void {
    this.#deadlines.remove(this);
    if (this.#sink !== undefined) this.#peer.results.sending -= 1;
    this.#peer.requests.delete(this.#id);
    this.#peer.updateHold();
  }
}
