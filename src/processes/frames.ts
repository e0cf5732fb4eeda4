/**
 * The frames between the process models of two nodes, and their reading. The sender of a frame is
 * the node at the other end of the link, and nobody else: only serials of its processes travel.
 * A process is addressed with the incarnation of its node, so that an old pid never reaches a new
 * process; serial 0 stands before the name of a registered one.
 */
import { Reader } from '../core/wire/reader.ts';
import { WireError } from '../core/wire/wire-error.ts';
import {
  LOCAL_NAME_BYTES_MAX,
  RESULT_WINDOW_ITEMS,
  TIMEOUT_MS_MAX,
  TRACEPARENT_BYTES_MAX,
} from '../limits.ts';
import type { CallFailure } from './call-failure.ts';
import { readFailure, readReason } from './failure-codec.ts';
import type { Value } from './processes.ts';

/** First field of each frame. */
export const KIND = {
  message: 1,
  call: 2,
  reply: 3,
  failure: 4,
  cancel: 5,
  monitor: 6,
  demonitor: 7,
  down: 8,
  link: 9,
  unlink: 10,
  exit: 11,
  credit: 12,
  opened: 13,
  item: 14,
  ended: 15,
  broken: 16,
  pull: 17,
  closed: 18,
} as const;

/** A process as a frame names it: by serial and incarnation, or by name with serial 0. */
export interface Addressed {
  readonly serial: number;
  readonly incarnation: bigint;
  readonly name: string;
}

/** What credit is counted for on one node: a serial, or a name. */
export type FlowKey = number | string;

export type Frame =
  /** `isFirst`: the sender keeps a new account for this destination. */
  | {
      readonly kind: 'message';
      readonly to: Addressed;
      readonly isFirst: boolean;
      readonly message: Value;
    }
  | {
      readonly kind: 'call';
      readonly to: Addressed;
      readonly id: number;
      /** Serial of the caller, 0 for the node. */
      readonly from: number;
      /** What is left until the deadline. */
      readonly timeoutMs: number;
      readonly traceparent: string | undefined;
      readonly request: Value;
    }
  | { readonly kind: 'reply'; readonly id: number; readonly value: Value }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: CallFailure }
  | { readonly kind: 'cancel'; readonly id: number }
  | {
      readonly kind: 'monitor';
      readonly to: Addressed;
      readonly id: number;
      /** Serial of the watcher, 0 for the node. */
      readonly from: number;
    }
  | { readonly kind: 'demonitor'; readonly id: number }
  | { readonly kind: 'down'; readonly id: number; readonly reason: Value }
  /** `id` is the linker's own count of its links, so that an unlink ends that link only. */
  | { readonly kind: 'link'; readonly to: Addressed; readonly from: number; readonly id: number }
  | {
      readonly kind: 'unlink';
      readonly to: Addressed;
      readonly from: number;
      /** The link that the unlinker made and the one that the other end made; 0 for none. */
      readonly ownId: number;
      readonly otherId: number;
    }
  /** `isLink`: sent by the end of a link, not by a call of `exit`. */
  | {
      readonly kind: 'exit';
      readonly to: Addressed;
      readonly from: number;
      readonly isLink: boolean;
      readonly reason: Value;
    }
  /** Credit given back, and how much may be out at once from now on; 0 leaves that as it is. */
  | {
      readonly kind: 'credit';
      readonly key: FlowKey;
      readonly units: number;
      readonly window: number;
    }
  /** The call of that id is answered with a stream: items follow, then `ended` or `broken`. */
  | { readonly kind: 'opened'; readonly id: number }
  | { readonly kind: 'item'; readonly id: number; readonly value: Value }
  | { readonly kind: 'ended'; readonly id: number }
  | { readonly kind: 'broken'; readonly id: number; readonly failure: CallFailure }
  /** The caller has consumed so many items more; a `cancel` ends the stream before its end. */
  | { readonly kind: 'pull'; readonly id: number; readonly count: number }
  /**
   * Comes on each lane when the processes of the sender have ended, behind all answers on it: calls
   * that are open when the last one is there were never taken, and none will be.
   */
  | { readonly kind: 'closed' };

/** @throws WireError */
export function readFrame(bytes: Uint8Array): Frame {
  const reader = new Reader(bytes);
  const frame = readBody(reader, reader.uint());
  reader.end();
  return frame;
}

function readBody(r: Reader, kind: number): Frame {
  switch (kind) {
    case KIND.message:
      return { kind: 'message', to: readAddress(r), isFirst: r.bool(), message: r.value() };
    case KIND.call:
      return readCall(r);
    case KIND.reply:
      return { kind: 'reply', id: r.uint(), value: r.value() };
    case KIND.failure:
      return { kind: 'failure', id: r.uint(), failure: readFailure(r) };
    case KIND.cancel:
      return { kind: 'cancel', id: r.uint() };
    case KIND.monitor:
      return { kind: 'monitor', to: readAddress(r), id: r.uint(), from: r.uint() };
    case KIND.demonitor:
      return { kind: 'demonitor', id: r.uint() };
    case KIND.down:
      return { kind: 'down', id: r.uint(), reason: readReason(r) };
    case KIND.link:
      return { kind: 'link', to: readPid(r), from: readSerial(r), id: r.uint() };
    case KIND.unlink:
      return readUnlink(r);
    case KIND.exit:
      return {
        kind: 'exit',
        to: readPid(r),
        from: r.uint(),
        isLink: r.bool(),
        reason: readReason(r),
      };
    case KIND.credit:
      return { kind: 'credit', key: readKey(r), units: r.uint(), window: r.uint() };
    case KIND.closed:
      return { kind: 'closed' };
    default:
      return readStreamFrame(r, kind);
  }
}

function readStreamFrame(r: Reader, kind: number): Frame {
  switch (kind) {
    case KIND.opened:
      return { kind: 'opened', id: r.uint() };
    case KIND.item:
      return { kind: 'item', id: r.uint(), value: r.value() };
    case KIND.ended:
      return { kind: 'ended', id: r.uint() };
    case KIND.broken:
      return { kind: 'broken', id: r.uint(), failure: readFailure(r) };
    case KIND.pull:
      return { kind: 'pull', id: r.uint(), count: r.uint(RESULT_WINDOW_ITEMS) };
    default:
      throw new WireError('unknown kind of process frame');
  }
}

function readCall(r: Reader): Frame {
  return {
    kind: 'call',
    to: readAddress(r),
    id: r.uint(),
    from: r.uint(),
    timeoutMs: r.uint(TIMEOUT_MS_MAX),
    traceparent: r.optional(() => r.string(TRACEPARENT_BYTES_MAX)),
    request: r.value(),
  };
}

function readUnlink(r: Reader): Frame {
  return {
    kind: 'unlink',
    to: readPid(r),
    from: readSerial(r),
    ownId: r.uint(),
    otherId: r.uint(),
  };
}

function readAddress(r: Reader): Addressed {
  const serial = r.uint();
  if (serial !== 0) return { serial, incarnation: r.big(), name: '' };
  return { serial, incarnation: 0n, name: r.string(LOCAL_NAME_BYTES_MAX) };
}

/** Links and exits go to processes, never to names. */
function readPid(r: Reader): Addressed {
  return { serial: readSerial(r), incarnation: r.big(), name: '' };
}

function readSerial(r: Reader): number {
  const serial = r.uint();
  if (serial === 0) throw new WireError('no process has serial 0');
  return serial;
}

function readKey(r: Reader): FlowKey {
  const serial = r.uint();
  return serial === 0 ? r.string(LOCAL_NAME_BYTES_MAX) : serial;
}
