/**
 * What the links of this node know by themselves, read while an input is handled. A simulation and
 * a running node answer alike, so that a core that reads them decides alike.
 */
import type { NodeName } from './names.ts';

export interface LinkFacts {
  /** Smoothed round trip to that node; undefined without a link or before the first sample. */
  rttMs(node: NodeName): number | undefined;
  /** Monotonic time at which anything of that node last came; undefined without a link. */
  lastHeardMs(node: NodeName): number | undefined;
}
