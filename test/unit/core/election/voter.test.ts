/** The rules of a voter, one by one: what it promises, to whom, how long, and what it forgets. */
import { describe, expect, test } from 'vitest';
import type { Ballot, Verdict } from '../../../../src/core/election/ballot.ts';
import { packToken } from '../../../../src/core/election/fence-token.ts';
import type { VoteRecord } from '../../../../src/core/election/vote-record.ts';
import { PROMISE_MS, Voter, type VoterEffect } from '../../../../src/core/election/voter.ts';
import { FENCE_KEPT_MS, VOTES_MAX } from '../../../../src/limits.ts';

const NAME = 'nightly';
const VOTERS = ['a@t', 'b@t', 'c@t', 'd@t', 'e@t'];
const ONE = { node: 'x@t', incarnation: 1n };
const OTHER = { node: 'y@t', incarnation: 1n };
const GRANTED: Verdict = { kind: 'granted' };
const [T1, T2, T3] = [packToken(1n, 1), packToken(2n, 1), packToken(3n, 1)];

type Memory = Map<string, VoteRecord>;

/** The voter `a@t`; its disk is as fast as the test wants. */
class DrivenVoter {
  readonly core: Voter;
  readonly sent: (readonly [string, Ballot])[] = [];
  readonly disk: Memory;
  hasSlowDisk = false;
  nowMs: number;
  #keeping: (readonly [string, VoteRecord])[] = [];

  /** Started now with `memory`, what is on its disk; without a word, a while ago with nothing. */
  constructor(memory?: Memory | 'no disk', nowMs = 0) {
    const known = memory === 'no disk' ? undefined : (memory ?? new Map());
    this.nowMs = nowMs;
    this.disk = known ?? new Map();
    const startedMs = memory === undefined ? nowMs - PROMISE_MS : nowMs;
    this.core = new Voter({ self: 'a@t', memory: known, nowMs: startedMs });
  }

  request(from: typeof ONE, token: bigint, how: Partial<{ nonce: number; voters: string[] }> = {}) {
    const { nonce = 1, voters = VOTERS } = how;
    return this.hear(from, { kind: 'request', name: NAME, token, voters, nonce });
  }

  hear(from: typeof ONE, ballot: Ballot): readonly (readonly [string, Ballot])[] {
    return this.#sentBy(() => this.#do({ kind: 'ballot', from, ballot }));
  }

  /** The disk has done its work, or not. */
  kept(isKept = true): readonly (readonly [string, Ballot])[] {
    return this.#sentBy(() => {
      for (const [name, record] of this.#keeping.splice(0)) this.#onKept(name, record, isKept);
    });
  }

  memory(from: string, isSure: boolean, token: bigint, holder: typeof ONE = ONE): void {
    const term = token === 0n ? undefined : { token, ...holder };
    const told: Ballot = { kind: 'memory', name: NAME, isSure, term };
    this.hear({ node: from, incarnation: 1n }, told);
  }

  #sentBy(action: () => void): readonly (readonly [string, Ballot])[] {
    const before = this.sent.length;
    action();
    return this.sent.slice(before);
  }

  #do(input: Parameters<Voter['handle']>[0]): void {
    for (const effect of this.core.handle(input, this.nowMs)) this.#perform(effect);
  }

  #perform(effect: VoterEffect): void {
    if (effect.kind === 'send') this.sent.push([effect.to, effect.ballot]);
    else if (effect.kind === 'forget') this.disk.delete(effect.name);
    else if (this.hasSlowDisk) this.#keeping.push([effect.name, effect.record]);
    else this.#onKept(effect.name, effect.record, true);
  }

  #onKept(name: string, record: VoteRecord, isKept: boolean): void {
    if (isKept) this.disk.set(name, record);
    this.#do({ kind: 'kept', name, token: record.token, isKept });
  }
}

function answer(to: string, token: bigint, verdict: Verdict, nonce = 1) {
  return [[to, { kind: 'answer', name: NAME, token, nonce, verdict }]];
}

const refused = (highest: bigint): Verdict => ({ kind: 'refused', highest });

