/** The elections of one node on stores in memory: a test plays the other nodes, broken ones too. */
import { describe, expect, test } from 'vitest';
import type {
  ElectionEvents,
  ElectionPort,
  NodeRef,
  TableChange,
} from '../../../src/cluster/ports.ts';
import { StampClock } from '../../../src/core/clock/stamp-clock.ts';
import { encodeCandidate } from '../../../src/core/election/candidate-codec.ts';
import { packToken } from '../../../src/core/election/fence-token.ts';
import { encodeTerm } from '../../../src/core/election/term-record.ts';
import { pidOf } from '../../../src/core/pid.ts';
import { encodeText } from '../../../src/core/store/binary-text.ts';
import { BarrelError } from '../../../src/errors.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { LeaderElections } from '../../../src/leaders/leader-elections.ts';
import { LEADER_WATCHES_MAX } from '../../../src/limits.ts';
import type { Processes } from '../../../src/processes/processes.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { type MemoryStore, MemoryStores } from '../maps/memory-stores.ts';

const NAME = 'nightly';
const SELF: NodeRef = { node: 'm@t', incarnation: 7n };
const OTHER: NodeRef = { node: 'a@t', incarnation: 1n };

/** What the cluster is for elections, played by the test. */
class PlayedPort implements ElectionPort {
  readonly self = SELF;
  readonly membership: { living: number; unsuspected: number } = { living: 2, unsuspected: 2 };
  readonly published = new Map<string, Uint8Array>();
  refusal: BarrelError | undefined;
  #events: ElectionEvents | undefined;
  #onChange: (change: TableChange) => void = () => {};

  readonly candidates: ElectionPort['candidates'] = {
    put: (key, value) => {
      if (this.refusal !== undefined) throw this.refusal;
      this.published.set(key, value);
    },
    remove: (key) => void this.published.delete(key),
    onChange: (listener) => {
      this.#onChange = listener;
      return { [Symbol.dispose]: () => {} };
    },
  };

  attach(events: ElectionEvents): void {
    this.#events = events;
  }

  sendBallot(): void {}

  /** The neighbour answers at once. */
  ask(nonce: number): void {
    this.#events?.onAttested(nonce);
  }

  tell(value: Uint8Array | undefined, cause: TableChange['cause'] = 'owner'): void {
    this.#onChange({ owner: OTHER, key: NAME, value, cause });
  }
}

interface UnderTest {
  readonly leaders: LeaderElections;
  readonly port: PlayedPort;
  readonly time: VirtualTime;
  readonly meter: Meter;
  readonly fences: MemoryStore;
}

/** A member that knows what others know. */
async function member(): Promise<UnderTest> {
  const time = new VirtualTime();
  const meter = new Meter();
  const port = new PlayedPort();
  const stores = new MemoryStores();
  const stamps = new StampClock();
  const host = {
    clock: time,
    timers: time,
    random: new SeededRandom(1),
    logger: silentLogger,
    meter,
  };
  const leaders = await LeaderElections.open({
    host,
    port,
    stores,
    durable: undefined,
    processes: aliveForEver(),
    clock: {
      now: () => stamps.now(time.wallMs()),
      observe: (stamp) => stamps.observe(stamp, time.wallMs()),
    },
    config: {},
  });
  leaders.join();
  leaders.settle();
  const fences = stores.opened[0];
  if (fences === undefined) throw new Error('no store was opened');
  return { leaders, port, time, meter, fences };
}

/** One process, which neither ends nor hears anything. */
function aliveForEver(): Processes {
  const handle = { ref: '', [Symbol.dispose]: () => {} };
  const pid = pidOf(SELF.node, SELF.incarnation, 3);
  const played: Pick<Processes, 'spawn' | 'monitor' | 'isAlive' | 'exit'> = {
    spawn: () => pid,
    monitor: () => handle,
    isAlive: () => true,
    exit: () => {},
  };
  return played as Processes;
}

const CANDIDATE = { priority: 0, isSticky: true, serial: 1, term: undefined };
const GARBAGE = [new Uint8Array(), Uint8Array.of(1, 2, 3), new Uint8Array(300).fill(0xc3)];

