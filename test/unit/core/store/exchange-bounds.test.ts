/** Many nodes, maps and long names: what one round sends stays within its bounds. */
import { describe, expect, test } from 'vitest';
import { packStamp } from '../../../../src/core/clock/stamp.ts';
import { StampClock } from '../../../../src/core/clock/stamp-clock.ts';
import type { Replica } from '../../../../src/core/store/entry.ts';
import { encodeExchange } from '../../../../src/core/store/exchange/exchange-codec.ts';
import { knowledgeParts, turned } from '../../../../src/core/store/exchange/knowledge-parts.ts';
import type { ExchangeMessage } from '../../../../src/core/store/exchange/messages.ts';
import { buriedBatches } from '../../../../src/core/store/exchange/taking-in.ts';
import { HOSTS, hostsKey, REPLICAS, SERVICES } from '../../../../src/core/store/hosts.ts';
import { Knowledge } from '../../../../src/core/store/knowledge.ts';
import { Replicator } from '../../../../src/core/store/replicator.ts';
import type {
  ReplicatorEffect,
  ReplicatorTime,
} from '../../../../src/core/store/replicator-contract.ts';
import { Writer } from '../../../../src/core/wire/writer.ts';
import { systemDigest } from '../../../../src/host/system-digest.ts';
import {
  EXCHANGE_PARTNERS_MAX,
  FRAME_BYTES_MAX,
  KNOWLEDGE_FRAME_BYTES_MAX,
  NODE_NAME_BYTES_MAX,
  STORE_KEY_BYTES_MAX,
  STORE_NAME_BYTES_MAX,
  STORES_MAX,
} from '../../../../src/limits.ts';
import { SeededRandom } from '../../../../src/testing/seeded-random.ts';

const WALL_MS = 1_700_000_000_000;
const OWNED = { ownership: 'owner', lifetime: 'writer', tombstoneTtlMs: 60_000 } as const;
const SHARED = { ownership: 'anyone', lifetime: 'own', tombstoneTtlMs: 60_000 } as const;

function longName(index: number): string {
  return `${'n'.repeat(NODE_NAME_BYTES_MAX - 6)}${String(index).padStart(4, '0')}@h`;
}

function replica(index: number): Replica {
  return { node: longName(index), incarnation: BigInt(index) };
}

/** One of many nodes, all of which host all maps. */
class Crowded {
  readonly self: Replica;
  readonly core: Replicator;
  readonly #clock = new StampClock();
  now: ReplicatorTime = { monotonicMs: 0, wallMs: WALL_MS };

  constructor(index: number, { nodes, maps }: { readonly nodes: number; readonly maps: number }) {
    this.self = replica(index);
    this.core = new Replicator({
      self: this.self,
      random: new SeededRandom(index),
      digest: systemDigest,
      salt: 's',
      clock: {
        now: () => this.#clock.now(WALL_MS),
        observe: (stamp) => this.#clock.observe(stamp, WALL_MS),
      },
    });
    const own = { isDurable: false, self: this.self };
    for (const name of [SERVICES, HOSTS]) this.core.host(name, { ...OWNED, ...own }, this.now);
    this.core.host(REPLICAS, { ...SHARED, ...own }, this.now);
    const others = Array.from({ length: nodes }, (_, i) => replica(i)).filter(
      ({ node }) => node !== this.self.node,
    );
    for (const member of others) this.core.handle({ kind: 'memberUp', ...member }, this.now);
    this.core.handle({ kind: 'settled' }, this.now);
    for (let map = 0; map < maps; map += 1) this.#hear(others, mapName(map));
    for (let map = 0; map < maps; map += 1) {
      this.core.host(mapName(map), { ...SHARED, ...own }, this.now);
    }
  }

  tick(monotonicMs: number): readonly ReplicatorEffect[] {
    this.now = { monotonicMs, wallMs: WALL_MS + monotonicMs };
    return this.core.handle({ kind: 'tick' }, this.now);
  }

  receive(from: string, message: ExchangeMessage): readonly ReplicatorEffect[] {
    return this.core.handle({ kind: 'received', from, message }, this.now);
  }

  #hear(others: readonly Replica[], store: string): void {
    const entries = others.map((writer) => ({
      key: hostsKey(writer.node, store),
      stamp: this.#clock.now(WALL_MS),
      writer,
      value: new Writer().big(writer.incarnation).bool(true).take(),
      expiresAtMs: 0,
    }));
    this.core.handle({ kind: 'delta', from: 'x@h', store: HOSTS, entries }, this.now);
  }
}

