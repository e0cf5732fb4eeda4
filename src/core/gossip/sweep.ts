/** What time takes away: payloads, hopes, marks of quiet origins, eager sets of those at rest. */
import { type GossipParts, lose } from './parts.ts';

export function sweep(parts: GossipParts): void {
  const { nowMs } = parts.outbox;
  const { payloadsKeptMs, originsKeptMs, sweepPeriodMs } = parts.config;
  parts.cache.expire(nowMs - payloadsKeptMs);
  const lost = parts.missing.takeOld(nowMs - payloadsKeptMs);
  for (const { log, sequence } of lost) {
    // The others are counted when their gap is given up.
    if (sequence > log.highest || sequence < log.owedFrom) parts.outbox.lose(log.origin, 1);
  }
  for (const log of parts.origins.rumours()) {
    if ((log.missing?.size ?? 0) === 0) parts.origins.drop(log);
  }
  for (const log of parts.origins.proven()) {
    lose(parts, log, log.ageGaps(nowMs, payloadsKeptMs));
    log.previous = log.recent;
    log.recent = 0;
    if (log.previous === 0) parts.sets.drop(log);
    if (nowMs - log.activeMs >= originsKeptMs && log.origin !== parts.self.node) {
      parts.origins.drop(log);
    }
  }
  if (parts.origins.size + parts.missing.size > 0)
    parts.outbox.wake('sweep', nowMs + sweepPeriodMs);
}
