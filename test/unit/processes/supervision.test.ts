/** The decisions of a supervisor, without processes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Pid, pidOf } from '../../../src/core/pid.ts';
import type { ChildRules, SupervisionRules } from '../../../src/processes/supervise-options.ts';
import { Supervision } from '../../../src/processes/supervision.ts';
import type {
  SupervisionEffect,
  SupervisionInput,
} from '../../../src/processes/supervision-contract.ts';

describe('starting', () => {
  test('starts one child after the other, in order', () => {
    const core = supervision(['permanent', 'permanent', 'permanent']);
    expect(core.take({ kind: 'begin' })).toEqual(['start 0']);
    expect(core.started(0, 10)).toEqual(['start 1']);
    expect(core.started(1, 11)).toEqual(['start 2']);
    expect(core.started(2, 12)).toEqual(['begun']);
  });

  test('gives up when a child does not start at all, and ends those that did', () => {
    const core = supervision(['permanent', 'permanent', 'permanent']);
    core.begin(10, 11);
    const reason = { name: 'Error', message: 'no port' };
    expect(core.take({ kind: 'startFailed', child: 2, reason })).toEqual([
      'exit 11 shutdown',
      'schedule 5000',
    ]);
    expect(core.end(11)).toEqual(['exit 10 shutdown', 'schedule 5000']);
    expect(core.end(10)).toEqual(['gave up ChildNotStarted child 2 did not start: no port']);
  });

  test('without children it waits to be ended', () => {
    const core = supervision([]);
    expect(core.take({ kind: 'begin' })).toEqual(['begun']);
    expect(core.take({ kind: 'stopAsked', reason: 'shutdown' })).toEqual(['end shutdown']);
  });
});

describe('a supervisor among the children', () => {
  const beginning = { kind: 'started', child: 0, pid: pid(10), isBegun: false } as const;

  test('starts all of its own before the next one starts', () => {
    const core = supervision(['permanent', 'permanent']);
    core.take({ kind: 'begin' });
    expect(core.take(beginning)).toEqual([]);
    expect(core.take({ kind: 'childBegun', pid: pid(10) })).toEqual(['start 1']);
    expect(core.started(1, 11)).toEqual(['begun']);
  });

  test('that cannot start its own has not started', () => {
    const core = supervision(['permanent', 'permanent']);
    core.take({ kind: 'begin' });
    core.take(beginning);
    expect(core.end(10, { message: 'no port' })).toEqual([
      'gave up ChildNotStarted child 0 did not start: no port',
    ]);
  });

  test('is ended without being waited for', () => {
    const core = supervision(['permanent', 'permanent']);
    core.take({ kind: 'begin' });
    core.take(beginning);
    expect(core.take({ kind: 'stopAsked', reason: 'update' })).toEqual([
      'exit 10 shutdown',
      'schedule 5000',
    ]);
    expect(core.take({ kind: 'childBegun', pid: pid(10) })).toEqual([]);
    expect(core.end(10, 'shutdown')).toEqual(['end update']);
  });
});

describe('a child that ends', () => {
  test.each([
    ['permanent', 'normal', ['restart 0']],
    ['permanent', 'shutdown', ['restart 0']],
    ['permanent', 'killed', ['restart 0']],
    ['transient', 'normal', []],
    ['transient', 'shutdown', []],
    ['transient', 'killed', ['restart 0']],
    ['transient', { name: 'Error', message: '' }, ['restart 0']],
    ['temporary', 'normal', []],
    ['temporary', 'killed', []],
  ] as const)('if it is %s and its reason %j, is followed by %j', (restart, reason, effects) => {
    const core = supervision([restart, 'permanent']);
    core.begin(10, 11);
    expect(core.end(10, reason)).toEqual(effects);
  });

  test('is started again alone with one-for-one', () => {
    const core = supervision(['permanent', 'permanent', 'permanent']);
    core.begin(10, 11, 12);
    expect(core.end(11)).toEqual(['restart 1']);
    expect(core.started(1, 13)).toEqual([]);
    expect(core.running).toEqual([pid(12), pid(13), pid(10)]);
  });

  test('takes those after it along with rest-for-one: last first, then started in order', () => {
    const rest = { strategy: 'rest-for-one' } as const;
    const core = supervision(['permanent', 'permanent', 'transient', 'temporary'], rest);
    core.begin(10, 11, 12, 13);
    expect(core.end(11)).toEqual(['exit 13 shutdown', 'schedule 5000']);
    expect(core.end(13, 'shutdown')).toEqual(['exit 12 shutdown', 'schedule 5000']);
    expect(core.end(12, 'shutdown')).toEqual(['restart 1']);
    expect(core.started(1, 14)).toEqual(['restart 2']);
    expect(core.started(2, 15)).toEqual([]);
    expect(core.running).toEqual([pid(15), pid(14), pid(10)]);
  });

  test('with rest-for-one, brings back a transient one that had done its work', () => {
    const core = supervision(['permanent', 'transient'], { strategy: 'rest-for-one' });
    core.begin(10, 11);
    expect(core.end(11, 'normal')).toEqual([]);
    expect(core.end(10)).toEqual(['restart 0']);
    expect(core.started(0, 12)).toEqual(['restart 1']);
  });

  test('while another one is started again waits for its turn', () => {
    const core = supervision(['permanent', 'permanent', 'permanent']);
    core.begin(10, 11, 12);
    expect(core.end(12)).toEqual(['restart 2']);
    expect(core.end(11)).toEqual([]);
    expect(core.end(10)).toEqual([]);
    expect(core.started(2, 13)).toEqual(['restart 0']);
    expect(core.started(0, 14)).toEqual(['restart 1']);
    expect(core.started(1, 15)).toEqual([]);
  });

  test('while later ones start with rest-for-one, ends the one that is starting as well', () => {
    const core = supervision(['permanent', 'permanent', 'permanent'], { strategy: 'rest-for-one' });
    core.begin(10, 11);
    expect(core.end(10)).toEqual([]);
    expect(core.started(2, 12)).toEqual(['exit 12 shutdown', 'schedule 5000']);
    expect(core.end(12)).toEqual(['exit 11 shutdown', 'schedule 5000']);
    expect(core.end(11)).toEqual(['restart 0']);
  });

  test('that must stop anyway may end by itself, which is no restart', () => {
    const rules = { strategy: 'rest-for-one', restarts: 1 } as const;
    const core = supervision(['permanent', 'permanent', 'permanent'], rules);
    core.begin(10, 11, 12);
    core.end(10);
    expect(core.end(11, 'killed')).toEqual([]);
    expect(core.end(12, 'shutdown')).toEqual(['restart 0']);
  });
});

describe('restart intensity', () => {
  test('ends the supervisor at one restart more than allowed within the time', () => {
    const core = supervision(['permanent', 'permanent'], { restarts: 2, withinMs: 1_000 });
    core.begin(10, 11);
    for (const [ended, next] of [
      [10, 12],
      [12, 13],
    ] as const) {
      core.nowMs += 400;
      expect(core.end(ended)).toEqual(['restart 0']);
      core.started(0, next);
    }
    core.nowMs += 199;
    expect(core.end(13, 'killed')).toEqual(['exit 11 shutdown', 'schedule 5000']);
    expect(core.end(11)).toEqual([
      'gave up RestartsExceeded over 2 restarts within 1000 ms, the last of child 0: killed',
    ]);
  });

  test('forgets restarts that are older', () => {
    const core = supervision(['permanent'], { restarts: 1, withinMs: 1_000 });
    core.begin(10);
    for (let serial = 10; serial < 20; serial += 1) {
      core.nowMs += 1_000;
      expect(core.end(serial)).toEqual(['restart 0']);
      core.started(0, serial + 1);
    }
  });

  test('counts a start that fails, and tries again at once', () => {
    const core = supervision(['permanent'], { restarts: 2 });
    core.begin(10);
    expect(core.end(10)).toEqual(['restart 0']);
    const failed = { kind: 'startFailed', child: 0, reason: 'no' } as const;
    expect(core.take(failed)).toEqual(['restart 0']);
    expect(core.take(failed)).toEqual([
      'gave up RestartsExceeded over 2 restarts within 5000 ms, the last of child 0: no',
    ]);
  });

  test('of 0 restarts nothing', () => {
    const core = supervision(['permanent', 'transient'], { restarts: 0 });
    core.begin(10, 11);
    expect(core.end(11, 'normal')).toEqual([]);
    expect(core.end(10, { name: 'Error', message: 'broken' })).toEqual([
      'gave up RestartsExceeded over 0 restarts within 5000 ms, the last of child 0: broken',
    ]);
  });
});

describe('stopping', () => {
  test('ends the children in reverse order, each when the one before is gone', () => {
    const core = supervision(['permanent', 'temporary', 'transient']);
    core.begin(10, 11, 12);
    const asked = core.take({ kind: 'stopAsked', reason: { why: 'update' } });
    expect(asked).toEqual(['exit 12 shutdown', 'schedule 5000']);
    expect(core.end(12, 'shutdown')).toEqual(['exit 11 shutdown', 'schedule 5000']);
    expect(core.end(11, 'shutdown')).toEqual(['exit 10 shutdown', 'schedule 5000']);
    expect(core.end(10, 'shutdown')).toEqual(['end {"why":"update"}']);
  });

  test('kills a child that does not end in its time, and listens to no older timer', () => {
    const core = supervision(['permanent', 'permanent']);
    core.begin(10, 11);
    core.take({ kind: 'stopAsked', reason: 'shutdown' });
    core.end(11, 'shutdown');
    expect(core.take({ kind: 'timeOver', timer: 1 })).toEqual([]);
    expect(core.take({ kind: 'timeOver', timer: 2 })).toEqual(['exit 10 kill']);
    expect(core.end(10, 'killed')).toEqual(['end shutdown']);
  });

  test('kills at once what has no time to end', () => {
    const core = supervision(['permanent'], { shutdownMs: 0 });
    core.begin(10);
    expect(core.take({ kind: 'stopAsked', reason: 'shutdown' })).toEqual(['exit 10 kill']);
    expect(core.end(10, 'killed')).toEqual(['end shutdown']);
  });

  test('waits for a start that is under way, and ends what comes of it', () => {
    const core = supervision(['permanent', 'permanent']);
    core.begin(10);
    expect(core.take({ kind: 'stopAsked', reason: 'shutdown' })).toEqual(['schedule 5000']);
    expect(core.started(1, 11)).toEqual(['exit 11 shutdown', 'schedule 5000']);
    expect(core.take({ kind: 'timeOver', timer: 1 })).toEqual([]);
    expect(core.end(11)).toEqual(['exit 10 shutdown', 'schedule 5000']);
  });

  test('gives up a start that lasts, and kills what comes of it after all', () => {
    const core = supervision(['permanent', 'permanent']);
    core.begin(10);
    core.take({ kind: 'stopAsked', reason: 'shutdown' });
    expect(core.take({ kind: 'timeOver', timer: 1 })).toEqual([
      'exit 10 shutdown',
      'schedule 5000',
    ]);
    expect(core.end(10)).toEqual(['end shutdown']);
    expect(core.started(1, 11)).toEqual(['exit 11 kill']);
  });

  test('keeps the first reason', () => {
    const core = supervision(['permanent']);
    core.begin(10);
    core.take({ kind: 'stopAsked', reason: 'first' });
    expect(core.take({ kind: 'stopAsked', reason: 'second' })).toEqual([]);
    expect(core.end(10)).toEqual(['end first']);
  });
});

test('any course of events keeps order, and leaves nothing behind at the end', () => {
  const events = fc.array(
    fc.record({
      kind: fc.constantFrom('end', 'answer', 'fail', 'timeOver', 'pass'),
      pick: fc.nat(),
      reason: fc.constantFrom('normal', 'shutdown', 'killed'),
    }),
    { maxLength: 60 },
  );
  const rules = fc.record({
    children: fc.array(fc.constantFrom('permanent', 'transient', 'temporary'), { maxLength: 5 }),
    strategy: fc.constantFrom('one-for-one', 'rest-for-one'),
    restarts: fc.nat(6),
  });
  fc.assert(
    fc.property(rules, events, ({ children, strategy, restarts }, course) => {
      const model = new Course(supervision(children, { strategy, restarts, withinMs: 100 }));
      model.apply({ kind: 'begin' });
      for (const { kind, pick, reason } of course) model.step(kind, pick, reason);
      model.finish();
    }),
    { numRuns: 500 },
  );
});

/** Plays the processes of the children, and checks each order against them. */
class Course {
  readonly #core: CoreUnderTest;
  readonly #alive = new Map<Pid, number>();
  #starting: number | undefined;
  #told: Pid | undefined;
  #lastSerial = 100;
  #timer = 0;
  isOver = false;