describe('a promise', () => {
  test('is given to the first who asks, and to nobody else while it lasts', () => {
    const voter = new DrivenVoter();
    expect(voter.request(ONE, T1)).toEqual(answer('x@t', T1, GRANTED));
    voter.nowMs = PROMISE_MS - 1;
    expect(voter.request(OTHER, T2)).toEqual(answer('y@t', T2, refused(T1)));
    voter.nowMs = PROMISE_MS;
    expect(voter.request(OTHER, T2)).toEqual(answer('y@t', T2, GRANTED));
  });

  test('lasts from when it was asked for last', () => {
    const voter = new DrivenVoter();
    voter.request(ONE, T1);
    voter.nowMs = 1_500;
    expect(voter.request(ONE, T1, { nonce: 2 })).toEqual(answer('x@t', T1, GRANTED, 2));
    voter.nowMs = 1_500 + PROMISE_MS - 1;
    expect(voter.request(OTHER, T2)).toEqual(answer('y@t', T2, refused(T1)));
  });

  test('is never of a lesser token, nor of the same one for another candidate', () => {
    const voter = new DrivenVoter();
    voter.request(ONE, T2);
    voter.nowMs = 10 * PROMISE_MS;
    expect(voter.request(OTHER, T1)).toEqual(answer('y@t', T1, refused(T2)));
    expect(voter.request(OTHER, T2)).toEqual(answer('y@t', T2, refused(T2)));
    expect(voter.request(ONE, T1)).toEqual(answer('x@t', T1, refused(T2)));
  });

  test('may be taken over by a greater token of the same candidate, not of a later start of it', () => {
    const voter = new DrivenVoter();
    voter.request(ONE, T1);
    expect(voter.request(ONE, T2)).toEqual(answer('x@t', T2, GRANTED));
    const later = { ...ONE, incarnation: 2n };
    expect(voter.request(later, T3)).toEqual(answer('x@t', T3, refused(T2)));
  });

  test('ends when its holder needs it no more, not when somebody else says so', () => {
    const voter = new DrivenVoter();
    voter.request(ONE, T1);
    voter.hear(OTHER, { kind: 'release', name: NAME, token: T1 });
    voter.hear(ONE, { kind: 'release', name: NAME, token: T2 });
    expect(voter.request(OTHER, T2)).toEqual(answer('y@t', T2, refused(T1)));
    voter.hear(ONE, { kind: 'release', name: NAME, token: T1 });
    expect(voter.request(OTHER, T2)).toEqual(answer('y@t', T2, GRANTED));
  });

  test('is not given by one that is no voter of the name', () => {
    const voter = new DrivenVoter();
    expect(voter.request(ONE, T1, { voters: ['b@t', 'c@t', 'd@t'] })).toEqual([]);
  });

  test('while it lasts, candidates with other voters are told so', () => {
    const voter = new DrivenVoter();
    voter.request(ONE, T1);
    const voters = ['a@t', 'f@t', 'g@t'];
    const conflict: Verdict = { kind: 'conflict' };
    expect(voter.request(OTHER, T2, { voters })).toEqual(answer('y@t', T2, conflict));
    voter.nowMs = PROMISE_MS;
    expect(voter.request(OTHER, T2, { voters })).toEqual(answer('y@t', T2, GRANTED));
  });
});

