import { describe, expect, test } from 'vitest';
import { ContactLoop, type ContactLoopOptions } from '../../../src/cluster/contact-loop.ts';
import { DiscoveryChain } from '../../../src/discovery/chain.ts';
import { staticDiscovery } from '../../../src/discovery/static.ts';
import { BarrelError } from '../../../src/errors.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

/** Of chains whose ways all answer at once. */
const timers = new VirtualTime();

describe('the contacts of a node', () => {
  test('are no concern of a node that has none: it is alone and ready at once (B1)', async () => {
    const { loop, time, tries } = bench({ contacts: [] });
    loop.start();
    await time.advance(1);
    expect(await loop.joined).toEqual({ isAlone: true });
    expect(tries).toEqual([]);
    loop.stop();
  });

  test('are tried again with growing pauses until one accepts (B3)', async () => {
    const world = bench({ contacts: ['10.0.0.1:1'] });
    world.loop.start();
    await world.time.advance(20_000);
    expect(world.loop.hasJoined).toBe(false);
    expect(world.loop.reasons).toEqual(['10.0.0.1:1: nobody there']);
    const pauses = world.tries.slice(1).map((atMs, index) => atMs - (world.tries[index] ?? 0));
    expect(pauses.length).toBeGreaterThan(4);
    expect(pauses.at(-1)).toBeGreaterThan((pauses[0] ?? 0) * 4);

    world.answer = async () => {
      world.neighbors = 1;
      return 'seed@test';
    };
    await world.time.advance(60_000);
    expect(await world.loop.joined).toEqual({ isAlone: false });
    expect(world.loop.reasons).toEqual([]);
    world.loop.stop();
  });

  test('that are several are all tried while the node is alone (B3)', async () => {
    const contacts = Array.from({ length: 6 }, (_, i) => `c${i}@test`);
    const world = bench({ contacts });
    const tried: string[] = [];
    world.answer = async (contact) => {
      tried.push(contact);
      throw new BarrelError('ERR_UNREACHABLE', 'nobody there');
    };
    world.loop.start();
    await world.time.advance(1);
    expect(tried).toEqual(contacts);
    await world.time.advance(1_000);
    expect(tried.slice(6, 12)).toEqual(contacts);
    world.loop.stop();
  });

  test('that are members are left alone, for good (B4)', async () => {
    const world = bench({ contacts: ['near@test', 'far@test'] });
    world.neighbors = 1;
    world.members.add('near@test').add('far@test');
    world.loop.start();
    await world.time.advance(600_000);
    expect(world.tries).toEqual([]);
    world.loop.stop();
  });

  test('that are themselves are passed over, and the others tried again (B2)', async () => {
    const world = bench({ contacts: ['self@test', 'far@test'] });
    const tried: string[] = [];
    world.answer = async (contact) => {
      tried.push(contact);
      throw contact === 'self@test'
        ? new BarrelError('ERR_SELF', 'this node itself')
        : new BarrelError('ERR_UNREACHABLE', 'nobody there');
    };
    world.loop.start();
    await world.time.advance(5_000);
    expect(world.loop.hasJoined).toBe(false);
    expect(world.loop.reasons).toEqual(['far@test: nobody there']);
    expect(tried.filter((contact) => contact === 'far@test').length).toBeGreaterThan(2);
    world.loop.stop();
  });

  test('are tried although discovery throws, or answers what is no contact (B5)', async () => {
    const answers = [
      async (): Promise<never> => {
        throw new Error('broken');
      },
      async () => ['no contact', 7 as unknown as string],
      () => undefined as unknown as Promise<readonly string[]>,
    ];
    for (const contacts of answers) {
      const odd = { name: 'odd', resolve: async () => [], contacts };
      const discovery = new DiscoveryChain([odd], { logger: silentLogger, timers });
      const world = bench({ contacts: ['a@test'], discovery });
      world.loop.start();
      await world.time.advance(5_000);
      expect(world.tries.length).toBeGreaterThan(2);
      world.loop.stop();
    }
  });

  test('that nobody could be asked for do not leave a node alone, for there may be some', async () => {
    const silent = {
      name: 'dns',
      resolve: async () => [],
      contacts: async (): Promise<never> => {
        throw new Error('queryA ETIMEOUT');
      },
    };
    const world = bench({
      discovery: new DiscoveryChain([silent], { logger: silentLogger, timers }),
    });
    let isSettled = false;
    void world.loop.joined.then(() => {
      isSettled = true;
    });
    world.loop.start();
    await world.time.advance(60_000);
    expect(isSettled).toBe(false);
    expect(world.loop.reasons).toEqual(['dns: queryA ETIMEOUT']);
    world.loop.stop();
  });

  test('at the address of a member are left alone, and asked once that has gone', async () => {
    const world = bench({ contacts: ['10.0.0.1:1'] });
    world.at.set('10.0.0.1:1', 'near@test');
    world.members.add('near@test');
    world.neighbors = 1;
    world.loop.start();
    await world.time.advance(120_000);
    expect(world.tries).toEqual([]);

    world.at.clear();
    await world.time.advance(30_001);
    expect(world.tries.length).toBeGreaterThan(0);
    world.loop.stop();
  });

  test('that are this node itself do not keep it from being ready (B2)', async () => {
    const world = bench({ contacts: ['self@test'] });
    world.answer = async () => {
      throw new BarrelError('ERR_SELF', 'this node itself');
    };
    world.loop.start();
    await world.time.advance(1);
    expect(await world.loop.joined).toEqual({ isAlone: true });
    world.loop.stop();
  });

  test('are tried again when one of them is no member: so two halves find each other (N14)', async () => {
    const world = bench({ contacts: ['near@test', 'far@test'] });
    world.members.add('near@test');
    world.neighbors = 2;
    const tried: string[] = [];
    world.answer = async (contact) => {
      tried.push(contact);
      throw new BarrelError('ERR_UNREACHABLE', 'cut off');
    };
    world.loop.start();
    await world.time.advance(60_000);
    expect(new Set(tried)).toEqual(new Set(['far@test']));
    expect(tried.length).toBeGreaterThan(2);
    world.loop.stop();
  });

  test('come from discovery too, each once', async () => {
    const tried: string[] = [];
    const found = { ...staticDiscovery({}), contacts: async () => ['a@test', 'b@test'] };
    const world = bench({
      contacts: ['a@test'],
      discovery: new DiscoveryChain([found], { logger: silentLogger, timers }),
    });
    world.answer = async (contact) => {
      tried.push(contact);
      throw new BarrelError('ERR_UNREACHABLE', 'nobody there');
    };
    world.loop.start();
    await world.time.advance(1);
    expect(tried).toEqual(['a@test', 'b@test']);
    world.loop.stop();
  });

  test('give way to peers of an earlier start when none of them answers', async () => {
    const tried: string[] = [];
    const world = bench({ contacts: ['10.0.0.1:1'], saved: ['old@test/10.0.0.2:1'] });
    world.answer = async (contact) => {
      tried.push(contact);
      if (contact !== 'old@test/10.0.0.2:1') throw new BarrelError('ERR_UNREACHABLE', 'nobody');
      world.neighbors = 1;
      return 'old@test';
    };
    world.loop.start();
    await world.time.advance(1);
    expect(await world.loop.joined).toEqual({ isAlone: false });
    expect(tried).toEqual(['10.0.0.1:1', 'old@test/10.0.0.2:1']);
    world.loop.stop();
  });

  test('that are missing leave a node alone when no peer of an earlier start answers', async () => {
    const saved = Array.from({ length: 20 }, (_, i) => `old${i}@test/10.0.0.2:1`);
    const world = bench({ contacts: [], saved });
    world.loop.start();
    await world.time.advance(1);
    expect(await world.loop.joined).toEqual({ isAlone: true });
    expect(world.tries).toHaveLength(4);
    world.loop.stop();
  });

  test('are left alone after stop, until the next start', async () => {
    const world = bench({ contacts: ['10.0.0.1:1'] });
    world.loop.start();
    await world.time.advance(1_000);
    world.loop.stop();
    const before = world.tries.length;
    await world.time.advance(60_000);
    expect(world.tries.length).toBe(before);
    world.loop.start();
    await world.time.advance(1_000);
    expect(world.tries.length).toBeGreaterThan(before);
    world.loop.stop();
  });
});

