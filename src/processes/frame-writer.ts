/** Writes the frames that `frames.ts` reads, each method one frame. */
import { isPid, type Pid } from '../core/pid.ts';
import { Writer } from '../core/wire/writer.ts';
import type { CallFailure } from './call-failure.ts';
import { writeFailure } from './failure-codec.ts';
import { type FlowKey, KIND } from './frames.ts';
import type { RegisteredName, Value } from './processes.ts';

/** A process of another node, as the user named it. */
export type RemoteTarget = Pid | RegisteredName;

export interface CallHead {
  readonly id: number;
  /** Serial of the caller, 0 for the node. */
  readonly from: number;
  readonly timeoutMs: number;
  readonly traceparent: string | undefined;
}

export interface ExitHead {
  readonly from: number;
  /** True for the end of a link, false for a call of `exit`. */
  readonly isLink: boolean;
}

/** Where credit for a target is counted. */
export function flowKey(target: RemoteTarget): FlowKey {
  return isPid(target) ? target.serial : target.name;
}

/** Frames with a value throw ERR_VALUE when it cannot be sent. */
export class FrameWriter {
  #spare: Writer | undefined = new Writer();

  message(target: RemoteTarget, isFirst: boolean, message: Value): Uint8Array {
    const w = this.#begin(KIND.message);
    writeTarget(w, target);
    return this.#end(w.bool(isFirst).value(message));
  }

  call(target: RemoteTarget, head: CallHead, request: Value): Uint8Array {
    const w = this.#begin(KIND.call);
    writeTarget(w, target);
    w.uint(head.id).uint(head.from).uint(Math.ceil(head.timeoutMs));
    return this.#end(w.optional(head.traceparent, writeString).value(request));
  }

  reply(id: number, value: Value): Uint8Array {
    return this.#end(this.#begin(KIND.reply).uint(id).value(value));
  }

  failure(id: number, failure: CallFailure): Uint8Array {
    const w = this.#begin(KIND.failure).uint(id);
    writeFailure(w, failure);
    return this.#end(w);
  }

  cancel(id: number): Uint8Array {
    return this.#end(this.#begin(KIND.cancel).uint(id));
  }

  monitor(target: RemoteTarget, id: number, from: number): Uint8Array {
    const w = this.#begin(KIND.monitor);
    writeTarget(w, target);
    return this.#end(w.uint(id).uint(from));
  }

  demonitor(id: number): Uint8Array {
    return this.#end(this.#begin(KIND.demonitor).uint(id));
  }

  down(id: number, reason: Value): Uint8Array {
    return this.#end(this.#begin(KIND.down).uint(id).value(reason));
  }

  link(target: Pid, from: number, id: number): Uint8Array {
    const w = this.#begin(KIND.link);
    writeTarget(w, target);
    return this.#end(w.uint(from).uint(id));
  }

  unlink(
    target: Pid,
    from: number,
    ids: { readonly own: number; readonly other: number },
  ): Uint8Array {
    const w = this.#begin(KIND.unlink);
    writeTarget(w, target);
    return this.#end(w.uint(from).uint(ids.own).uint(ids.other));
  }

  exit(target: Pid, exit: ExitHead, reason: Value): Uint8Array {
    const w = this.#begin(KIND.exit);
    writeTarget(w, target);
    return this.#end(w.uint(exit.from).bool(exit.isLink).value(reason));
  }

  credit(key: FlowKey, units: number, window: number): Uint8Array {
    const w = this.#begin(KIND.credit);
    if (typeof key === 'number') w.uint(key);
    else w.uint(0).string(key);
    return this.#end(w.uint(units).uint(window));
  }

  opened(id: number): Uint8Array {
    return this.#end(this.#begin(KIND.opened).uint(id));
  }

  item(id: number, value: Value): Uint8Array {
    return this.#end(this.#begin(KIND.item).uint(id).value(value));
  }

  ended(id: number): Uint8Array {
    return this.#end(this.#begin(KIND.ended).uint(id));
  }

  broken(id: number, failure: CallFailure): Uint8Array {
    const w = this.#begin(KIND.broken).uint(id);
    writeFailure(w, failure);
    return this.#end(w);
  }

  pull(id: number, count: number): Uint8Array {
    return this.#end(this.#begin(KIND.pull).uint(id).uint(count));
  }

  closed(): Uint8Array {
    return this.#end(this.#begin(KIND.closed));
  }

  #begin(kind: number): Writer {
    // Taken while in use: a getter in a user's value may send another message.
    const writer = this.#spare ?? new Writer();
    this.#spare = undefined;
    return writer.uint(kind);
  }

  #end(writer: Writer): Uint8Array {
    this.#spare = writer;
    return writer.take();
  }
}

function writeTarget(w: Writer, target: RemoteTarget): void {
  if (isPid(target)) w.uint(target.serial).big(target.incarnation);
  else w.uint(0).string(target.name);
}

function writeString(w: Writer, text: string): void {
  w.string(text);
}
