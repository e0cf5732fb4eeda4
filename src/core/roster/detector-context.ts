/** What the parts of the failure detector share: their surroundings, and one list of effects. */

import type { LinkFacts } from '../link-facts.ts';
import type { Randomness } from '../membership/randomness.ts';
import type { NodeName } from '../names.ts';
import type { FailureDetectorConfig } from './detector-config.ts';
import type { DetectorEffect } from './detector-contract.ts';
import { isLiving, type LivingEntry, type RosterEntry } from './entry.ts';
import { LocalHealth } from './local-health.ts';
import type { DetectorMessage } from './messages.ts';

/** What the detector reads of the roster. */
export interface RosterView {
  readonly size: number;
  get(node: NodeName): RosterEntry | undefined;
  values(): Iterable<RosterEntry>;
}

export interface DetectorSurroundings {
  readonly self: NodeName;
  readonly links: LinkFacts;
  readonly roster: RosterView;
  readonly random: Randomness;
  readonly config: FailureDetectorConfig;
}

export class DetectorContext {
  /** The time of the input that is being handled. */
  nowMs = 0;
  readonly self: NodeName;
  readonly links: LinkFacts;
  readonly roster: RosterView;
  readonly random: Randomness;
  readonly config: FailureDetectorConfig;
  readonly health: LocalHealth = new LocalHealth();
  #nonce = 0;
  #effects: DetectorEffect[] = [];

  constructor({ self, links, roster, random, config }: DetectorSurroundings) {
    this.self = self;
    this.links = links;
    this.roster = roster;
    this.random = random;
    this.config = config;
  }

  push(effect: DetectorEffect): void {
    this.#effects.push(effect);
  }

  send(to: NodeName, message: DetectorMessage): void {
    this.#effects.push({ kind: 'send', to, message });
  }

  /** A number that was not used before. */
  nextNonce(): number {
    this.#nonce += 1;
    return this.#nonce;
  }

  /** How long an answer of that node may take. */
  missMs(node: NodeName): number {
    const { missMs } = this.config;
    return Math.max(missMs, 3 * (this.links.rttMs(node) ?? 0)) * this.health.stretch;
  }

  /** The member, when that start of it lives. */
  member(node: NodeName, incarnation: bigint): LivingEntry | undefined {
    const entry = this.roster.get(node);
    return isLiving(entry) && entry.incarnation === incarnation ? entry : undefined;
  }

  /** True for a member that nobody suspects. */
  isWell(node: NodeName): boolean {
    return this.roster.get(node)?.status === 'alive';
  }

  /** What was collected; nothing is left. */
  take(): readonly DetectorEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
