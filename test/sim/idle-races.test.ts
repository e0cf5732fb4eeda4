/**
 * Messages that race with the end of the links that carry them: nodes send now and then, with
 * pauses about as long as a link may be idle, while datagrams get lost and the network is cut.
 */
import { describe, expect, test } from 'vitest';
import { LANE_COUNT } from '../../src/limits.ts';
import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { join, SimulatedClusters, type TestNode } from '../unit/cluster/simulated-cluster.ts';

const NODES = 7;
/** Short, so that a minute has many ends of links. */
const ECONOMY = { idleMs: 1_000, onDemandMax: 1 };
const SEEDS = Array.from({ length: 20 }, (_, seed) => seed + 1);

interface Sent {
  readonly from: number;
  readonly to: number;
  readonly lane: number;
  readonly number: number;
  readonly atMs: number;
}

/** The end of a link that was not agreed, or a node that could not be reached. */
interface Loss {
  readonly at: number;
  readonly peer: string;
  readonly why: string;
  readonly atMs: number;
}

class Race {
  readonly clusters: SimulatedClusters;
  readonly random: SeededRandom;
  readonly nodes: TestNode[] = [];
  readonly sent: Sent[] = [];
  readonly losses: Loss[] = [];
  /** How many of the ends that each node has recorded are noted. */
  readonly #noted = new Map<object, number>();

  constructor(seed: number) {
    this.clusters = new SimulatedClusters(seed);
    this.random = new SeededRandom(1_000 + seed);
  }

  /** With few neighbours, so that most links are on demand. */
  async start(): Promise<void> {
    for (let index = 0; index < NODES; index += 1) {
      const node = await this.clusters.start(nameOf(index), { activeSize: 3, economy: ECONOMY });
      this.nodes.push(node);
      const [first] = this.nodes;
      if (first !== undefined && index > 0) await join(this.clusters, node, first);
    }
    const isKnown = ({ cluster }: TestNode): boolean => cluster.alive().length === NODES;
    await this.clusters.time.runUntil(() => this.nodes.every(isKnown), 60_000);
    await this.clusters.time.advance(5_000);
    this.#note();
    this.losses.length = 0;
  }

  /** Everybody sends for so long; `disturb` is called each half second. */
  async send(ms: number, disturb: () => void = () => {}): Promise<void> {
    const endMs = this.nowMs + ms;
    let disturbMs = this.nowMs;
    while (this.nowMs < endMs) {
      this.#sendOne();
      if (this.nowMs >= disturbMs) {
        disturb();
        disturbMs += 500;
      }
      await this.clusters.time.advance(this.random.float() * 60);
      this.#note();
    }
  }

