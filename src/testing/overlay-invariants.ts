/**
 * What must hold inside the overlay of one node after each step of it: the rules of membership, and
 * that no suspicion outlives a refutation. It looks on and changes nothing.
 */
import type { MembershipEffect, MembershipInput } from '../core/membership/contract.ts';
import { MembershipInvariants } from '../core/membership/invariants.ts';
import type { Overlay } from '../core/overlay/overlay.ts';
import type { RosterInput } from '../core/roster/contract.ts';
import { leaps, type RosterEntry, supersedes } from '../core/roster/entry.ts';

/** A broken rule, in words that stay the same, and what broke it. */
export interface BrokenRule {
  readonly rule: string;
  readonly detail: string;
}

export class OverlayInvariants {
  readonly #overlay: Overlay;
  readonly #membership: MembershipInvariants;
  #membershipSteps = 0;
  #broken: BrokenRule | undefined;

  /** Follows the overlay from now on; nothing may have happened in it yet. */
  constructor(overlay: Overlay) {
    this.#overlay = overlay;
    this.#membership = new MembershipInvariants(overlay.membership);
    overlay.watch({
      onMembership: (input, effects) => this.#onMembership(input, effects),
      onRoster: (input) => this.#onRoster(input),
    });
  }

  /** The first that was broken; it stays. */
  get broken(): BrokenRule | undefined {
    return this.#broken;
  }

  /** Inputs that membership has taken: between two of them the views are the same. */
  get membershipSteps(): number {
    return this.#membershipSteps;
  }

  /** Kept for the next check: what is thrown here would look like a fault of the node. */
  #onMembership(input: MembershipInput, effects: readonly MembershipEffect[]): void {
    this.#membershipSteps += 1;
    try {
      this.#membership.check(effects, input);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#break('membership keeps its rules', detail);
    }
  }

  #onRoster(input: RosterInput): void {
    if (input.kind === 'heard') {
      for (const entry of input.entries) this.#checkHeard(entry);
    } else if (input.kind === 'suspect') this.#checkSuspicion(input.node);
  }

  /** Whatever is known of a node now, it is no suspicion of an older word than the one heard. */
  #checkHeard(heard: RosterEntry): void {
    const { node } = heard;
    this.#checkSuspicion(node);
    const known = this.#overlay.roster.get(node);
    if (known?.status !== 'suspect' || heard.status !== 'alive' || leaps(heard, known)) return;
    if (!supersedes(heard, known)) return;
    const numbers = `${known.refutation} of ${known.incarnation}`;
    this.#break('no suspicion outlives a refutation', `${node} is suspect at ${numbers}`);
  }

  #checkSuspicion(node: string): void {
    const { roster } = this.#overlay;
    if (roster.hasSuspicion(node) === roster.isSuspect(node)) return;
    const state = roster.get(node)?.status ?? 'unknown';
    this.#break('suspects have a time to refute, and nobody else has', `${node} is ${state}`);
  }

  #break(rule: string, detail: string): void {
    this.#broken ??= { rule, detail };
  }
}
