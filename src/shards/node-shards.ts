/** Placement at one node: follows the roster, answers from a table, and holds what is its own. */
import type { ShardPort } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import { type KeyHash, keyHash } from '../core/placement/key-hash.ts';
import { Placement } from '../core/placement/placement.ts';
import type { PlacementTable } from '../core/placement/placement-table.ts';
import type { PlacedMember } from '../core/placement/ranked-member.ts';
import type { Key } from '../core/wire/key.ts';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { SHARDS_BOOT_MS } from '../limits.ts';
import type { Cancellable, Lagged } from '../observable.ts';
import { type Custody, type CustodyGround, ImmediateCustody } from './custody.ts';
import { HeldPartitions } from './held-partitions.ts';
import { ShardRuns } from './shard-runs.ts';
import type { ShardEvent, ShardJob, ShardShare, Shards } from './shards.ts';

export interface NodeShardsOptions {
  readonly host: Pick<Host, 'clock' | 'timers' | 'random' | 'logger' | 'meter'>;
  readonly port: ShardPort;
  readonly hash: KeyHash;
  readonly ringSize: number;
  /** Of this node, while the roster does not tell it. */
  readonly weight: number;
  /** Default: takes and gives at once. */
  readonly openCustody?: (ground: CustodyGround) => Custody;
}

export class NodeShards implements Shards {
  readonly ringSize: number;
  readonly #options: NodeShardsOptions;
  readonly #placement: Placement;
  readonly #held: HeldPartitions;
  readonly #custody: Custody;
  readonly #runs: ShardRuns;
  /** The last one that the custody was told. */
  #followed: PlacementTable | undefined;
  /** The members have changed since they were last looked at. */
  #isStale = false;
  /** Before that, tables are worked out when somebody asks only. */
  #isUsed = false;
  /** `met`: this node has been compared with a member, or is alone. */
  #state: 'out' | 'joined' | 'met' | 'leaving' | 'closed' = 'out';
  /** Since it joined; the roster may follow later. */
  #isCompared = false;
  #boot: Disposable | undefined;

  constructor(options: NodeShardsOptions) {
    const { host, port, ringSize, hash, openCustody } = options;
    this.ringSize = ringSize;
    this.#options = options;
    this.#placement = new Placement({ ringSize, hash }, this.#members);
    this.#held = new HeldPartitions(ringSize, host);
    this.#runs = new ShardRuns({ host, held: this.#held });
    const ground = {
      self: port.self.node,
      held: this.#held,
      placement: this.#placement,
      runs: this.#runs,
    };
    this.#custody = openCustody?.(ground) ?? new ImmediateCustody(ground);
    port.attach({
      onExchanged: () => this.#onExchanged(),
      onMembersChanged: () => this.#onMembersChanged(),
    });
  }

