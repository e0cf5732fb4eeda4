/** Hand-off of one node on virtual time: a test plays the roster and the other nodes. */
import type { CustodyPort } from '../../../src/cluster/ports.ts';
import type { NodeName } from '../../../src/core/names.ts';
import type { CustodyMessage } from '../../../src/core/placement/custody-codec.ts';
import type { Logger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { loadKeyHash } from '../../../src/host/system-key-hash.ts';
import { settlement } from '../../../src/settlement.ts';
import { HandOff } from '../../../src/shards/hand-off-driver.ts';
import { NodeShards } from '../../../src/shards/node-shards.ts';
import type { HeldShard } from '../../../src/shards/shards.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { PlayedPort, SELF } from './played-port.ts';

export const OTHER = 'a@test';
export const RING = 16;

class PlayedLinks implements CustodyPort {
  readonly sentMessages: (readonly [to: NodeName, message: CustodyMessage])[] = [];
  /** Never: a node cannot be reached, and the dial goes on. */
  sentBy: Promise<void> = Promise.resolve();
  rttMs: number = 0;
  hear: (from: NodeName, message: CustodyMessage) => void = () => {};

  onCustody(listener: (from: NodeName, message: CustodyMessage) => void): void {
    this.hear = listener;
  }

  sendCustody(to: NodeName, message: CustodyMessage): void {
    this.sentMessages.push([to, message]);
  }

  sent(): Promise<void> {
    return this.sentBy;
  }

  longestRttMs(): number {
    return this.rttMs;
  }
}

/** Works on partitions until a test lets it end. */
export class PlayedJob {
  readonly shards: HeldShard[] = [];
  /** Partitions that are worked on now; one that is there twice is worked on by two. */
  readonly atWork: number[] = [];
  readonly #ends = new Map<number, () => void>();

  readonly run = async (shard: HeldShard): Promise<void> => {
    const { partition } = shard;
    const end = settlement<void>();
    this.shards.push(shard);
    this.atWork.push(partition);
    this.#ends.set(partition, () => end.resolve());
    await end.promise;
    this.atWork.splice(this.atWork.indexOf(partition), 1);
  };

  end(...partitions: readonly number[]): void {
    for (const partition of partitions) this.#ends.get(partition)?.();
  }

  signalOf(partition: number): AbortSignal | undefined {
    return this.shards.findLast((shard) => shard.partition === partition)?.signal;
  }
}

export class HandOffUnderTest {
  readonly time: VirtualTime = new VirtualTime();
  readonly meter: Meter = new Meter();
  readonly port: PlayedPort = new PlayedPort();
  readonly links: PlayedLinks = new PlayedLinks();
  readonly warnings: string[] = [];
  readonly released: number[] = [];
  readonly shards: NodeShards;

  private constructor(hash: Awaited<ReturnType<typeof loadKeyHash>>, handOffMs: number) {
    const { time, meter, port, links, warnings } = this;
    const ignore = (): void => {};
    const warn = (text: string): void => void warnings.push(text);
    const logger: Logger = { debug: ignore, info: ignore, warn, error: warn };
    const host = { clock: time, timers: time, random: new SeededRandom(1), logger, meter };
    this.shards = new NodeShards({
      host,
      port,
      hash,
      ringSize: RING,
      weight: 1,
      openCustody: (ground) => new HandOff({ ...ground, host, port: links, handOffMs }),
    });
    this.shards.on('released', ({ partition }) => this.released.push(partition));
  }

  /** A member that is alone, and so holds the whole ring. */
  static async alone(handOffMs: number = 10_000): Promise<HandOffUnderTest> {
    const under = await HandOffUnderTest.unused([SELF], handOffMs);
    under.shards.use();
    return under;
  }

  /** A member among these of which nobody uses the shards yet. */
  static async unused(
    names: readonly string[],
    handOffMs: number = 10_000,
  ): Promise<HandOffUnderTest> {
    const under = new HandOffUnderTest(await loadKeyHash(), handOffMs);
    under.shards.join();
    await under.live(...names);
    under.shards.settle();
    return under;
  }

  async live(...names: readonly string[]): Promise<void> {
    this.port.live(names);
    await this.time.advance(0);
  }

  /** This node and the other one live, and this one has that weight from now on. */
  async weigh(weight: number): Promise<void> {
    this.port.live([SELF, OTHER], { [SELF]: weight });
    await this.time.advance(0);
  }

  /** What was sent since it was last asked for. */
  get sent(): readonly (readonly [to: NodeName, message: CustodyMessage])[] {
    return this.links.sentMessages.splice(0);
  }

  metric(name: string): number | undefined {
    return this.meter.snapshot()[name];
  }

  /** By the members as they are now. */
  ownedBy(node: NodeName): readonly number[] {
    const all = Array.from({ length: RING }, (_, partition) => partition);
    return all.filter((partition) => this.shards.ownerOf(partition) === node);
  }
}
