/**
 * The first word on a new link: what this node has of each origin, so that the other end asks for
 * what it missed. This is how a healed link catches up. A new node takes over the marks of the
 * first digest instead, even of one that names none: what was before its time is no business of
 * its own.
 *
 * Deviation from the paper, which adds a new neighbour as eager and lets it miss the past.
 */
import {
  GOSSIP_DIGEST_FRAME_ORIGINS_MAX,
  GOSSIP_DIGEST_ORIGINS_MAX,
  GOSSIP_HOPS_MAX,
  GOSSIP_WINDOW_MAX,
} from '../../limits.ts';
import type { GossipMessage, OriginMark } from './messages.ts';
import type { Neighbor } from './neighbor.ts';
import type { OriginLog } from './origin-log.ts';
import { type GossipParts, lose } from './parts.ts';
import type { TreeRepair } from './repair.ts';

export class Digests {
  /** Until a neighbour has greeted it: what comes later is no past that it need not pull. */
  #isNewcomer = true;
  readonly #parts: GossipParts;
  readonly #repair: TreeRepair;

  constructor(parts: GossipParts, repair: TreeRepair) {
    this.#parts = parts;
    this.#repair = repair;
  }

  onDigest(
    from: Neighbor,
    { marks, isLast, isTruncated, isGreeting }: Extract<GossipMessage, { kind: 'digest' }>,
  ): void {
    const isAdopting = this.#isNewcomer;
    for (const mark of marks) {
      if (mark.origin === this.#parts.self.node || this.#parts.origins.isStale(mark)) continue;
      if (isAdopting && this.#parts.origins.of(mark.origin) === undefined) this.#adopt(mark);
      else this.#compare(from, mark);
    }
    if (!isLast) return;
    this.#isNewcomer = false;
    if (isTruncated && !isAdopting) this.#parts.outbox.push({ kind: 'truncated', node: from.node });
    this.#repair.askForMissing();
    if (isGreeting && from.hasGreeted) this.send(from, false);
    from.hasGreeted ||= isGreeting;
  }

  #adopt(mark: OriginMark): void {
    const log = this.#parts.origins.prove(mark, this.#parts.outbox.nowMs);
    if (log === undefined) this.#parts.outbox.count('originsRefused');
    else log.adopt(mark);
    this.#parts.outbox.wake('sweep', this.#parts.outbox.nowMs + this.#parts.config.sweepPeriodMs);
  }

  /** What the neighbour offers and this node has not got is asked for at once. */
  #compare(from: Neighbor, { origin, incarnation, highest, oldest, gaps }: OriginMark): void {
    const start = { origin, incarnation };
    const known = this.#parts.origins.find(start);
    if (known !== undefined) lose(this.#parts, known, known.missUpTo(oldest - 1));
    const first = Math.max(oldest, (known?.floor ?? 0) + 1, highest - GOSSIP_WINDOW_MAX + 1);
    const closed = new Set(gaps);
    const { nowMs: heardMs } = this.#parts.outbox;
    const heard = { neighbor: from, hops: GOSSIP_HOPS_MAX, heardMs, isUrgent: true };
    for (let sequence = first; sequence <= highest; sequence++) {
      if (closed.has(sequence) || known?.has(sequence) === true) continue;
      const log = known ?? this.#parts.origins.hear(start, this.#parts.outbox.nowMs);
      if (this.#repair.announce(log, sequence, heard)) continue;
      this.#parts.outbox.count('announcementsDropped', highest - sequence + 1);
      return;
    }
  }

  /**
   * `isGreeting` on a new link. A neighbour that greets twice had dropped this node for a while
   * without its knowledge: it is answered, for it missed what was sent to it meanwhile.
   */
  send(to: Neighbor, isGreeting: boolean): void {
    to.isOwedDigest = false;
    for (const frame of digestOf(this.#parts.origins.proven(), isGreeting)) {
      this.#parts.outbox.send(to.node, frame);
    }
  }
}

/** The frames of a digest; those that were active last come first when not all may be told. */
function digestOf(origins: Iterable<OriginLog>, isGreeting: boolean): readonly GossipMessage[] {
  let logs = [...origins].filter((log) => log.highest > 0);
  const isTruncated = logs.length > GOSSIP_DIGEST_ORIGINS_MAX;
  if (isTruncated) {
    logs.sort((a, b) => b.activeMs - a.activeMs);
    logs = logs.slice(0, GOSSIP_DIGEST_ORIGINS_MAX);
  }
  const frames: GossipMessage[] = [];
  let at = 0;
  do {
    const marks = logs.slice(at, at + GOSSIP_DIGEST_FRAME_ORIGINS_MAX).map((log) => log.mark());
    at += GOSSIP_DIGEST_FRAME_ORIGINS_MAX;
    const isLast = at >= logs.length;
    frames.push({ kind: 'digest', marks, isLast, isTruncated, isGreeting });
  } while (at < logs.length);
  return frames;
}
