/**
 * Services that this node has not heard of yet: other nodes are asked for theirs through the
 * overlay, and get this node's in return. Only the owner of a service answers. Who looks for the
 * same name in the same manner at once shares one question.
 */
import type { FindHow, FoundRecord, OverlayQueries } from '../cluster/ports.ts';
import { isPidParts, pidOf } from '../core/pid.ts';
import { WireError } from '../core/wire/wire-error.ts';
import { BarrelError } from '../errors.ts';
import type { Counter } from '../host/meter.ts';
import { abortable } from '../settlement.ts';
import { isServiceName } from './service-name.ts';
import { decodeRecord, encodeLive } from './service-record.ts';
import type { ServiceEntry } from './services.ts';

export interface OverlayLookupParts {
  readonly queries: OverlayQueries;
  /** The entry of this node. */
  readonly own: (name: string) => ServiceEntry | undefined;
  /** Counts questions that were not asked, as too many were under way. */
  readonly refused: Counter;
}

/** A question under way. */
interface Asking {
  readonly answer: Promise<FoundRecord | undefined>;
  readonly abort: AbortController;
  waiters: number;
}

export class OverlayLookup {
  readonly #queries: OverlayQueries;
  readonly #refused: Counter;
  readonly #asking = new Map<string, Asking>();

  constructor({ queries, own, refused }: OverlayLookupParts) {
    this.#queries = queries;
    this.#refused = refused;
    queries.answer((name) => {
      const entry = own(name);
      return entry && encodeLive(entry.pid.serial, entry.meta);
    });
  }

  /**
   * An entry of another node; undefined when there is none, nobody who has one answers in time, or
   * too many questions are under way.
   * @throws ERR_CLOSED, the signal's reason.
   */
  async find(name: string, how: FindHow = {}): Promise<ServiceEntry | undefined> {
    if (!isServiceName(name)) return undefined;
    const found = await this.#ask(name, how);
    return found && this.#entry(name, found);
  }

  async #ask(name: string, { signal, ...how }: FindHow): Promise<FoundRecord | undefined> {
    signal?.throwIfAborted();
    const key = `${how.isAnew} ${how.timeLeftMs} ${name}`;
    const asking = this.#asking.get(key) ?? this.#begin(key, name, how);
    asking.waiters += 1;
    try {
      return await abortable(asking.answer, signal);
    } catch (error) {
      if (!(error instanceof BarrelError) || error.code !== 'ERR_OVERLOADED') throw error;
      this.#refused.value += 1;
      return undefined;
    } finally {
      asking.waiters -= 1;
      if (asking.waiters === 0) this.#end(key, asking);
    }
  }

  #begin(key: string, name: string, how: FindHow): Asking {
    const abort = new AbortController();
    const answer = this.#queries.find(name, { ...how, signal: abort.signal });
    const asking: Asking = { answer, abort, waiters: 0 };
    this.#asking.set(key, asking);
    const forget = (): void => this.#forget(key, asking);
    answer.then(forget, forget);
    return asking;
  }

  /** Nobody waits for it any more, answered or not. */
  #end(key: string, asking: Asking): void {
    this.#forget(key, asking);
    asking.abort.abort();
  }

  #forget(key: string, asking: Asking): void {
    if (this.#asking.get(key) === asking) this.#asking.delete(key);
  }

  #entry(name: string, found: FoundRecord): ServiceEntry | undefined {
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
