/**
 * Which links a node can do without: those between neighbours stay, and those that something needs.
 * Of the others go those that nobody used for long, and of too many the least recently used ones.
 */
import type { PartingCause } from './economy-messages.ts';
import { OTHER_QUIET_MS, ROOM_QUIET_MS } from './link-limits.ts';

/** What is known of a link. Times are monotonic, in milliseconds. */
export interface LinkState {
  readonly isNeighbor: boolean;
  /** Calls, monitors, links of processes or streams depend on it, or something waits to be sent. */
  readonly isNeeded: boolean;
  /** Its last message went or came then; before there was one, minus infinity. */
  readonly messageMs: number;
  /** The last other frame did, or the link came up. */
  readonly otherMs: number;
  /** The other end is asked, and has not answered; or has refused a moment ago. */
  readonly asked: 'no' | 'open' | 'refused';
}

export interface EconomyConfig {
  readonly idleMs: number;
  readonly onDemandMax: number;
}

/**
 * The clocks of two ends differ by the way of the last frame: who is asked is content with this
 * share of the time.
 */
const ASKED_SHARE = 0.9;

/** Whether this end would propose the end of the link for that cause. */
export function isFree(link: LinkState, cause: PartingCause, now: Moment): boolean {
  return isQuiet(link, cause, { ...now, share: 1 });
}

/** Whether this end agrees to it. */
export function isFreeWhenAsked(link: LinkState, cause: PartingCause, now: Moment): boolean {
  return isQuiet(link, cause, { ...now, share: ASKED_SHARE });
}

export interface Moment {
  readonly nowMs: number;
  readonly idleMs: number;
}

function isQuiet(
  link: LinkState,
  cause: PartingCause,
  { nowMs, idleMs, share }: Moment & { readonly share: number },
): boolean {
  if (link.isNeighbor || link.isNeeded) return false;
  const quietMs = cause === 'idle' ? idleMs : Math.min(idleMs, ROOM_QUIET_MS);
  const isUsed = nowMs - link.messageMs < quietMs * share;
  return !isUsed && nowMs - link.otherMs >= OTHER_QUIET_MS * share;
}

export interface Dispensable<L> {
  readonly link: L;
  readonly cause: PartingCause;
}

/** Links whose end is to be proposed now, the least recently used ones first. */
export function dispensable<L extends LinkState>(
  links: readonly L[],
  nowMs: number,
  { idleMs, onDemandMax }: EconomyConfig,
): readonly Dispensable<L>[] {
  const now = { nowMs, idleMs };
  const staying = links.filter(({ isNeighbor, asked }) => !isNeighbor && asked !== 'open');
  const askable = staying.filter(({ asked }) => asked === 'no');
  const idle = askable.filter((link) => isFree(link, 'idle', now));
  const surplus = staying.length - idle.length - onDemandMax;
  const room = surplus <= 0 ? [] : leastUsed(askable, now).slice(0, surplus);
  return [
    ...idle.map((link) => ({ link, cause: 'idle' as const })),
    ...room.map((link) => ({ link, cause: 'room' as const })),
  ];
}

function leastUsed<L extends LinkState>(links: readonly L[], now: Moment): readonly L[] {
  return links
    .filter((link) => isFree(link, 'room', now) && !isFree(link, 'idle', now))
    .sort((a, b) => usedMs(a) - usedMs(b));
}

function usedMs({ messageMs, otherMs }: LinkState): number {
  return Math.max(messageMs, otherMs);
}