  async rest(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      await this.clusters.time.advance(100);
      this.#note();
    }
  }

  /** Messages that came twice, too early or not at all, but for those that a loss explains. */
  faults(): string[] {
    const faults: string[] = [];
    for (const way of new Set(this.sent.map(wayOf))) {
      const sent = this.sent.filter((message) => wayOf(message) === way);
      const [{ from, to, lane } = { from: 0, to: 0, lane: 0 }] = sent;
      const came = this.nodes[to]?.messages.frames
        .map(({ from: { node }, text }) => ({ node, ...parse(text) }))
        .filter((frame) => frame.node === nameOf(from) && frame.lane === lane)
        .map(({ number }) => number);
      const numbers = came ?? [];
      const isOrdered = numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0));
      if (!isOrdered) faults.push(`${way} came as ${numbers}`);
      const got = new Set(numbers);
      for (const message of sent) {
        if (!got.has(message.number) && !this.#isExplained(message)) {
          faults.push(`${way} lost ${message.number}, sent at ${message.atMs.toFixed(0)}`);
        }
      }
    }
    return faults;
  }

  metric(name: string): number {
    return this.nodes.reduce((sum, { meter }) => sum + (meter.snapshot()[name] ?? 0), 0);
  }

  get nowMs(): number {
    return this.clusters.time.monotonicMs();
  }

  /** Any node. */
  pick(): number {
    return Math.floor(this.random.float() * NODES);
  }

  addressOf(index: number): string {
    return this.nodes[index]?.cluster.address ?? '';
  }

  #sendOne(): void {
    const [from, to] = [this.pick(), this.pick()];
    // Few pairs, each with pauses: else no link is ever idle.
    if (from === to || this.random.float() < 0.6) return;
    const lane = this.random.float() < 0.5 ? 0 : LANE_COUNT - 1;
    const number = this.sent.length + 1;
    this.sent.push({ from, to, lane, number, atMs: this.nowMs });
    const frame = Buffer.from(`m${lane}:${number}`);
    this.nodes[from]?.cluster.messages.send(nameOf(to), lane, frame);
  }

  #note(): void {
    for (const [at, { messages }] of this.nodes.entries()) {
      for (const { peer, reason } of this.#news(messages.downs)) {
        if (reason !== 'idle')
          this.losses.push({ at, peer: peer.node, why: reason, atMs: this.nowMs });
      }
      for (const { node, error } of this.#news(messages.unreachable)) {
        this.losses.push({ at, peer: node, why: error.message, atMs: this.nowMs });
      }
    }
  }

  /** What was added to a list that only grows. */
  #news<T>(list: readonly T[]): readonly T[] {
    const noted = this.#noted.get(list) ?? 0;
    this.#noted.set(list, list.length);
    return list.slice(noted);
  }

  #isExplained({ from, to, atMs }: Sent): boolean {
    return this.losses.some(
      (loss) =>
        loss.atMs >= atMs &&
        ((loss.at === from && loss.peer === nameOf(to)) ||
          (loss.at === to && loss.peer === nameOf(from))),
    );
  }
}

function nameOf(index: number): string {
  return `n${index}@test`;
}

function wayOf({ from, to, lane }: Sent): string {
  return `${from}>${to}/${lane}`;
}

function parse(text: string): { readonly lane: number; readonly number: number } {
  const [lane = '', number = ''] = text.slice(1).split(':');
  return { lane: Number(lane), number: Number(number) };
}

const totals = { agreed: 0, wentOn: 0, lost: 0 };

describe('while datagrams get lost and links end', () => {
  test.each(SEEDS)('seed %i: every message comes once and in order', async (seed) => {
    const race = new Race(seed);
    await race.start();
    race.clusters.network.link({ loss: 0.1, latencyMs: [1, 60] });
    await race.send(60_000);
    race.clusters.network.link({ loss: 0 });
    await race.rest(20_000);
    // Nothing may be lost at all.
    race.losses.length = 0;
    expect(race.faults()).toEqual([]);
    totals.agreed += race.metric('barrel_links_ended_total{reason="idle"}');
    totals.wentOn += race.metric('barrel_links_gone_on_total');
  });

  test('links did end, and some went on after one end had agreed', () => {
    expect(totals.agreed).toBeGreaterThan(500);
    expect(totals.wentOn).toBeGreaterThan(5);
  });
});

describe('while the network is cut and links end', () => {
  test.each(SEEDS)('seed %i: what is lost, a lost link explains', async (seed) => {
    const race = new Race(seed);
    await race.start();
    const { network } = race.clusters;
    network.link({ loss: 0.05, latencyMs: [1, 40] });
    await race.send(90_000, () => {
      const chance = race.random.float();
      if (chance < 0.1) {
        const [one, other] = [race.pick(), race.pick()];
        network.cut(race.addressOf(one), race.addressOf(other));
      } else if (chance < 0.2) network.heal();
    });
    network.heal();
    await race.rest(30_000);
    expect(race.faults()).toEqual([]);
    totals.lost += race.losses.length;
  });

  test('links were lost, too', () => {
    expect(totals.lost).toBeGreaterThan(10);
  });
});
