/** What another node may send: frames as they are read, and frames that nobody honest sends. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Pid, pidOf } from '../../../src/core/pid.ts';
import { encodeValue } from '../../../src/core/wire/value.ts';
import { WireError } from '../../../src/core/wire/wire-error.ts';
import { Writer } from '../../../src/core/wire/writer.ts';
import { MONITORS_PER_LINK_MAX, REQUESTS_PER_LINK_MAX } from '../../../src/limits.ts';
import { FrameWriter } from '../../../src/processes/frame-writer.ts';
import { type Frame, KIND, readFrame } from '../../../src/processes/frames.ts';
import { Down, Exit } from '../../../src/processes/messages.ts';
import { type LinkedNode, LinkedNodes } from './linked-nodes.ts';

const PID = pidOf('b@h', 20n, 7);
const NAMED = { node: 'b@h', name: 'named' };
const TO = { serial: 7, incarnation: 20n, name: '' };
const TO_NAMED = { serial: 0, incarnation: 0n, name: 'named' };
const FAILED = { name: 'Error', message: 'm' };

const FRAMES: readonly (readonly [Uint8Array, Frame])[] = [
  [
    write().message(PID, true, { a: [1] }),
    { kind: 'message', to: TO, isFirst: true, message: { a: [1] } },
  ],
  [
    write().message(NAMED, false, null),
    { kind: 'message', to: TO_NAMED, isFirst: false, message: null },
  ],
  [
    write().call(PID, { id: 3, from: 9, timeoutMs: 99.5, traceparent: 't' }, 'r'),
    { kind: 'call', to: TO, id: 3, from: 9, timeoutMs: 100, traceparent: 't', request: 'r' },
  ],
  [
    write().call(NAMED, { id: 3, from: 0, timeoutMs: 0, traceparent: undefined }, 1n),
    {
      kind: 'call',
      to: TO_NAMED,
      id: 3,
      from: 0,
      timeoutMs: 0,
      traceparent: undefined,
      request: 1n,
    },
  ],
  [write().reply(4, undefined), { kind: 'reply', id: 4, value: undefined }],
  [
    write().failure(4, { kind: 'noProcess' }),
    { kind: 'failure', id: 4, failure: { kind: 'noProcess' } },
  ],
  [
    write().failure(4, { kind: 'overloaded' }),
    { kind: 'failure', id: 4, failure: { kind: 'overloaded' } },
  ],
  [
    write().failure(4, { kind: 'exit', reason: PID }),
    { kind: 'failure', id: 4, failure: { kind: 'exit', reason: PID } },
  ],
  [
    write().failure(4, { kind: 'handler', failure: FAILED }),
    { kind: 'failure', id: 4, failure: { kind: 'handler', failure: FAILED } },
  ],
  [
    write().failure(4, { kind: 'handler', failure: { ...FAILED, code: 'C', causeMessage: 'c' } }),
    {
      kind: 'failure',
      id: 4,
      failure: { kind: 'handler', failure: { ...FAILED, code: 'C', causeMessage: 'c' } },
    },
  ],
  [write().cancel(5), { kind: 'cancel', id: 5 }],
  [write().monitor(NAMED, 6, 0), { kind: 'monitor', to: TO_NAMED, id: 6, from: 0 }],
  [write().demonitor(6), { kind: 'demonitor', id: 6 }],
  [write().down(6, 'normal'), { kind: 'down', id: 6, reason: 'normal' }],
  [write().link(PID, 8, 2), { kind: 'link', to: TO, from: 8, id: 2 }],
  [
    write().unlink(PID, 8, { own: 2, other: 0 }),
    { kind: 'unlink', to: TO, from: 8, ownId: 2, otherId: 0 },
  ],
  [
    write().exit(PID, { from: 8, isLink: true }, 'r'),
    { kind: 'exit', to: TO, from: 8, isLink: true, reason: 'r' },
  ],
  [write().credit(7, 32, 64), { kind: 'credit', key: 7, units: 32, window: 64 }],
  [write().credit('named', 0, 1), { kind: 'credit', key: 'named', units: 0, window: 1 }],
  [
    write().failure(4, { kind: 'unauthorized' }),
    { kind: 'failure', id: 4, failure: { kind: 'unauthorized' } },
  ],
  [
    write().failure(4, { kind: 'invalid', why: 'w' }),
    { kind: 'failure', id: 4, failure: { kind: 'invalid', why: 'w' } },
  ],
  [write().opened(4), { kind: 'opened', id: 4 }],
  [write().item(4, [PID]), { kind: 'item', id: 4, value: [PID] }],
  [write().ended(4), { kind: 'ended', id: 4 }],
  [
    write().broken(4, { kind: 'exit', reason: 'r' }),
    { kind: 'broken', id: 4, failure: { kind: 'exit', reason: 'r' } },
  ],
  [write().pull(4, 32), { kind: 'pull', id: 4, count: 32 }],
  [write().closed(), { kind: 'closed' }],
];

test.each(FRAMES)('frame %# is read as it was written', (bytes, frame) => {
  expect(readFrame(bytes)).toEqual(frame);
});

test('no cut, longer or altered frame is read as anything but a frame or a WireError', () => {
  for (const [bytes] of FRAMES) {
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => readFrame(bytes.subarray(0, length))).toThrow(WireError);
    }
    expect(() => readFrame(new Uint8Array([...bytes, 0]))).toThrow(WireError);
  }
  fc.assert(
    fc.property(fc.constantFrom(...FRAMES), fc.nat(), fc.nat(255), ([bytes], at, byte) => {
      const altered = new Uint8Array(bytes);
      altered[at % altered.length] = byte;
      try {
        readFrame(altered);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('whatever bytes come, a node lives, and only the link that brought them may end', async () => {
  const net = new LinkedNodes();
  const [a, b, evil] = [net.start('a@h', 1n), net.start('b@h', 20n), net.start('evil@h', 3n)];
  const echo = b.processes.serve({ echo: (value: unknown) => value }, { name: 'named' });
  evil.processes.send(echo, 'up');
  await net.settle();
  const frames = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.constantFrom(...FRAMES).map(([bytes]) => bytes),
    fc.tuple(fc.nat(19), fc.uint8Array({ maxLength: 40 })).map(([kind, rest]) => {
      return new Uint8Array([kind, ...rest]);
    }),
  );
  fc.assert(
    fc.property(fc.array(frames, { maxLength: 20 }), (list) => {
      for (const frame of list) evil.links.inject(b, frame);
    }),
    { numRuns: 500 },
  );
  await net.settle();
  const again = b.processes.serve({ echo: (value: unknown) => value });
  const reply = a.processes.call(again, ['echo', ['alive']]);
  await net.settle();
  expect(await reply).toBe('alive');
  expect(net.faults.length).toBeGreaterThan(0);
});

test.each([
  ['an unknown kind', new Writer().uint(99).take()],
  ['no kind', new Uint8Array()],
  ['a name over its bound', new Writer().uint(KIND.monitor).uint(0).string('n'.repeat(256)).take()],
  ['a link from serial 0', write().link(PID, 0, 1)],
  ['an exit to serial 0', new Writer().uint(KIND.exit).uint(0).take()],
  ['a deadline over its bound', write().call(PID, head({ timeoutMs: 2 ** 31 }), 1)],
  ['a trace over its bound', write().call(PID, head({ traceparent: 't'.repeat(129) }), 1)],
  [
    'an error over its bound',
    write().failure(1, { kind: 'handler', failure: { name: 'n'.repeat(1_000), message: '' } }),
  ],
])('%s ends the link', async (_, frame) => {
  const { net, b, evil } = await withEvil();
  evil.links.inject(b, frame);
  expect(net.faults.length).toBe(1);
  expect(b.links.connected('evil@h')).toBeUndefined();
});

test('ids of a peer are its own: two open calls or monitors of one id end its link', async () => {
  for (const frame of [write().call(PID, head({}), 1), write().monitor(PID, 1, 0)]) {
    const { net, b, evil } = await withEvil();
    const target = forever(b);
    expect(target.serial).toBe(1);
    const bytes = new Uint8Array(frame);
    // To the process that is there: the serial is the second field of both frames.
    bytes[1] = target.serial;
    evil.links.inject(b, bytes);
    expect(net.faults).toEqual([]);
    evil.links.inject(b, bytes);
    expect(net.faults.length).toBe(1);
  }
});

test('what a peer can make here is bounded', async () => {
  const { net, b, evil } = await withEvil();
  const served = b.processes.serve({ wait: () => new Promise(() => {}) });
  const targets = Array.from({ length: 8 }, () => forever(b));
  const before = b.links.sent;
  for (let id = 1; id <= REQUESTS_PER_LINK_MAX + 10; id += 1) {
    evil.links.inject(b, write().call(targets[id % 8] ?? served, head({ id }), 1));
  }
  // The last ten are refused; the others wait in mailboxes.
  expect(b.links.sent - before).toBe(10);
  for (let id = 1; id <= 2 * MONITORS_PER_LINK_MAX; id += 1) {
    evil.links.inject(b, write().monitor(served, id, 0));
  }
  expect(net.faults).toEqual([]);
  evil.links.inject(b, write().monitor(served, 3 * MONITORS_PER_LINK_MAX, 0));
  expect(net.faults.length).toBe(1);
  // All of it is gone with the link.
  expect(b.links.holds.get('evil@h')).toBe(0);
});

test('a peer cannot answer the calls, or fire the monitors, that wait for another one', async () => {
  const net = new LinkedNodes();
  const [a, b, evil] = [net.start('a@h', 1n), net.start('b@h', 20n), net.start('evil@h', 3n)];
  const target = forever(b);
  evil.processes.send(forever(a), 'up');
  const results: unknown[] = [];
  const caller = forever(a);
  a.processes.monitor(target, (down) => results.push(down));
  a.processes.call(target, 'x', { timeoutMs: 500 }).then(
    (value) => results.push(value),
    () => results.push('not answered'),
  );
  await net.settle();
  for (let id = 0; id < 20; id += 1) {
    evil.links.inject(a, write().reply(id, 'forged'));
    evil.links.inject(a, write().failure(id, { kind: 'noProcess' }));
    evil.links.inject(a, write().down(id, 'forged'));
    evil.links.inject(a, write().exit(caller, { from: target.serial, isLink: true }, 'forged'));
  }
  await net.settle(1_000);
  expect(results).toEqual(['not answered']);
  expect(a.processes.isAlive(caller)).toBe(true);
  expect(net.faults).toEqual([]);
});

test('credit that nobody is owed changes nothing for the worse', async () => {
  const { net, b, evil } = await withEvil();
  const sink = forever(evil);
  for (let i = 0; i < 100; i += 1) b.processes.send(sink, i);
  await net.settle();
  const max = Number.MAX_SAFE_INTEGER;
  for (const key of [sink.serial, 12_345, 'nobody']) {
    evil.links.inject(b, write().credit(key, max, max));
    evil.links.inject(b, write().credit(key, 0, 0));
  }
  expect(b.processes.send(sink, 'x')).toBe(true);
  expect(net.faults).toEqual([]);
});

test('a look-alike of a system message is a plain object', async () => {
  const { net, b, evil } = await withEvil();
  const inbox: unknown[] = [];
  const sink = b.processes.spawn(async (self) => {
    for await (const message of self) inbox.push(message);
  });
  evil.processes.send(sink, { ref: 'r', target: sink, reason: 'normal' });
  evil.processes.send(sink, { from: sink, reason: 'kill' });
  await net.settle();
  expect(inbox.length).toBe(2);
  for (const message of inbox) {
    expect(message).not.toBeInstanceOf(Down);
    expect(message).not.toBeInstanceOf(Exit);
  }
  for (const forged of [new Down('r', sink, 1), new Exit(sink, 1)]) {
    expect(() => evil.processes.send(sink, forged)).toThrow(
      expect.objectContaining({ code: 'ERR_VALUE' }),
    );
  }
});

test('a getter that sends while its message is written does not spoil the frame', async () => {
  const { net, b, evil } = await withEvil();
  const inbox: unknown[] = [];
  const sink = b.processes.spawn(async (self) => {
    for await (const message of self) inbox.push(message);
  });
  const message = {
    before: 1,
    get inner() {
      evil.processes.send(sink, 'from the getter');
      return 2;
    },
    after: 3,
  };
  evil.processes.send(sink, message);
  await net.settle();
  expect(inbox).toEqual(['from the getter', { before: 1, inner: 2, after: 3 }]);
  expect(encodeValue(inbox[1])).toEqual(encodeValue({ before: 1, inner: 2, after: 3 }));
});

function write(): FrameWriter {
  return new FrameWriter();
}

function head(part: {
  readonly id?: number;
  readonly timeoutMs?: number;
  readonly traceparent?: string;
}): Parameters<FrameWriter['call']>[1] {
  return { id: 1, from: 0, timeoutMs: 5_000, traceparent: undefined, ...part };
}

function forever(node: LinkedNode): Pid {
  return node.processes.spawn(() => new Promise(() => {}));
}

interface Attacked {
  readonly net: LinkedNodes;
  readonly b: LinkedNode;
  readonly evil: LinkedNode;
}

/** A node and one that is linked to it and may inject any frame. */
async function withEvil(): Promise<Attacked> {
  const net = new LinkedNodes();
  const b = net.start('b@h', 20n);
  const evil = net.start('evil@h', 3n);
  evil.processes.send({ node: 'b@h', name: 'nobody' }, 'up');
  await net.settle();
  return { net, b, evil };
}
