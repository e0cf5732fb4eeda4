import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Agreement, type Standing } from '../../../../src/core/links/agreement.ts';
import type { EconomyMessage } from '../../../../src/core/links/economy-messages.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';

const FREE: Standing = { isFree: true, framesSent: 2, framesReceived: 3 };
const PROPOSED = { kind: 'propose', round: 1, cause: 'idle', framesSent: 3 } as const;

describe('a proposal', () => {
  test('is agreed to by who is free and has got all that was sent', () => {
    const asked = new Agreement(true);
    expect(asked.onPropose(PROPOSED, FREE)).toEqual({ kind: 'agree', round: 1, framesSent: 2 });
    expect(asked.hasAgreed).toBe(true);
  });

  test('is refused by who is not free, or misses a frame', () => {
    for (const standing of [
      { ...FREE, isFree: false },
      { ...FREE, framesReceived: 2 },
    ]) {
      const asked = new Agreement(true);
      expect(asked.onPropose(PROPOSED, standing)).toEqual({ kind: 'refuse', round: 1 });
      expect(asked.hasAgreed).toBe(false);
    }
  });

  test('of the greater name is passed over by the smaller one that has proposed, too', () => {
    const [smaller, greater] = [new Agreement(true), new Agreement(false)];
    smaller.propose('idle', 2);
    greater.propose('idle', 2);
    expect(smaller.onPropose(PROPOSED, FREE)).toBe(undefined);
    expect(greater.onPropose(PROPOSED, FREE)?.kind).toBe('agree');
    expect([smaller.isProposed, greater.isProposed]).toEqual([true, false]);
  });

  test('that comes again after it was agreed to breaks the rules, and so does a stray answer', () => {
    const asked = new Agreement(true);
    asked.onPropose(PROPOSED, FREE);
    expect(() => asked.onPropose(PROPOSED, FREE)).toThrow(WireError);
    const silent = new Agreement(true);
    expect(() => silent.onAgree({ kind: 'agree', round: 1, framesSent: 0 }, FREE)).toThrow(
      WireError,
    );
    expect(() => silent.onRefuse(1)).toThrow(WireError);
  });
});

describe('an agreement', () => {
  const agreed = { kind: 'agree', round: 1, framesSent: 3 } as const;

  test('ends the link when nothing was sent or is missed since', () => {
    const asking = new Agreement(true);
    asking.propose('idle', 2);
    expect(asking.onAgree(agreed, FREE)).toBe(undefined);
  });

  test('is withdrawn after a frame that was sent, is missed, or a new need', () => {
    const standings = [
      { ...FREE, framesSent: 3 },
      { ...FREE, framesReceived: 2 },
      { ...FREE, isFree: false },
    ];
    for (const standing of standings) {
      const asking = new Agreement(true);
      asking.propose('idle', 2);
      expect(asking.onAgree(agreed, standing)).toEqual({ kind: 'withdraw', round: 1 });
    }
  });

  test('is over when its withdrawal comes, or before that a frame that says the same', () => {
    const asked = new Agreement(true);
    asked.onPropose(PROPOSED, FREE);
    expect([asked.onWithdraw(1), asked.hasAgreed]).toEqual([true, false]);
    asked.onPropose({ ...PROPOSED, round: 2 }, FREE);
    asked.goOn();
    expect([asked.hasAgreed, asked.onWithdraw(2)]).toEqual([false, false]);
  });
});

/** One step of either end, or the arrival of what is on its way in one of its channels. */
type Step =
  | { readonly kind: 'send'; readonly end: 0 | 1; readonly lane: number }
  | { readonly kind: 'need'; readonly end: 0 | 1; readonly isNeeded: boolean }
  | { readonly kind: 'propose'; readonly end: 0 | 1 }
  | { readonly kind: 'arrive'; readonly end: 0 | 1; readonly lane: number };

const end = fc.constantFrom(0 as const, 1 as const);
const lane = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('send' as const), end, lane }),
  fc.record({ kind: fc.constant('need' as const), end, isNeeded: fc.boolean() }),
  { arbitrary: fc.record({ kind: fc.constant('propose' as const), end }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('arrive' as const), end, lane }), weight: 4 },
);

/** Channel 0 carries the words, 1 and 2 messages; each is in order, none with another. */
const WORDS = 0;

