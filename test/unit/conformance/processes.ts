/**
 * The scenarios of the process model, on any transport: what the VM of the reference gives for
 * free, between two nodes.
 */
import { describe, expect, test } from 'vitest';
import type { Pid } from '../../../src/core/pid.ts';
import { Down, Exit, type Request } from '../../../src/processes/messages.ts';
import type { Value } from '../../../src/processes/processes.ts';
import { collect, holder, type OpenWorld, watch, worldOf } from './world.ts';

/** Registers the suite under that name. */
export function processConformance(name: string, open: OpenWorld): void {
  describe(name, () => {
    const world = worldOf(open);
    monitorTests(world);
    connectionTests(world);
    callTests(world);
    linkTests(world);
    supervisionTests(world);
  });
}

function monitorTests(world: ReturnType<typeof worldOf>): void {
  test('three messages of a process that then ends come before its Down, of which there is one (X1)', async () => {
    const { a, b, until, advance } = world();
    const target = b.processes.spawn(async (self) => {
      const to = (await self.receive()) as Pid;
      for (const i of [1, 2, 3]) self.send(to, i);
      throw new RangeError('broken');
    });
    const messages: Value[] = [];
    const watcher = a.processes.spawn(async (self) => {
      self.monitor(target);
      for await (const message of self) messages.push(message);
    });
    await advance(50);
    a.processes.send(target, watcher);
    await until(() => messages.length === 4);
    await advance(50);
    const down = expect.objectContaining({ name: 'RangeError', message: 'broken' });
    expect(messages).toEqual([1, 2, 3, new Down(expect.any(String), target, down)]);
  });

  test('a process that has ended gives noproc, and what is sent to it is dropped (X2)', async () => {
    const { a, b, until, advance } = world();
    const gone = b.processes.spawn(() => {});
    await advance(10);
    const downs = watch(a, gone);
    expect(a.processes.send(gone, 'x')).toBe(true);
    await until(() => downs.length === 1);
    expect(downs).toMatchObject([{ target: gone, reason: 'noproc' }]);
  });

  test('a process of an older start of its node is gone, whoever has its number now (X2)', async () => {
    const at = world();
    const { a, b, until, settled } = at;
    const old = Array.from({ length: 20 }, () => holder(b));
    await at.crashB();
    const restarted = await at.restartB();
    const young = Array.from({ length: 20 }, () => collect(restarted));
    const downs = old.flatMap((pid) => watch(a, pid));
    for (const pid of old) a.processes.send(pid, 'stale');
    const call = a.processes.call(old[0] as Pid, 'stale');
    await expect(settled(call)).rejects.toMatchObject({ code: 'ERR_NO_PROCESS' });
    for (const { pid } of young) a.processes.send(pid, 'new');
    await until(() => young.every(({ messages }) => messages.length > 0));
    expect(young.map(({ messages }) => messages)).toEqual(Array(20).fill(['new']));
    expect(downs.every(({ reason }) => reason === 'noproc')).toBe(true);
  });

  test('a monitor that is taken back while its target ends gives no Down (X4)', async () => {
    const { a, b, advance } = world();
    const seen: Value[] = [];
    for (let round = 0; round < 20; round += 1) {
      const target = holder(b);
      a.processes.spawn(async (self) => {
        const monitor = self.monitor(target);
        self.send(target, 'end');
        // From before the Down can be here to after it has come.
        await self.receive({ timeoutMs: round, match: () => false }).catch(() => {});
        monitor[Symbol.dispose]();
        seen.push(
          ...(await self.receive({ timeoutMs: 50 }).then(
            (got) => [got],
            () => [],
          )),
        );
      });
    }
    await advance(200);
    expect(seen).toEqual([]);
  });
}

function connectionTests(world: ReturnType<typeof worldOf>): void {
  test('a cut connection gives noconnection once, harms nobody, and comes again (X3)', async () => {
    const at = world();
    const { a, b, until, advance } = at;
    const target = collect(b);
    const downs = watch(a, target.pid);
    a.processes.send(target.pid, 'before');
    await until(() => target.messages.length === 1);
    await at.disconnect(() => downs.length > 0);
    expect(b.processes.isAlive(target.pid)).toBe(true);
    const again = watch(a, target.pid);
    await until(() => a.processes.send(target.pid, 'after') && target.messages.length > 1);
    await advance(100);
    expect(downs).toMatchObject([{ target: target.pid, reason: 'noconnection' }]);
    expect(again.filter(({ reason }) => reason !== 'noconnection')).toEqual([]);
    const last = watch(a, target.pid);
    await advance(50);
    b.processes.exit(target.pid, 'done');
    await until(() => last.length === 1);
    expect(last).toMatchObject([{ reason: 'done' }]);
  });

  test('the order of each of two senders is kept over ten thousand messages each (X7)', async () => {
    const { a, b, until } = world();
    const count = 10_000;
    const { pid, messages } = collect(b);
    for (const name of ['one', 'two']) {
      a.processes.spawn(async (self) => {
        for (let i = 0; i < count; i += 1) {
          if (!self.send(pid, `${name} ${i}`)) await a.processes.drained(pid);
        }
      });
    }
    await until(() => messages.length === 2 * count);
    for (const name of ['one', 'two']) {
      const of = messages.filter((message) => String(message).startsWith(name));
      expect(of).toEqual(Array.from({ length: count }, (_, i) => `${name} ${i}`));
    }
  });
}

