/**
 * What `serve({ via })` needs from a registry of process names: one of this package, `node.names`,
 * or a user's own.
 */
import type { Pid } from '../core/pid.ts';
import type { Cancellable } from '../observable.ts';
import type { Value } from './processes.ts';

/** Names under which processes are found; `node.names` is one. */
export interface NameRegistry {
  /** False when the name is taken. */
  registerName(name: string, pid: Pid): Promise<boolean>;
  /** No effect when nothing holds the name. */
  unregisterName(name: string): Promise<void>;
  whereisName(name: string, options?: Cancellable): Promise<Pid | undefined>;
  /** Sends to who holds the name, and says who that is. @throws ERR_NOT_FOUND for nobody. */
  send(name: string, message: Value): Promise<Pid>;
}

/** Of `serve`: a name, and the registry in which it stands. */
export interface Via {
  readonly registry: NameRegistry;
  readonly name: string;
}
