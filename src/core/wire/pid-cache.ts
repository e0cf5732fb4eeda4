/**
 * The same few pids come again and again. Making one from its bytes costs a bigint, checks and a
 * look-up by text, so the last ones are kept with their bytes.
 */
import type { Pid } from '../pid.ts';

const SLOTS = 1_024;

interface Slot {
  readonly body: Uint8Array;
  readonly pid: Pid;
}

const slots: (Slot | undefined)[] = new Array<Slot | undefined>(SLOTS).fill(undefined);

/** The pid whose body is at `start`; undefined when it is not there. */
export function cachedPid(bytes: Uint8Array, start: number, length: number): Pid | undefined {
  const slot = slots[slotOf(bytes, start, length)];
  if (slot === undefined || slot.body.length !== length) return undefined;
  const { body } = slot;
  for (let i = 0; i < length; i++) if (body[i] !== bytes[start + i]) return undefined;
  return slot.pid;
}

/** Keeps a pid with a copy of its body, in place of another. */
export function cachePid(body: Uint8Array, pid: Pid): void {
  slots[slotOf(body, 0, body.length)] = { body: new Uint8Array(body), pid };
}

/** From the serial, which follows eight bytes, and the end of the node's name. */
function slotOf(bytes: Uint8Array, start: number, length: number): number {
  let hash = bytes[start + length - 1] ?? 0;
  const end = Math.min(start + 16, start + length);
  for (let i = start + 6; i < end; i++) hash = (hash * 31 + (bytes[i] ?? 0)) & 0xff_ffff;
  return (hash ^ (hash >> 10)) % SLOTS;
}