/** As long as any. */
function mapName(index: number): string {
  return String(index).padStart(STORE_NAME_BYTES_MAX, 'm');
}

function sendsOf(
  effects: readonly ReplicatorEffect[],
): readonly { to: string; message: ExchangeMessage }[] {
  return effects.flatMap((effect) => (effect.kind === 'send' ? [effect] : []));
}

describe('one round of 1,000 nodes with 60 maps, all names as long as may be', () => {
  test('asks few nodes, each with a frame of bounded size, and so is the answer', () => {
    const one = new Crowded(0, { nodes: 1_000, maps: 60 });
    const asked = sendsOf(one.tick(5_000));
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.length).toBeLessThanOrEqual(EXCHANGE_PARTNERS_MAX);
    for (const { message } of asked) {
      expect(encodeExchange(message).length).toBeLessThan(KNOWLEDGE_FRAME_BYTES_MAX + 1_000);
    }
    // As another node would ask it, before and after a write here.
    const [first] = asked;
    const answers = [undefined, new Uint8Array(1)].flatMap((value) => {
      if (value !== undefined) one.core.write(mapName(0), [{ key: 'k', value }], one.now);
      return first === undefined ? [] : sendsOf(one.receive(longName(1), first.message));
    });
    expect(answers.map(({ message }) => message.body.kind)).toEqual(['same', 'differ']);
    for (const { message } of answers) {
      expect(encodeExchange(message).length).toBeGreaterThan(KNOWLEDGE_FRAME_BYTES_MAX * 0.9);
      expect(encodeExchange(message).length).toBeLessThan(FRAME_BYTES_MAX / 2);
    }
  });
});

describe('what is known', () => {
  test('of as many stores as one node hosts, each with thousands of replicas, fits a frame', () => {
    const stores = Array.from({ length: STORES_MAX }, (_, index) => {
      const knowledge = new Knowledge(replica(0));
      const live = Array.from({ length: index === 0 ? 9_000 : 50 }, (_unused, i) => replica(i));
      knowledge.setLive(live, 1n);
      // With gaps between what has come, as many as are told.
      for (const writer of index < 2 ? live : []) {
        for (let after = 0n; after < 80n; after += 10n) {
          knowledge.heard(writer, { after, upTo: after + 5n });
        }
      }
      return { name: mapName(index), knowledge };
    });
    for (const from of [stores, stores.toReversed()]) {
      const knowledge = knowledgeParts(from, packStamp(1, 1), new SeededRandom(1));
      const body = { kind: 'open', digest: new Uint8Array(16), knowledge } as const;
      const frame = encodeExchange({ exchange: 1, isAsking: true, body });
      expect(frame.length).toBeLessThan(KNOWLEDGE_FRAME_BYTES_MAX + 100);
      expect(frame.length).toBeGreaterThan(KNOWLEDGE_FRAME_BYTES_MAX * 0.9);
      for (const { knowledge: each } of knowledge)
        expect(each.known[0]?.replica).toEqual(replica(0));
    }
  });

  test('comes in its turn: every store, and every replica of a large one', () => {
    const random = new SeededRandom(3);
    const stores = Array.from({ length: 20 }, (_, index) => {
      const knowledge = new Knowledge(replica(0));
      knowledge.setLive(
        Array.from({ length: index === 0 ? 3_000 : 300 }, (_unused, i) => replica(i)),
        1n,
      );
      return { name: mapName(index), knowledge };
    });
    const heard = new Map<string, Set<string>>();
    for (let round = 0; round < 1_500; round += 1) {
      for (const { store, knowledge } of knowledgeParts(turned(stores, random), 9n, random)) {
        const nodes = heard.get(store) ?? new Set();
        heard.set(store, nodes);
        for (const { replica: each } of knowledge.known) nodes.add(each.node);
      }
    }
    expect(stores.map(({ name }) => heard.get(name)?.size)).toEqual([
      3_000,
      ...Array.from({ length: 19 }, () => 300),
    ]);
  });
});

test('deleted history of a whole frame of tiny entries goes out in frames of bounded size', () => {
  const buried = Array.from({ length: 4_096 }, (_, i) => ({
    key: i % 2 === 0 ? '' : 'k'.repeat(STORE_KEY_BYTES_MAX),
    stamp: BigInt(i),
    writer: replica(1),
    isCertain: true,
  }));
  const batches = [...buriedBatches(buried)];
  expect(batches.flat()).toEqual(buried);
  for (const entries of batches) {
    const body = { kind: 'buried', store: mapName(0), entries } as const;
    expect(encodeExchange({ exchange: 1, isAsking: true, body }).length).toBeLessThan(65_536);
  }
});
