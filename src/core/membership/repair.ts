/**
 * Repair (HyParView, section 4.3): while the active view has free places, random spares are asked,
 * a few at a time. When no spare is left to ask, the driver is: every second by a node that is
 * nearly alone, ever more seldom by one that merely has a place free.
 *
 * Deviation from the paper: a node that is nearly alone dials more peers at once than it has
 * places, because after a disaster most of them are dead; those that answer late are spares.
 */
import type { NodeName } from '../names.ts';
import type { HyParViewConfig } from './config.ts';
import type { NeighborPriority } from './messages.ts';
import type { Outbox } from './outbox.ts';
import type { PeerDescriptor } from './peer.ts';
import type { Attempt, PeerBook } from './peer-book.ts';
import { pick, type Randomness } from './randomness.ts';

const URGENT_HELP_PAUSE_MS = 1_000;
const SILENT_LINK_MS = 2_000;
const HELP_PAUSE_MS_MIN = 2_000;
const HELP_PAUSE_MS_MAX = 30_000;

export interface RepairOptions {
  readonly config: HyParViewConfig;
  readonly random: Randomness;
  readonly outbox: Outbox;
  readonly book: PeerBook;
}

export class Repair {
  readonly #config: HyParViewConfig;
  readonly #random: Randomness;
  readonly #outbox: Outbox;
  readonly #book: PeerBook;
  #helpPauseMs = HELP_PAUSE_MS_MIN;
  #helpDueMs = Number.NEGATIVE_INFINITY;

  constructor({ config, random, outbox, book }: RepairOptions) {
    this.#config = config;
    this.#random = random;
    this.#outbox = outbox;
    this.#book = book;
  }

  /** A neighbour is lost: help may be asked for at once. */
  expedite(): void {
    this.#helpPauseMs = HELP_PAUSE_MS_MIN;
    this.#helpDueMs = this.#outbox.nowMs;
  }

  /** Asks as many spares as there are free places and free attempts; help when none is fresh. */
  run(): void {
    if (!this.#book.active.hasRoom) return;
    const candidates = this.#book.candidates();
    const fresh = candidates.filter((node) => this.#book.failures.count(node) === 0);
    const failed = candidates.filter((node) => this.#book.failures.count(node) > 0);
    while (this.#mayDial()) {
      const node =
        draw(this.#random, fresh) ?? (this.#mayRetry() ? draw(this.#random, failed) : undefined);
      const candidate = node === undefined ? undefined : this.#book.spare(node);
      if (candidate === undefined) break;
      this.#begin(candidate);
    }
    if (fresh.length === 0 && this.#book.placesLeft > 0) this.#askForHelp();
  }

  /** Peers that failed before get half of the attempts, so that the dead do not take all. */
  #mayRetry(): boolean {
    const { repairAttemptsMax, urgentAttemptsMax } = this.#config;
    let retries = 0;
    for (const node of this.#book.attempts.keys()) {
      if (this.#book.failures.count(node) > 0) retries += 1;
    }
    return retries < (this.#isUrgent ? urgentAttemptsMax : repairAttemptsMax) / 2;
  }

  /** The link of a low request stands: it leaves with the priority of now, if it is needed yet. */
  onLinked(attempt: Attempt, peer: PeerDescriptor): void {
    if (attempt.ask !== 'low') this.#book.ask({ ...attempt, peer });
    else if (this.#book.placesLeft <= 0) this.#book.dropAttempt({ ...attempt, peer });
    else this.#book.ask({ ...attempt, peer, ask: this.#priority() });
  }

  #begin(candidate: PeerDescriptor): void {
    const isLinked = this.#book.links.has(candidate.node);
    this.#book.attempt(candidate, isLinked ? this.#priority() : 'low');
  }

  /** With a link at hand the request leaves at once, so a place must be free for it. */
  #mayDial(): boolean {
    const { active, attempts } = this.#book;
    const { activeSize, repairAttemptsMax, urgentAttemptsMax } = this.#config;
    if (this.#isUrgent) return attempts.size < urgentAttemptsMax && this.#book.placesLeft > 0;
    return attempts.size < repairAttemptsMax && active.audibleSize + attempts.size < activeSize;
  }

  get #isUrgent(): boolean {
    return this.#book.active.audibleSize < (this.#config.activeSize >= 3 ? 2 : 1);
  }

  /**
   * One urgent request at a time: each may cost the other end a neighbour. One over a link of which
   * nothing was heard lately does not count, for after an outage most such links are dead.
   */
  #priority(): NeighborPriority {
    if (!this.#isUrgent) return 'low';
    for (const [node, { ask }] of this.#book.attempts) {
      if (ask !== 'low' && this.#book.silentMs(node) < SILENT_LINK_MS) return 'low';
    }
    return 'high';
  }

  #askForHelp(): void {
    const isUrgent = this.#isUrgent;
    if (this.#outbox.nowMs < this.#helpDueMs) return;
    const pauseMs = isUrgent ? URGENT_HELP_PAUSE_MS : this.#helpPauseMs;
    this.#helpDueMs = this.#outbox.nowMs + pauseMs;
    if (!isUrgent) this.#helpPauseMs = Math.min(pauseMs * 2, HELP_PAUSE_MS_MAX);
    this.#outbox.push({ kind: 'needCandidates' });
  }
}

/** Takes a random node out. */
function draw(random: Randomness, nodes: NodeName[]): NodeName | undefined {
  const node = pick(random, nodes);
  if (node !== undefined) nodes.splice(nodes.indexOf(node), 1);
  return node;
}
