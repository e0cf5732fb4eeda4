/** Remote back-pressure: what a slow receiver, a full link and forgotten accounts do. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Pid } from '../../../src/core/pid.ts';
import type { BarrelError } from '../../../src/errors.ts';
import {
  FLOW_WINDOW_INITIAL,
  FLOW_WINDOW_MAX,
  FLOWS_PER_LINK_MAX,
  OUTBOX_BYTES_MAX,
  OUTBOX_MESSAGES_HIGH_WATER,
  OUTBOX_MESSAGES_MAX,
} from '../../../src/limits.ts';
import { Fifo } from '../../../src/processes/fifo.ts';
import { Inflow } from '../../../src/processes/inflow.ts';
import { type CreditSource, Mailbox } from '../../../src/processes/mailbox.ts';
import { Request } from '../../../src/processes/messages.ts';
import { creditUnits, Outflow } from '../../../src/processes/outflow.ts';
import { type LinkedNode, LinkedNodes } from './linked-nodes.ts';

test('10^5 messages to a slow receiver arrive once and in order, in bounded memory', async () => {
  const { net, a, b } = two();
  const count = 100_000;
  const sink = slowSink(net, b, { batch: 500, pauseMs: 1 });
  let heldMax = 0;
  let sent = 0;
  a.processes.spawn(async (self) => {
    for (; sent < count; sent += 1) {
      if (!self.send(sink.pid, sent)) await a.processes.drained(sink.pid);
      heldMax = Math.max(heldMax, sent - sink.count());
    }
  });
  await net.settle(2_000);
  expect(sink.count()).toBe(count);
  expect(sink.isInOrder()).toBe(true);
  expect(dropped(b)).toBe(0);
  expect(heldMax).toBeLessThanOrEqual(
    OUTBOX_MESSAGES_HIGH_WATER + FLOW_WINDOW_MAX + FLOW_WINDOW_INITIAL,
  );
});

test('a sender that does not wait is refused at the bound, and what was taken arrives', async () => {
  const { net, a, b } = two();
  const gate = gated(b);
  let taken = 0;
  let firstFalse = -1;
  const refused = attempt(() => {
    for (; taken < 100_000; taken += 1) {
      if (!a.processes.send(gate.pid, taken) && firstFalse < 0) firstFalse = taken;
    }
  });
  expect(refused).toMatchObject({ code: 'ERR_OVERLOADED', node: 'b@h' });
  expect(taken).toBe(FLOW_WINDOW_INITIAL + OUTBOX_MESSAGES_MAX);
  expect(firstFalse).toBe(FLOW_WINDOW_INITIAL + OUTBOX_MESSAGES_HIGH_WATER - 1);
  await net.settle();
  gate.open();
  await net.settle(200);
  expect(gate.messages).toEqual(Array.from({ length: taken }, (_, i) => i));
});

test('large messages cost more credit, and are bounded by their bytes', async () => {
  const { net, a, b } = two();
  const gate = gated(b);
  const bytes = new Uint8Array(1_000_000);
  let taken = 0;
  const refused = attempt(() => {
    for (; taken < 1_000; taken += 1) a.processes.send(gate.pid, bytes);
  });
  expect(refused).toMatchObject({ code: 'ERR_OVERLOADED' });
  expect(taken * bytes.length).toBeLessThan(OUTBOX_BYTES_MAX + 2 * bytes.length);
  await net.settle();
  // At the receiver: what fits into the window of credit units of 4 KiB, and one more.
  const atReceiver = Math.ceil(FLOW_WINDOW_MAX / 245);
  expect(gate.waiting()).toBeLessThanOrEqual(atReceiver);
  gate.open();
  await net.settle(500);
  expect(gate.messages.length).toBe(taken);
});

test('the end of a receiver with messages waiting frees its senders', async () => {
  const { net, a, b } = two();
  const gate = gated(b);
  attempt(() => {
    for (let i = 0; i < 100_000; i += 1) a.processes.send(gate.pid, i);
  });
  const drained = a.processes.drained(gate.pid).then(() => 'drained');
  await net.settle();
  b.processes.exit(gate.pid, 'kill');
  await net.settle(500);
  expect(await drained).toBe('drained');
  expect(a.processes.send(gate.pid, 'x')).toBe(true);
});

test('an exit does not wait for a receiver that consumes nothing', async () => {
  const { net, a, b } = two();
  const gate = gated(b);
  const down: unknown[] = [];
  b.processes.monitor(gate.pid, ({ reason }) => down.push(reason));
  const sender = a.processes.spawn((self) => {
    for (let i = 0; i < 5_000; i += 1) self.send(gate.pid, i);
    self.send({ node: 'b@h', name: 'gate' }, 'by name');
    self.link(gate.pid);
    throw new Error('sender failed');
  });
  await net.settle();
  expect(a.processes.isAlive(sender)).toBe(false);
  expect(down).toMatchObject([{ message: 'sender failed' }]);
  const other = gated(b, 'other');
  for (let i = 0; i < 5_000; i += 1) a.processes.send(other.pid, i);
  a.processes.exit(other.pid, 'kill');
  await net.settle();
  expect(b.processes.isAlive(other.pid)).toBe(false);
});

test('a Down and a request wait behind the messages of their pair', async () => {
  const { net, a, b } = two();
  const gate = gated(b);
  await net.settle();
  const sender = a.processes.spawn(async (self) => {
    await self.receive();
    for (let i = 0; i < 5_000; i += 1) self.send(gate.pid, i);
    const call = self.call(gate.pid, 'request');
    self.send({ node: 'b@h', name: 'gate' }, 'by name');
    self.send(gate.pid, 'by pid');
    self.link(gate.pid);
    self.unlink(gate.pid);
    await call;
  });
  gate.watch(sender);
  await net.settle();
  a.processes.send(sender, 'go');
  await net.settle();
  expect(a.processes.isAlive(sender)).toBe(true);
  gate.open();
  await net.settle(100);
  expect(gate.messages.length).toBe(5_004);
  expect(gate.messages.slice(5_000)).toMatchObject([
    ['request', 'request'],
    'by name',
    'by pid',
    { target: sender, reason: 'normal' },
  ]);
});

test('a sender that mixes pids and names, and waits when asked to, is never refused', async () => {
  const { net, a, b } = two();
  const sink = slowSink(net, b, { batch: 100, pauseMs: 1, name: 'sink' });
  const count = 20_000;
  let sent = 0;
  let aheadMax = 0;
  a.processes.spawn(async (self) => {
    for (; sent < count; sent += 1) {
      const to = sent % 7 === 0 ? { node: 'b@h', name: 'sink' } : sink.pid;
      if (!self.send(to, sent)) await a.processes.drained(sink.pid);
      aheadMax = Math.max(aheadMax, sent - sink.count());
    }
  });
  await net.settle(2_000);
  expect([sink.count(), sink.isInOrder()]).toEqual([count, true]);
  expect(aheadMax).toBeLessThan(3 * OUTBOX_MESSAGES_HIGH_WATER + 2 * FLOW_WINDOW_MAX);
});

test('the end of a link that ends linked processes sends nothing to where it led', async () => {
  const { net, a, b } = two();
  const far = [gated(b, 'first').pid, gated(b, 'second').pid];
  const linked = a.processes.spawn((self) => {
    for (const pid of far) self.link(pid);
    void self.call(far[0] as Pid, 'x').catch(() => {});
    return self.receive();
  });
  await net.settle();
  const before = a.links.sent;
  net.endLink(a.links, b.links, 'reset');
  expect(a.processes.isAlive(linked)).toBe(false);
  await net.settle();
  expect([a.links.sent, a.links.connected('b@h')]).toEqual([before, undefined]);
});

test('a call that is over before its turn comes is not sent', async () => {
  const { net, a, b } = two();
  const gate = gated(b);
  for (let i = 0; i < 3_000; i += 1) a.processes.send(gate.pid, i);
  const call = a.processes.call(gate.pid, 'late', { timeoutMs: 50 }).catch((e: unknown) => e);
  await net.settle(100);
  gate.open();
  await net.settle(100);
  expect(await call).toMatchObject({ code: 'ERR_TIMEOUT' });
  expect(gate.messages.length).toBe(3_000);
});

test('a reply waits for no message', async () => {
  const { net, a, b } = two();
  let reply: unknown;
  const caller = a.processes.spawn(async (self) => {
    const to = (await self.receive({ match: (m) => typeof m === 'object' })) as Pid;
    reply = await self.call(to, 'x');
    return new Promise(() => {});
  });
  const callee = b.processes.spawn(async (self) => {
    for (let i = 0; i < 5_000; i += 1) self.send(caller, i);
    const request = (await self.receive()) as { reply(value: unknown): void };
    request.reply('through');
    await self.receive();
  });
  await net.settle();
  a.processes.send(caller, callee);
  await net.settle();
  expect(reply).toBe('through');
});

test('the window of a small mailbox is small, and nothing is dropped by one sender', async () => {
  const { net, a, b } = two();
  const sink = slowSink(net, b, { batch: 5, pauseMs: 1, mailboxMax: 100 });
  a.processes.send(sink.pid, 0);
  await net.settle();
  for (let i = 1; i < 3_000; i += 1) a.processes.send(sink.pid, i);
  await net.settle(3_000);
  expect([sink.count(), sink.isInOrder(), dropped(b)]).toEqual([3_000, true, 0]);
});

test('a mailbox of one takes what comes one at a time', async () => {
  const { net, a, b } = two();
  const sink = slowSink(net, b, { batch: 1, pauseMs: 0, mailboxMax: 1 });
  a.processes.send(sink.pid, 0);
  await net.settle();
  for (let i = 1; i < 50; i += 1) a.processes.send(sink.pid, i);
  await net.settle(1_000);
  expect([sink.count(), sink.isInOrder(), dropped(b)]).toEqual([50, true, 0]);
});

test('messages to more destinations than there are accounts all arrive, again and again', async () => {
  const { net, a, b } = two();
  let received = 0;
  const count = FLOWS_PER_LINK_MAX + 500;
  const sinks = Array.from({ length: count }, () =>
    b.processes.spawn(async (self) => {
      for await (const _ of self) received += 1;
    }),
  );
  const rounds = 4;
  for (let round = 0; round < rounds; round += 1) {
    for (const sink of sinks) a.processes.send(sink, round);
    await net.settle();
  }
  expect(received).toBe(rounds * count);
  const [first] = sinks;
  for (let i = 0; i < 10_000; i += 1) a.processes.send(first as Pid, i);
  await net.settle(100);
  expect(received).toBe(rounds * count + 10_000);
});

test('accounts that either end forgets while messages wait lose no credit', async () => {
  const { net, a, b } = two();
  const gates = Array.from({ length: 40 }, (_, i) => gated(b, `gate ${i}`));
  const bulk = Array.from({ length: FLOWS_PER_LINK_MAX }, () => b.processes.spawn(() => {}));
  for (let i = 0; i < 40; i += 1) {
    for (const gate of gates) a.processes.send(gate.pid, i);
  }
  await net.settle();
  for (let round = 0; round < 3; round += 1) {
    for (const pid of bulk) a.processes.send(pid, 'x');
    await net.settle();
  }
  for (let i = 40; i < 4_000; i += 1) {
    for (const gate of gates) a.processes.send(gate.pid, i);
  }
  await net.settle();
  for (const gate of gates) gate.open();
  await net.settle(500);
  const expected = Array.from({ length: 4_000 }, (_, i) => i);
  for (const gate of gates) expect(gate.messages).toEqual(expected);
});

test('a link above its mark makes send answer false until it is drained', async () => {
  const net = new LinkedNodes({ highWaterBytes: 1_000, bytesMax: 100_000 });
  const [a, b] = [net.start('a@h', 1n), net.start('b@h', 2n)];
  const sink = slowSink(net, b, { batch: 100, pauseMs: 0 });
  a.processes.send(sink.pid, 0);
  await net.settle();
  a.links.pause(b);
  let sent = 1;
  while (a.processes.send(sink.pid, sent)) sent += 1;
  const order: string[] = [];
  const waits = [
    a.processes.drained(sink.pid).then(() => order.push('process')),
    a.processes.drained('b@h').then(() => order.push('node')),
    a.processes.drained('nobody@h').then(() => order.push('nobody')),
  ];
  await net.settle();
  expect(order).toEqual(['nobody']);
  a.links.resume(b);
  await net.settle();
  await Promise.all(waits);
  expect([sink.count(), order.length]).toEqual([sent + 1, 3]);
});

test('at the hard limit of a link messages are refused, and signals wait and are not lost', async () => {
  const net = new LinkedNodes({ highWaterBytes: 1_000, bytesMax: 2_000 });
  const [a, b] = [net.start('a@h', 1n), net.start('b@h', 2n)];
  const sinks = Array.from({ length: 20 }, () => slowSink(net, b, { batch: 100, pauseMs: 0 }));
  for (const { pid } of sinks) a.processes.send(pid, 0);
  await net.settle();
  const targets = Array.from({ length: 100 }, () => a.processes.spawn(() => new Promise(() => {})));
  const downs: unknown[] = [];
  for (const pid of targets) b.processes.monitor(pid, (down) => downs.push(down.reason));
  await net.settle();
  a.links.pause(b);
  let taken = 0;
  const refused = attempt(() => {
    for (const { pid } of sinks) {
      for (let i = 1; i <= 60; i += 1, taken += 1) a.processes.send(pid, i);
    }
  });
  expect(refused).toMatchObject({ code: 'ERR_OVERLOADED' });
  for (const pid of targets) a.processes.exit(pid, 'over');
  const call = a.processes.call(sinks[0]?.pid as Pid, 'x').catch((error: unknown) => error);
  expect(await call).toMatchObject({ code: 'ERR_OVERLOADED' });
  expect(downs).toEqual([]);
  a.links.resume(b);
  await net.settle(100);
  expect(downs).toEqual(targets.map(() => 'over'));
  expect(sinks.reduce((sum, sink) => sum + sink.count(), 0)).toBe(taken + sinks.length);
  expect(a.meter.counter('barrel_processes_signals_lost_total').value).toBe(0);
});

test('closing a node while senders wait ends the wait', async () => {
  const { net, a, b } = two();
  const gate = gated(b);
  for (let i = 0; i < 5_000; i += 1) a.processes.send(gate.pid, i);
  const waiting = a.processes.drained(gate.pid).catch((error: unknown) => error);
  await net.settle();
  a.processes.close();
  expect(await waiting).toMatchObject({ code: 'ERR_CLOSED' });
});

test('whichever end forgets an account, a receiver that consumes all never stops its sender', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ send: fc.nat(12_000) }) },
    { weight: 8, arbitrary: fc.constant('deliver' as const) },
    { weight: 6, arbitrary: fc.record({ consume: fc.integer({ min: 1, max: 80 }) }) },
    { weight: 3, arbitrary: fc.constant('credit' as const) },
    fc.constantFrom('sender forgets' as const, 'receiver forgets' as const),
  );
  const times = <T>(count: number, each: T): T[] => Array.from({ length: count }, () => each);
  /** An account that is dropped with credit in it that is too little for a batch. */
  const partlyUsed: AccountStep[] = [
    ...times(20, { send: 0 }),
    ...times(20, 'deliver' as const),
    ...times(20, { consume: FLOW_WINDOW_INITIAL }),
    'receiver forgets',
  ];
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const pair = new Accounts();
      for (const each of steps) pair.run(each);
      pair.settle();
      expect(pair.flow.hasCredit).toBe(true);
    }),
    { numRuns: 1_000, examples: [[times(10, partlyUsed).flat()]] },
  );
});

