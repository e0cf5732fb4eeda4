/**
 * Process identities. A pid names one process of one start of one node, for ever: the incarnation
 * grows with every start, so that a stale pid never reaches a new process.
 *
 * Pids are interned, so that the same process is the same object and `===` compares them; the table
 * holds them weakly.
 */
import { BarrelError } from '../errors.ts';
import { isNodeName, type NodeName } from './names.ts';

/** Address of one process: valid on every node, usable as a value and as a key. */
export interface Pid {
  readonly node: NodeName;
  /** Start id of the node: greater after every start. */
  readonly incarnation: bigint;
  /** Positive safe integer, counted up within the incarnation; 0 is the node itself. */
  readonly serial: number;
  toString(): string;
}

const INCARNATION_MAX = 2n ** 63n - 1n;
const TEXT = /^([^/]+)\/([0-9]{1,19})\.([0-9]{1,16})$/;

class ProcessId implements Pid {
  readonly node: NodeName;
  readonly incarnation: bigint;
  readonly serial: number;

  constructor(node: NodeName, incarnation: bigint, serial: number) {
    this.node = node;
    this.incarnation = incarnation;
    this.serial = serial;
    Object.freeze(this);
  }

  toString(): string {
    return `${this.node}/${this.incarnation}.${this.serial}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

const interned = new Map<string, WeakRef<Pid>>();
const collected = new FinalizationRegistry<string>((text) => {
  if (interned.get(text)?.deref() === undefined) interned.delete(text);
});

/** The pid with these parts. The caller answers for the ranges; `parsePid` checks them. */
export function pidOf(node: NodeName, incarnation: bigint, serial: number): Pid {
  const text = `${node}/${incarnation}.${serial}`;
  const known = interned.get(text)?.deref();
  if (known !== undefined) return known;
  const pid = new ProcessId(node, incarnation, serial);
  interned.set(text, new WeakRef(pid));
  collected.register(pid, text);
  return pid;
}

/** True for ranges that a pid may have; what comes from outside is checked with it. */
export function isPidParts(node: string, incarnation: bigint, serial: number): boolean {
  return (
    isNodeName(node) &&
    incarnation >= 0n &&
    incarnation <= INCARNATION_MAX &&
    Number.isSafeInteger(serial) &&
    serial >= 0
  );
}

export function isPid(value: unknown): value is Pid {
  return value instanceof ProcessId;
}

/**
 * Reads the text form `name@host/incarnation.serial`.
 * @throws ERR_VALUE when the text is no pid.
 */
export function parsePid(text: string): Pid {
  const [, node, incarnation, serial] = TEXT.exec(text) ?? [];
  if (node !== undefined && incarnation !== undefined && serial !== undefined) {
    const start = BigInt(incarnation);
    if (isPidParts(node, start, Number(serial))) return pidOf(node, start, Number(serial));
  }
  throw new BarrelError('ERR_VALUE', `not a pid: ${JSON.stringify(text.slice(0, 300))}`);
}
