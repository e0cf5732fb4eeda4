/** Streams that answer calls, over QUIC: what a slow reader makes the other end hold. */
import { afterEach, expect, test } from 'vitest';
import { type BarrelNode, createNode } from '../../src/index.ts';
import { RESULT_WINDOW_ITEMS } from '../../src/limits.ts';

interface Rows {
  list(count: number): AsyncIterable<{ readonly row: number; readonly text: string }>;
}

const COUNT = 100_000;
const nodes: BarrelNode[] = [];

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.close();
});

test('100,000 items to a slow reader come in order, and few are ever on their way', async () => {
  const server = await start({});
  const client = await start({ contacts: [server.address] });
  await client.ready();
  let made = 0;
  let isEnded = false;
  await server.services.register('rows', {
    async *list(count: number) {
      try {
        for (; made < count; made += 1) yield { row: made, text: 'some text of a row' };
      } finally {
        isEnded = true;
      }
    },
  });
  await client.services.whereis('rows', { retries: 10 });
  let read = 0;
  let inOrder = 0;
  let outMax = 0;
  for await (const { row } of client.services.client<Rows>('rows').list(COUNT)) {
    if (row === read) inOrder += 1;
    read += 1;
    outMax = Math.max(outMax, made - read);
    // Slow: whatever can come does come before the next one is read.
    if (read % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect([read, inOrder, isEnded]).toEqual([COUNT, COUNT, true]);
  expect(outMax).toBeLessThanOrEqual(RESULT_WINDOW_ITEMS);
  expect(outMax).toBeGreaterThan(RESULT_WINDOW_ITEMS / 2);
  expect(streams()).toEqual([0, 0, 0, 0]);
});

test('a reader that leaves, and one whose node closes, end the stream at the callee', async () => {
  const server = await start({});
  const client = await start({ contacts: [server.address] });
  await client.ready();
  const ends: string[] = [];
  await server.services.register('rows', {
    async *list(count: number) {
      try {
        for (let row = 0; row < count; row += 1) yield { row, text: '' };
      } finally {
        ends.push(`after ${count}`);
      }
    },
  });
  await client.services.whereis('rows', { retries: 10 });
  const rows = client.services.client<Rows>('rows');
  for await (const { row } of rows.list(1e6)) if (row === 200) break;
  const open = rows.list(1e7)[Symbol.asyncIterator]();
  await open.next();
  await client.close();
  const rest = async (): Promise<void> => {
    for (let step = await open.next(); step.done !== true; step = await open.next());
  };
  await expect(rest()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  // Waits for the calls at work, a stream being one: it resolves because there is none.
  await server.close();
  expect(ends).toEqual(['after 1000000', 'after 10000000']);
});

async function start(options: Parameters<typeof createNode>[0]): Promise<BarrelNode> {
  const node = await createNode({ ...options, drainMs: 60_000 });
  nodes.push(node);
  return node;
}

function streams(): readonly (number | undefined)[] {
  return nodes.flatMap((node) => {
    const samples = node.metrics.snapshot();
    return [samples['barrel_processes_streams_read'], samples['barrel_processes_streams_sent']];
  });
}
