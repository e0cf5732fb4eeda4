import { describe, expect, test } from 'vitest';
import { withOptions } from '../../../src/services/client.ts';
import type { Remote } from '../../../src/services/services.ts';
import { type NodeUnderTest, threeNodes } from './node-under-test.ts';

interface Where {
  where(): string;
  add(a: number, b: number): number;
  fail(): never;
  never(): Promise<never>;
  readonly notAMethod: number;
}

describe('a typed client', () => {
  test('calls the methods of a served object, here and on another node', async () => {
    const { a, b, within } = await threeNodes();
    await serve(b);
    const remote = a.services.client<Where>('where');
    expect(await within(remote.add(2, 3))).toBe(5);
    expect(await within(remote.where())).toBe('b@h');
    await serve(a);
    expect(await within(a.services.client<Where>('where').where())).toBe('a@h');
  });

  test('is no thenable and has methods only', async () => {
    const { a } = await threeNodes();
    const client = a.services.client<Where>('where');
    const returned = await Promise.resolve(client);
    expect(returned).toBe(client);
    const names = client as unknown as Record<string, unknown>;
    for (const name of ['then', 'constructor', 'toString', 'toJSON', '_secret', '__proto__']) {
      expect(names[name]).toBeUndefined();
    }
    expect(client.where).toBe(client.where);
    expect(Reflect.set(client, 'where', 1)).toBe(false);
    // @ts-expect-error a property that is no method is not on the handle
    void client.notAMethod;
  });

  test('fails with what the method threw', async () => {
    const { a, b, within } = await threeNodes();
    await serve(b);
    const client = a.services.client<Where>('where');
    await expect(within(client.fail())).rejects.toMatchObject({
      code: 'ERR_REMOTE',
      remote: { message: 'b@h will not' },
    });
  });

  test('fails with ERR_NOT_FOUND after its retries when there is no instance', async () => {
    const { a, time, within } = await threeNodes();
    const client = a.services.client<Where>('none');
    const startedMs = time.monotonicMs();
    await expect(within(client.where())).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
    expect(time.monotonicMs() - startedMs).toBeGreaterThanOrEqual(700);
    const eager = a.services.client<Where>('none', { retries: 0 });
    await expect(eager.where()).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
  });

  test('finds an instance that appears while it waits', async () => {
    const { a, b, time, within } = await threeNodes();
    const answer = a.services.client<Where>('where').where();
    await time.advance(150);
    await serve(b);
    expect(await within(answer)).toBe('b@h');
  });

  test('stays with one instance and takes another when that goes down', async () => {
    const { a, b, c, cluster, within } = await threeNodes();
    await serve(b);
    await serve(c);
    await cluster.time.advance(10);
    const client = a.services.client<Where>('where', { select: 'random' });
    const first = await within(client.where());
    for (let call = 0; call < 10; call += 1) expect(await within(client.where())).toBe(first);
    const [gone, left] = first === 'b@h' ? [b, c] : [c, b];
    cluster.crash(gone.member);
    expect(await within(client.where())).toBe(left.self.node);
  });

  test('tries another instance when the process was gone before the call came', async () => {
    const { a, b, c, time, within } = await threeNodes();
    const { pid } = await serve(b);
    await time.advance(10);
    const client = a.services.client<Where>('where');
    expect(await within(client.where())).toBe('b@h');
    await serve(c);
    await time.advance(10);
    b.processes.exit(pid, 'kill');
    // The news of the end takes as long as the call.
    expect(await within(client.where())).toBe('c@h');
  });

  test('tries another instance when the node could not be reached', async () => {
    const { a, b, c, within } = await threeNodes();
    await serve(b);
    await serve(c);
    await a.member.cluster.time.advance(10);
    a.member.links.unreachable.add('b@h');
    const client = a.services.client<Where>('where', { select: ([first]) => first });
    expect(await within(client.where())).toBe('c@h');
  });

  test('tries another instance when the node closed before the call came', async () => {
    const { a, b, c, cluster, time, within } = await threeNodes();
    await serve(b);
    await time.advance(10);
    const client = a.services.client<Where>('where');
    expect(await within(client.where())).toBe('b@h');
    await serve(c);
    await time.advance(10);
    const call = client.where();
    // The call, and the news that the service is withdrawn, pass each other on their ways.
    b.services.withdrawAll();
    await b.processes.drain(1_000);
    b.processes.close();
    await time.advance(3);
    cluster.crash(b.member);
    expect(await within(call)).toBe('c@h');
  });

  test('does not try again when the callee may have done the work', async () => {
    const { a, b, c, cluster, time, within } = await threeNodes();
    let calls = 0;
    const counting = {
      never: () => {
        calls += 1;
        return new Promise<never>(() => {});
      },
    };
    await b.services.register('where', counting);
    await c.services.register('where', counting);
    await time.advance(10);
    const client = a.services.client<Where>('where', { select: ([first]) => first });
    const call = client.never();
    await time.advance(10);
    cluster.crash(b.member);
    await expect(within(call)).rejects.toMatchObject({ code: 'ERR_NO_CONNECTION' });
    expect(calls).toBe(1);
  });

  test('its time-out bounds all attempts together', async () => {
    const { a, b, time, within } = await threeNodes();
    await serve(b);
    await time.advance(10);
    const patient = a.services.client<Where>('where');
    const startedMs = time.monotonicMs();
    const hurried = withOptions(patient, { timeoutMs: 250 });
    await expect(within(hurried.never())).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(time.monotonicMs() - startedMs).toBeLessThan(300);
    const same = withOptions(hurried, { timeoutMs: undefined });
    await expect(within(same.never())).rejects.toMatchObject({
      message: expect.stringContaining(' 250 ms'),
    });
    const absent = a.services.client<Where>('none', { timeoutMs: 250, retries: 100 });
    await expect(within(absent.where())).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(time.monotonicMs() - startedMs).toBeLessThan(900);
  });

  test('waits inside a call no longer than that has left, in all its attempts', async () => {
    const { a, b, time, within } = await threeNodes();
    await serve(b);
    const tookMs: number[] = [];
    const ask = async (name: string): Promise<void> => {
      const startedMs = time.monotonicMs();
      const client = b.services.client<Where>(name, { retries: 100 });
      await client.never().catch(() => {});
      tookMs.push(time.monotonicMs() - startedMs);
    };
    await b.services.register('asking', { ask });
    await time.advance(10);
    const asking = a.services.client<{ ask: typeof ask }>('asking', { timeoutMs: 700 });
    for (const name of ['where', 'none']) await within(asking.ask(name)).catch(() => {});
    await time.advance(10);
    expect(tookMs.length).toBe(2);
    for (const ms of tookMs) expect(Math.abs(ms - 700)).toBeLessThan(10);
  });

  test('an abort rejects with its reason, whatever it waits for', async () => {
    const { a, b, time, within } = await threeNodes();
    await serve(b);
    await time.advance(10);
    const reason = new Error('enough');
    for (const name of ['where', 'none']) {
      const controller = new AbortController();
      const client = a.services.client<Where>(name, { signal: controller.signal });
      const call = client.never();
      await time.advance(20);
      controller.abort(reason);
      await expect(within(call)).rejects.toBe(reason);
    }
  });

  test('a signal that is aborted already is the reason, also where nothing is there to call', async () => {
    const { a } = await threeNodes();
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    for (const retries of [0, 3]) {
      const client = a.services.client<Where>('none', { retries, signal });
      await expect(client.where()).rejects.toBe(reason);
    }
  });

  test('withOptions gives a handle that stays with the same instance', async () => {
    const { a, b, c, time, within } = await threeNodes();
    await serve(b);
    await serve(c);
    await time.advance(10);
    const client = a.services.client<Where>('where', { select: 'random' });
    const first = await within(withOptions(client, { timeoutMs: 1_000 }).where());
    for (let call = 0; call < 10; call += 1) {
      expect(await within(withOptions(client, { timeoutMs: 1_000 }).where())).toBe(first);
      expect(await within(client.where())).toBe(first);
    }
  });

  test('withOptions takes handles only', async () => {
    const { a } = await threeNodes();
    expect(() => withOptions({}, {})).toThrowError(expect.objectContaining({ code: 'ERR_OPTION' }));
    const client: Remote<Where> = a.services.client<Where>('where');
    const other: Remote<Where> = withOptions(client, { timeoutMs: 1 });
    expect(typeof other.where).toBe('function');
  });
});

function serve(node: NodeUnderTest): ReturnType<NodeUnderTest['services']['register']> {
  return node.services.register('where', {
    where: () => node.self.node,
    add: (a: number, b: number) => a + b,
    fail: () => {
      throw new Error(`${node.self.node} will not`);
    },
    never: () => new Promise(() => {}),
  });
}
