import { expect, test } from 'vitest';
import { methodCall } from '../../../src/processes/methods.ts';
import { LinkedNodes } from './linked-nodes.ts';

test('smoke', async () => {
  const net = new LinkedNodes();
  const a = net.start('a@h', 10n);
  const b = net.start('b@h', 20n);
  const got: unknown[] = [];
  const pid = b.processes.spawn(
    async (self) => {
      for await (const m of self) got.push(m);
    },
    { name: 'sink' },
  );
  for (let i = 0; i < 500; i++) a.processes.send(pid, { i });
  a.processes.send({ node: 'b@h', name: 'sink' }, 'byname');
  await net.settle();
  expect(got.length).toBe(501);
  const s = b.processes.serve({
    add: (x: number, y: number) => x + y,
    bad() {
      throw new RangeError('no');
    },
  });
  const p = a.processes.call(s, methodCall('add', [1, 2]));
  const q = a.processes.call(s, methodCall('bad', [])).catch((e) => e);
  const l = b.processes.call(s, methodCall('add', [1, 2]));
  expect(await l).toBe(3);
  await net.settle();
  expect(await p).toBe(3);
  expect(await q).toMatchObject({
    code: 'ERR_REMOTE',
    remote: { name: 'RangeError', message: 'no' },
  });
  const downs: unknown[] = [];
  a.processes.monitor(pid, (d) => downs.push(d.reason));
  a.processes.exit(pid, 'kill');
  await net.settle();
  expect(downs).toEqual(['killed']);
  expect(b.processes.isAlive(pid)).toBe(false);
  b.processes.close();
  a.processes.close();
});