  /** Somebody on this node has these shards in hand: before that it holds nothing. Idempotent. */
  use(): void {
    if (this.#isUsed) return;
    this.#isUsed = true;
    this.#custody.use();
    if (this.#state === 'met') this.#look();
    this.#follow();
  }

  place(key: Key): NodeName {
    return this.#table.ownerOf(this.partition(key));
  }

  owners(key: Key, n: number): NodeName[] {
    if (!Number.isInteger(n) || n < 0) {
      throw new BarrelError('ERR_OPTION', `\`n\` must be an integer of 0 or more, received ${n}`);
    }
    const partition = this.partition(key);
    if (this.#isStale) this.#look();
    return this.#placement.owners(partition, n);
  }

  isOwner(key: Key): boolean {
    return this.#held.has(this.partition(key));
  }

  partition(key: Key): number {
    return keyHash(key, this.#options.hash) % this.ringSize;
  }

  /** Of the canonical bytes of a key. */
  partitionOfBytes(bytes: Uint8Array): number {
    return this.#options.hash.low(bytes) % this.ringSize;
  }

  ownerOf(partition: number): NodeName {
    if (Number.isInteger(partition) && partition >= 0 && partition < this.ringSize) {
      return this.#table.ownerOf(partition);
    }
    const text = `a partition is an integer from 0 to ${this.ringSize - 1}, not ${partition}`;
    throw new BarrelError('ERR_OPTION', text);
  }

  get epoch(): string {
    return this.#table.epoch;
  }

  shares(): ShardShare[] {
    const counts = this.#table.counts();
    return this.#placement.members.map(({ node, zone, weight }, at) => ({
      node,
      zone,
      weight,
      partitions: counts[at] ?? 0,
    }));
  }

  owned(): number[] {
    return this.#held.partitions;
  }

  async run(job: ShardJob, options?: Cancellable): Promise<void> {
    await this.#runs.run(job, options);
  }

  on<T extends ShardEvent['type']>(
    type: T,
    listener: (event: Extract<ShardEvent, { type: T }>) => void,
  ): Disposable {
    return this.#held.on(type, listener);
  }

  events(options?: Cancellable): AsyncIterable<ShardEvent | Lagged> {
    return this.#held.events(options);
  }

  /** This node takes part, for the first time or after `leave`; it knows of nobody yet. */
  join(): void {
    if (this.#state !== 'out' && this.#state !== 'leaving') return;
    this.#state = 'joined';
    this.#isCompared = false;
    this.#boot = this.#options.host.timers.after(SHARDS_BOOT_MS, () => this.settle());
    this.#onMembersChanged();
  }

  /** It is alone, or knows what others know. */
  settle(): void {
    if (this.#state !== 'joined') return;
    this.#state = 'met';
    this.#isCompared = false;
    this.#boot?.[Symbol.dispose]();
    if (this.#isUsed) this.#look();
    this.#follow();
  }

  /** Holds nothing any more, until it has joined again. Resolves when others are told. */
  async leave(): Promise<void> {
    if (this.#state === 'out' || this.#state === 'closed') return;
    await this.#end('out');
  }

  /** Holds nothing any more; all streams end. Idempotent. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    await this.#end('closed');
    this.#runs.close();
    this.#held.end();
  }

  async #end(state: 'out' | 'closed'): Promise<void> {
    this.#state = 'leaving';
    this.#boot?.[Symbol.dispose]();
    await this.#custody.surrender();
    // Who leaves may have joined again meanwhile.
    if (this.#state === 'leaving' || state === 'closed') this.#state = state;
    this.#followed = undefined;
  }

  /** By the members as they are known now. */
  get #table(): PlacementTable {
    if (this.#isStale) this.#look();
    return this.#placement.table;
  }

  get #members(): readonly PlacedMember[] {
    const { port, weight } = this.#options;
    const members = port
      .members()
      .map(({ node, record }) => ({ node, weight: record.weight, zone: record.zone }));
    return members.length === 0 ? [{ node: port.self.node, weight }] : members;
  }

  #onExchanged(): void {
    if (this.#state !== 'joined') return;
    this.#isCompared = true;
    this.#meet();
  }

  /** Who was compared and knows of nobody yet is not alone: it would take the whole ring. */
  #meet(): void {
    if (this.#state !== 'joined' || !this.#isCompared) return;
    const { port } = this.#options;
    if (port.members().some(({ node }) => node !== port.self.node)) this.settle();
  }

  #look(): void {
    this.#isStale = false;
    this.#placement.update(this.#members);
  }

  /** Many changes of one turn are one change. */
  #onMembersChanged(): void {
    // Not before all that came with the first one is known, too.
    if (this.#isCompared) this.#options.host.timers.soon(() => this.#meet());
    if (this.#isStale || this.#state === 'closed') return;
    this.#isStale = true;
    if (!this.#isUsed) return;
    this.#options.host.timers.soon(() => {
      if (this.#isStale) this.#look();
      this.#follow();
    });
  }

  #follow(): void {
    const { table } = this.#placement;
    if (!this.#isUsed) return;
    if (table === this.#followed) return;
    if (this.#state !== 'met' && this.#state !== 'leaving') return;
    this.#followed = table;
    if (this.#state === 'met') this.#custody.follow(table);
    else this.#custody.watch(table);
  }
}
