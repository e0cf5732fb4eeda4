/**
 * The event loop of one start of a simulated node: its timers on its machine's clock, and the door
 * for what the network brings. It can stall, so that everything waits and then happens late and in
 * order, and it can die, so that nothing happens any more.
 */
import type { EventLoop } from '../transport/memory/event-loop.ts';
import type { MachineClock } from './machine-clock.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface NodeLoopOptions {
  readonly time: VirtualTime;
  readonly clock: MachineClock;
  /** Told before anything runs in this loop. */
  readonly onRun: () => void;
  /** Told when the loop has stalled and when it goes on. */
  readonly onStallChanged: () => void;
}

export class NodeLoop implements EventLoop {
  readonly #options: NodeLoopOptions;
  #backlog: (() => void)[] = [];
  #backlogHead = 0;
  #stalledUntilMs = 0;
  #isStalled = false;
  #isDead = false;

  constructor(options: NodeLoopOptions) {
    this.#options = options;
  }

  get isStalled(): boolean {
    return this.#isStalled;
  }

  monotonicMs(): number {
    return this.#options.clock.monotonicMs();
  }

  after(delayMs: number, callback: () => void): Disposable {
    const { time, clock } = this.#options;
    const timer = new LoopTimer(this, callback);
    timer.arm(time.after(clock.virtualMs(delayMs), timer.fire));
    return timer;
  }

  soon(callback: () => void): void {
    this.#options.time.soon(() => this.enter(callback));
  }

  enter(callback: () => void): void {
    if (this.#isDead) return;
    if (this.#isStalled || this.#backlog.length > 0) this.#backlog.push(callback);
    else {
      this.#options.onRun();
      callback();
    }
  }

  /** Does nothing for so long from now on; a stall that ends later stands. */
  stall(ms: number): void {
    const { time, onStallChanged } = this.#options;
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, time.monotonicMs() + ms);
    time.after(ms, () => this.#goOn());
    if (this.#isStalled) return;
    this.#isStalled = true;
    onStallChanged();
  }

  /** Nothing runs here any more. */
  kill(): void {
    this.#isDead = true;
    this.#backlog = [];
  }

  #goOn(): void {
    const { time, onStallChanged } = this.#options;
    if (!this.#isStalled || this.#isDead || time.monotonicMs() < this.#stalledUntilMs) return;
    this.#isStalled = false;
    onStallChanged();
    this.#workOff();
  }

  /** One by one, so that promises are followed in between; what comes meanwhile queues up. */
  #workOff(): void {
    if (this.#isStalled || this.#isDead) return;
    const next = this.#backlog[this.#backlogHead];
    if (next === undefined) {
      this.#backlog = [];
      this.#backlogHead = 0;
      return;
    }
    this.#backlogHead += 1;
    this.#options.time.soon(() => this.#workOff());
    this.#options.onRun();
    next();
  }
}

class LoopTimer implements Disposable {
  readonly #loop: NodeLoop;
  #callback: (() => void) | undefined;
  #armed: Disposable | undefined;

  constructor(loop: NodeLoop, callback: () => void) {
    this.#loop = loop;
    this.#callback = callback;
  }

  readonly fire = (): void => this.#loop.enter(this.#run);

  arm(armed: Disposable): void {
    this.#armed = armed;
  }

  [Symbol.dispose](): void {
    this.#callback = undefined;
    this.#armed?.[Symbol.dispose]();
  }

  /** It may have been cancelled while it waited for a stalled loop. */
  readonly #run = (): void => {
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.();
  };
}
