/**
 * The first word on a new link: what this node has of each origin, so that the other end asks for
 * what it missed. This is how a healed link catches up.
 *
 * Deviation from the paper, which adds a new neighbour as eager and lets it miss the past.
 */
import { GOSSIP_DIGEST_FRAME_ORIGINS_MAX, GOSSIP_DIGEST_ORIGINS_MAX } from '../../limits.ts';
import type { GossipMessage } from './messages.ts';
import type { OriginLog } from './origin-log.ts';

/** The frames of a digest; those that were active last come first when not all may be told. */
export function digestOf(origins: Iterable<OriginLog>): readonly GossipMessage[] {
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
    frames.push({ kind: 'digest', marks, isLast: at >= logs.length, isTruncated });
  } while (at < logs.length);
  return frames;
}
