/**
 * How long a suspect has to refute (Dadgar, Phillips, Currey: Lifeguard, 2018, section IV-B): long
 * while one node alone suspects it, shorter with each that confirms, and longer again where this
 * node itself is slow.
 */
import type { NodeName } from '../names.ts';
import { SUSPECTERS_MAX, type SuspectEntry } from './entry.ts';

/** Confirmations that bring the time down to its minimum. */
const CONFIRMATIONS_MAX = 3;

/** Between the first of the suspecters and the next, so that usually one alone says DEAD. */
const RANK_STEP_MS = 200;

export interface SuspicionTimes {
  readonly suspicionMinMs: number;
  readonly suspicionMaxMs: number;
}

export interface Suspicion {
  /** When it began here, later by the time for which this node stood still. */
  startedMs: number;
  /** All its announced neighbours are gone: every node comes to that by itself. */
  isByRule: boolean;
  /** Somebody called it dead before it was suspect here. */
  isDeathHeard: boolean;
}

export interface SuspicionFacts {
  readonly suspicion: Suspicion;
  readonly entry: SuspectEntry;
  /** Neighbours of the suspect that live and have not spoken. */
  readonly silentConfirmers: number;
  /** 1 for a quick node, more for a slow one. */
  readonly stretch: number;
}

/** Lifeguard's T: max - (max - min) ln(c + 1) / ln(K + 1). */
export function lifeguardMs(
  { suspicionMinMs: min, suspicionMaxMs: max }: SuspicionTimes,
  confirmations: number,
  confirmersMax: number,
): number {
  if (confirmations >= confirmersMax) return min;
  return max - ((max - min) * Math.log(confirmations + 1)) / Math.log(confirmersMax + 1);
}

/**
 * When this node calls the suspect dead. One of the suspecters does so and says it, the first by
 * name first; the others wait for that word and go without it only much later.
 */
export function deadlineMs(
  times: SuspicionTimes,
  self: NodeName,
  { suspicion, entry, silentConfirmers, stretch }: SuspicionFacts,
): number {
  const { startedMs, isByRule, isDeathHeard } = suspicion;
  const rank = entry.by.filter((node) => node < self).length;
  const isOwn = entry.by.includes(self);
  if (isDeathHeard) {
    return startedMs + times.suspicionMinMs * stretch + (isOwn ? rank * RANK_STEP_MS : 0);
  }
  if (isByRule) return startedMs + times.suspicionMaxMs * stretch;
  const confirmations = Math.max(entry.by.length - 1, 0);
  const confirmersMax = Math.min(CONFIRMATIONS_MAX, confirmations + silentConfirmers);
  const timeoutMs = lifeguardMs(times, confirmations, confirmersMax) * stretch;
  return isOwn ? startedMs + timeoutMs + rank * RANK_STEP_MS : startedMs + 2 * timeoutMs + 1_000;
}

/** Those who suspect it, each once, within the bound and never the suspect itself. */
export function suspecters(by: readonly NodeName[], suspect: NodeName): readonly NodeName[] {
  return [...new Set(by)].filter((node) => node !== suspect).slice(0, SUSPECTERS_MAX);
}
