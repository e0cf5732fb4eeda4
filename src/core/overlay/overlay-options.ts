/** What an overlay is made with. */

import type { PlumtreeConfig } from '../gossip/config.ts';
import type { Broadcast } from '../gossip/contract.ts';
import type { LinkFacts } from '../link-facts.ts';
import type { HyParViewConfig } from '../membership/config.ts';
import type { Randomness } from '../membership/randomness.ts';
import type { FailureDetectorConfig } from '../roster/detector-config.ts';
import type { RosterConfig } from '../roster/roster-config.ts';

export interface OverlayConfig {
  readonly membership?: Partial<HyParViewConfig> | undefined;
  readonly gossip?: Partial<PlumtreeConfig> | undefined;
  readonly roster?: Partial<RosterConfig> | undefined;
  readonly detector?: Partial<FailureDetectorConfig> | undefined;
}

export interface OverlayOptions {
  readonly random: Randomness;
  readonly links: LinkFacts;
  /** False for a broadcast that no honest node sends: it is not passed on. Not for the roster's. */
  readonly accepts: (broadcast: Broadcast) => boolean;
  /** False for an incarnation that no start can have by now. */
  readonly isPlausible: (incarnation: bigint) => boolean;
  readonly config?: OverlayConfig | undefined;
}