describe('word of other nodes', () => {
  test('that makes no sense is counted, and elections go on (L9)', async () => {
    const { leaders, port, time, meter, fences } = await member();
    for (const bytes of GARBAGE) {
      port.tell(bytes);
      fences.arrive(encodeText(NAME), bytes);
    }
    await leaders.campaign(NAME);
    await time.advance(1_000);
    expect(leaders.isLeader(NAME)).toBe(true);
    // Those of the store again, where the campaign looks the greatest token up.
    const count = meter.snapshot()['barrel_elections_invalid_entries_total'];
    expect(count).toBeGreaterThanOrEqual(2 * GARBAGE.length);
  });

  test('of a token far in the future is exceeded (L8)', async () => {
    const { leaders, time, fences } = await member();
    const token = packToken(2n ** 39n, 5);
    fences.arrive(encodeText(NAME), encodeTerm({ ...OTHER, token }));
    await leaders.campaign(NAME);
    await time.advance(1_000);
    expect(leaders.fence(NAME)).toBeGreaterThan(token);
    const greater = packToken(2n ** 39n + 9n, 5);
    fences.arrive(encodeText(NAME), encodeTerm({ ...OTHER, token: greater }));
    await time.advance(1_000);
    expect(leaders.fence(NAME)).toBeGreaterThan(greater);
  });

  test('of a smaller name ends a term that is not sticky, and its end gives it back (L5)', async () => {
    const { leaders, port, time } = await member();
    const candidacy = await leaders.campaign(NAME, { sticky: false });
    const words: string[] = [];
    candidacy.on('elected', ({ term }) => words.push(`elected ${term.fence > 0n}`));
    candidacy.on('revoked', () => words.push('revoked'));
    await time.advance(1_000);
    port.tell(encodeCandidate(CANDIDATE));
    expect(leaders.isLeader(NAME)).toBe(false);
    port.tell(
      encodeCandidate({ ...CANDIDATE, term: leaders.fence(NAME) ?? packToken(2n ** 39n, 1) }),
    );
    expect(leaders.leader(NAME)).toEqual({ node: 'a@t', pid: pidOf('a@t', 1n, 1) });
    port.tell(undefined, 'gone');
    await time.advance(1_000);
    expect(words).toEqual(['elected true', 'revoked', 'elected true']);
  });
});

test('a candidacy that others cannot be told of is no more, and never leads', async () => {
  const { leaders, port, time } = await member();
  port.refusal = new BarrelError('ERR_OVERLOADED', 'full');
  const candidacy = await leaders.campaign(NAME);
  await time.advance(5_000);
  expect(candidacy.role).toBe('follower');
  expect(leaders.leader(NAME)).toBeUndefined();
  port.refusal = undefined;
  await leaders.campaign(NAME);
  await time.advance(1_000);
  expect(leaders.isLeader(NAME)).toBe(true);
});

test('a job whose candidacy cannot be told of campaigns again', async () => {
  const { leaders, port, time } = await member();
  port.refusal = new BarrelError('ERR_OVERLOADED', 'full');
  let runs = 0;
  let hasEnded = false;
  const running = leaders.run(NAME, async () => {
    runs += 1;
  });
  const end = (): void => {
    hasEnded = true;
  };
  running.then(end, end);
  await time.advance(60_000);
  expect([runs, hasEnded]).toEqual([0, false]);
  port.refusal = undefined;
  await time.advance(60_000);
  expect([runs, hasEnded]).toEqual([1, false]);
  const closing = leaders.close();
  await time.advance(2_000);
  await closing;
  await running;
});

describe('streams of who leads', () => {
  test('take a place when they are read, and no longer', async () => {
    const { leaders } = await member();
    for (let count = 0; count <= LEADER_WATCHES_MAX; count += 1) leaders.watch(NAME);
    const readers = Array.from({ length: LEADER_WATCHES_MAX }, () =>
      leaders.watch(NAME)[Symbol.asyncIterator](),
    );
    const watch = leaders.watch(NAME);
    const read = async (): Promise<unknown> => {
      for await (const leader of watch) return leader;
      return 'ended';
    };
    await expect(read()).rejects.toMatchObject({ code: 'ERR_OVERLOADED' });
    for await (const leader of leaders.reserved.watch('barrel:own')) {
      expect(leader).toBeUndefined();
      break;
    }
    await readers[0]?.return?.();
    expect(await read()).toBeUndefined();
    expect(await read()).toBeUndefined();
  });

  test('begin with who leads when they are read', async () => {
    const { leaders, time } = await member();
    const watch = leaders.watch(NAME);
    await leaders.campaign(NAME);
    await time.advance(1_000);
    const seen = await watch[Symbol.asyncIterator]().next();
    expect(seen.value).toEqual(leaders.leader(NAME));
    expect(seen.value).toBeDefined();
  });

  test('whose signal has aborted before they are read take no place', async () => {
    const { leaders } = await member();
    const abort = new AbortController();
    const watch = leaders.watch(NAME, { signal: abort.signal });
    const reason = new Error('not wanted any more');
    abort.abort(reason);
    expect(() => watch[Symbol.asyncIterator]()).toThrow(reason);
  });

  test('end at once on a node that has closed', async () => {
    const { leaders } = await member();
    const watch = leaders.watch(NAME);
    await leaders.close();
    const seen: unknown[] = [];
    for await (const leader of watch) seen.push(leader);
    expect(seen).toEqual([undefined]);
  });
});

test('nothing is published of a node that closed', async () => {
  const { leaders, port, time } = await member();
  await leaders.campaign(NAME);
  await time.advance(1_000);
  expect(port.published.size).toBe(1);
  await leaders.close();
  await leaders.close();
  expect(port.published.size).toBe(0);
  expect(leaders.leader(NAME)).toBeUndefined();
});
