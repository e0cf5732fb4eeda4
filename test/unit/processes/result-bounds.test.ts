/** Streams that answer calls: their bounds, what they hold, and what a peer may do with them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Pid } from '../../../src/core/pid.ts';
import { WireError } from '../../../src/core/wire/wire-error.ts';
import { Writer } from '../../../src/core/wire/writer.ts';
import {
  RESULT_WINDOW_BYTES,
  RESULT_WINDOW_ITEMS,
  RESULTS_PER_LINK_MAX,
  RESULTS_PER_PROCESS_MAX,
} from '../../../src/limits.ts';
import { FrameWriter } from '../../../src/processes/frame-writer.ts';
import { KIND, readFrame } from '../../../src/processes/frames.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import { ResultReader } from '../../../src/processes/result-reader.ts';
import {
  Counting,
  failure,
  never,
  numbers,
  oneNode,
  open,
  openStreams,
  type Place,
  read,
  served,
  twoNodes,
  within,
} from './streams-under-test.ts';

/** Of the calls of a node. */
const FIRST_CALL = 1;

test('the loss of the connection fails a stream after what came, and ends it at the callee', async () => {
  const place = twoNodes();
  const { net, caller, callee } = place;
  const counting = new Counting();
  const items = await open(place, served(place, counting), ['watch', 3]);
  await net.settle();
  expect(caller.links.holds.get('b@h')).toBe(1);
  net.cut(caller, callee);
  await net.settle();
  expect(await read(place, items, 3)).toEqual(numbers(3));
  expect(await failure(place, items.next())).toMatchObject({
    code: 'ERR_NO_CONNECTION',
    node: 'b@h',
  });
  expect(counting.signals[0]?.reason).toMatchObject({ code: 'ERR_NO_CONNECTION' });
  expect([counting.ended, openStreams(place)]).toEqual([1, [0, 0]]);
  expect([caller.links.holds.get('b@h'), callee.links.holds.get('a@h')]).toEqual([0, 0]);
});

test('a stream keeps its slot until it ends, and close waits for it no longer than it is told', async () => {
  const place = twoNodes();
  const { net, callee } = place;
  const gate = { open: (): void => {} };
  const opened = new Promise<void>((resolve) => {
    gate.open = resolve;
  });
  const pid = served(
    place,
    {
      async *list() {
        try {
          yield 1;
          yield 2;
        } finally {
          await opened;
        }
      },
      plain: () => 'plain',
    },
    { concurrency: 1 },
  );
  const items = await open(place, pid, ['list']);
  const plain = place.caller.processes.call(pid, methodCall('plain', []));
  expect(await read(place, items, 2)).toEqual([1, 2]);
  const states: string[] = [];
  void plain.then(() => states.push('answered'));
  void callee.processes.drain(1_000).then(() => states.push('drained'));
  void callee.processes.drain(100).then(() => states.push('late'));
  // The reader has gone, but the generator is not done yet.
  await within(place, items.return?.() ?? never(undefined));
  await net.settle(200);
  expect(states).toEqual(['late']);
  gate.open();
  await net.settle();
  expect(states).toEqual(['late', 'drained', 'answered']);
});

