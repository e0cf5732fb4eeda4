/** What `supervise` takes, and its rules. */
import type { Pid } from '../core/pid.ts';
import { BarrelError } from '../errors.ts';
import {
  CHILD_SHUTDOWN_MS_DEFAULT,
  RESTARTS_DEFAULT,
  RESTARTS_MAX,
  RESTARTS_WITHIN_MS_DEFAULT,
  SUPERVISED_CHILDREN_MAX,
  TIMEOUT_MS_MAX,
} from '../limits.ts';

/** When a child that ended by itself is started again: see `ChildSpec`. */
export type RestartRule = 'permanent' | 'transient' | 'temporary';

/** Who is started again when a child ends: it alone, or it and all that were started after it. */
export type RestartStrategy = 'one-for-one' | 'rest-for-one';

/** One child of a supervisor: how it starts, and what follows from its end. */
export interface ChildSpec {
  /**
   * Starts the process, by `spawn`, `serve` or `supervise` of the same node, and gives its pid. The
   * next child starts when this one has. A start that takes time needs a time limit of its own.
   */
  readonly start: () => Pid | Promise<Pid>;
  /**
   * `permanent` (default): it is always started again. `transient`: unless its reason was `normal`
   * or `shutdown`. `temporary`: never.
   */
  readonly restart?: RestartRule | undefined;
  /**
   * How long it may take to end when the supervisor tells it to, with reason `shutdown`; then it is
   * killed. Default 5 s; 0 kills it at once.
   */
  readonly shutdownMs?: number | undefined;
}

/** Of `supervise`. */
export interface SuperviseOptions {
  /** Default `one-for-one`. */
  readonly strategy?: RestartStrategy | undefined;
  /** Restarts within `withinMs` that a supervisor makes: 0 to 1,000, default 3. */
  readonly restarts?: number | undefined;
  /** Default 5 s. */
  readonly withinMs?: number | undefined;
}

/** What is decided by, of one child. Children are known by their place in the list. */
export interface ChildRules {
  readonly restart: RestartRule;
  readonly shutdownMs: number;
}

/** The options with their defaults. */
export interface SupervisionRules {
  readonly children: readonly ChildRules[];
  readonly strategy: RestartStrategy;
  readonly restarts: number;
  readonly withinMs: number;
}

const RESTART_RULES: readonly unknown[] = [
  'permanent',
  'transient',
  'temporary',
] satisfies RestartRule[];
const STRATEGIES: readonly unknown[] = ['one-for-one', 'rest-for-one'] satisfies RestartStrategy[];

/** @throws ERR_OPTION with the first fault. */
export function supervisionRules(
  children: readonly ChildSpec[],
  options: SuperviseOptions,
): SupervisionRules {
  if (!Array.isArray(children) || children.length > SUPERVISED_CHILDREN_MAX) {
    throw wrong('children', `a list of at most ${SUPERVISED_CHILDREN_MAX}`, children);
  }
  const { strategy = 'one-for-one', restarts = RESTARTS_DEFAULT } = options;
  const { withinMs = RESTARTS_WITHIN_MS_DEFAULT } = options;
  if (!STRATEGIES.includes(strategy)) throw wrong('strategy', oneOf(STRATEGIES), strategy);
  if (!Number.isInteger(restarts) || restarts < 0 || restarts > RESTARTS_MAX) {
    throw wrong('restarts', `an integer from 0 to ${RESTARTS_MAX}`, restarts);
  }
  if (!isDuration(withinMs) || withinMs === 0) {
    throw wrong('withinMs', `above 0 and at most ${TIMEOUT_MS_MAX}`, withinMs);
  }
  return { children: children.map(childRules), strategy, restarts, withinMs };
}

function childRules(spec: ChildSpec, index: number): ChildRules {
  if (typeof spec !== 'object' || spec === null || typeof spec.start !== 'function') {
    throw wrong(`children[${index}]`, 'an object with a function `start`', spec);
  }
  const { restart = 'permanent', shutdownMs = CHILD_SHUTDOWN_MS_DEFAULT } = spec;
  if (!RESTART_RULES.includes(restart)) {
    throw wrong(`children[${index}].restart`, oneOf(RESTART_RULES), restart);
  }
  if (!isDuration(shutdownMs)) {
    throw wrong(`children[${index}].shutdownMs`, `from 0 to ${TIMEOUT_MS_MAX}`, shutdownMs);
  }
  return { restart, shutdownMs };
}

function isDuration(ms: unknown): ms is number {
  return typeof ms === 'number' && ms >= 0 && ms <= TIMEOUT_MS_MAX;
}

function oneOf(words: readonly unknown[]): string {
  return `one of ${words.join(', ')}`;
}

function wrong(option: string, rule: string, value: unknown): BarrelError {
  const received = typeof value === 'number' || typeof value === 'string' ? value : typeof value;
  return new BarrelError('ERR_OPTION', `${option} must be ${rule}, not ${received}`);
}
