/** Replicators whose clocks and frames a test moves by hand. */
import { packStamp } from '../../../../src/core/clock/stamp.ts';
import { StampClock } from '../../../../src/core/clock/stamp-clock.ts';
import type { Entry, Replica } from '../../../../src/core/store/entry.ts';
import {
  decodeExchange,
  encodeExchange,
} from '../../../../src/core/store/exchange/exchange-codec.ts';
import type { ExchangeBody } from '../../../../src/core/store/exchange/messages.ts';
import { HOSTS, REPLICAS, SERVICES } from '../../../../src/core/store/hosts.ts';
import { Replicator } from '../../../../src/core/store/replicator.ts';
import type {
  HostedStoreOptions,
  ReplicatorEffect,
  ReplicatorInput,
} from '../../../../src/core/store/replicator-contract.ts';
import { systemDigest } from '../../../../src/host/system-digest.ts';
import { SeededRandom } from '../../../../src/testing/seeded-random.ts';

const WALL_MS = 1_700_000_000_000;
export const SELF: Replica = { node: 'self@t', incarnation: 5n };
export const OTHER: Replica = { node: 'other@t', incarnation: 7n };
const OWNED = { ownership: 'owner', lifetime: 'writer', tombstoneTtlMs: 60_000 } as const;
const SHARED = { ownership: 'anyone', lifetime: 'own', tombstoneTtlMs: 60_000 } as const;

type Bounds = Pick<HostedStoreOptions, 'entriesMax'>;

/** One replicator, its clock in step with a wall clock that the test moves. */
export class Driven {
  readonly self: Replica;
  readonly core: Replicator;
  readonly effects: ReplicatorEffect[] = [];
  readonly #clock = new StampClock();
  #elapsedMs = 0;
  #entries = 0;

  /** `bounds`: of the list of replicas. */
  constructor(bounds: Bounds = {}, self: Replica = SELF, other: Replica = OTHER) {
    this.self = self;
    this.core = new Replicator({
      self,
      random: new SeededRandom(1),
      digest: systemDigest,
      salt: 's',
      clock: {
        now: () => this.#clock.now(this.#wallMs),
        observe: (stamp) => this.#clock.observe(stamp, this.#wallMs),
      },
    });
    for (const name of [SERVICES, HOSTS]) this.#host(name, { ...OWNED, isDurable: false });
    this.#host(REPLICAS, { ...SHARED, ...bounds, isDurable: false });
    this.handle({ kind: 'memberUp', ...other });
    this.handle({ kind: 'settled' });
  }

  host(name: string, options: Partial<HostedStoreOptions> = {}): void {
    this.#host(name, { ...SHARED, isDurable: false, ...options });
  }

  unhost(name: string): void {
    this.core.unhost(name, true, this.#time());
  }

  write(store: string, key: string): void {
    this.core.write(store, [{ key, value: Uint8Array.of(1) }], this.#time());
  }

  handle(input: ReplicatorInput): readonly ReplicatorEffect[] {
    const effects = this.core.handle(input, this.#time());
    this.effects.push(...effects);
    return effects;
  }

  advance(ms: number): void {
    this.#elapsedMs += ms;
  }

  /** Later than all before. */
  entry(key: string, value: Uint8Array | undefined, writer: Replica = OTHER): Entry {
    this.#entries += 1;
    const stamp = packStamp(this.#wallMs + 1_000, this.#entries);
    return { key, stamp, writer, value, expiresAtMs: 0 };
  }

  /** As of its last word; 0 when there was none. */
  exchangedAt(store: string): bigint {
    const words = this.effects.flatMap((effect) =>
      effect.kind === 'exchanged' && effect.store === store ? [effect.exchangedAt] : [],
    );
    return words.at(-1) ?? 0n;
  }

  get rivals(): readonly (readonly [string, string])[] {
    return this.effects.flatMap((effect) =>
      effect.kind === 'rival' ? [[effect.store, effect.node] as const] : [],
    );
  }

  #host(name: string, options: Omit<HostedStoreOptions, 'self'>): void {
    this.effects.push(...this.core.host(name, { ...options, self: this.self }, this.#time()));
  }

  get #wallMs(): number {
    return WALL_MS + this.#elapsedMs;
  }

  #time(): { readonly monotonicMs: number; readonly wallMs: number } {
    return { monotonicMs: this.#elapsedMs, wallMs: this.#wallMs };
  }
}

/** Two nodes that both host `map:m` and know it of each other. `bounds`: of the first one's. */
export function metPair(bounds: Bounds = {}): readonly [Driven, Driven] {
  const one = new Driven({}, SELF, OTHER);
  const other = new Driven({}, OTHER, SELF);
  one.host('map:m', bounds);
  other.host('map:m');
  exchange(one, other);
  exchange(one, other);
  return [one, other];
}

export interface RunExchange {
  /** Of all messages, in their order. */
  readonly kinds: readonly ExchangeBody['kind'][];
  /** What the side that was asked sent. */
  readonly replies: readonly ExchangeBody[];
  /** What the side that asked says of each store. */
  readonly exchanged: ReadonlyMap<string, bigint>;
}

/** Carries all messages of one exchange that `one` asks for; `before` each of them is delivered. */
export function exchange(
  one: Driven,
  other: Driven,
  before: (kind: ExchangeBody['kind']) => void = () => undefined,
): RunExchange {
  // Peers are answered once a second.
  for (const node of [one, other]) node.advance(2_000);
  const bodies: ExchangeBody[] = [];
  const replies: ExchangeBody[] = [];
  const exchanged = new Map<string, bigint>();
  const waiting = [{ by: one, effects: one.handle({ kind: 'ask', node: other.self.node }) }];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { by, effects } = next;
    const to = by === one ? other : one;
    for (const effect of effects) {
      if (effect.kind === 'exchanged' && by === one)
        exchanged.set(effect.store, effect.exchangedAt);
      if (effect.kind !== 'send') continue;
      const { body } = effect.message;
      bodies.push(body);
      if (by === other) replies.push(body);
      before(body.kind);
      const message = decodeExchange(encodeExchange(effect.message));
      waiting.push({
        by: to,
        effects: to.handle({ kind: 'received', from: by.self.node, message }),
      });
    }
  }
  return { kinds: bodies.map(({ kind }) => kind), replies, exchanged };
}
