/** A caller and a callee of streams that answer calls, on one node and on two. */
import type { Pid } from '../../../src/core/pid.ts';
import { currentCall } from '../../../src/processes/call-context.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import type { ServeOptions } from '../../../src/processes/processes.ts';
import { type LinkedNode, LinkedNodes, type NetworkOptions } from './linked-nodes.ts';

export interface Place {
  readonly net: LinkedNodes;
  readonly caller: LinkedNode;
  readonly callee: LinkedNode;
}

export function oneNode(): Place {
  const net = new LinkedNodes();
  const node = net.start('a@h', 1n);
  return { net, caller: node, callee: node };
}

export function twoNodes(options: NetworkOptions = {}): Place {
  const net = new LinkedNodes(options);
  return { net, caller: net.start('a@h', 1n), callee: net.start('b@h', 20n) };
}

export const PLACES: readonly (readonly [string, () => Place])[] = [
  ['on one node', oneNode],
  ['on two nodes', twoNodes],
];

/** Counts up, and tells what happens to it. */
export class Counting {
  readonly #item: (index: number) => unknown;
  /** Items that were made. */
  made = 0;
  /** Runs whose `finally` was reached. */
  ended = 0;
  signals: AbortSignal[] = [];

  constructor(item: (index: number) => unknown = (index) => index) {
    this.#item = item;
  }

  async *count(max: number): AsyncGenerator<unknown> {
    const signal = currentCall()?.signal;
    if (signal !== undefined) this.signals.push(signal);
    try {
      for (let index = 0; index < max; index += 1) {
        this.made += 1;
        yield this.#item(index);
      }
    } finally {
      this.ended += 1;
    }
  }

  /** Some items, then it waits until nobody wants more. */
  async *watch(items: number): AsyncGenerator<unknown> {
    yield* this.count(items);
    await never(currentCall()?.signal);
  }

  async later(max: number): Promise<AsyncIterable<unknown>> {
    return this.count(max);
  }

  plain(): string {
    return 'plain';
  }
}

/** Rejects when the signal aborts. */
export function never(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason));
  });
}

export function served(place: Place, methods: object, options?: ServeOptions): Pid {
  return place.callee.processes.serve(methods, options);
}

/** What a promise settles to, with time passing meanwhile. */
export async function within<T>({ net }: Place, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  promise.then(settle, settle);
  await net.time.advance(0);
  if (!isSettled) await net.time.runUntil(() => isSettled, 60_000);
  return promise;
}

/** As `within`, with the error as a value. */
export function failure(place: Place, promise: Promise<unknown>): Promise<unknown> {
  return within(
    place,
    promise.then(
      () => 'no failure',
      (error: unknown) => error,
    ),
  );
}

/** The iterator of the stream that a call gives. */
export async function open(
  place: Place,
  pid: Pid,
  request: readonly [method: string, ...args: unknown[]],
): Promise<AsyncIterator<unknown>> {
  const [method, ...args] = request;
  const call = place.caller.processes.call(pid, methodCall(method, args));
  return ((await within(place, call)) as AsyncIterable<unknown>)[Symbol.asyncIterator]();
}

/** Reads so many items, or all of them. */
export async function read(
  place: Place,
  items: AsyncIterator<unknown>,
  count: number = Number.POSITIVE_INFINITY,
): Promise<unknown[]> {
  const list: unknown[] = [];
  while (list.length < count) {
    const step = await within(place, items.next());
    if (step.done === true) break;
    list.push(step.value);
  }
  return list;
}

export function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Streams that either side still knows. */
export function openStreams({ caller, callee }: Place): readonly (number | undefined)[] {
  const [at, from] = [caller.meter.snapshot(), callee.meter.snapshot()];
  return [at['barrel_processes_streams_read'], from['barrel_processes_streams_sent']];
}
