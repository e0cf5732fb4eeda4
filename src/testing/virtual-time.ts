/**
 * A clock and timers that move only when told to. What is due runs in order of its time, then of
 * its scheduling, and the promises that one callback settles are followed to their end before the
 * next one runs, as Node does it; so one seed gives one course of events on any machine.
 */
import { BarrelError } from '../errors.ts';
import type { Clock, Timers } from '../host/host.ts';
import { type TimerEntry, TimerHeap } from './timer-heap.ts';

/** Wall clock at virtual time 0: 2026-01-01T00:00:00Z. */
export const VIRTUAL_START_WALL_MS = 1_767_225_600_000;

/** Callbacks for each turn of the real event loop; promises run between any two of them. */
const STEPS_PER_TURN = 64;

type Pump = { readonly step: () => boolean };

export class VirtualTime implements Clock, Timers {
  /** What `wallMs` says at virtual time 0. */
  readonly startWallMs: number;
  readonly #heap = new TimerHeap();
  readonly #soon: (() => void)[] = [];
  #soonHead = 0;
  #nowMs = 0;
  #running = false;

  /** @param startWallMs what `wallMs` says at virtual time 0, in ms since 1970. */
  constructor(startWallMs: number = VIRTUAL_START_WALL_MS) {
    this.startWallMs = startWallMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return Math.floor(this.startWallMs + this.#nowMs);
  }

  after(delayMs: number, callback: () => void): Disposable {
    const dueMs = this.#nowMs + Math.max(delayMs, 0);
    return this.#heap.push(dueMs, callback);
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  /**
   * Runs everything due within the next `ms`, then stands at the end of them. What a callback
   * throws rejects the promise and leaves time where it was. One run at a time.
   */
  async advance(ms: number): Promise<void> {
    await this.run(ms, () => false);
  }

  /**
   * Runs until the condition holds; it is asked before each callback.
   * @throws ERR_TIMEOUT when it does not hold within `timeoutMs` of virtual time.
   */
  async runUntil(condition: () => boolean, timeoutMs: number): Promise<void> {
    if ((await this.run(timeoutMs, condition)) || condition()) return;
    throw new BarrelError('ERR_TIMEOUT', `the condition did not hold within ${timeoutMs} ms`);
  }

  /**
   * Runs what is due within the next `ms` until `isEnough`, which is asked before each callback,
   * says so: true then, and time stays there. What it throws ends the run as well.
   */
  async run(ms: number, isEnough: () => boolean): Promise<boolean> {
    const endMs = this.#nowMs + ms;
    let isOver = false;
    await this.#pump(() => {
      isOver = isEnough();
      return !isOver && (this.#runNext(endMs) || this.#standAt(endMs));
    });
    return isOver;
  }

  /** Runs the earliest callback that is due by `endMs`; false when there is none. */
  #runNext(endMs: number): boolean {
    const soon = this.#soon[this.#soonHead];
    if (soon !== undefined) {
      this.#takeSoon();
      soon();
      return true;
    }
    const entry = this.#heap.popDue(endMs);
    if (entry === undefined) return false;
    this.#runEntry(entry);
    return true;
  }

  #takeSoon(): void {
    this.#soonHead += 1;
    if (this.#soonHead < this.#soon.length) return;
    this.#soon.length = 0;
    this.#soonHead = 0;
  }

  #runEntry(entry: TimerEntry): void {
    const { callback } = entry;
    entry.callback = undefined;
    this.#nowMs = Math.max(this.#nowMs, entry.dueMs);
    callback?.();
  }

  #standAt(endMs: number): false {
    this.#nowMs = Math.max(this.#nowMs, endMs);
    return false;
  }

  /** Calls `step` until it answers false, with all promises followed before each call. */
  async #pump(step: Pump['step']): Promise<void> {
    if (this.#running) throw new Error('virtual time is already running: await the first run');
    this.#running = true;
    try {
      await new Promise<void>((resolve, reject) => runTurn({ step, resolve, reject }));
    } finally {
      this.#running = false;
    }
  }
}

interface Run extends Pump {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Many immediates in one turn of the loop: Node follows all promises between two of them, and the
 * cost of a turn is shared.
 */
function runTurn(run: Run): void {
  let going = true;
  const stepOnce = (): void => {
    if (!going) return;
    try {
      going = run.step();
      if (!going) run.resolve();
    } catch (error) {
      going = false;
      run.reject(error);
    }
  };
  for (let count = 0; count < STEPS_PER_TURN; count += 1) setImmediate(stepOnce);
  setImmediate(() => {
    if (going) runTurn(run);
  });
}
