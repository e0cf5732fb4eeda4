/**
 * The face of durable reminders: a time, a payload and a key, set on any node, fired once on the
 * node that owns the key then, though the node that set it is long gone.
 */
import type { Key } from '../core/wire/key.ts';
import type { Cancellable, Timed } from '../observable.ts';
import type { Value } from '../processes/processes.ts';

/** How a reminder is delivered, and how long `set` waits for other nodes. */
export interface ReminderOptions extends Timed {
  /**
   * `at-most-once`: removed, or moved to its next occurrence, durably before it is delivered: 0 or
   * 1 deliveries in a connected component. `at-least-once`: the fulfilled promise of the handler is
   * the acknowledgement; else it is tried again after a pause, then dead.
   * @default 'at-most-once'
   */
  readonly delivery?: 'at-most-once' | 'at-least-once' | undefined;
  /** Deliveries of one occurrence before it is dead: 1 to 1,000. At least once only. @default 5 */
  readonly maxAttempts?: number | undefined;
  /**
   * Before the second attempt, in milliseconds; doubles with each further one, up to 1 h. From 1 to
   * 3,600,000. @default 1,000
   */
  readonly backoffMs?: number | undefined;
  /**
   * What becomes of an occurrence that nobody could fire in time: more than 60 s late, or a later
   * one is due already. `skip`: nothing. `once`: the last of them fires. `{ catchUp: n }`: the last
   * n of them fire, one after the other, n from 1 to 1,000. A reminder that fires once counts as
   * one occurrence. @default 'once'
   */
  readonly missed?: 'skip' | 'once' | { readonly catchUp: number } | undefined;
  /**
   * The next occurrence is due while the last one is still handled. `skip`: it is passed over.
   * `queue`: one waits until the last is done. `allow`: both are handled at a time. At least once
   * only. @default 'skip'
   */
  readonly overlap?: 'skip' | 'queue' | 'allow' | undefined;
  /**
   * Without a majority of the key's three owners in sight. `fire`: it fires, so that both sides of
   * a split may. `hold`: it waits until a majority of those that were owners when it was set says
   * that it knows of the claim. @default 'fire'
   */
  readonly onPartition?: 'fire' | 'hold' | undefined;
}

/** A reminder as it is known here. */
export interface Reminder {
  readonly key: Key;
  /** Of this occurrence. */
  readonly dueAt: Date;
  /** A copy of its own. */
  readonly payload: Value;
  /** `claimed`: a node has it for its handler. `dead`: it is tried no more, until `retry`. */
  readonly state: 'scheduled' | 'claimed' | 'dead';
  /** Attempts so far; that under way is counted. */
  readonly attempt: number;
  /** Why the last attempt failed; at most 512 characters. */
  readonly error: string | undefined;
}

/** What a handler is given. */
export interface Firing {
  readonly key: Key;
  /** A copy of its own. */
  readonly payload: Value;
  /** When it was due, not when it fired. */
  readonly dueAt: Date;
  /**
   * The same on all nodes and for all attempts of one occurrence; differs between occurrences, and
   * grows from each to the next and from each `set` to the next. Fits 64 bits. Who deduplicates by
   * (key, fence) handles each occurrence once.
   */
  readonly fence: bigint;
  /** From 1. */
  readonly attempt: number;
  /**
   * Aborts when the work does not count any more, or has to go: the reminder was cancelled or set
   * again, its key goes to another node, or this node leaves or closes.
   */
  readonly signal: AbortSignal;
}

/** Of `list`. */
export interface ReminderFilter extends Cancellable {
  /** Only keys that are arrays beginning so. */
  readonly prefix?: readonly Key[] | undefined;
  readonly state?: Reminder['state'] | undefined;
}

/** Of `handle`. */
export interface HandleOptions {
  /** Only keys that are arrays beginning so; `[]` for all arrays. @default every key */
  readonly prefix?: readonly Key[] | undefined;
}

