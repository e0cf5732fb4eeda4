/**
 * The counters of the partitions that this node holds, as a service. They live in memory; where a
 * partition goes to another node, its record goes into a replicated map, and the partition only
 * after it.
 *
 * A record: `{ total, counts, last }`. `counts`: by key. `last`: by caller the number of its last
 * increment. A caller numbers its increments and makes the next one when the last one is
 * acknowledged: so that one number tells whether an increment has been here, whichever answers were
 * lost. `total` is the number of increments: of two records of a partition the one with more is
 * newer.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export const SERVICE = 'counters';
const ASK_MS = 2_000;
/** A write that nobody waits for, on a slow day. */
const LATE_MS = 500;
const EMPTY = { total: 0, counts: new Map(), last: new Map() };

export class Counters {
  #node;
  #map;
  #isCareless;
  #isForgetful;
  /** By partition, while this node holds it and its record is here. */
  #records = new Map();
  #answers = 0;
  #losesEach;

  /**
   * `isCareless`: lets partitions go without waiting. `isForgetful`: knows no increment again.
   * `losesEach`: one of so many answers is lost after its increment was counted.
   */
  constructor(node, map, { isCareless, isForgetful, losesEach }) {
    this.#node = node;
    this.#map = map;
    this.#isCareless = isCareless;
    this.#isForgetful = isForgetful;
    this.#losesEach = losesEach;
  }

  /** For `shards.run`: a partition from when this node holds it until it has to go. */
  async hold({ partition, signal }) {
    const record = await this.#load(partition);
    if (signal.aborted) return;
    this.#records.set(partition, record);
    await new Promise((done) => signal.addEventListener('abort', done, { once: true }));
    // From here on nothing is counted: what is written below is all there is.
    this.#records.delete(partition);
    if (this.#isCareless) void sleep(LATE_MS).then(() => this.#map.put(partition, record));
    else await this.#handOn(partition, record);
  }

  /** What other nodes call. */
  service() {
    return {
      /** Counts one, once, whichever of its answers came through; gives the count. */
      increment: (key, caller, number) => {
        const partition = this.#node.shards.partition(key);
        const record = this.#records.get(partition);
        if (record === undefined) throw new Error(`partition ${partition} is not here`);
        this.#count(record, { key, caller, number });
        this.#answers += 1;
        if (this.#answers % this.#losesEach === 0) throw new Error('the answer was lost');
        return record.counts.get(key);
      },
      /** Of a partition that is here. */
      count: (key) => {
        const record = this.#records.get(this.#node.shards.partition(key));
        if (record === undefined) throw new Error(`the partition of ${key} is not here`);
        return record.counts.get(key) ?? 0;
      },
      /** Resolves when this node has a record of so many increments. */
      has: (partition, total) => this.#arrived(partition, total),
      /** What this node knows of a partition. */
      known: (partition) => this.#map.get(partition),
    };
  }

  #count(record, { key, caller, number }) {
    if (!this.#isForgetful && (record.last.get(caller) ?? 0) >= number) return;
    record.last.set(caller, number);
    record.counts.set(key, (record.counts.get(key) ?? 0) + 1);
    record.total += 1;
  }

  /**
   * Resolves when the record is in the memory of every member that answers: whichever becomes the
   * next owner finds it. A `put` alone waits for nobody.
   */
  async #handOn(partition, record) {
    await this.#map.put(partition, record);
    await this.#askOthers((others) => others.has(partition, record.total));
  }

  /** The newest record of those that members have: one that has just joined may have missed one. */
  async #load(partition) {
    const theirs = this.#isCareless ? [] : await this.#askOthers((one) => one.known(partition));
    const records = [EMPTY, this.#map.get(partition), ...theirs];
    const newest = records.reduce((a, b) => (b !== undefined && b.total > a.total ? b : a));
    return { ...newest, counts: new Map(newest.counts), last: new Map(newest.last) };
  }

  /** Answers; who has gone, or offers nothing yet, gives none. */
  async #askOthers(ask) {
    const others = this.#node.members().filter((name) => name !== this.#node.name);
    const outcomes = await Promise.allSettled(
      others.map((name) => ask(clientOf(this.#node, name, ASK_MS))),
    );
    return outcomes.filter(({ status }) => status === 'fulfilled').map(({ value }) => value);
  }

  #arrived(partition, total) {
    return new Promise((done) => {
      const look = () => {
        if ((this.#map.get(partition)?.total ?? 0) < total) return;
        listener[Symbol.dispose]();
        done();
      };
      const listener = this.#map.on('put', look);
      look();
    });
  }
}

/** The counters of that very node. */
export function clientOf(node, name, timeoutMs) {
  const select = (entries) => entries.find((entry) => entry.node === name);
  return node.services.client(SERVICE, { select, timeoutMs, retries: 0 });
}
