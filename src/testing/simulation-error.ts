/** Why a simulation ended early: with where, when, and how to see it again. */
import type { NodeName } from '../core/names.ts';

/** What a `SimulationError` carries beside its message. */
export interface SimulationErrorDetails {
  readonly seed: number;
  /** Virtual milliseconds since the start. */
  readonly atMs: number;
  /** The rule that was broken, where one was. */
  readonly rule?: string;
  readonly node?: NodeName;
  /** What was thrown, where something was. */
  readonly cause?: unknown;
}

/** A rule of the system was broken, or code that ran in the simulation threw. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError';
  readonly seed: number;
  readonly atMs: number;
  declare readonly rule?: string;
  declare readonly node?: NodeName;

  constructor(message: string, details: SimulationErrorDetails) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.seed = details.seed;
    this.atMs = details.atMs;
    if (details.rule !== undefined) this.rule = details.rule;
    if (details.node !== undefined) this.node = details.node;
  }
}
