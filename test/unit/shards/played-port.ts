/** The placement of one node on virtual time: a test plays the roster. */
import type { ShardPort, ShardPortEvents } from '../../../src/cluster/ports.ts';
import type { LivingEntry } from '../../../src/core/roster/entry.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { loadKeyHash } from '../../../src/host/system-key-hash.ts';
import { NodeShards } from '../../../src/shards/node-shards.ts';
import type { ShardEvent } from '../../../src/shards/shards.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

export const SELF = 'm@test';

export class PlayedPort implements ShardPort {
  readonly self: ShardPort['self'] = { node: SELF, incarnation: 1n };
  #members: readonly LivingEntry[] = [];
  #events: ShardPortEvents | undefined;

  attach(events: ShardPortEvents): void {
    this.#events = events;
  }

  members(): readonly LivingEntry[] {
    return this.#members;
  }

  /** All who live now; each with weight 1, unless `weights` says something else. */
  live(names: readonly string[], weights: Readonly<Record<string, number>> = {}): void {
    this.#members = names.map((node) => entryOf(node, weights[node] ?? 1));
    this.#events?.onMembersChanged();
  }

  exchanged(): void {
    this.#events?.onExchanged();
  }
}

function entryOf(node: string, weight: number): LivingEntry {
  const record = {
    addresses: [],
    fingerprint: '',
    version: '',
    weight,
    meta: new Uint8Array(),
    neighbors: [],
  };
  return { node, incarnation: 1n, refutation: 0, status: 'alive', record };
}

export interface ShardsUnderTest {
  readonly shards: NodeShards;
  readonly port: PlayedPort;
  readonly time: VirtualTime;
  readonly meter: Meter;
  /** All events so far. */
  readonly told: ShardEvent[];
}

interface ShardsHow {
  readonly ringSize?: number;
  /** Somebody on the node has its shards in hand. */
  readonly isUsed?: boolean;
}

export async function shardsOf(how: ShardsHow = {}): Promise<ShardsUnderTest> {
  const { ringSize = 64, isUsed = true } = how;
  const time = new VirtualTime();
  const meter = new Meter();
  const port = new PlayedPort();
  const random = new SeededRandom(1);
  const host = { clock: time, timers: time, random, logger: silentLogger, meter };
  const hash = await loadKeyHash();
  const shards = new NodeShards({ host, port, hash, ringSize, weight: 1 });
  const told: ShardEvent[] = [];
  shards.on('acquired', (event) => told.push(event));
  shards.on('released', (event) => told.push(event));
  if (isUsed) shards.use();
  return { shards, port, time, meter, told };
}

/** The same, as a member that has met the others. */
export async function settledShards(
  names: readonly string[],
  ringSize = 64,
): Promise<ShardsUnderTest> {
  const under = await shardsOf({ ringSize });
  under.shards.join();
  under.port.live([SELF, ...names]);
  if (names.length === 0) under.shards.settle();
  else under.port.exchanged();
  await under.time.advance(0);
  return under;
}
