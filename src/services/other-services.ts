/**
 * What other nodes registered: the side that reads the replicated table. Each change becomes at
 * most one event for each instance it concerns.
 */
import type { NodeRef, TableChange } from '../cluster/ports.ts';
import { pidOf } from '../core/pid.ts';
import { areSameBytes } from '../core/store/entry.ts';
import { WireError } from '../core/wire/wire-error.ts';
import type { Logger } from '../host/logger.ts';
import type { Counter } from '../host/meter.ts';
import type { Directory } from './directory.ts';
import { serviceOfKey } from './service-name.ts';
import { decodeRecord, encodeLive, type ServiceRecord } from './service-record.ts';
import type { ServiceEntry, ServiceEvent } from './services.ts';

/** Reason of services whose node is gone; a monitor of their processes says the same. */
const NODE_GONE = 'noconnection';

type LiveRecord = Extract<ServiceRecord, { kind: 'live' }>;

export interface OtherServicesOptions {
  readonly self: NodeRef;
  readonly directory: Directory;
  readonly emit: (event: ServiceEvent) => void;
  readonly logger: Logger;
  readonly invalid: Counter;
}

export class OtherServices {
  readonly #options: OtherServicesOptions;

  constructor(options: OtherServicesOptions) {
    this.#options = options;
  }

  apply(change: TableChange): void {
    const { self, directory } = this.#options;
    // Own entries are in the directory before the table tells of them.
    if (change.owner.node === self.node) return;
    const name = serviceOfKey(change.key);
    if (name === undefined) return;
    const known = directory.get(name, change.owner.node);
    if (known !== undefined && known.pid.incarnation > change.owner.incarnation) return;
    const record = this.#read(change);
    if (record?.kind === 'live') this.#onLive(name, change, record);
    else if (known !== undefined) this.#onEnd(known, record, change);
  }

  #onLive(name: string, { owner, value }: TableChange, record: LiveRecord): void {
    const { directory, emit } = this.#options;
    const known = directory.get(name, owner.node);
    const pid = pidOf(owner.node, owner.incarnation, record.serial);
    if (known?.pid === pid) {
      if (areSameBytes(value, encodeLive(pid.serial, known.meta))) return;
      directory.set(name, pid, record.meta);
      emit({ type: 'updated', name, node: pid.node, pid });
      return;
    }
    directory.set(name, pid, record.meta);
    if (known !== undefined) emit(endOfReplaced(known, owner));
    emit({ type: 'registered', name, node: pid.node, pid });
  }

  #onEnd(known: ServiceEntry, record: ServiceRecord | undefined, change: TableChange): void {
    const { directory, emit } = this.#options;
    const { name, node } = known;
    directory.delete(name, node);
    if (record?.kind === 'down') emit({ type: 'down', name, node, reason: record.reason });
    else if (change.cause === 'gone') emit({ type: 'down', name, node, reason: NODE_GONE });
    else emit({ type: 'unregistered', name, node });
  }

  /** Undefined for an entry that is no more, and for one that makes no sense. */
  #read({ key, value, owner }: TableChange): ServiceRecord | undefined {
    if (value === undefined) return undefined;
    try {
      return decodeRecord(value);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#options.invalid.value += 1;
      const { message } = error;
      this.#options.logger.warn('a service entry makes no sense', { key, owner, message });
      return undefined;
    }
  }
}

/** The end of the instance itself was never seen: its node started anew, or took another one. */
function endOfReplaced({ name, node, pid }: ServiceEntry, owner: NodeRef): ServiceEvent {
  if (pid.incarnation === owner.incarnation) return { type: 'unregistered', name, node };
  return { type: 'down', name, node, reason: NODE_GONE };
}
