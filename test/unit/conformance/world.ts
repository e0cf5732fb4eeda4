/**
 * Where the conformance suites of processes and services run: two nodes, a and b, of one cluster,
 * on the simulated network in virtual time or on QUIC in real time.
 */
import { afterEach, beforeEach } from 'vitest';
import type { BarrelNode } from '../../../src/barrel-node.ts';
import type { Pid } from '../../../src/core/pid.ts';
import type { Down } from '../../../src/processes/messages.ts';
import type { Self, Value } from '../../../src/processes/processes.ts';

export interface World {
  readonly a: BarrelNode;
  readonly b: BarrelNode;
  readonly nowMs: number;
  /** Lets time pass until the condition holds; rejects after `timeoutMs` of that time. */
  until(condition: () => boolean, timeoutMs?: number): Promise<void>;
  /** Lets time pass until the promise settles, and settles like it. */
  settled<T>(promise: Promise<T>): Promise<T>;
  /** Lets so much time pass. */
  advance(ms: number): Promise<void>;
  /** Keeps a and b apart until the condition, the loss of their connection, holds. */
  disconnect(isLost: () => boolean): Promise<void>;
  /** Lets b end without a word for a; resolves when it does nothing more. */
  crashB(): Promise<void>;
  /** Starts b again, with the same name, and waits until they are one cluster. */
  restartB(): Promise<BarrelNode>;
  close(): Promise<void>;
}

/** Opened anew for each test. */
export type OpenWorld = () => Promise<World>;

/** The world of the test that runs. */
export function worldOf(open: OpenWorld): () => World {
  let world: World | undefined;
  beforeEach(async () => {
    world = await open();
  });
  afterEach(async () => {
    await world?.close();
    world = undefined;
  });
  return () => {
    if (world === undefined) throw new Error('no test runs');
    return world;
  };
}

/** A process that keeps what it receives, in order. */
export function collect(node: BarrelNode): { readonly pid: Pid; readonly messages: Value[] } {
  const messages: Value[] = [];
  const pid = node.processes.spawn(async (self) => {
    for await (const message of self) messages.push(message);
  });
  return { pid, messages };
}

/** A process that waits for one message, then ends. */
export function holder({ processes }: BarrelNode): Pid {
  return processes.spawn((self: Self) => self.receive());
}

/** What a monitor of that process gives. */
export function watch({ processes }: BarrelNode, target: Pid): Down[] {
  const downs: Down[] = [];
  processes.monitor(target, (down) => downs.push(down));
  return downs;
}