function callTests(world: ReturnType<typeof worldOf>): void {
  test('a reply after the time-out goes nowhere, and the work is done (X5)', async () => {
    const { a, b, until, advance } = world();
    const replied: boolean[] = [];
    const callee = b.processes.spawn(async (self) => {
      const request = (await self.receive()) as Request;
      await self.receive({ timeoutMs: 600 }).catch(() => {});
      request.reply('late');
      replied.push(true);
    });
    const outcome: Value[] = [];
    const rest: Value[] = [];
    a.processes.spawn(async (self) => {
      await self.call(callee, 'slow', { timeoutMs: 500 }).catch(({ code }) => outcome.push(code));
      for await (const message of self) rest.push(message);
    });
    await until(() => replied.length === 1);
    await advance(50);
    expect([outcome, rest]).toEqual([['ERR_TIMEOUT'], []]);
  });

  test('a call whose callee loses its node fails with that, not with its time-out (X6)', async () => {
    const at = world();
    const { a, b, settled, advance } = at;
    const call = a.processes.call(collect(b).pid, 'never', { timeoutMs: 60_000 });
    const failed = expect(call).rejects.toMatchObject({ code: 'ERR_NO_CONNECTION' });
    await advance(50);
    await at.crashB();
    await settled(call.catch(() => {}));
    await failed;
  });

  test('a process cannot call itself (X6)', async () => {
    const { a, until } = world();
    const codes: Value[] = [];
    a.processes.spawn((self) => self.call(self.pid, 'me').catch(({ code }) => codes.push(code)));
    await until(() => codes.length === 1);
    expect(codes).toEqual(['ERR_CALL_SELF']);
  });
}

function linkTests(world: ReturnType<typeof worldOf>): void {
  test.each([
    ['normal', 'alive', undefined],
    [{ name: 'Error', message: 'broken' }, { name: 'Error', message: 'broken' }, 'same'],
    ['kill', 'killed', 'same'],
  ])(
    'the end of a linked process by %j ends the other, or is told to it (X8)',
    async (by, of, told) => {
      const { a, b, until, advance } = world();
      const target = b.processes.spawn(async (self) => {
        const reason = await self.receive();
        if (reason !== 'normal') self.exit(reason);
      });
      const exits: Value[] = [];
      const ends: Value[] = [];
      const plain = a.processes.spawn((self) => {
        self.link(target);
        return self.receive();
      });
      a.processes.monitor(plain, ({ reason }) => ends.push(reason));
      a.processes.spawn(async (self) => {
        self.trapExit(true);
        self.link(target);
        for await (const message of self) exits.push(message);
      });
      await advance(50);
      if (by === 'kill') a.processes.exit(target, 'kill');
      else a.processes.send(target, by);
      await until(() => exits.length === 1);
      await advance(50);
      expect(ends).toEqual(told === undefined ? [] : [of]);
      expect(a.processes.isAlive(plain)).toBe(told === undefined);
      expect(exits).toEqual([new Exit(target, told === undefined ? by : of)]);
    },
  );
}

function supervisionTests(world: ReturnType<typeof worldOf>): void {
  test('a supervised service comes back, and ends in order with its node', async () => {
    const { a, b, until, settled } = world();
    const order: string[] = [];
    const tidy = (): Pid =>
      a.processes.spawn(async (self) => {
        self.trapExit(true);
        const exit = (await self.receive({ match: (message) => message instanceof Exit })) as Exit;
        await self.receive({ timeoutMs: 20 }).catch(() => {});
        order.push(`clean after ${exit.reason}`);
      });
    const sums = async (): Promise<Pid> => {
      const { pid } = await a.services.register('sums', { add: (x: number, y: number) => x + y });
      a.processes.monitor(pid, ({ reason }) => order.push(`sums ${reason}`));
      return pid;
    };
    a.processes.supervise([{ start: sums }, { start: tidy }]);
    await until(() => b.services.lookup('sums').length === 1);
    const [first] = b.services.lookup('sums');
    a.processes.exit(first?.pid as Pid, 'kill');
    await until(() => (b.services.lookup('sums')[0] ?? first)?.pid !== first?.pid);
    const call = b.services.client<{ add(x: number, y: number): number }>('sums').add(1, 2);
    expect(await settled(call)).toBe(3);
    await settled(a.close());
    expect(order).toEqual(['sums killed', 'clean after shutdown', 'sums shutdown']);
  });
}