test('a mailbox is a queue of which any message can be taken, and returns all credit', () => {
  const command = fc.oneof(
    { weight: 3, arbitrary: fc.constant('push' as const) },
    { weight: 2, arbitrary: fc.constant('shift' as const) },
    fc.record({ takeAt: fc.nat(40) }),
    fc.constant('clear' as const),
    fc.constant('retain' as const),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 300 }), (commands) => {
      const mailbox = new Mailbox(1_000);
      const model: number[] = [];
      let returned = 0;
      let pushed = 0;
      const source: CreditSource = {
        consumed: (units) => {
          returned += units;
        },
      };
      for (const each of commands) {
        if (each === 'push') {
          mailbox.push({ value: pushed, bytes: pushed + 7 }, source, 1);
          model.push(pushed);
          pushed += 1;
        } else if (each === 'shift') {
          expect(mailbox.shift()).toBe(model.shift());
        } else if (each === 'clear') {
          mailbox.clear();
          model.length = 0;
        } else if (each === 'retain') {
          mailbox.retain((value) => Number(value) % 3 !== 0);
          model.splice(0, model.length, ...model.filter((value) => value % 3 !== 0));
        } else if (each.takeAt < model.length) {
          const [wanted] = model.splice(each.takeAt, 1);
          const index = mailbox.find((value) => value === wanted);
          expect(index).toBe(each.takeAt);
          expect(mailbox.takeAt(index)).toBe(wanted);
        }
        expect([mailbox.length, returned]).toEqual([model.length, pushed - model.length]);
        expect(mailbox.bytes).toBe(model.reduce((sum, value) => sum + value + 7, 0));
      }
    }),
  );
});

