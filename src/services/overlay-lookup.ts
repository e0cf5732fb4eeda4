/**
 * Services that this node has not heard of yet: other nodes are asked for theirs through the
 * overlay, and get this node's in return. Only the owner of a service answers.
 */
import type { OverlayQueries } from '../cluster/ports.ts';
import { isPidParts, pidOf } from '../core/pid.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { isServiceName } from './service-name.ts';
import { decodeRecord, encodeLive } from './service-record.ts';
import type { ServiceEntry } from './services.ts';

export class OverlayLookup {
  readonly #queries: OverlayQueries;

  /** `own`: the entry of this node. */
  constructor(queries: OverlayQueries, own: (name: string) => ServiceEntry | undefined) {
    this.#queries = queries;
    queries.answer((name) => {
      const entry = own(name);
      return entry && encodeLive(entry.pid.serial, entry.meta);
    });
  }

  /**
   * An entry of another node; undefined when there is none, or nobody who has one answers in time.
   * @throws ERR_OVERLOADED, ERR_CLOSED, the signal's reason.
   */
  async find(name: string, signal: AbortSignal | undefined): Promise<ServiceEntry | undefined> {
    if (!isServiceName(name)) return undefined;
    const found = await this.#queries.find(name, signal);
    if (found === undefined) return undefined;
    const { node, incarnation } = found.owner;
    try {
      const record = decodeRecord(found.value);
      if (record.kind !== 'live' || !isPidParts(node, incarnation, record.serial)) return undefined;
      const pid = pidOf(node, incarnation, record.serial);
      return Object.freeze({ name, node, pid, meta: record.meta });
    } catch (error) {
      // What the owner said of it is nonsense: as good as no answer.
      if (error instanceof WireError) return undefined;
      throw error;
    }
  }
}
