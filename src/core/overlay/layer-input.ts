/** What goes into one of the overlay's four cores. */
import type { GossipInput } from '../gossip/contract.ts';
import type { MembershipEffect, MembershipInput } from '../membership/contract.ts';
import type { NodeName } from '../names.ts';
import type { RosterInput } from '../roster/contract.ts';
import type { DetectorInput } from '../roster/detector-contract.ts';
import type { OverlayTimer } from './contract.ts';

/** One input for one of the cores. */
export type LayerInput =
  | { readonly layer: 'membership'; readonly input: MembershipInput }
  | { readonly layer: 'gossip'; readonly input: GossipInput }
  | { readonly layer: 'roster'; readonly input: RosterInput }
  | { readonly layer: 'detector'; readonly input: DetectorInput };

/** Looks on while the overlay works; called before anything follows from the step. */
export interface OverlayWatcher {
  onMembership(input: MembershipInput, effects: readonly MembershipEffect[]): void;
  onRoster(input: RosterInput): void;
}

/** Each core gets its own timers back. */
export function timerInput({ layer, timer }: OverlayTimer): LayerInput {
  return { layer, input: { kind: 'timerFired', timer } } as LayerInput;
}

/** The node says that it holds this one in its active view. */
export function statementOf(from: NodeName): LayerInput {
  const message = { kind: 'keepAlive' } as const;
  return { layer: 'membership', input: { kind: 'messageReceived', from, message } };
}
