/** One membership core with virtual time, whose peers the test plays. */

import type { HyParViewOptions } from '../../../../src/core/membership/config.ts';
import type {
  MembershipEffect,
  MembershipInput,
  MembershipTimer,
} from '../../../../src/core/membership/contract.ts';
import { HyParView } from '../../../../src/core/membership/hyparview.ts';
import { MembershipInvariants } from '../../../../src/core/membership/invariants.ts';
import type { MembershipMessage } from '../../../../src/core/membership/messages.ts';
import type { PeerDescriptor } from '../../../../src/core/membership/peer.ts';
import { seeded } from '../overlay-network.ts';

export function peer(name: string): PeerDescriptor {
  return { node: `${name}@t`, incarnation: 1n, addresses: ['10.0.0.1:1'], ageMs: 0 };
}

export function many(count: number): PeerDescriptor[] {
  return Array.from({ length: count }, (_, i) => peer(`m${i}`));
}

type Kind = MembershipMessage['kind'];
type Sent = Extract<MembershipEffect, { kind: 'send' }>;

/** Checks the invariants after every input. */
export class Driven {
  readonly core: HyParView;
  readonly effects: MembershipEffect[] = [];
  nowMs = 0;
  readonly #invariants: MembershipInvariants;
  readonly #timers: { atMs: number; timer: MembershipTimer }[] = [];

  constructor(options: HyParViewOptions = {}) {
    this.core = new HyParView(peer('self'), seeded(1), options);
    this.#invariants = new MembershipInvariants(this.core);
  }

  /** With that many neighbours, p0 and up. */
  static full(count = 5, options: HyParViewOptions = {}): Driven {
    const node = new Driven(options);
    for (let i = 0; i < count; i += 1) {
      node.receive(`p${i}`, { kind: 'neighbor', requestId: 1, priority: 'high' });
    }
    node.effects.splice(0, node.effects.length, ...node.effects.filter((e) => e.kind === 'emit'));
    return node;
  }

  get events(): Extract<MembershipEffect, { kind: 'emit' }>['event'][] {
    return this.effects.flatMap((effect) => (effect.kind === 'emit' ? [effect.event] : []));
  }

  get replies(): Extract<MembershipEffect, { kind: 'reply' }>[] {
    return this.effects.filter((effect) => effect.kind === 'reply');
  }

  get connects(): string[] {
    return this.effects.flatMap((e) => (e.kind === 'connect' ? [e.peer.node] : []));
  }

  get released(): string[] {
    return this.effects.flatMap((e) => (e.kind === 'release' ? [e.node] : []));
  }

  do(input: MembershipInput): void {
    const effects = this.core.handle(input, this.nowMs);
    this.effects.push(...effects);
    this.#invariants.check(effects, input);
    for (const effect of effects) {
      if (effect.kind !== 'schedule') continue;
      this.#timers.push({ atMs: this.nowMs + effect.delayMs, timer: effect.timer });
    }
  }

  link(name: string): void {
    this.do({ kind: 'connected', peer: peer(name) });
  }

  /** A message from a node that is linked. */
  receive(name: string, message: MembershipMessage): void {
    this.link(name);
    this.do({ kind: 'messageReceived', from: `${name}@t`, message });
  }

  answerJoin(
    name: string,
    outcome: 'accepted' | 'refused' | 'redirected',
    peers: readonly PeerDescriptor[] = [],
  ): void {
    const request = this.sent(name, 'join').at(-1)?.message;
    const requestId = request?.kind === 'join' ? request.requestId : -1;
    this.receive(name, { kind: 'joinReply', requestId, outcome, peers });
  }

  answerNeighbor(name: string, accepted: boolean): void {
    const request = this.sent(name, 'neighbor').at(-1)?.message;
    const requestId = request?.kind === 'neighbor' ? request.requestId : -1;
    this.receive(name, { kind: 'neighborReply', requestId, accepted });
  }

  /** Virtual time goes on, and timers fire. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      this.#timers.sort((a, b) => a.atMs - b.atMs);
      const next = this.#timers[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#timers.shift();
      this.nowMs = next.atMs;
      this.do({ kind: 'timerFired', timer: next.timer });
    }
    this.nowMs = endMs;
  }

  sends(kind: Kind): Sent[] {
    return this.effects.filter(
      (effect): effect is Sent => effect.kind === 'send' && effect.message.kind === kind,
    );
  }

  sent(name: string, kind: Kind): Sent[] {
    return this.sends(kind).filter(({ to }) => to === `${name}@t`);
  }

  last(kind: Kind): Sent | undefined {
    return this.sends(kind).at(-1);
  }
}