  constructor(core: CoreUnderTest) {
    this.#core = core;
  }

  apply(input: SupervisionInput): void {
    for (const effect of this.#core.handle(input)) this.#perform(effect);
  }

  step(kind: string, pick: number, reason: string): void {
    if (kind === 'pass') this.#core.nowMs += pick % 200;
    else if (kind === 'answer') this.#answer();
    else if (kind === 'fail') this.#fail();
    else if (kind === 'timeOver') this.apply({ kind: 'timeOver', timer: this.#timer });
    else this.#end([...this.#alive.keys()][pick % this.#alive.size], reason);
  }

  finish(): void {
    this.apply({ kind: 'stopAsked', reason: 'shutdown' });
    for (let left = 100; left > 0 && !this.isOver; left -= 1) {
      this.#answer();
      this.#end(this.#told, 'shutdown');
    }
    expect([this.isOver, [...this.#alive]]).toEqual([true, []]);
  }

  #answer(): void {
    const child = this.#starting;
    if (child === undefined) return;
    this.#starting = undefined;
    this.#lastSerial += 1;
    this.#alive.set(pid(this.#lastSerial), child);
    this.apply({ kind: 'started', child, pid: pid(this.#lastSerial), isBegun: true });
  }

  #fail(): void {
    const child = this.#starting;
    this.#starting = undefined;
    if (child !== undefined) this.apply({ kind: 'startFailed', child, reason: 'failed' });
  }

  #end(ended: Pid | undefined, reason: string): void {
    if (ended === undefined) return;
    this.#alive.delete(ended);
    if (this.#told === ended) this.#told = undefined;
    this.apply({ kind: 'ended', pid: ended, reason });
  }

  #perform(effect: SupervisionEffect): void {
    if (effect.kind === 'start') {
      // One thing at a time, and no child twice.
      expect([this.isOver, this.#starting, this.#told]).toEqual([false, undefined, undefined]);
      expect([...this.#alive.values()]).not.toContain(effect.child);
      this.#starting = effect.child;
    } else if (effect.kind === 'exit') {
      this.#onExit(effect.pid, effect.reason);
    } else if (effect.kind === 'schedule') {
      this.#timer = effect.timer;
    } else if (effect.kind === 'end') {
      expect(this.isOver).toBe(false);
      this.isOver = true;
    }
  }

  #onExit(told: Pid, reason: string): void {
    if (told === this.#told) {
      expect(reason).toBe('kill');
    } else if (reason === 'kill') {
      // The start was given up, and came to something after all.
      expect(told).toBe(pid(this.#lastSerial));
      this.#alive.delete(told);
    } else {
      expect([this.isOver, this.#told]).toEqual([false, undefined]);
      expect(this.#alive.get(told)).toBe(Math.max(...this.#alive.values()));
      this.#told = told;
    }
  }
}

interface CoreUnderTest {
  nowMs: number;
  readonly running: readonly Pid[];
  handle(input: SupervisionInput): readonly SupervisionEffect[];
  /** The orders as texts. */
  take(input: SupervisionInput): string[];
  started(child: number, serial: number): string[];
  /** Begins, and starts as many children, in order. */
  begin(...serials: number[]): void;
  end(serial: number, reason?: unknown): string[];
}

function supervision(
  children: readonly ChildRules['restart'][],
  { shutdownMs = 5_000, ...rules }: Partial<SupervisionRules & ChildRules> = {},
): CoreUnderTest {
  const core = new Supervision({
    strategy: 'one-for-one',
    restarts: 3,
    withinMs: 5_000,
    ...rules,
    children: children.map((restart) => ({ restart, shutdownMs })),
  });
  const face: CoreUnderTest = {
    nowMs: 0,
    get running() {
      return core.running;
    },
    handle: (input) => core.handle(input, face.nowMs),
    take: (input) => face.handle(input).map(effectText),
    started: (child, serial) =>
      face.take({ kind: 'started', child, pid: pid(serial), isBegun: true }),
    begin: (...serials) => {
      face.take({ kind: 'begin' });
      for (const [child, serial] of serials.entries()) {
        face.started(child, serial);
      }
    },
    end: (serial, reason = 'killed') => face.take({ kind: 'ended', pid: pid(serial), reason }),
  };
  return face;
}

function pid(serial: number): Pid {
  return pidOf('a@h', 1n, serial);
}

function effectText(effect: SupervisionEffect): string {
  switch (effect.kind) {
    case 'start':
      return `${effect.isRestart ? 'restart' : 'start'} ${effect.child}`;
    case 'exit':
      return `exit ${effect.pid.serial} ${effect.reason}`;
    case 'schedule':
      return `schedule ${effect.delayMs}`;
    case 'begun':
      return 'begun';
    default:
      return endText(effect);
  }
}

function endText({ reason, isFailure }: Extract<SupervisionEffect, { kind: 'end' }>): string {
  if (!isFailure) return `end ${typeof reason === 'string' ? reason : JSON.stringify(reason)}`;
  const { name, message } = reason as { readonly name: string; readonly message: string };
  return `gave up ${name} ${message}`;
}
