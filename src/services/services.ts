/**
 * The face of service discovery: names under which processes are found and called, wherever they
 * run. Every node knows all names, so a look-up reads local memory.
 */
import type { NodeName } from '../core/names.ts';
import type { Pid } from '../core/pid.ts';
import type { Quorum } from '../leaders/leaders.ts';
import type { Cancellable, Lagged, Observable, Timed } from '../observable.ts';
import type { ServeOptions, Value } from '../processes/processes.ts';

/** What an instance says about itself: at most 60 KiB encoded. */
export type ServiceMeta = Readonly<Record<string, Value>>;

/** One instance of a service. */
export interface ServiceEntry {
  readonly name: string;
  readonly node: NodeName;
  readonly pid: Pid;
  readonly meta: ServiceMeta;
}

/**
 * Which instance is taken. `local` (default): the one on this node, else any at random; `random`:
 * any; `nearest`: the one on this node, else the one with the smallest known round trip. A function
 * gets at least one entry, local first; undefined means that none will do.
 */
export type Select =
  | 'local'
  | 'random'
  | 'nearest'
  | ((entries: readonly ServiceEntry[]) => ServiceEntry | undefined);

/** Of `register`. */
export interface RegisterOptions extends ServeOptions {
  readonly meta?: ServiceMeta | undefined;
}

/** Of `whereis`. */
export interface WhereisOptions extends Cancellable {
  /** Attempts after the first one, 0 to 100. Default 3. */
  readonly retries?: number | undefined;
  readonly select?: Select | undefined;
}

/** Of `client`: for all calls made through the handle. */
export interface ClientOptions extends Timed {
  readonly select?: Select | undefined;
  /**
   * Further attempts of one call, only where the callee certainly did not get it: 0 to 100,
   * default 3.
   */
  readonly retries?: number | undefined;
}

/** Of `globalRegister`. */
export interface GlobalOptions extends Timed {
  readonly quorum?: Quorum | undefined;
}

/** One registration on this node. Disposing it unregisters; it has no effect after that. */
export interface Registration extends AsyncDisposable {
  readonly name: string;
  readonly pid: Pid;
  /**
   * Replaces what the instance says about itself. This node always tells of it by `updated`, the
   * others only where the new meta differs from the old one.
   * @throws ERR_VALUE (cannot be encoded, or over 60 KiB), ERR_NOT_FOUND (registered no more).
   */
  update(meta: ServiceMeta): Promise<void>;
}

/**
 * A service as an object: its methods only, each answering with a promise, or with items to iterate
 * over where the method itself returns such. Generic and overloaded methods keep their last
 * signature. The handle itself is no thenable.
 */
export type Remote<T> = {
  readonly [K in keyof T as T[K] extends (...args: never) => unknown ? K : never]: T[K] extends (
    ...args: infer A
  ) => infer R
    ? (...args: A) => R extends AsyncIterable<infer U> ? AsyncIterable<U> : Promise<Awaited<R>>
    : never;
};

/** Each is told once on every node; `down` = the process ended, or its node is gone. */
export type ServiceEvent =
  | {
      readonly type: 'registered';
      readonly name: string;
      readonly node: NodeName;
      readonly pid: Pid;
    }
  | { readonly type: 'updated'; readonly name: string; readonly node: NodeName; readonly pid: Pid }
  | { readonly type: 'unregistered'; readonly name: string; readonly node: NodeName }
  | {
      readonly type: 'down';
      readonly name: string;
      readonly node: NodeName;
      /** Of the process, cut to 1 KiB; `noconnection` when its node is gone. */
      readonly reason: Value;
    };

/** Of service events: those of one name, or of all names that begin with a text. Not both. */
export interface ServiceFilter {
  readonly name?: string | undefined;
  readonly prefix?: string | undefined;
}

