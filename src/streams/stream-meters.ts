/** What is counted of streams. */
import type { Counter, Meter } from '../host/meter.ts';

/** Why a stream of a peer was not accepted. */
export type Refusal = 'tag' | 'overloaded' | 'preamble';

export class StreamMeters {
  readonly opened: Counter;
  readonly accepted: Counter;
  readonly readBytes: Counter;
  readonly writtenBytes: Counter;
  readonly #meter: Meter;

  /** @param open how many are open now, by who opened them. */
  constructor(meter: Meter, open: (by: 'local' | 'peer') => number) {
    this.#meter = meter;
    this.opened = meter.counter('barrel_streams_opened_total');
    this.accepted = meter.counter('barrel_streams_accepted_total');
    this.readBytes = meter.counter('barrel_streams_bytes_total', { direction: 'in' });
    this.writtenBytes = meter.counter('barrel_streams_bytes_total', { direction: 'out' });
    for (const by of ['local', 'peer'] as const) {
      meter.gauge('barrel_streams_open', () => open(by), { by });
    }
  }

  reset(by: 'local' | 'peer'): void {
    this.#meter.counter('barrel_streams_reset_total', { by }).value += 1;
  }

  refused(reason: Refusal): void {
    this.#meter.counter('barrel_streams_refused_total', { reason }).value += 1;
  }
}