test('a queue gives back what was put in, whatever its length was', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3_000), fc.nat(3_000)), { maxLength: 8 }), (rounds) => {
      const fifo = new Fifo<number>();
      let pushed = 0;
      let taken = 0;
      for (const [pushes, shifts] of rounds) {
        for (let i = 0; i < pushes; i += 1) fifo.push(pushed++);
        for (let i = 0; i < Math.min(shifts, pushed - taken); i += 1) {
          if (fifo.peek() !== taken || fifo.shift() !== taken) return false;
          taken += 1;
        }
        if (fifo.length !== pushed - taken) return false;
      }
      return true;
    }),
    { numRuns: 30 },
  );
});

type AccountStep =
  | { readonly send: number }
  | { readonly consume: number }
  | 'deliver'
  | 'credit'
  | 'sender forgets'
  | 'receiver forgets';

/** The two ends of the credit for one destination, with everything between them in queues. */
class Accounts {
  flow = new Outflow(1);
  readonly #messages: { readonly isFirst: boolean; readonly units: number }[] = [];
  readonly #credit: (readonly [units: number, window: number])[] = [];
  readonly #mailbox: { readonly inflow: Inflow; readonly units: number }[] = [];
  #inflow: Inflow | undefined;
  #window = FLOW_WINDOW_INITIAL;

