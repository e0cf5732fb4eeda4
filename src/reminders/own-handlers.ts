/** The handlers of this node: which one a key is for, and what runs now. */
import type { NodeName } from '../core/names.ts';
import type { DeliverEffect, DeliveryOutcome } from '../core/schedule/contract.ts';
import { keyOf, keyPartOf } from '../core/schedule/reminder-id.ts';
import { REMINDER_HANDLERS_MAX } from '../core/schedule/schedule-limits.ts';
import { decodeValue } from '../core/wire/value.ts';
import { BarrelError } from '../errors.ts';
import type { Logger } from '../host/logger.ts';
import { runInCall } from '../processes/call-context.ts';
import { quietly } from '../processes/quietly.ts';
import { type Settlement, settlement } from '../settlement.ts';
import { errorText } from './error-text.ts';
import { type KeyPrefix, startsWith } from './key-prefix.ts';
import type { Firing } from './reminders.ts';

/** As much of a delivery as its handler is called with. */
export type Delivery = Omit<DeliverEffect, 'kind' | 'token' | 'lateMs'>;

/** A handler at work. */
interface Run {
  readonly abort: AbortController;
  readonly over: Settlement<DeliveryOutcome>;
}

interface Handler {
  readonly prefix: KeyPrefix | undefined;
  readonly call: (firing: Firing) => unknown;
}

export interface OwnHandlersOptions {
  readonly logger: Logger;
  /** A prefix has its first handler, or has lost its last. */
  readonly onChange: (prefix: KeyPrefix | undefined, isThere: boolean) => void;
}

export class OwnHandlers {
  readonly #options: OwnHandlersOptions;
  /** Longest prefix first, of equal ones in the order in which they were attached. */
  readonly #handlers: Handler[] = [];
  /** By what their callers call them. */
  readonly #running = new Map<string, Run>();
  #closing: BarrelError | undefined;

  constructor(options: OwnHandlersOptions) {
    this.#options = options;
  }

  /** @throws ERR_OVERLOADED */
  attach(call: (firing: Firing) => unknown, prefix: KeyPrefix | undefined): Disposable {
    if (this.#handlers.length >= REMINDER_HANDLERS_MAX) {
      const text = `this node has ${REMINDER_HANDLERS_MAX} handlers of reminders already`;
      throw new BarrelError('ERR_OVERLOADED', text);
    }
    const handler: Handler = { prefix, call };
    const isFirst = !this.#hasPrefix(prefix);
    // Where others cannot be told, nothing is attached.
    if (isFirst) this.#options.onChange(prefix, true);
    const at = this.#handlers.findIndex((other) => lengthOf(other) < lengthOf(handler));
    this.#handlers.splice(at === -1 ? this.#handlers.length : at, 0, handler);
    return { [Symbol.dispose]: () => this.#detach(handler) };
  }

  canHandle(keyText: string): boolean {
    return this.#find(keyText) !== undefined;
  }

  /** Calls the handler, later in this turn; `name` is for `abandon`. Never rejects. */
  async run(name: string, delivery: Delivery): Promise<DeliveryOutcome> {
    const handler = this.#find(keyPartOf(delivery.id));
    if (handler === undefined || this.#closing !== undefined) return { kind: 'undelivered' };
    const run = { abort: new AbortController(), over: settlement<DeliveryOutcome>() };
    this.#running.set(name, run);
    void this.#call(handler, delivery, run);
    const outcome = await run.over.promise;
    if (this.#running.get(name) === run) this.#running.delete(name);
    return outcome;
  }

  /** Tells the handler to give up. No effect when it has ended. */
  abandon(name: string): void {
    const text = 'the reminder is cancelled, set again, or goes to another node';
    this.#running.get(name)?.abort.abort(new BarrelError('ERR_CLOSED', text));
  }

  /** The same to all that this node runs for one that is gone: others have its work now. */
  abandonAllOf(node: NodeName): void {
    for (const name of this.#running.keys()) if (name.startsWith(`${node}/`)) this.abandon(name);
  }

  /** Nothing begins any more; all are told to give up. Resolves when they have ended. */
  async close(): Promise<void> {
    this.#closing ??= new BarrelError('ERR_CLOSED', 'the node is closed');
    const runs = [...this.#running.values()];
    for (const { abort } of runs) abort.abort(this.#closing);
    await Promise.all(runs.map(({ over }) => over.promise));
  }

  /** Nobody waits for those that are at work any more: they count as failed. */
  giveUp(): void {
    const outcome = { kind: 'rejected', error: 'the node was closed meanwhile' } as const;
    for (const { over } of this.#running.values()) over.resolve(outcome);
  }

  async #call(handler: Handler, delivery: Delivery, { abort, over }: Run): Promise<void> {
    try {
      // Never inside the code that found it due, and in no call that this may be part of.
      await Promise.resolve();
      await runInCall(undefined, () => handler.call(firingOf(delivery, abort.signal)));
      over.resolve({ kind: 'fulfilled' });
    } catch (error) {
      this.#note(delivery, error);
      over.resolve({ kind: 'rejected', error: errorText(error) });
    }
  }

  #find(keyText: string): Handler | undefined {
    if (this.#closing !== undefined) return undefined;
    return this.#handlers.find(({ prefix }) => startsWith(keyText, prefix));
  }

  #detach(handler: Handler): void {
    const at = this.#handlers.indexOf(handler);
    if (at === -1) return;
    this.#handlers.splice(at, 1);
    if (!this.#hasPrefix(handler.prefix)) this.#options.onChange(handler.prefix, false);
  }

  #hasPrefix(prefix: KeyPrefix | undefined): boolean {
    return this.#handlers.some(
      (other) => other.prefix?.count === prefix?.count && other.prefix?.items === prefix?.items,
    );
  }

  #note({ id, attempt }: Delivery, error: unknown): void {
    const fields = { key: keyOf(keyPartOf(id)), attempt, error };
    quietly(() => this.#options.logger.warn('the handler of a reminder failed', fields));
  }
}

function lengthOf({ prefix }: Handler): number {
  return prefix?.count ?? -1;
}

/** @throws WireError for a payload that is no value. */
function firingOf(delivery: Delivery, signal: AbortSignal): Firing {
  const { id, payload, dueAtMs, fence, attempt } = delivery;
  return {
    key: keyOf(keyPartOf(id)),
    payload: decodeValue(payload),
    dueAt: new Date(dueAtMs),
    fence,
    attempt,
    signal,
  };
}
