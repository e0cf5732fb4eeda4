/** One broadcast core under test: inputs go in by short names, effects are kept. */
import type { PlumtreeConfig } from '../../../../src/core/gossip/config.ts';
import type {
  Broadcast,
  GossipEffect,
  GossipInput,
  GossipTimer,
} from '../../../../src/core/gossip/contract.ts';
import type {
  GossipKind,
  GossipMessage,
  OriginMark,
} from '../../../../src/core/gossip/messages.ts';
import { Plumtree } from '../../../../src/core/gossip/plumtree.ts';

type EffectOf<K extends GossipEffect['kind']> = Extract<GossipEffect, { kind: K }>;
type MessageOf<K extends GossipKind> = Extract<GossipMessage, { kind: K }>;

/** The name of a node of these tests. */
export function node(name: string): string {
  return `${name}@t`;
}

export class Driven {
  readonly core: Plumtree;
  readonly effects: GossipEffect[] = [];
  readonly rtts: Map<string, number> = new Map();
  accepts: (broadcast: Broadcast) => boolean = () => true;
  nowMs = 0;
  readonly #timers: { readonly timer: GossipTimer; readonly atMs: number }[] = [];

  /** `x@t`, with these neighbours that have each sent an empty digest. */
  constructor(neighbors: readonly string[] = [], config: Partial<PlumtreeConfig> = {}) {
    const links = { rttMs: (n: string) => this.rtts.get(n), lastHeardMs: () => undefined };
    const accepts = (broadcast: Broadcast): boolean => this.accepts(broadcast);
    this.core = new Plumtree({ node: node('x'), incarnation: 5n }, { links, accepts, config });
    for (const name of neighbors) {
      this.up(name);
      this.digest(name, [], { isGreeting: true });
    }
    this.effects.length = 0;
  }

  do(input: GossipInput): readonly GossipEffect[] {
    const effects = this.core.handle(input, this.nowMs);
    this.effects.push(...effects);
    for (const effect of effects) {
      if (effect.kind !== 'schedule') continue;
      this.#timers.push({ timer: effect.timer, atMs: this.nowMs + effect.delayMs });
    }
    return effects;
  }

  up(name: string): void {
    this.do({ kind: 'neighborUp', node: node(name) });
  }

  down(name: string): void {
    this.do({ kind: 'neighborDown', node: node(name) });
  }

  receive(from: string, message: GossipMessage): readonly GossipEffect[] {
    return this.do({ kind: 'messageReceived', from: node(from), message });
  }

  gossip(from: string, sequence: number, more: Partial<Copy> = {}): readonly GossipEffect[] {
    return this.receive(from, copyOf(sequence, more));
  }

  ihave(from: string, sequence: number, more: Partial<Copy> = {}): void {
    const { origin = 'o', incarnation = 1n, hops = 1 } = more;
    const group = { origin: node(origin), incarnation, sequences: [sequence], hops: [hops] };
    this.receive(from, { kind: 'ihave', groups: [group] });
  }

  graft(from: string, sequences: readonly number[], origin = 'o', incarnation = 1n): void {
    const groups = [{ origin: node(origin), incarnation, sequences }];
    this.receive(from, { kind: 'graft', groups });
  }

  unknown(from: string, sequence: number): void {
    const groups = [{ origin: node('o'), incarnation: 1n, sequences: [sequence] }];
    this.receive(from, { kind: 'unknown', groups });
  }

  digest(
    from: string,
    marks: readonly OriginMark[] = [],
    more: Partial<MessageOf<'digest'>> = {},
  ): void {
    const flags = { isLast: true, isTruncated: false, isGreeting: false };
    this.receive(from, { kind: 'digest', marks, ...flags, ...more });
  }

  broadcast(toAll = false): Broadcast | undefined {
    const [first] = this.do({ kind: 'broadcast', tag: 1, payload: Uint8Array.of(1), toAll });
    return first?.kind === 'deliver' ? first.broadcast : undefined;
  }

  /** Lets time pass and timers fire. */
  wait(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      this.#timers.sort((a, b) => a.atMs - b.atMs);
      const next = this.#timers[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#timers.shift();
      this.nowMs = next.atMs;
      this.do({ kind: 'timerFired', timer: next.timer });
    }
    this.nowMs = untilMs;
  }

  of<K extends GossipEffect['kind']>(kind: K): EffectOf<K>[] {
    return this.effects.filter((effect): effect is EffectOf<K> => effect.kind === kind);
  }

  get delivered(): number[] {
    return this.of('deliver').map(({ broadcast }) => broadcast.id.sequence);
  }

  get lost(): number {
    return this.of('lost').reduce((sum, { count }) => sum + count, 0);
  }

  /** Names of those that a message of this kind was sent to, in order, since the last `clear`. */
  sentTo(kind: GossipKind): string[] {
    return this.of('send')
      .filter(({ message }) => message.kind === kind)
      .map(({ to }) => to.replace('@t', ''));
  }

  messages<K extends GossipKind>(kind: K): MessageOf<K>[] {
    return this.of('send')
      .map(({ message }) => message)
      .filter((message): message is MessageOf<K> => message.kind === kind);
  }

  clear(): void {
    this.effects.length = 0;
  }

  get eager(): string[] {
    return this.core.eagerPeers.map((peer) => peer.replace('@t', '')).sort();
  }

  get lazy(): string[] {
    return this.core.lazyPeers.map((peer) => peer.replace('@t', '')).sort();
  }
}

interface Copy {
  readonly origin: string;
  readonly incarnation: bigint;
  readonly hops: number;
  readonly payload: Uint8Array;
  readonly isShaping: boolean;
}

export function copyOf(sequence: number, more: Partial<Copy> = {}): MessageOf<'gossip'> {
  const { origin = 'o', incarnation = 1n, hops = 1, payload = Uint8Array.of(9) } = more;
  const id = { origin: node(origin), incarnation, sequence };
  const { isShaping = false } = more;
  return { kind: 'gossip', isShaping, broadcast: { id, tag: 1, payload, hops } };
}

export function markOf(
  oldest: number,
  highest: number,
  more: Partial<OriginMark> = {},
): OriginMark {
  return { origin: node('o'), incarnation: 1n, highest, oldest, gaps: [], ...more };
}