describe('with a disk', () => {
  test('a promise is durable before it is answered, and lasts from the answer', () => {
    const voter = new DrivenVoter();
    voter.hasSlowDisk = true;
    expect(voter.request(ONE, T1)).toEqual([]);
    expect(voter.request(ONE, T1, { nonce: 2 })).toEqual([]);
    expect(voter.request(OTHER, T2)).toEqual(answer('y@t', T2, refused(T1)));
    voter.nowMs = 5_000;
    expect(voter.kept()).toEqual(answer('x@t', T1, GRANTED, 2));
    expect(voter.disk.get(NAME)).toEqual({ token: T1, ...ONE, voters: VOTERS });
    voter.nowMs = 5_000 + PROMISE_MS - 1;
    expect(voter.request(OTHER, T2)).toEqual(answer('y@t', T2, refused(T1)));
  });

  test('one that cannot be kept is not given, and its token not again', () => {
    const voter = new DrivenVoter();
    voter.hasSlowDisk = true;
    voter.request(ONE, T2);
    expect(voter.kept(false)).toEqual(answer('x@t', T2, refused(T2)));
    expect(voter.request(OTHER, T1)).toEqual(answer('y@t', T1, refused(T2)));
    voter.request(OTHER, T3);
    expect(voter.kept()).toEqual(answer('y@t', T3, GRANTED));
  });

  test('one that is released before it is durable binds nobody', () => {
    const voter = new DrivenVoter();
    voter.hasSlowDisk = true;
    voter.request(ONE, T1);
    voter.hear(ONE, { kind: 'release', name: NAME, token: T1 });
    expect(voter.request(OTHER, T2)).toEqual([]);
    expect(voter.kept()).toEqual(answer('y@t', T2, GRANTED));
  });

  test('after a start what is on disk holds for a whole promise, for its holder at once', () => {
    const before = new DrivenVoter();
    before.request(ONE, T2);
    const voter = new DrivenVoter(before.disk, 100_000);
    expect(voter.request(OTHER, T3)).toEqual(answer('y@t', T3, refused(T2)));
    expect(voter.request(ONE, T2)).toEqual(answer('x@t', T2, GRANTED));
    const third = new DrivenVoter(before.disk, 100_000);
    third.nowMs = 100_000 + PROMISE_MS;
    expect(third.request(OTHER, T1)).toEqual(answer('y@t', T1, refused(T2)));
    expect(third.request(OTHER, T3)).toEqual(answer('y@t', T3, GRANTED));
  });

  test("what an earlier start promised, and may have been freed of, is nobody's conflict", () => {
    const before = new DrivenVoter();
    before.request(ONE, T1);
    before.hear(ONE, { kind: 'release', name: NAME, token: T1 });
    const voter = new DrivenVoter(before.disk, 100_000);
    const voters = ['a@t', 'f@t', 'g@t'];
    expect(voter.request(OTHER, T2, { voters })).toEqual(answer('y@t', T2, refused(T1)));
    voter.nowMs = 100_000 + PROMISE_MS;
    expect(voter.request(OTHER, T2, { voters })).toEqual(answer('y@t', T2, GRANTED));
  });

  test('an empty one may be new: it grants nothing for a whole promise after its start', () => {
    const voter = new DrivenVoter(new Map(), 100_000);
    expect(voter.request(ONE, T1)).toEqual(answer('x@t', T1, refused(0n)));
    voter.nowMs = 100_000 + PROMISE_MS;
    expect(voter.request(ONE, T1)).toEqual(answer('x@t', T1, GRANTED));
  });

  test('a name that it never promised is free from the start, and it is sure of that', () => {
    const disk = new Map([['other', { token: T1, ...ONE, voters: VOTERS }]]);
    const voter = new DrivenVoter(disk, 100_000);
    expect(voter.hear(OTHER, { kind: 'recall', name: NAME })).toEqual([
      ['y@t', { kind: 'memory', name: NAME, isSure: true, term: undefined }],
    ]);
    expect(voter.request(ONE, T1)).toEqual(answer('x@t', T1, GRANTED));
  });
});

