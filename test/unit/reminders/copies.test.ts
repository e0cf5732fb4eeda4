/** Whom a node asks for copies of what it wrote, when, and what it believes. */
import { beforeEach, describe, expect, test } from 'vitest';
import { encodeRecord } from '../../../src/core/schedule/record-codec.ts';
import { Copies } from '../../../src/reminders/copies.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import {
  claimOf,
  idOf,
  type PlayedReminderStore,
  playedReminderStore,
  recordOf,
} from './played-reminder-store.ts';

const SELF = 'self@test';

let time: VirtualTime;
let played: PlayedReminderStore;
let others: string[];
/** Whom it asked, when, and for how many. */
let asked: [node: string, atMs: number, ids: number][];
/** How a node answers; one without an answer is silent. */
let answers: Map<string, boolean>;
let copies: Copies;

beforeEach(async () => {
  time = new VirtualTime();
  played = await playedReminderStore();
  others = ['a@test', 'b@test'];
  asked = [];
  answers = new Map();
  const silent = new Promise<never>(() => {});
  copies = new Copies({
    self: SELF,
    store: played.store,
    timers: time,
    othersFor: () => others,
    peers: {
      has: async (node, ids) => {
        asked.push([node, time.monotonicMs(), ids.length]);
        const answer = answers.get(node);
        return answer === undefined ? silent : ids.map(() => answer);
      },
      knows: async (node) => answers.get(node) ?? silent,
    },
  });
});

function hold(key: string): Promise<void> {
  played.memory.arrive(idOf(key), encodeRecord(recordOf()));
  return copies.held(idOf(key), () => true);
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await time.advance(0);
  return settled;
}

describe('a reminder that was set', () => {
  test('is held when the first node has it', async () => {
    answers.set('a@test', true);
    expect(await isSettled(hold('k'))).toBe(true);
    expect(asked).toEqual([['a@test', 0, 1]]);
  });

  test('is asked for in one call with others of the same turn', async () => {
    answers.set('a@test', true);
    const held = Promise.all(Array.from({ length: 300 }, (_, n) => hold(`k${n}`)));
    expect(await isSettled(held)).toBe(true);
    expect(asked.map(([, , ids]) => ids)).toEqual([256, 44]);
  });

  test('is asked for at the next node after a second of silence', async () => {
    answers.set('b@test', true);
    const held = hold('k');
    await time.advance(999);
    expect(asked).toEqual([['a@test', 0, 1]]);
    await time.advance(1);
    expect(await isSettled(held)).toBe(true);
    expect(asked[1]).toEqual(['b@test', 1_000, 1]);
  });

  test('is asked for again and again while nobody has it, not more than ten times a second', async () => {
    answers.set('a@test', false).set('b@test', false);
    const held = hold('k');
    await time.advance(1_000);
    expect(await isSettled(held)).toBe(false);
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.length).toBeLessThanOrEqual(11);
    answers.set('b@test', true);
    await time.advance(300);
    expect(await isSettled(held)).toBe(true);
  });

  test('is held when a node that was silent answers late', async () => {
    const held = hold('k');
    await time.advance(500);
    others = [];
    await time.advance(600);
    expect(await isSettled(held)).toBe(true);
  });

  test('needs nobody when this node is alone', async () => {
    others = [];
    expect(await isSettled(hold('k'))).toBe(true);
    expect(asked).toEqual([]);
  });

  test('needs nobody any more when it is over here', async () => {
    const held = hold('k');
    expect(await isSettled(held)).toBe(false);
    played.memory.arrive(idOf('k'), undefined);
    expect(await isSettled(held)).toBe(true);
  });
});

describe('a claim', () => {
  const owners = [SELF, 'a@test', 'b@test'];

  function haveClaim(): Promise<boolean> {
    played.memory.arrive(idOf('k'), encodeRecord(claimOf(SELF)));
    return copies.haveClaim(idOf('k'), claimOf(SELF), owners);
  }

  test('has a majority with one other owner of three', async () => {
    answers.set('b@test', true);
    expect(await haveClaim()).toBe(true);
  });

  test('has none when no other owner knows of it within two seconds', async () => {
    answers.set('a@test', false);
    const asking = haveClaim();
    await time.advance(1_999);
    expect(await isSettled(asking)).toBe(false);
    await time.advance(1);
    expect(await asking).toBe(false);
  });

  test('needs two others where this node is no owner', async () => {
    answers.set('a@test', true);
    const asking = copies.haveClaim(idOf('k'), claimOf(SELF), ['a@test', 'b@test', 'c@test']);
    await time.advance(2_000);
    expect(await asking).toBe(false);
  });
});
