/** What waits is bounded in bytes too, wherever it waits. */
import { expect, test } from 'vitest';
import { encodeValue } from '../../../src/core/wire/value.ts';
import { BarrelError } from '../../../src/errors.ts';
import {
  EXIT_REASON_BYTES_MAX,
  MAILBOX_BYTES_MAX,
  SIGNALS_WAITING_BYTES_MAX,
} from '../../../src/limits.ts';
import { copySized } from '../../../src/processes/copy-value.ts';
import { boundedReason } from '../../../src/processes/exit-reason.ts';
import { methodCall } from '../../../src/processes/methods.ts';
import { PeerOutput } from '../../../src/processes/peer-output.ts';
import type { Value } from '../../../src/processes/processes.ts';
import { LinkedNodes } from './linked-nodes.ts';

const LARGE = new Uint8Array(1_000_000);
const FITTING = Math.floor(MAILBOX_BYTES_MAX / LARGE.byteLength);

test('a long exit reason is cut where the process ends, for watchers here and elsewhere', async () => {
  const net = new LinkedNodes();
  const a = net.start('a@h', 1n);
  const b = net.start('b@h', 2n);
  const reasons: Value[] = [];
  const target = a.processes.spawn(() => new Promise(() => {}));
  for (const node of [a, b]) node.processes.monitor(target, (down) => reasons.push(down.reason));
  const waits = b.processes.call(target, 'x').catch((error: BarrelError) => error.cause);
  await net.settle();
  b.processes.exit(target, {
    name: 'Full',
    message: 'm'.repeat(100_000),
    code: 'ERR_FULL',
    x: 'x',
  });
  await net.settle();
  const cut = { name: 'Full', message: 'm'.repeat(4_096), code: 'ERR_FULL' };
  expect([...reasons, await waits]).toEqual([cut, cut, cut]);
  expect(net.faults).toEqual([]);
});

test('a reason is kept as it is up to the bound, and what is left above it always fits', () => {
  const kept: Value[] = ['x'.repeat(16_000), { a: new Uint8Array(16_000) }, 1, null, undefined];
  for (const reason of kept) expect(boundedReason(reason)).toBe(reason);
  const long: Value[] = ['\u20ac'.repeat(20_000), LARGE, { message: '\u20ac'.repeat(9_000) }];
  for (const reason of long) {
    expect(encodeValue(boundedReason(reason)).byteLength).toBeLessThan(EXIT_REASON_BYTES_MAX);
  }
});

test('a mailbox takes so many bytes: then messages are dropped and calls refused', async () => {
  const net = new LinkedNodes();
  const node = net.start('a@h', 1n);
  let open = (): void => {};
  let received = 0;
  const pid = node.processes.spawn(async (self) => {
    await new Promise<void>((resolve) => {
      open = resolve;
    });
    for await (const _ of self) received += 1;
  });
  await net.settle(0);
  const answers = Array.from({ length: FITTING + 3 }, () => node.processes.send(pid, LARGE));
  expect(answers.filter(Boolean).length).toBe(Math.floor(FITTING / 2));
  await expect(node.processes.call(pid, LARGE)).rejects.toMatchObject({ code: 'ERR_OVERLOADED' });
  expect(node.meter.counter('barrel_processes_mailbox_dropped_total').value).toBe(4);
  open();
  await net.settle(0);
  expect(received).toBe(FITTING);
  expect(node.processes.send(pid, LARGE)).toBe(true);
});

test('calls that wait for a served object are refused over so many bytes', async () => {
  const net = new LinkedNodes();
  const node = net.start('a@h', 1n);
  const pid = node.processes.serve({ size: (bytes: Uint8Array) => bytes.byteLength });
  const request = methodCall('size', [LARGE]);
  for (let round = 0; round < 2; round += 1) {
    const calls = Array.from({ length: FITTING + 2 }, () => node.processes.call(pid, request));
    const results = Promise.allSettled(calls);
    await net.settle(0);
    const refused = (await results).filter(({ status }) => status === 'rejected');
    expect(refused).toMatchObject(Array(2).fill({ reason: { code: 'ERR_OVERLOADED' } }));
  }
});

test('what a full link refuses is kept up to so many bytes; the rest is lost and counted', () => {
  const lost = { value: 0 };
  let isFull = true;
  let sent = 0;
  const links = {
    ...new LinkedNodes().start('a@h', 1n).links,
    send: () => {
      if (isFull) throw new BarrelError('ERR_OVERLOADED', 'full');
      sent += 1;
      return true;
    },
  };
  const output = new PeerOutput('b@h', links as never, lost);
  const fitting = Math.floor(SIGNALS_WAITING_BYTES_MAX / LARGE.byteLength);
  for (let n = 0; n < fitting + 5; n += 1) output.urgent(0, LARGE);
  expect(lost.value).toBe(5);
  isFull = false;
  output.onDrained();
  expect(sent).toBe(fitting);
  output.urgent(0, LARGE);
  expect(lost.value).toBe(5);
});

test('the size of a copy is about that of its encoded form', () => {
  const values: Value[] = [
    'x'.repeat(1_000),
    [1, 2, 3],
    { text: 'abc', bytes: LARGE },
    new Date(0),
  ];
  for (const value of values) {
    const exact = encodeValue(value).byteLength;
    const { bytes } = copySized(value);
    expect(Math.abs(bytes - exact)).toBeLessThan(60);
  }
});
