/**
 * To which neighbours payloads are pushed, eagerly, and to which ids are announced, lazily. The
 * set that all origins share becomes one tree for all; a busy origin has a set of its own, which
 * becomes a tree of shortest ways from it (paper, section "Optimization": a shared tree is best for
 * the node that built it).
 */

import type { NodeName } from '../names.ts';
import type { PlumtreeConfig } from './config.ts';
import type { Neighbor } from './neighbor.ts';
import type { OriginLog } from './origin-log.ts';

interface Branch {
  isEager: boolean;
  /** It is in the tree that the last shaping broadcast made; others were added since. */
  isTrunk: boolean;
  /** It is in the tree that is being made. */
  isNext: boolean;
  /** Payloads from there in a row that were known already; those of a burst count as one. */
  duplicates: number;
  countedMs: number;
}

/** Longer than a broadcast takes to all nodes. */
const SETTLE_MS = 1_000;

export interface EagerSetRule {
  /** k: that many duplicates in a row make a branch lazy. */
  readonly duplicatesMax: number;
  /** k for a branch of the tree that was shaped. */
  readonly trunkDuplicatesMax: number;
  /** Duplicates within this time count as one. */
  readonly pruneIntervalMs: number;
  /** Least time between two shapings. */
  readonly shapeIntervalMs: number;
  /** Least time between two links that are added for being early. */
  readonly addIntervalMs: number;
}

/** A broadcast, by this node's log of its origin; there is none for echoes. */
export interface LocalId {
  readonly log: OriginLog | undefined;
  readonly sequence: number;
}

export class EagerSet {
  /** The origin whose own set it is. */
  readonly log: OriginLog | undefined;
  readonly #rule: EagerSetRule;
  readonly #branches = new Map<Neighbor, Branch>();
  /** Broadcasts since the last shaping one. */
  #sinceShaped = 0;
  #shapedMs = Number.NEGATIVE_INFINITY;
  #addedMs = Number.NEGATIVE_INFINITY;
  #phase: 'measuring' | 'overlapping' | 'settled' = 'settled';
  #shapedBy: LocalId | undefined;

  constructor(rule: EagerSetRule, log?: OriginLog) {
    this.#rule = rule;
    this.log = log;
  }

  /** False until a first broadcast shaped it. */
  get isShaped(): boolean {
    return this.#shapedBy !== undefined;
  }

  /** Broadcasts that went over this set since it was shaped. */
  get sinceShaped(): number {
    return this.#sinceShaped;
  }

