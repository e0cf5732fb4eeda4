/** The replicator of one simulated node, with the store `services`: driven as in the cluster. */
import { decodeDelta, encodeDelta } from '../../../src/cluster/store-delta.ts';
import { StampClock } from '../../../src/core/clock/stamp-clock.ts';
import type { Randomness } from '../../../src/core/membership/randomness.ts';
import type { MemberEvent } from '../../../src/core/roster/contract.ts';
import { decodeText, encodeText } from '../../../src/core/store/binary-text.ts';
import { ownedKey, splitOwnedKey } from '../../../src/core/store/contract.ts';
import type { Replica } from '../../../src/core/store/entry.ts';
import { decodeExchange, encodeExchange } from '../../../src/core/store/exchange/exchange-codec.ts';
import { SERVICES } from '../../../src/core/store/hosts.ts';
import { Replicator } from '../../../src/core/store/replicator.ts';
import type {
  ReplicatorEffect,
  ReplicatorInput,
  ReplicatorTime,
} from '../../../src/core/store/replicator-contract.ts';
import { systemDigest } from '../../../src/host/system-digest.ts';

/** Tag of the broadcasts of stores. */
export const STORE_TAG = 2;

const RULES = { ownership: 'owner', lifetime: 'writer', tombstoneTtlMs: 60_000 } as const;
/** Wall clocks stand so far ahead of virtual time. */
const EPOCH_MS = 1_700_000_000_000;

export interface StorePorts {
  readonly self: Replica;
  readonly random: Randomness;
  readonly nowMs: () => number;
  readonly after: (delayMs: number, run: () => void) => void;
  readonly broadcast: (payload: Uint8Array) => void;
  /** Makes a link if there is none. */
  readonly send: (to: string, frame: Uint8Array) => void;
  readonly onFault: (what: string) => void;
}

export class OverlayStore {
  readonly #ports: StorePorts;
  readonly #core: Replicator;

  constructor(ports: StorePorts) {
    const { self, random } = ports;
    this.#ports = ports;
    const clock = new StampClock();
    this.#core = new Replicator({
      self,
      random,
      digest: systemDigest,
      salt: '',
      clock: {
        now: () => clock.now(this.#time().wallMs),
        observe: (stamp) => clock.observe(stamp, this.#time().wallMs),
      },
    });
    this.#carry(this.#core.host(SERVICES, { ...RULES, isDurable: false, self }, this.#time()));
  }

  put(key: string, value: string): void {
    this.#write(key, Buffer.from(value));
  }

  remove(key: string): void {
    this.#write(key, undefined);
  }

  /** `owner/key=value` of all entries, sorted. */
  get text(): string[] {
    return [...(this.#core.replica(SERVICES)?.visible() ?? [])]
      .map(({ key: owned, value }) => {
        const { owner, key } = splitOwnedKey(owned) ?? { owner: '', key: '' };
        return `${owner}/${decodeText(key)}=${Buffer.from(value ?? []).toString()}`;
      })
      .sort();
  }

  member({ type, node, incarnation }: MemberEvent): void {
    if (type === 'memberUp') this.handle({ kind: 'memberUp', node, incarnation });
    if (type === 'memberDown') this.handle({ kind: 'memberDown', node, incarnation });
  }

  /** A broadcast of stores of another node. */
  delta(from: string, payload: Uint8Array): void {
    this.handle({ kind: 'delta', from, ...decodeDelta(payload) });
  }

  frame(from: string, frame: Uint8Array): void {
    this.handle({ kind: 'received', from, message: decodeExchange(frame) });
  }

  handle(input: ReplicatorInput): void {
    this.#carry(this.#core.handle(input, this.#time()));
  }

  #write(key: string, value: Uint8Array | undefined): void {
    const write = { key: ownedKey(this.#ports.self.node, encodeText(key)), value };
    this.#carry(this.#core.write(SERVICES, [write], this.#time()));
  }

  #carry(effects: readonly ReplicatorEffect[]): void {
    const { after, broadcast, send, onFault } = this.#ports;
    for (const effect of effects) {
      if (effect.kind === 'flushSoon') after(0, () => this.handle({ kind: 'flush' }));
      else if (effect.kind === 'broadcast') broadcast(encodeDelta(effect));
      else if (effect.kind === 'send') send(effect.to, encodeExchange(effect.message));
      else if (effect.kind === 'protocolError') onFault(`${effect.kind} ${effect.detail}`);
      else if (effect.kind === 'count' && FAULTS.has(effect.what)) onFault(effect.what);
    }
  }

  #time(): ReplicatorTime {
    const monotonicMs = this.#ports.nowMs();
    return { monotonicMs, wallMs: EPOCH_MS + monotonicMs };
  }
}

const FAULTS: ReadonlySet<string> = new Set(['refused', 'forged']);