  run(step: AccountStep): void {
    if (step === 'deliver') this.#deliver();
    else if (step === 'credit') this.#credited();
    else if (step === 'sender forgets') this.flow = new Outflow(1);
    else if (step === 'receiver forgets') this.#evict();
    else if ('send' in step) this.#send(step.send);
    else this.#consume(step.consume);
  }

  settle(): void {
    while (this.#messages.length > 0) this.#deliver();
    while (this.#mailbox.length > 0) this.#consume(this.#window);
    while (this.#credit.length > 0) this.#credited();
  }

  #send(bytes: number): void {
    if (!this.flow.hasCredit) return;
    this.#messages.push({ isFirst: !this.flow.isBegun, units: creditUnits(bytes) });
    this.flow.isBegun = true;
    this.flow.spend(bytes);
  }

  #deliver(): void {
    const message = this.#messages.shift();
    if (message === undefined) return;
    if (message.isFirst) this.#inflow?.forget();
    if (message.isFirst || this.#inflow === undefined) {
      this.#inflow = new Inflow(1, (_, units, window) => this.#credit.push([units, window]));
      this.#inflow.announce(this.#window);
    }
    this.#mailbox.push({ inflow: this.#inflow, units: message.units });
  }

  #consume(window: number): void {
    this.#window = window;
    const entry = this.#mailbox.shift();
    entry?.inflow.consumed(entry.units, window);
  }