/** When it is due again and again. */
export type ReminderSchedule =
  /** Whole milliseconds, from 1,000 to 100 years; the first time one period from now. */
  | { readonly everyMs: number }
  /**
   * Five fields from minutes, six from seconds; in UTC or an IANA time zone. Needs the package
   * croner on each node that may own the key.
   */
  | { readonly cron: string; readonly timeZone?: string | undefined };

/**
 * Timers that survive their node. Every node knows all reminders; the node that holds the partition
 * of the key fires it, by its own handler or by that of another node.
 *
 * Due times are wall time. A reminder never fires before its time by the clock of the node that
 * fires it; nothing fires at a node before it has been compared with another one or is alone, nor
 * in the 1.5 s after a member has come.
 */
export interface Reminders {
  /**
   * Fires at `at`, a past time at once. Setting a key again replaces what is there: the old one
   * does not fire any more, and its running handler is told to give up.
   *
   * Resolves when it is durable here (with a `dataDir`) and another node holds it (when there is
   * one), durably where that has a disk; or when it has been fired, replaced or cancelled
   * meanwhile. Default time-out 5 s. A failure does not undo it: it may be set all the same.
   * @throws ERR_VALUE (no key, no value, over 60 KiB, no whole millisecond, over 100 years ahead),
   * ERR_OPTION naming every fault, ERR_TIMEOUT, ERR_OVERLOADED (no room: nothing was set),
   * ERR_STORE (not durable here), ERR_CLOSED, the reason of the signal.
   */
  set(key: Key, at: Date | number, payload: Value, options?: ReminderOptions): Promise<void>;
  /** As `set`, so many whole milliseconds from now by this node's clock. */
  after(key: Key, delayMs: number, payload: Value, options?: ReminderOptions): Promise<void>;
  /**
   * As `set`, again and again: the next time is counted from the one before, not from when it was
   * handled, and is written together with the completion of that. An occurrence that is dead
   * leaves the series, which goes on.
   * @throws as `set`; ERR_VALUE for an expression that cannot be read or is never due; ERR_OPTION
   * where croner is not installed.
   */
  every(
    key: Key,
    schedule: ReminderSchedule,
    payload: Value,
    options?: ReminderOptions,
  ): Promise<void>;
  /**
   * Removes all that is known here of the key, its dead ones too; a running handler is told to give
   * up. Resolves when that is durable here, also when there was nothing.
   * @throws ERR_VALUE, ERR_STORE, ERR_OVERLOADED, ERR_CLOSED, the reason of the signal.
   */
  cancel(key: Key, options?: Cancellable): Promise<void>;
  /** What is set under the key, as known here. @throws ERR_VALUE, ERR_CLOSED. */
  get(key: Key): Promise<Reminder | undefined>;
  /**
   * All that is known here, in no order; an occurrence that left its series is told beside it. What
   * is written meanwhile may be seen or not.
   * @throws ERR_VALUE, ERR_OPTION, ERR_CLOSED, the reason of the signal.
   */
  list(options?: ReminderFilter): AsyncIterable<Reminder>;
  /**
   * What is dead under the key is scheduled again, now, from its first attempt and with the same
   * fence. Resolves when that is durable here.
   * @throws ERR_NOT_FOUND when nothing is dead under the key; else as `cancel`.
   */
  retry(key: Key, options?: Cancellable): Promise<void>;
  /**
   * Attach on every node where the handler may run; of several that match, the longest prefix is
   * called, and of equal ones the first that was attached. A node that is due to fire and has no
   * handler for the key passes the firing on to one that has, in the order of
   * `shards.owners(key, n)`. While nobody has one, reminders stay as they are and wait.
   *
   * What the handler throws, or its promise rejects with, is a failed attempt. Disposing ends no
   * call that is under way.
   * @throws ERR_OPTION, ERR_VALUE (the prefix is no key, or above 512 bytes), ERR_OVERLOADED (1,024
   * handlers, or no room to tell others), ERR_CLOSED.
   */
  handle(handler: (firing: Firing) => unknown, options?: HandleOptions): Disposable;
}