interface World {
  readonly loop: ContactLoop;
  readonly time: VirtualTime;
  /** Virtual times at which somebody was asked. */
  readonly tries: number[];
  readonly members: Set<string>;
  /** Members by what they announce. */
  readonly at: Map<string, string>;
  neighbors: number;
  answer: (contact: string) => Promise<string>;
}

function bench(
  options: Partial<Pick<ContactLoopOptions, 'contacts' | 'saved' | 'discovery'>>,
): World {
  const time = new VirtualTime();
  const world: World = {
    loop: new ContactLoop({
      host: { timers: time, random: new SeededRandom(1), logger: silentLogger },
      contacts: options.contacts ?? [],
      saved: options.saved ?? [],
      discovery:
        options.discovery ?? new DiscoveryChain([], { logger: silentLogger, timers: time }),
      join: async (contact) => {
        world.tries.push(time.monotonicMs());
        return world.answer(contact);
      },
      isMember: (node) => world.members.has(node),
      whoIsAt: (address) => world.at.get(address),
      hasNeighbors: () => world.neighbors > 0,
    }),
    time,
    tries: [],
    members: new Set(),
    at: new Map(),
    neighbors: 0,
    answer: async () => {
      throw new BarrelError('ERR_UNREACHABLE', 'nobody there');
    },
  };
  return world;
}