  #credited(): void {
    const [units, window] = this.#credit.shift() ?? [0, 0];
    this.flow.receive(units, window);
  }

  #evict(): void {
    this.#inflow?.evict();
    this.#inflow = undefined;
  }
}

interface Sink {
  readonly pid: Pid;
  count(): number;
  isInOrder(): boolean;
}

/** Takes so many messages, then pauses. */
function slowSink(
  net: LinkedNodes,
  node: LinkedNode,
  pace: {
    readonly batch: number;
    readonly pauseMs: number;
    readonly mailboxMax?: number;
    readonly name?: string;
  },
): Sink {
  let count = 0;
  let ordered = true;
  const pid = node.processes.spawn(
    async (self) => {
      for await (const message of self) {
        ordered &&= message === count;
        count += 1;
        if (count % pace.batch === 0) await sleep(net, pace.pauseMs);
      }
    },
    { mailboxMax: pace.mailboxMax, name: pace.name },
  );
  return { pid, count: () => count, isInOrder: () => ordered };
}

interface Gate {
  readonly pid: Pid;
  readonly messages: unknown[];
  /** Lets it take its messages. */
  open(): void;
  /** Lets it watch a process, before it is open. */
  watch(target: Pid): void;
  /** Messages that came before it was opened. */
  waiting(): number;
}