test('what came before the end is read after it, unless the reader has been told to stop', async () => {
  for (const place of [oneNode(), twoNodes()]) {
    const controller = new AbortController();
    const { signal } = controller;
    const pid = served(place, new Counting());
    const call = place.caller.processes.call(pid, methodCall('count', [3]), { signal });
    const items = ((await within(place, call)) as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    await place.net.settle();
    expect(openStreams(place)).toEqual([0, 0]);
    expect(await read(place, items, 1)).toEqual([0]);
    controller.abort(new Error('enough'));
    expect(await failure(place, items.next())).toMatchObject({ message: 'enough' });
    expect(await read(place, items)).toEqual([]);
    let outcome: unknown;
    const reader = place.caller.processes.spawn(async (self) => {
      const list = await self.call<AsyncIterable<unknown>>(pid, methodCall('count', [3]));
      const iterator = list[Symbol.asyncIterator]();
      await self.receive().catch(() => {});
      outcome = await iterator.next().catch((error: unknown) => error);
    });
    await place.net.settle();
    place.caller.processes.exit(reader, 'kill');
    await place.net.settle();
    expect(outcome).toMatchObject({ code: 'ERR_EXIT' });
  }
});

test('streams of one process and of one node are bounded: then ERR_OVERLOADED, and room again', async () => {
  const most = RESULTS_PER_PROCESS_MAX;
  expect(RESULTS_PER_LINK_MAX).toBe(most);
  const local = oneNode();
  const one = served(local, new Counting(), { concurrency: most + 10 });
  await refusesOver(local, () => one);
  const remote = twoNodes();
  const several = [0, 1].map(() => served(remote, new Counting(), { concurrency: most + 10 }));
  await refusesOver(remote, (index) => several[index % 2] ?? one);
});

/** Opens as many as there may be, and one more, and another one when there is room. */
async function refusesOver(place: Place, pidOf: (index: number) => Pid): Promise<void> {
  const { processes } = place.caller;
  const call = (index: number): Promise<AsyncIterable<unknown>> =>
    processes.call(pidOf(index), methodCall('watch', [1]), { timeoutMs: 60_000 });
  const streams = await within(
    place,
    Promise.all(numbers(RESULTS_PER_LINK_MAX).map((index) => call(index))),
  );
  expect(openStreams(place)[0]).toBe(RESULTS_PER_LINK_MAX);
  expect(await failure(place, call(1))).toMatchObject({ code: 'ERR_OVERLOADED' });
  await within(place, streams[0]?.[Symbol.asyncIterator]().return?.() ?? never(undefined));
  await place.net.settle();
  const again = await within(place, call(0));
  for (const items of [...streams, again]) void items[Symbol.asyncIterator]().return?.();
  await place.net.settle();
  expect(openStreams(place)).toEqual([0, 0]);
}

test('a full link pauses streams: nothing is lost, and little waits', async () => {
  const place = twoNodes({ highWaterBytes: 200_000, bytesMax: 1_000_000 });
  const { net, caller, callee } = place;
  const counting = new Counting(() => new Uint8Array(50_000));
  const pid = served(place, counting);
  const lists = await within(
    place,
    Promise.all(
      numbers(20).map(() => caller.processes.call(pid, methodCall('count', [50]))),
    ) as Promise<AsyncIterable<unknown>[]>,
  );
  callee.links.pause(caller);
  const before = counting.made;
  for (const items of lists) void items[Symbol.asyncIterator]().next();
  await net.settle(100);
  // Five bring the link above its mark, and each stream may be making one then.
  expect(counting.made - before).toBeLessThanOrEqual(5 + 20);
  callee.links.resume(caller);
  const counts = lists.map(async (items) => {
    let count = 0;
    for await (const item of items) count += (item as Uint8Array).length === 50_000 ? 1 : 0;
    return count;
  });
  expect(await within(place, Promise.all(counts))).toEqual(lists.map(() => 49));
  expect(callee.links.sentBytesMax).toBeLessThan(1_000_000);
  expect(openStreams(place)).toEqual([0, 0]);
});

test('an item above the window is refused by the reader', () => {
  const parts = { caller: undefined, signal: undefined, onClosed: () => {} };
  const told: (number | string)[] = [];
  const feed = { pulled: (count: number) => told.push(count), cancel: () => told.push('cancel') };
  const reader = new ResultReader({ ...parts, feed });
  for (const index of numbers(RESULT_WINDOW_ITEMS)) reader.push(index, 1);
  expect(() => reader.push('over', 1)).toThrow(WireError);
  for (let read = 0; read < RESULT_WINDOW_ITEMS / 2; read += 1) void reader.next();
  expect(told).toEqual([RESULT_WINDOW_ITEMS / 2]);
  reader.push('again', RESULT_WINDOW_BYTES);
  expect(() => reader.push('over', 1)).toThrow(WireError);
  void reader.return();
  reader.push('late', 1);
  expect(told).toEqual([RESULT_WINDOW_ITEMS / 2, 'cancel']);
});

test('a peer that breaks the rules of a stream loses its link, and the stream with it', async () => {
  const write = new FrameWriter();
  const attacks: readonly (readonly [string, (id: number) => readonly Uint8Array[]])[] = [
    ['a second opening', (id) => [write.opened(id)]],
    ['items above the window', (id) => numbers(65).map(() => write.item(id, 1))],
    ['bytes above the window', (id) => numbers(3).map(() => write.item(id, 'x'.repeat(9e5)))],
  ];
  for (const [what, frames] of attacks) {
    const { net, caller, callee } = twoNodes();
    const place = { net, caller, callee };
    const items = await open(place, served(place, new Counting()), ['watch', 0]);
    for (const frame of frames(FIRST_CALL)) callee.links.inject(caller, frame);
    expect([what, net.faults.length]).toEqual([what, 1]);
    await net.settle();
    const error = await failure(place, readAll(items));
    expect(error).toMatchObject({ code: 'ERR_NO_CONNECTION' });
    expect(openStreams(place)).toEqual([0, 0]);
  }
});

test('a caller that says it has read what it has not loses its link', async () => {
  const write = new FrameWriter();
  for (const count of [0, 6, 64, 65]) {
    const place = twoNodes();
    const { net, caller, callee } = place;
    await open(place, served(place, new Counting()), ['watch', 5]);
    await net.settle();
    caller.links.inject(callee, write.pull(FIRST_CALL, count));
    expect([count, net.faults.length]).toEqual([count, 1]);
    await net.settle();
    expect(openStreams(place)).toEqual([0, 0]);
  }
  const place = twoNodes();
  const { net, caller, callee } = place;
  const wait = served(place, { wait: () => never(undefined) });
  caller.processes.call(wait, methodCall('wait', [])).catch(() => {});
  await net.settle();
  caller.links.inject(callee, write.pull(1, 1));
  expect(net.faults.length).toBe(1);
});

test('a stream that answers a call which waits no more is ended at once', async () => {
  const place = twoNodes();
  const { net, caller, callee } = place;
  const counting = new Counting();
  const pid = served(place, counting);
  const controller = new AbortController();
  const call = caller.processes.call(pid, methodCall('watch', [5]), { signal: controller.signal });
  const aborted = failure(place, call);
  callee.links.pause(caller);
  await aborted.catch(() => {});
  controller.abort(new Error('enough'));
  await net.settle(1);
  callee.links.resume(caller);
  await net.settle();
  expect([counting.ended, openStreams(place)]).toEqual([1, [0, 0]]);
  // As when the deadline passes while the stream is being opened: the caller says nothing of it.
  const before = caller.links.sent;
  callee.links.inject(caller, new FrameWriter().opened(12_345));
  expect([caller.links.sent - before, net.faults]).toEqual([1, []]);
});

test('whatever frames come, both nodes live, and nothing is left behind', async () => {
  const write = new FrameWriter();
  const frames = fc.integer({ min: 0, max: 6 }).chain((id) =>
    fc.oneof(
      fc.constant(write.opened(id)),
      fc.anything().map((value) => item(id, value)),
      fc.constant(write.ended(id)),
      fc.constant(write.cancel(id)),
      fc.constant(write.broken(id, { kind: 'invalid', why: 'x' })),
      fc.constant(write.broken(id, { kind: 'unauthorized' })),
      fc.constant(write.failure(id, { kind: 'invalid', why: 'x' })),
      fc.nat(70).map((count) => write.pull(id, count)),
    ),
  );
  const mutated = fc.tuple(frames, fc.nat(), fc.nat(255), fc.boolean()).map((parts) => {
    const [frame, at, byte, isWhole] = parts;
    const copy = new Uint8Array(frame);
    if (!isWhole) copy[at % copy.length] = byte;
    return copy;
  });
  const check = fc.asyncProperty(
    fc.array(mutated, { maxLength: 12 }),
    fc.boolean(),
    async (list, isCallee) => {
      const place = twoNodes();
      const { net, caller, callee } = place;
      const pid = served(place, new Counting());
      for (const method of ['watch', 'count', 'plain', 'watch']) {
        const call = caller.processes.call(pid, methodCall(method, [70]), { timeoutMs: 1_000 });
        call.then(readSome, () => {});
      }
      await net.settle(isCallee ? 10 : 1);
      const [from, to] = isCallee ? [callee, caller] : [caller, callee];
      for (const frame of list) from.links.inject(to, frame);
      await net.settle(2_000);
      caller.processes.close();
      await net.settle();
      // Who says that its own stream has ended keeps it as long as there is the link.
      if (isCallee) net.cut(caller, callee);
      expect(openStreams(place)).toEqual([0, 0]);
      const other = net.start('c@h', 3n).processes.call(pid, methodCall('plain', []));
      expect(await within(place, other)).toBe('plain');
    },
  );
  await fc.assert(check, { numRuns: 150 });
});

test('a pull above the window, and a reason above its bound, are no frames', () => {
  const write = new FrameWriter();
  expect(() => readFrame(write.pull(3, RESULT_WINDOW_ITEMS + 1))).toThrow(WireError);
  const long = new Writer().uint(KIND.broken).uint(3).uint(5).string('w'.repeat(20_000)).take();
  expect(() => readFrame(long)).toThrow(WireError);
});

test('any course of reads, cancels and ends leaves no open stream on either side', async () => {
  const step = fc.record({
    kind: fc.constantFrom('open', 'read', 'return', 'abort', 'fail', 'cut', 'exit', 'pass'),
    at: fc.nat(4),
    count: fc.nat(90),
  });
  const check = fc.asyncProperty(
    fc.array(step, { maxLength: 25 }),
    fc.boolean(),
    async (steps, isLocal) => {
      const course = new Course(isLocal ? oneNode() : twoNodes());
      for (const { kind, at, count } of steps) await course.step(kind, at, count);
      await course.finish();
      expect(openStreams(course.place)).toEqual([0, 0]);
      expect(course.counting.ended).toBe(course.counting.signals.length);
      expect(course.faults).toEqual([]);
      expect(course.place.net.faults).toEqual([]);
    },
  );
  await fc.assert(check, { numRuns: 150 });
});

interface Read {
  readonly items: AsyncIterator<unknown>;
  readonly controller: AbortController;
  next: number;
}

/** Streams that are opened, read and ended in every way, and whether each read what it had to. */
class Course {
  readonly place: Place;
  readonly faults: string[] = [];
  readonly counting: Counting = new Counting();
  readonly #reads: Read[] = [];
  #pid: Pid;

  constructor(place: Place) {
    this.place = place;
    this.#pid = this.#serve();
  }

  async step(kind: string, at: number, count: number): Promise<void> {
    const { net, caller, callee } = this.place;
    const one = this.#reads[at];
    if (kind === 'open') await this.#open(count);
    else if (kind === 'read' && one !== undefined) await this.#read(one, count);
    else if (kind === 'return') void one?.items.return?.();
    else if (kind === 'abort') one?.controller.abort(new Error('enough'));
    else if (kind === 'exit' && count < 10) {
      callee.processes.exit(this.#pid, 'kill');
      await net.settle();
      this.#pid = this.#serve();
    } else if (kind === 'cut' && caller !== callee && count < 10) {
      net.cut(caller, callee);
      net.heal(caller, callee);
    } else if (kind === 'pass') await net.settle(count / 10);
  }

  /** Half of those that are open are read to the end, the others are left by their readers. */
  async finish(): Promise<void> {
    for (const [index, one] of this.#reads.entries()) {
      if (index % 2 === 0) await this.#read(one, 200);
      void one.items.return?.();
    }
    await this.place.net.settle();
  }

  async #open(count: number): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    const request = methodCall('count', [count + 1]);
    const call = this.place.caller.processes.call(this.#pid, request, { signal });
    const stream = await within(this.place, call).catch(() => undefined);
    if (stream === undefined) return;
    const items = (stream as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    this.#reads.push({ items, controller, next: 0 });
  }

  async #read(one: Read, count: number): Promise<void> {
    for (let left = count; left > 0; left -= 1) {
      const step = await within(
        this.place,
        one.items.next().catch(() => undefined),
      );
      if (step === undefined || step.done === true) return;
      if (step.value !== one.next) this.faults.push(`${step.value} in place of ${one.next}`);
      one.next += 1;
    }
  }

  #serve(): Pid {
    return served(this.place, this.counting);
  }
}

function item(id: number, value: unknown): Uint8Array {
  try {
    return new FrameWriter().item(id, value);
  } catch {
    // Not everything is a value.
    return new FrameWriter().item(id, null);
  }
}

async function readAll(items: AsyncIterator<unknown>): Promise<void> {
  for (let step = await items.next(); step.done !== true; step = await items.next());
}

async function readSome(answer: unknown): Promise<void> {
  if (typeof answer !== 'object' || answer === null) return;
  const items = (answer as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  for (let count = 0; count < 50; count += 1) {
    const step = await items.next().catch(() => undefined);
    if (step === undefined || step.done === true) return;
  }
}