/** Finding and calling things by name, anywhere in the cluster. */
export interface Services extends Observable<ServiceEvent> {
  /**
   * Registers a process of this node, or serves an object and registers that. One entry for each
   * name and node; withdrawn when the process ends. A process that was made for an object ends with
   * reason `shutdown` when it is unregistered.
   * @throws ERR_ALREADY_REGISTERED on this node, ERR_OPTION (the name, a pid of another node, a
   * proxy), ERR_NO_PROCESS, ERR_VALUE (meta), ERR_OVERLOADED, ERR_CLOSED.
   */
  register(name: string, target: Pid | object, options?: RegisterOptions): Promise<Registration>;
  /** Withdraws this node's entry. No effect when there is none. */
  unregister(name: string): Promise<void>;
  /** All known entries of live nodes, local first, then by node name. */
  lookup(name: string): readonly ServiceEntry[];
  lookupLocal(name: string): Pid | undefined;
  /** Names that have an entry here, sorted by code point. */
  list(): readonly string[];
  /**
   * One entry, as `select` chooses. Where none is known, other nodes are asked for theirs; asked
   * again after 100 ms doubling to 2 s, and up to half as much again by chance, until there is one.
   * Undefined when there is none after all retries. Others are given 2 s to answer, half a second
   * where there are no retries; while 256 look-ups through this node are under way none is asked.
   * @throws ERR_OPTION, ERR_CLOSED, the reason of `signal`.
   */
  whereis(name: string, options?: WhereisOptions): Promise<ServiceEntry | undefined>;
  /**
   * A typed handle. It stays with one instance and takes another when that one goes down. A call
   * fails as `Processes.call` does, and with ERR_NOT_FOUND when there is no instance after all
   * retries; `timeoutMs` (default 5 s) bounds all attempts of it together. A call that fails while
   * nobody has awaited or iterated its answer is logged at debug level, and is no unhandled
   * rejection: it may be a stream that is read later.
   * @throws ERR_OPTION
   */
  client<T extends object>(name: string, options?: ClientOptions): Remote<T>;
  /**
   * A process of this node that passes messages and calls on to an instance of the service,
   * wherever that is: the same one until it goes down, then another. There is one for each name;
   * it ends with reason `noproc` when no instance is left and the calls under way are answered.
   * `timeoutMs` (default 5 s) is for finding the first instance.
   * @throws ERR_NOT_FOUND when there is none, ERR_OPTION, ERR_TIMEOUT, ERR_OVERLOADED, ERR_CLOSED.
   */
  proxy(name: string, options?: Timed): Promise<Pid>;
  /** The proxy of that name, if one runs here. */
  getProxy(name: string): Pid | undefined;
  /**
   * Makes this node the one holder of the name among all that are connected, by election, with its
   * own process of that service, else with a proxy for one elsewhere. The name is given up when
   * that process ends, and when two holders meet after a split, by one of them. `timeoutMs`
   * (default 5 s) bounds the look-up and the election together.
   * @throws ERR_ALREADY_REGISTERED (somebody holds it), ERR_NOT_FOUND (no such service),
   * ERR_OPTION, ERR_TIMEOUT, ERR_OVERLOADED, ERR_CLOSED (also: given up meanwhile).
   */
  globalRegister(name: string, options?: GlobalOptions): Promise<Pid>;
  /** Gives the name up. No effect when this node does not hold it. */
  globalUnregister(name: string): Promise<void>;
  /** The process of the holder, as known here. */
  globalWhereis(name: string): Pid | undefined;
  /** As of any `Observable`; with a filter, only for what it names. @throws ERR_OPTION */
  on<T extends ServiceEvent['type']>(
    type: T,
    listener: (event: Extract<ServiceEvent, { type: T }>) => void,
    filter?: ServiceFilter,
  ): Disposable;
  /** As of any `Observable`; with a filter, only what it names. @throws ERR_OPTION */
  events(options?: Cancellable & ServiceFilter): AsyncIterable<ServiceEvent | Lagged>;
}
