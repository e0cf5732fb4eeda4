/**
 * What goes into the decisions of a supervisor and what comes out: facts about its children, and
 * orders for the process that carries them out.
 */
import type { Pid } from '../core/pid.ts';
import type { Value } from './processes.ts';

export type SupervisionInput =
  | { readonly kind: 'begin' }
  /** Unless it `isBegun`, it is a supervisor whose own children are still to start. */
  | {
      readonly kind: 'started';
      readonly child: number;
      readonly pid: Pid;
      readonly isBegun: boolean;
    }
  | { readonly kind: 'childBegun'; readonly pid: Pid }
  | { readonly kind: 'startFailed'; readonly child: number; readonly reason: Value }
  | { readonly kind: 'ended'; readonly pid: Pid; readonly reason: Value }
  /** The time of a `schedule` is over. */
  | { readonly kind: 'timeOver'; readonly timer: number }
  /** The supervisor itself shall end. */
  | { readonly kind: 'stopAsked'; readonly reason: Value };

export type SupervisionEffect =
  /** Is answered by `started` or `startFailed`. */
  | { readonly kind: 'start'; readonly child: number; readonly isRestart: boolean }
  | { readonly kind: 'exit'; readonly pid: Pid; readonly reason: 'shutdown' | 'kill' }
  /** No timer is taken back: one that is of no use any more is not listened to. */
  | { readonly kind: 'schedule'; readonly timer: number; readonly delayMs: number }
  /** All children have started, for the first time. */
  | { readonly kind: 'begun' }
  /** All children have ended: the supervisor ends with that reason; by itself in a failure. */
  | { readonly kind: 'end'; readonly reason: Value; readonly isFailure: boolean };
