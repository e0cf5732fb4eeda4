/**
 * Where one simulated node runs: its own timers and clock, and the door through which anything from
 * the network gets in. A simulator passes in loops that stall and crash; alone, the network's own
 * clock and timers will do.
 */
import type { Clock, Timers } from '../../host/host.ts';

export interface EventLoop extends Timers, Pick<Clock, 'monotonicMs'> {
  /** True while the node does nothing: it neither reads, nor answers, nor acknowledges. */
  readonly isStalled: boolean;
  /** Runs it now; later and in order when the node is stalled; never when it has crashed. */
  enter(callback: () => void): void;
}

/** A loop that never stalls. */
export function plainLoop(world: { readonly clock: Clock; readonly timers: Timers }): EventLoop {
  const { clock, timers } = world;
  return {
    isStalled: false,
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, callback) => timers.after(delayMs, callback),
    soon: (callback) => timers.soon(callback),
    enter: (callback) => callback(),
  };
}
