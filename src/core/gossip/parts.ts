/** What the parts of the broadcast core share: its state and its outbox. */

import type { LinkFacts } from '../link-facts.ts';
import type { NodeName } from '../names.ts';
import { Announcements } from './announcements.ts';
import type { PlumtreeConfig } from './config.ts';
import { EagerSets } from './eager-set.ts';
import { MissingTable } from './missing-table.ts';
import type { Neighbor } from './neighbor.ts';
import type { OriginLog } from './origin-log.ts';
import { Origins } from './origins.ts';
import { Outbox } from './outbox.ts';
import { PayloadCache } from './payload-cache.ts';

export interface PlumtreeSelf {
  readonly node: NodeName;
  readonly incarnation: bigint;
}

export interface GossipParts {
  readonly self: PlumtreeSelf;
  readonly config: PlumtreeConfig;
  readonly outbox: Outbox;
  readonly neighbors: Map<NodeName, Neighbor>;
  readonly origins: Origins;
  readonly sets: EagerSets;
  readonly cache: PayloadCache;
  readonly missing: MissingTable;
  readonly announcements: Announcements;
}

export function newParts(
  self: PlumtreeSelf,
  config: PlumtreeConfig,
  links: LinkFacts,
): GossipParts {
  const outbox = new Outbox();
  return {
    self,
    config,
    outbox,
    neighbors: new Map(),
    origins: new Origins(config.payloadsKeptMs),
    sets: new EagerSets(config),
    cache: new PayloadCache(config.payloadBytesMax),
    missing: new MissingTable(links, config),
    announcements: new Announcements(config, outbox),
  };
}

/** Counts as lost what was given up of a log, with what its floor has passed. */
export function lose({ missing, outbox }: GossipParts, log: OriginLog, owed: number): void {
  const unowed = log.missing === undefined ? 0 : missing.removeUpTo(log, log.floor);
  outbox.lose(log.origin, owed + unowed);
}
