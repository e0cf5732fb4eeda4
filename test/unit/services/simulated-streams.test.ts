/** Streams and judged calls of whole nodes on the simulator, on a network that loses datagrams. */
import { afterEach, expect, test } from 'vitest';
import type { BarrelNode } from '../../../src/barrel-node.ts';
import { RESULT_WINDOW_ITEMS } from '../../../src/limits.ts';
import type { CallQuestion } from '../../../src/processes/call-authorization.ts';
import { settlement } from '../../../src/settlement.ts';
import { createSimulation, type Simulation } from '../../../src/testing/index.ts';

interface Orders {
  list(count: number): AsyncIterable<number>;
  held(): Promise<string>;
}

const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

test('streams between three lossy nodes give all their items in order', async () => {
  const { sim, nodes } = await cluster(1);
  sim.link({ loss: 0.1, duplicate: 0.05, reorder: 0.1 });
  const made = await serve(sim, nodes);
  const reads = nodes.flatMap((node, at) => [
    readAll(node, { select: 'random', count: 300 + at }),
    readAll(node, { select: 'local', count: 200 }),
  ]);
  const counts = await sim.settled(Promise.all(reads));
  expect(counts).toEqual([300, 200, 301, 200, 302, 200]);
  expect(made.ended).toBe(6);
  expect(streams(nodes)).toEqual([0, 0, 0, 0, 0, 0]);
});

test('a reader whose node crashes ends the stream; a callee whose node crashes fails it', async () => {
  const { sim, nodes } = await cluster(2);
  const [a, b] = nodes;
  const made = await serve(sim, [b]);
  const reader = a.services.client<Orders>('orders').list(1e9)[Symbol.asyncIterator]();
  await sim.settled(reader.next());
  await sim.advance(100);
  expect(made.items).toBe(RESULT_WINDOW_ITEMS);
  sim.crash(a.name);
  await sim.until(() => made.ended === 1, 30_000);
  const [, , c] = nodes;
  const other = c.services.client<Orders>('orders').list(1e9)[Symbol.asyncIterator]();
  await sim.settled(other.next());
  sim.crash(b.name);
  const rest = async (): Promise<unknown> => {
    for (let step = await other.next(); step.done !== true; step = await other.next());
    return undefined;
  };
  const error = await sim.settled(rest().catch((caught: unknown) => caught));
  expect(error).toMatchObject({ code: 'ERR_NO_CONNECTION' });
});

test('close ends an open stream when its time is over, and lets a short one end before', async () => {
  const { sim, nodes } = await cluster(3, { drainMs: 2_000 });
  const [a, b] = nodes;
  await serve(sim, [b]);
  const orders = a.services.client<Orders>('orders');
  const endless = orders.list(1e9)[Symbol.asyncIterator]();
  await sim.settled(endless.next());
  const short = orders.list(200)[Symbol.asyncIterator]();
  await sim.settled(short.next());
  const closing = b.close();
  for (let row = 1; row < 200; row += 1) {
    expect(await sim.settled(short.next())).toEqual({ done: false, value: row });
    await sim.advance(5);
  }
  expect(await sim.settled(short.next())).toEqual({ done: true, value: undefined });
  await sim.settled(closing);
  const rest = async (): Promise<unknown> => {
    for (let step = await endless.next(); step.done !== true; step = await endless.next());
    return undefined;
  };
  const error = await sim.settled(rest().catch((caught: unknown) => caught));
  expect(error).toMatchObject({ code: 'ERR_EXIT', cause: 'shutdown' });
});

test('authorize is asked by the name of the service, also while the node withdraws', async () => {
  const questions: CallQuestion[] = [];
  const authorize = (question: CallQuestion): boolean => {
    questions.push(question);
    return question.service === 'orders' && question.method !== 'list';
  };
  const { sim, nodes } = await cluster(4, { authorize });
  const [a, b] = nodes;
  const made = await serve(sim, [b]);
  const orders = a.services.client<Orders>('orders');
  const refused = orders.list(5)[Symbol.asyncIterator]();
  const error = await sim.settled(refused.next().catch((caught: unknown) => caught));
  expect(error).toMatchObject({ code: 'ERR_UNAUTHORIZED', node: b.name });
  expect(b.metrics.snapshot()['barrel_processes_calls_unauthorized_total']).toBe(1);
  const during = orders.held();
  await sim.advance(50);
  const closing = b.close();
  await sim.advance(50);
  const late = a.processes.call(made.pid, ['held', []]);
  await sim.advance(50);
  made.release();
  expect(await sim.settled(Promise.all([during, late]))).toEqual(['done', 'done']);
  await sim.settled(closing);
  expect(new Set(questions.map(({ from, service }) => `${from} ${service}`))).toEqual(
    new Set([`${a.name} orders`]),
  );
});

interface ReadOptions {
  readonly select: 'local' | 'random';
  readonly count: number;
}

/** How many rows came in order. */
async function readAll(node: BarrelNode, { select, count }: ReadOptions): Promise<number> {
  let next = 0;
  const orders = node.services.client<Orders>('orders', { select, timeoutMs: 30_000 });
  for await (const row of orders.list(count)) if (row === next) next += 1;
  return next;
}

interface Made {
  items: number;
  ended: number;
  /** Lets calls of `held` be answered. */
  readonly release: () => void;
  readonly pid: Awaited<ReturnType<BarrelNode['services']['register']>>['pid'];
}

async function serve(sim: Simulation, nodes: readonly BarrelNode[]): Promise<Made> {
  const gate = settlement<string>();
  const counts = { items: 0, ended: 0, release: () => gate.resolve('done') };
  const pids = [];
  for (const node of nodes) {
    const methods = { ...orders(counts), held: () => gate.promise };
    pids.push((await sim.settled(node.services.register('orders', methods))).pid);
  }
  await sim.advance(1_000);
  const [pid] = pids;
  if (pid === undefined) throw new Error('no node to serve on');
  return Object.assign(counts, { pid });
}

function orders(counts: { items: number; ended: number }): object {
  return {
    async *list(count: number) {
      try {
        for (let row = 0; row < count; row += 1) {
          counts.items += 1;
          yield row;
        }
      } finally {
        counts.ended += 1;
      }
    },
  };
}

function streams(nodes: readonly BarrelNode[]): readonly (number | undefined)[] {
  return nodes.flatMap((node) => {
    const samples = node.metrics.snapshot();
    return [samples['barrel_processes_streams_read'], samples['barrel_processes_streams_sent']];
  });
}

async function cluster(
  seed: number,
  options: object = {},
): Promise<{
  readonly sim: Simulation;
  readonly nodes: readonly [BarrelNode, BarrelNode, BarrelNode];
}> {
  const sim = createSimulation({ seed });
  simulations.push(sim);
  const start = (name: string): Promise<BarrelNode> =>
    sim.start({ name, contacts: name === 'a@s' ? [] : ['a@s'], ...options });
  const nodes = [await start('a@s'), await start('b@s'), await start('c@s')] as const;
  await sim.until(() => nodes.every((node) => node.members().length === 3), 30_000);
  return { sim, nodes };
}