  /** A new neighbour is eager: its first duplicates show whether it is of use. */
  add(neighbor: Neighbor): void {
    const countedMs = Number.NEGATIVE_INFINITY;
    this.#branches.set(neighbor, {
      isEager: true,
      isTrunk: false,
      isNext: true,
      duplicates: 0,
      countedMs,
    });
  }

  remove(neighbor: Neighbor): void {
    this.#branches.delete(neighbor);
  }

  isEager(neighbor: Neighbor): boolean {
    return this.#branches.get(neighbor)?.isEager === true;
  }

  /** Makes the neighbour eager; true when it was not. */
  graft(neighbor: Neighbor): boolean {
    const branch = this.#branches.get(neighbor);
    if (branch === undefined) return false;
    branch.isNext = true;
    if (branch.isEager) return false;
    branch.isEager = true;
    branch.duplicates = 0;
    return true;
  }

  prune(neighbor: Neighbor): void {
    const branch = this.#branches.get(neighbor);
    if (branch !== undefined) this.#cutOff(branch);
  }

  /** True when the set was not shaped for a while: a node may not have it shaped all the time. */
  mayShape(nowMs: number): boolean {
    return nowMs - this.#shapedMs >= this.#rule.shapeIntervalMs;
  }

  /** True when several shape it at once and this origin, by its name, is the one that counts. */
  prefers(origin: NodeName, nowMs: number): boolean {
    if (this.#phase !== 'measuring' || nowMs - this.#shapedMs >= SETTLE_MS) return false;
    return origin < (this.#shapedBy?.log?.origin ?? '');
  }

  /**
   * This broadcast goes to all neighbours, and those on which no duplicate of it comes are the next
   * tree. Others keep to the old one meanwhile, unless there is none yet.
   */
  shape(by: LocalId, nowMs: number): void {
    this.#advance(nowMs);
    this.#phase = this.#shapedBy === undefined ? 'settled' : 'measuring';
    this.#sinceShaped = 0;
    this.#shapedMs = nowMs;
    this.#shapedBy = by;
    for (const branch of this.#branches.values()) {
      branch.isNext = true;
      if (this.#phase === 'measuring') continue;
      branch.isEager = true;
      branch.isTrunk = true;
    }
  }

  /** True at most once per `addIntervalMs`: senders of one moment would add all links there are. */
  claimAddition(nowMs: number): boolean {
    if (nowMs - this.#addedMs < this.#rule.addIntervalMs) return false;
    this.#addedMs = nowMs;
    return true;
  }

  /**
   * The neighbour, if any, was first with a broadcast. One that was flooded to shape the tree says
   * nothing about the old tree.
   */
  onFirst(neighbor: Neighbor | undefined, nowMs: number, isFlooded = false): void {
    this.#sinceShaped += 1;
    this.#advance(nowMs);
    const branch = neighbor === undefined ? undefined : this.#branches.get(neighbor);
    if (branch === undefined) return;
    branch.duplicates = 0;
    if (!isFlooded || this.#phase !== 'measuring') branch.isEager = true;
  }

  /**
   * The neighbour sent what was known; true when it must be told to stop.
   *
   * Deviation from the paper, which prunes after one: with many origins a link that is late for
   * one is first for another. A burst counts once: its duplicates were all sent before a PRUNE
   * could arrive, and links of one circle that were judged by them would be pruned together.
   */
  onDuplicate(neighbor: Neighbor, id: LocalId, nowMs: number): boolean {
    const branch = this.#branches.get(neighbor);
    if (branch === undefined) return false;
    if (this.#shapedBy?.log === id.log && this.#shapedBy?.sequence === id.sequence) {
      // The other end sees a duplicate too and needs no PRUNE.
      branch.isNext = false;
      if (this.#phase !== 'measuring') this.#cutOff(branch);
      return false;
    }
    const { duplicatesMax, trunkDuplicatesMax, pruneIntervalMs } = this.#rule;
    if (nowMs - branch.countedMs < pruneIntervalMs) return false;
    branch.countedMs = nowMs;
    branch.duplicates += 1;
    if (branch.duplicates < (branch.isTrunk ? trunkDuplicatesMax : duplicatesMax)) return false;
    this.#cutOff(branch);
    return true;
  }

  /** Prunes a branch on which a better one was found. */
  replace(neighbor: Neighbor, nowMs: number): void {
    const branch = this.#branches.get(neighbor);
    if (branch === undefined) return;
    branch.countedMs = nowMs;
    this.#cutOff(branch);
  }

  /** What is pruned for the old tree may still be in the next one. */
  #cutOff(branch: Branch): void {
    branch.isEager = false;
    branch.isTrunk = false;
    if (this.#phase !== 'measuring') branch.isNext = false;
  }

  /** For a while both trees are used: no broadcast that is under way falls between them. */
  #advance(nowMs: number): void {
    const sinceMs = nowMs - this.#shapedMs;
    if (this.#phase === 'measuring' && sinceMs >= SETTLE_MS) {
      this.#phase = 'overlapping';
      for (const branch of this.#branches.values()) {
        branch.isTrunk = branch.isNext;
        // What was counted before says nothing about the new tree.
        if (branch.isNext) branch.duplicates = 0;
        branch.isEager ||= branch.isNext;
      }
    }
    if (this.#phase === 'overlapping' && sinceMs >= 2 * SETTLE_MS) {
      this.#phase = 'settled';
      for (const branch of this.#branches.values()) branch.isEager &&= branch.isNext;
    }
  }
}

/** The shared set and those of the busiest origins. */
export class EagerSets {
  readonly shared: EagerSet;
  readonly #config: PlumtreeConfig;
  readonly #own = new Set<EagerSet>();

  constructor(config: PlumtreeConfig) {
    this.#config = config;
    this.shared = new EagerSet(config);
  }

  get ownCount(): number {
    return this.#own.size;
  }

  of(log: OriginLog | undefined): EagerSet {
    return log?.ownSet ?? this.shared;
  }

  add(neighbor: Neighbor): void {
    this.shared.add(neighbor);
    for (const set of this.#own) set.add(neighbor);
  }

  remove(neighbor: Neighbor): void {
    this.shared.remove(neighbor);
    for (const set of this.#own) set.remove(neighbor);
  }

  /** Gives an origin that is busy enough a set of its own, all eager, if it earns a place. */
  consider(log: OriginLog, neighbors: Iterable<Neighbor>): void {
    if (log.ownSet !== undefined || log.recent + log.previous < this.#config.ownSetBroadcasts) {
      return;
    }
    if (this.#makeRoom(log)) this.#give(log, neighbors);
  }

  /** Gives an origin a set because a neighbour has one for it, if there is a free place. */
  follow(log: OriginLog, neighbors: Iterable<Neighbor>): void {
    if (log.ownSet === undefined && this.#own.size < this.#config.ownSetsMax) {
      this.#give(log, neighbors);
    }
  }

  /** The origin goes back to the shared set. */
  drop(log: OriginLog): void {
    if (log.ownSet === undefined) return;
    this.#own.delete(log.ownSet);
    log.ownSet = undefined;
  }

  #give(log: OriginLog, neighbors: Iterable<Neighbor>): void {
    const k = this.#config.ownDuplicatesMax;
    const rule = { ...this.#config, duplicatesMax: k, trunkDuplicatesMax: k };
    const set = new EagerSet(rule, log);
    for (const neighbor of neighbors) set.add(neighbor);
    log.ownSet = set;
    this.#own.add(set);
  }

  /** The least busy one gives way to one that is twice as busy. */
  #makeRoom(log: OriginLog): boolean {
    if (this.#own.size < this.#config.ownSetsMax) return true;
    let least: OriginLog | undefined;
    for (const { log: other } of this.#own) {
      if (other !== undefined && (least === undefined || busyness(other) < busyness(least))) {
        least = other;
      }
    }
    if (least === undefined || busyness(log) < 2 * busyness(least)) return false;
    this.drop(least);
    return true;
  }
}

function busyness(log: OriginLog): number {
  return log.recent + log.previous;
}
