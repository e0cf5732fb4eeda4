/** One node of the store laboratory: a replicator that hosts one map, and no network around it. */
import { decodeDelta, encodeDelta } from '../../cluster/store-delta.ts';
import { StampClock } from '../../core/clock/stamp-clock.ts';
import type { NodeName } from '../../core/names.ts';
import type { Entry, Replica } from '../../core/store/entry.ts';
import type { ExchangeMessage } from '../../core/store/exchange/messages.ts';
import { HOSTS, REPLICAS, SERVICES } from '../../core/store/hosts.ts';
import { Replicator } from '../../core/store/replicator.ts';
import type {
  ReplicatorEffect,
  ReplicatorInput,
  ReplicatorTime,
} from '../../core/store/replicator-contract.ts';
import type { StoreReplica } from '../../core/store/store-replica.ts';
import { systemDigest } from '../../host/system-digest.ts';
import { SeededRandom } from '../seeded-random.ts';

/** The one map of the laboratory, beside the stores that every node has. */
export const LAB_STORE = 'map:lab';
/** Any time will do, as long as both nodes have it. */
export const LAB_WALL_MS = 1_800_000_000_000;

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const OWNED = { ownership: 'owner', lifetime: 'writer', tombstoneTtlMs: MINUTE_MS } as const;
const FREE = { ownership: 'anyone', lifetime: 'own', tombstoneTtlMs: HOUR_MS } as const;

export interface StoreNodeEvents {
  readonly onSend: (message: ExchangeMessage) => void;
  /** To all other nodes. */
  readonly onBroadcast: (store: string, frame: Uint8Array) => void;
}

/** Does what the driver of a node does, at once and without a disk. */
export class StoreNode {
  readonly self: Replica;
  readonly #events: StoreNodeEvents;
  readonly #core: Replicator;
  #nowMs = 0;

  constructor(self: Replica, entries: Iterable<Entry>, events: StoreNodeEvents) {
    this.self = self;
    this.#events = events;
    const clock = new StampClock();
    const wallMs = (): number => this.#time().wallMs;
    this.#core = new Replicator({
      self,
      random: new SeededRandom(1),
      digest: systemDigest,
      salt: '',
      clock: {
        now: () => clock.now(wallMs()),
        observe: (stamp) => clock.observe(stamp, wallMs()),
      },
    });
    this.#host(SERVICES, OWNED, []);
    this.#host(HOSTS, OWNED, []);
    this.#host(REPLICAS, FREE, []);
    this.#host(LAB_STORE, FREE, entries);
  }

  /** The replica of the map. */
  get replica(): StoreReplica {
    const replica = this.#core.replica(LAB_STORE);
    if (replica === undefined) throw new Error(`${this.self.node} has no map`);
    return replica;
  }

  /** Writes a key of the map and makes the frame of its broadcast, as one turn of a node does. */
  put(key: string, value: Uint8Array | undefined): void {
    this.#carry(this.#core.write(LAB_STORE, [{ key, value }], this.#time()));
  }

  /** Takes the frame of a broadcast in, as from another node. */
  deliver(from: NodeName, frame: Uint8Array): void {
    this.handle({ kind: 'delta', from, ...decodeDelta(frame) });
  }

  handle(input: ReplicatorInput): void {
    this.#carry(this.#core.handle(input, this.#time()));
  }

  meet({ node, incarnation }: Replica): void {
    this.handle({ kind: 'memberUp', node, incarnation });
  }

  ask(node: NodeName): void {
    this.handle({ kind: 'ask', node });
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }

  #host(name: string, rules: typeof OWNED | typeof FREE, entries: Iterable<Entry>): void {
    const options = { ...rules, isDurable: false, self: this.self, entries };
    this.#carry(this.#core.host(name, options, this.#time()));
  }

  #carry(effects: readonly ReplicatorEffect[]): void {
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: ReplicatorEffect): void {
    if (effect.kind === 'send') {
      this.#events.onSend(effect.message);
    } else if (effect.kind === 'flushSoon') {
      this.handle({ kind: 'flush' });
    } else if (effect.kind === 'broadcast') {
      this.#events.onBroadcast(effect.store, encodeDelta(effect));
    } else if (effect.kind === 'protocolError') {
      throw new Error(`${this.self.node}: ${effect.detail}`);
    }
  }

  #time(): ReplicatorTime {
    return { monotonicMs: this.#nowMs, wallMs: LAB_WALL_MS + this.#nowMs };
  }
}