class End {
  readonly agreement: Agreement;
  readonly toPeer: (EconomyMessage | number)[][] = [[], [], []];
  readonly received: number[] = [];
  readonly sent: number[] = [];
  /** What is sent while this end has parted; it goes over the next link, or this one after all. */
  readonly kept: number[] = [];
  isNeeded = false;
  isEnded = false;
  linkFrames = { sent: 0, received: 0 };

  constructor(isSmaller: boolean) {
    this.agreement = new Agreement(isSmaller);
  }

  get standing(): Standing {
    const { sent, received } = this.linkFrames;
    return { isFree: !this.isNeeded, framesSent: sent, framesReceived: received };
  }

  send(message: number, on: number): void {
    this.sent.push(message);
    if (this.agreement.hasAgreed || this.isEnded) this.kept.push(message);
    else this.put(message, on);
  }

  put(message: number, on: number): void {
    this.linkFrames.sent += 1;
    this.toPeer[on]?.push(message);
  }

  say(word: EconomyMessage | undefined): void {
    if (word !== undefined) this.toPeer[WORDS]?.push(word);
  }

  take(item: EconomyMessage | number): void {
    if (typeof item === 'number') this.#takeFrame(item);
    else this.#takeWord(item);
  }

  #takeFrame(message: number): void {
    this.linkFrames.received += 1;
    this.received.push(message);
    if (this.agreement.hasAgreed) {
      this.agreement.goOn();
      this.#flush();
    }
  }

  #takeWord(word: EconomyMessage): void {
    const { agreement } = this;
    if (word.kind === 'propose') this.say(agreement.onPropose(word, this.standing));
    else if (word.kind === 'refuse') agreement.onRefuse(word.round);
    else if (word.kind === 'withdraw') {
      if (agreement.onWithdraw(word.round)) this.#flush();
    } else {
      const answer = agreement.onAgree(word, this.standing);
      this.say(answer);
      this.isEnded = answer === undefined;
    }
  }

  #flush(): void {
    for (const message of this.kept.splice(0)) this.put(message, 1);
  }
}

/** All that is on its way arrives, in turn from either end and over each channel. */
const ARRIVALS: readonly Step[] = Array.from({ length: 400 }, (_, i) => ({
  kind: 'arrive',
  end: i % 2 === 0 ? 0 : 1,
  lane: Math.floor(i / 2) % 3,
}));

/** Runs the steps; stops when the link ends. */
function run(steps: readonly Step[]): readonly [End, End] {
  const ends: readonly [End, End] = [new End(true), new End(false)];
  let next = 0;
  const arrive = (from: End, to: End, on: number): void => {
    const item = from.toPeer[on]?.shift();
    if (item !== undefined) to.take(item);
  };
  for (const each of steps) {
    const [own, other] = each.end === 0 ? ends : [ends[1], ends[0]];
    if (each.kind === 'send') {
      next += 1;
      own.send(next, 1 + (each.lane % 2));
    } else if (each.kind === 'need') own.isNeeded = each.isNeeded;
    else if (each.kind === 'arrive') arrive(own, other, each.lane);
    else if (!own.agreement.isProposed && !own.agreement.hasAgreed) {
      own.say(own.agreement.propose('idle', own.linkFrames.sent));
    }
    if (own.isEnded || other.isEnded) return ends;
  }
  return ends;
}

describe('whatever happens in whatever order', () => {
  test('at the end of a link both have got all that was sent on it, and one has agreed', () => {
    let endings = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const [a, b] = run([...steps, ...ARRIVALS]);
        if (!a.isEnded && !b.isEnded) return;
        endings += 1;
        const [closing, parted] = a.isEnded ? [a, b] : [b, a];
        expect(parted.agreement.hasAgreed).toBe(true);
        const sorted = (messages: readonly number[]): readonly number[] =>
          [...messages].sort((x, y) => x - y);
        expect(sorted(parted.received)).toEqual(sorted(closing.sent));
        expect(sorted([...closing.received, ...parted.kept])).toEqual(sorted(parted.sent));
      }),
      { numRuns: 3_000 },
    );
    expect(endings).toBeGreaterThan(100);
  });

  test('no end breaks a rule, and at rest neither waits for the other', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const [a, b] = run([...steps, ...ARRIVALS]);
        if (a.isEnded || b.isEnded) return;
        for (const { agreement, kept } of [a, b]) {
          expect([agreement.isProposed, agreement.hasAgreed, kept]).toEqual([false, false, []]);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
