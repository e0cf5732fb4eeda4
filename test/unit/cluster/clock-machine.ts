/**
 * What a node's clock stands on, in the hands of a test: a wall clock that is set at will, and a
 * bound on a disk whose saves end, fail or are lost when the test says so.
 */
import type { ClockBound } from '../../../src/cluster/clock-bound.ts';
import type { NodeClockOptions } from '../../../src/cluster/node-clock.ts';
import type { Stamp } from '../../../src/core/clock/stamp.ts';
import { Meter } from '../../../src/host/meter.ts';
import { settlement } from '../../../src/settlement.ts';

export const START_WALL_MS = 1_767_225_600_000;

/** Lets all promises that wait for nothing settle. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

export interface Line {
  readonly level: 'warn' | 'error' | 'info';
  readonly msg: string;
  readonly fields?: object | undefined;
}

export class ClockMachine {
  wallMs: number = START_WALL_MS;
  monotonicMs = 0;
  readonly lines: Line[] = [];
  readonly meter: Meter = new Meter();
  readonly host: NodeClockOptions['host'] = {
    clock: { wallMs: () => this.wallMs, monotonicMs: () => this.monotonicMs },
    meter: this.meter,
    logger: {
      debug: () => {},
      info: (msg, fields) => void this.lines.push({ level: 'info', msg, fields }),
      warn: (msg, fields) => void this.lines.push({ level: 'warn', msg, fields }),
      error: (msg, fields) => void this.lines.push({ level: 'error', msg, fields }),
    },
  };

  /** Both clocks move on. */
  pass(ms: number): void {
    this.wallMs += ms;
    this.monotonicMs += ms;
  }

  count(name: string): number {
    return this.meter.snapshot()[name] ?? 0;
  }
}

interface Save {
  readonly bound: Stamp;
  readonly end: (error?: Error) => void;
}

/** Saves end in the call, unless `isSlow`: then one by one, as the test ends them. */
export class FakeBound implements ClockBound {
  durable: Stamp | undefined;
  isSlow = false;
  failure: Error | undefined;
  readonly saves: Stamp[] = [];
  readonly waiting: Save[] = [];

  async load(): Promise<Stamp | undefined> {
    return this.durable;
  }

  async save(bound: Stamp): Promise<void> {
    this.saves.push(bound);
    if (this.isSlow) await this.#ended(bound);
    else if (this.failure !== undefined) throw this.failure;
    this.durable = bound;
  }

  /** The oldest save reaches the disk. */
  finish(): void {
    this.waiting.shift()?.end();
  }

  fail(error: Error): void {
    this.waiting.shift()?.end(error);
  }

  /** What another start finds: the saves under way have reached the disk or have not. */
  afterCrash(isReached: boolean): FakeBound {
    const next = new FakeBound();
    const last = isReached ? this.waiting.at(-1)?.bound : undefined;
    next.durable = last ?? this.durable;
    return next;
  }

  #ended(bound: Stamp): Promise<void> {
    const { promise, resolve, reject } = settlement<void>();
    this.waiting.push({
      bound,
      end: (error) => (error === undefined ? resolve() : reject(error)),
    });
    return promise;
  }
}
