/** Collects the effects of one input, in order, and numbers requests and timers. */
import type { NodeName } from '../names.ts';
import type { MembershipEffect, MembershipResult } from './contract.ts';
import { type DisconnectReason, type MembershipMessage, refusalOf } from './messages.ts';

export class Outbox {
  /** The time of the input that is being handled. */
  nowMs = 0;
  #serial = 0;
  #effects: MembershipEffect[] = [];

  /** A number that was not used before. */
  nextSerial(): number {
    this.#serial += 1;
    return this.#serial;
  }

  push(effect: MembershipEffect): void {
    this.#effects.push(effect);
  }

  send(to: NodeName, message: MembershipMessage): void {
    this.#effects.push({ kind: 'send', to, message });
  }

  /** Says to the sender of that message that it has no place here; nobody answers a goodbye. */
  refuse(from: NodeName, message: MembershipMessage, reason: DisconnectReason): void {
    const refusal = refusalOf(message, reason);
    if (refusal !== undefined) this.send(from, refusal);
  }

  release(node: NodeName): void {
    this.#effects.push({ kind: 'release', node });
  }

  reply(requestIds: readonly number[], result: MembershipResult): void {
    for (const requestId of requestIds) this.#effects.push({ kind: 'reply', requestId, result });
  }

  /** What was collected; the outbox is empty afterwards. */
  take(): readonly MembershipEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