/** Takes no message until it is opened. */
function gated(node: LinkedNode, name = 'gate'): Gate {
  const messages: unknown[] = [];
  let waiting = 0;
  let opened = (): void => {};
  let watch = (_: Pid): void => {};
  const isOpen = new Promise<void>((resolve) => {
    opened = resolve;
  });
  const pid = node.processes.spawn(
    async (self) => {
      watch = (target) => void self.monitor(target);
      // Asked about each message that comes, and takes none.
      const countOnly = (): boolean => {
        waiting += 1;
        return false;
      };
      self.receive({ match: countOnly }).catch(() => {});
      await isOpen;
      for await (const message of self) {
        if (message instanceof Request) {
          message.reply('taken');
          messages.push(['request', message.request]);
        } else {
          messages.push(message);
        }
      }
    },
    { name },
  );
  return {
    pid,
    messages,
    open: () => opened(),
    watch: (target) => watch(target),
    waiting: () => waiting,
  };
}

function two(): { readonly net: LinkedNodes; readonly a: LinkedNode; readonly b: LinkedNode } {
  const net = new LinkedNodes();
  return { net, a: net.start('a@h', 10n), b: net.start('b@h', 20n) };
}

function sleep(net: LinkedNodes, ms: number): Promise<void> {
  return new Promise((resolve) => void net.time.after(ms, resolve));
}

function dropped(node: LinkedNode): number {
  return node.meter.counter('barrel_processes_mailbox_dropped_total').value;
}

function attempt(run: () => void): BarrelError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error as BarrelError;
  }
}
