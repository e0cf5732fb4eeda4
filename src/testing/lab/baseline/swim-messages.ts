/** What plain SWIM sends (Das, Gupta, Motivala, DSN 2002): probes, with updates riding on them. */
import type { NodeName } from '../../../core/names.ts';

export type SwimState = 'alive' | 'suspect' | 'dead';

/** One piece of news of a member. */
export interface SwimUpdate {
  readonly node: NodeName;
  readonly state: SwimState;
  /** Raised by the member itself alone, to refute a suspicion. */
  readonly incarnation: number;
}

export type SwimMessage =
  /** `relayFor`: who asked for this probe, when it is an indirect one. */
  | {
      readonly kind: 'ping';
      readonly sequence: number;
      readonly relayFor?: NodeName;
      readonly updates: readonly SwimUpdate[];
    }
  | {
      readonly kind: 'ack';
      readonly sequence: number;
      readonly relayFor?: NodeName;
      readonly updates: readonly SwimUpdate[];
    }
  | {
      readonly kind: 'pingReq';
      readonly sequence: number;
      readonly target: NodeName;
      readonly updates: readonly SwimUpdate[];
    };

export type SwimTimer =
  | { readonly kind: 'period' }
  | { readonly kind: 'direct'; readonly sequence: number }
  | { readonly kind: 'suspicion'; readonly node: NodeName; readonly incarnation: number };
