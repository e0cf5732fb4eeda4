/** Who hears of which events of services. */
import { describe, expect, test } from 'vitest';
import type { Pid } from '../../../src/core/pid.ts';
import { EVENT_BACKLOG_MAX } from '../../../src/limits.ts';
import type { Lagged } from '../../../src/observable.ts';
import type { ServiceEvent } from '../../../src/services/services.ts';
import { type NodeUnderTest, threeNodes } from './node-under-test.ts';

describe('a filter of service events', () => {
  test('by name lets through that name alone, on each node', async () => {
    const { a, b, time } = await threeNodes();
    const heard: string[] = [];
    const note = ({ type, name }: ServiceEvent): void => void heard.push(`${type} ${name}`);
    const handles = [a, b].map(({ services }) => services.on('registered', note, { name: 'two' }));
    for (const name of ['one', 'two', 'twofold']) await a.services.register(name, idle(a));
    await time.advance(10);
    expect(heard).toEqual(['registered two', 'registered two']);
    for (const handle of handles) handle[Symbol.dispose]();
    await a.services.unregister('two');
    await a.services.register('two', idle(a));
    await time.advance(10);
    expect(heard).toHaveLength(2);
  });

  test('by prefix lets through all names that begin so', async () => {
    const { a, b, time } = await threeNodes();
    const stream = read(b, { prefix: 'test_' });
    for (const name of ['prod_x', 'test_x', 'a_test_', 'test_']) {
      await a.services.register(name, idle(a));
    }
    await a.services.unregister('prod_x');
    a.processes.exit(a.services.lookupLocal('test_x') as Pid, 'tired');
    await time.advance(10);
    expect(
      stream.map((event) => ('name' in event ? `${event.type} ${event.name}` : event)),
    ).toEqual(['registered test_x', 'registered test_', 'down test_x']);
  });

  test('keeps other events out of the backlog, too', async () => {
    const { a, time } = await threeNodes();
    const events = a.services.events({ name: 'rare' })[Symbol.asyncIterator]();
    const pid = idle(a);
    await a.services.register('rare', pid);
    for (let i = 0; i < EVENT_BACKLOG_MAX; i += 1) {
      await a.services.register('often', pid);
      await a.services.unregister('often');
    }
    await a.services.unregister('rare');
    await time.advance(1);
    const types = [(await events.next()).value, (await events.next()).value].map(
      ({ type }) => type,
    );
    expect(types).toEqual(['registered', 'unregistered']);
  });

  test('gives all events when it is empty, and is checked', async () => {
    const { a, time } = await threeNodes();
    const stream = read(a, {});
    await a.services.register('one', idle(a));
    await time.advance(1);
    expect(stream).toHaveLength(1);
    for (const filter of [{ name: '' }, { prefix: 7 }, { name: 'a', prefix: 'a' }]) {
      expect(() => a.services.on('down', () => {}, filter as never)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION' }),
      );
      expect(() => a.services.events(filter as never)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION' }),
      );
    }
  });
});

test('a look-up costs as much among ten thousand services as alone', async () => {
  const { a, b, cluster, time, within } = await threeNodes();
  await b.services.register('wanted', idle(b));
  await time.advance(10);
  let asked = 0;
  const isAlive = cluster.isAlive.bind(cluster);
  cluster.isAlive = (node, incarnation) => {
    asked += 1;
    return isAlive(node, incarnation);
  };
  const cost = async (): Promise<number> => {
    asked = 0;
    expect(a.services.lookup('wanted')).toHaveLength(1);
    expect(a.services.lookup('none')).toEqual([]);
    expect(await a.services.whereis('wanted')).toMatchObject({ node: 'b@h' });
    expect(await within(a.services.whereis('none', { retries: 0 }))).toBeUndefined();
    return asked;
  };
  const alone = await cost();
  const pid = idle(b);
  for (let i = 0; i < 10_000; i += 1) await b.services.register(`s${i}`, pid);
  await time.advance(100);
  expect(a.services.list()).toHaveLength(10_001);
  expect([alone, await cost()]).toEqual([2, 2]);
});

function idle({ processes }: NodeUnderTest): Pid {
  return processes.spawn((self) => self.receive());
}

/** What comes, as it comes. */
function read(
  { services }: NodeUnderTest,
  filter: Parameters<NodeUnderTest['services']['events']>[0],
): (ServiceEvent | Lagged)[] {
  const heard: (ServiceEvent | Lagged)[] = [];
  const follow = async (): Promise<void> => {
    for await (const event of services.events(filter)) heard.push(event);
  };
  void follow();
  return heard;
}