describe('without a disk', () => {
  test('it asks the others what they know, and grants nothing meanwhile', () => {
    const voter = new DrivenVoter('no disk');
    const recall: Ballot = { kind: 'recall', name: NAME };
    voter.nowMs = PROMISE_MS;
    expect(voter.request(ONE, T1)).toEqual([
      ...['b@t', 'c@t', 'd@t', 'e@t'].map((node) => [node, recall]),
      ...answer('x@t', T1, refused(0n)),
    ]);
    expect(voter.hear(OTHER, recall)).toEqual([
      ['y@t', { kind: 'memory', name: NAME, isSure: false, term: undefined }],
    ]);
    voter.nowMs = 2 * PROMISE_MS;
    expect(voter.request(ONE, T1).at(-1)).toEqual(answer('x@t', T1, refused(0n))[0]);
  });

  test('it asks them when what it may have promised has run out: they know of it by then', () => {
    const voter = new DrivenVoter('no disk');
    expect(voter.request(ONE, T1)).toEqual(answer('x@t', T1, refused(0n)));
    voter.nowMs = PROMISE_MS - 1;
    for (const node of ['b@t', 'c@t', 'd@t', 'e@t']) voter.memory(node, true, 0n);
    voter.nowMs = PROMISE_MS;
    expect(voter.request(OTHER, T1).map(([to]) => to)).toEqual(['b@t', 'c@t', 'd@t', 'e@t', 'y@t']);
    for (const node of ['b@t', 'c@t', 'd@t']) voter.memory(node, true, T2);
    expect(voter.request(OTHER, T1)).toEqual(answer('y@t', T1, refused(T2)));
  });

  test('a majority that is sure is enough, and its greatest token counts', () => {
    const voter = new DrivenVoter('no disk');
    voter.request(ONE, T1);
    voter.nowMs = PROMISE_MS;
    voter.memory('b@t', true, T1);
    voter.memory('c@t', true, T2, OTHER);
    voter.memory('c@t', true, T2, OTHER);
    expect(voter.request(ONE, T3).at(-1)).toEqual(answer('x@t', T3, refused(0n))[0]);
    voter.memory('d@t', true, 0n);
    expect(voter.request(ONE, T2)).toEqual(answer('x@t', T2, refused(T2)));
    expect(voter.request(ONE, T3)).toEqual(answer('x@t', T3, GRANTED));
  });

  test('those that are not sure count when all have answered', () => {
    const voter = new DrivenVoter('no disk');
    voter.request(ONE, T1);
    voter.nowMs = PROMISE_MS;
    for (const node of ['b@t', 'c@t', 'd@t']) voter.memory(node, false, 0n);
    expect(voter.request(ONE, T1).at(-1)).toEqual(answer('x@t', T1, refused(0n))[0]);
    voter.memory('e@t', true, T1);
    expect(voter.request(ONE, T2)).toEqual(answer('x@t', T2, GRANTED));
  });

  test('who is no voter of the name is not listened to, nor itself', () => {
    const voter = new DrivenVoter('no disk');
    voter.request(ONE, T1);
    voter.nowMs = PROMISE_MS;
    for (const node of ['a@t', 'p@t', 'q@t', 'r@t']) voter.memory(node, true, T2);
    voter.memory('b@t', true, 0n);
    expect(voter.request(ONE, T3).at(-1)).toEqual(answer('x@t', T3, refused(0n))[0]);
  });

  test('whoever holds the term of which the others know goes on in it, after that time', () => {
    const voter = new DrivenVoter('no disk');
    voter.request(ONE, T2);
    voter.nowMs = PROMISE_MS;
    for (const node of ['b@t', 'c@t', 'd@t']) voter.memory(node, true, T2);
    expect(voter.request(OTHER, T2)).toEqual(answer('y@t', T2, refused(T2)));
    expect(voter.request(ONE, T2)).toEqual(answer('x@t', T2, GRANTED));
    expect(voter.request(OTHER, T3)).toEqual(answer('y@t', T3, refused(T2)));
    const [[to, told] = []] = voter.hear(OTHER, { kind: 'recall', name: NAME });
    expect(to).toBe('y@t');
    expect(told).toMatchObject({ kind: 'memory', isSure: true, term: { token: T2, ...ONE } });
  });

  test('the only voter has nobody to ask', () => {
    const voter = new DrivenVoter('no disk');
    voter.nowMs = PROMISE_MS;
    voter.request(ONE, T1, { voters: ['a@t'] });
    voter.nowMs = 2 * PROMISE_MS;
    expect(voter.request(ONE, T1, { voters: ['a@t'] })).toEqual(answer('x@t', T1, GRANTED));
  });
});

describe('bounds', () => {
  function full(): DrivenVoter {
    const voter = new DrivenVoter();
    for (let i = 0; i < VOTES_MAX; i += 1) {
      const name = `name ${i}`;
      voter.hear(ONE, { kind: 'request', name, token: T1, voters: VOTERS, nonce: 1 });
    }
    return voter;
  }

  test('a further name gets no promise', () => {
    const voter = full();
    expect(voter.core.size).toBe(VOTES_MAX);
    expect(voter.request(ONE, T1)).toEqual(answer('x@t', T1, refused(0n)));
    expect(voter.disk.has(NAME)).toBe(false);
  });

  test('names without a term for a week make room, on disk too', () => {
    const voter = full();
    voter.nowMs = PROMISE_MS + FENCE_KEPT_MS;
    voter.hear(ONE, { kind: 'request', name: 'name 0', token: T1, voters: VOTERS, nonce: 1 });
    expect(voter.request(ONE, T1)).toEqual(answer('x@t', T1, GRANTED));
    expect([...voter.disk.keys()]).toEqual(['name 0', NAME]);
  });
});
