/** The rules of an election, one by one, on a single core. */
import { describe, expect, test } from 'vitest';
import { packToken } from '../../../../src/core/election/fence-token.ts';
import { BarrelError } from '../../../../src/errors.ts';
import { DrivenElection, NAME } from './driven-election.ts';

const T1 = packToken(1n, 1);
const LATE = packToken(2n ** 39n, 1);

/** A member of three whose candidacy all have heard of. */
function heard(node = 'm@t'): DrivenElection {
  const election = new DrivenElection({ node, living: 3 }).begin();
  election.campaign();
  election.run(500);
  return election;
}

/** It leads, attested just now. */
function leading(node = 'm@t'): DrivenElection {
  const election = heard(node);
  election.attest();
  expect(election.fence).toBeDefined();
  election.told.length = 0;
  return election;
}

describe('alone', () => {
  test('a candidate leads at once, for as long as it is alone', () => {
    const election = new DrivenElection().begin();
    election.campaign();
    expect(election.told).toEqual(['publish', 'elected', 'publish led', 'leader m@t']);
    election.run(60_000);
    expect(election.fence).toBe(election.tokens[0]);
    expect(election.asked).toEqual([]);
  });

  test('a second candidacy under the name is refused', () => {
    const election = new DrivenElection().begin();
    election.campaign();
    const again = (): void => election.campaign();
    expect(again).toThrow(expect.objectContaining({ code: 'ERR_ALREADY_CANDIDATE' }));
    expect(again).toThrow(BarrelError);
  });

  test('who withdraws leads no more, and its next term has a greater token', () => {
    const election = new DrivenElection().begin();
    election.campaign();
    election.told.length = 0;
    election.withdraw();
    expect(election.told).toEqual(['retract', 'leader none']);
    expect(election.fence).toBeUndefined();
    election.campaign();
    expect(election.tokens).toHaveLength(2);
    expect(election.tokens[1]).toBeGreaterThan(election.tokens[0] ?? 0n);
  });
});

describe('a node that starts', () => {
  test('tells nobody of its candidacy before its stores are compared', () => {
    const election = new DrivenElection({ living: 3 });
    election.do({ kind: 'joined' });
    election.campaign();
    election.run(9_000, true);
    expect(election.told).toEqual([]);
    election.do({ kind: 'synced' });
    expect(election.told).toEqual(['publish']);
  });

  test('takes part after the boot time when nobody compares stores with it', () => {
    const election = new DrivenElection({ config: { bootMs: 10_000 } });
    election.do({ kind: 'joined' });
    election.campaign();
    election.run(9_999);
    expect(election.fence).toBeUndefined();
    election.run(1);
    expect(election.fence).toBeDefined();
  });

  test('waits until all have heard of its candidacy', () => {
    const election = new DrivenElection({ living: 3 }).begin();
    election.campaign();
    election.run(499, true);
    expect(election.asked).toEqual([]);
    election.run(1, true);
    expect(election.fence).toBeDefined();
  });
});

describe('who goes first', () => {
  test('the smallest name of equals', () => {
    const smaller = heard('b@t');
    const larger = heard('x@t');
    for (const election of [smaller, larger]) election.hear('c@t');
    for (const election of [smaller, larger]) election.run(1_000, true);
    expect(smaller.fence).toBeDefined();
    expect(larger.fence).toBeUndefined();
  });

  test('the higher priority, whatever the names', () => {
    const election = new DrivenElection({ node: 'x@t', living: 3 }).begin();
    election.hear('a@t');
    election.campaign({ priority: 1 });
    election.run(500, true);
    expect(election.fence).toBeDefined();
  });

  test('who leads and is sticky, before equals with smaller names', () => {
    const election = leading();
    election.hear('a@t');
    election.run(5_000, true);
    expect(election.told).toEqual([]);
    expect(election.fence).toBe(election.tokens[0]);
  });

  test('the smaller name, before a leader that is not sticky', () => {
    const election = new DrivenElection({ living: 3 }).begin();
    election.campaign({ isSticky: false });
    election.run(500, true);
    expect(election.fence).toBeDefined();
    election.told.length = 0;
    election.hear('a@t');
    expect(election.told).toEqual(['revoked', 'publish', 'leader none']);
  });

  test('a higher priority, before a sticky leader', () => {
    const election = leading();
    election.hear('x@t', { priority: 1 });
    expect(election.told).toEqual(['revoked', 'publish', 'leader none']);
  });

  test('nobody, while another one leads as far as known here', () => {
    const election = heard();
    election.hear('x@t', { priority: -1, term: T1 });
    election.run(5_000, true);
    expect(election.fence).toBeUndefined();
    expect(election.leader).toBe('x@t');
    election.hear('x@t', { priority: -1 });
    expect(election.leader).toBeUndefined();
    election.attest();
    expect(election.fence).toBeDefined();
  });

  test('the next one, when the leader is gone: without a pause', () => {
    const election = heard();
    election.hear('a@t', { term: T1 });
    election.run(5_000);
    election.told.length = 0;
    election.lose('a@t');
    election.attest();
    expect(election.told).toEqual(['leader none', 'elected', 'publish led', 'leader m@t']);
  });
});

describe('a lease', () => {
  test('is asked for every 500 ms while there is something to lead', () => {
    const election = heard();
    election.run(5_000, true);
    expect(election.asked.length).toBeGreaterThanOrEqual(10);
    expect(election.asked.length).toBeLessThanOrEqual(12);
    const follower = heard('x@t');
    follower.hear('a@t', { term: T1 });
    const { length } = follower.asked;
    follower.run(5_000, true);
    expect(follower.asked).toHaveLength(length);
  });

  test('ends 1.8 s after the last question that was answered was sent', () => {
    const election = heard();
    const sentMs = election.nowMs;
    election.run(100);
    election.attest();
    election.told.length = 0;
    election.run(sentMs + 1_799 - election.nowMs);
    expect(election.fence).toBeDefined();
    election.run(1);
    expect(election.told).toEqual(['revoked', 'publish', 'leader none']);
  });

  test('is compared with the clock where somebody looks: a stalled leader leads no more', () => {
    const election = leading();
    election.stall(1_800);
    expect(election.fence).toBeUndefined();
    expect(election.leader).toBeUndefined();
    expect(election.told).toEqual([]);
  });

  test('does not begin with an answer to a question that is too old', () => {
    const election = heard();
    const [first] = election.asked;
    election.run(2_000);
    election.attest(first);
    expect(election.fence).toBeUndefined();
    election.attest();
    expect(election.fence).toBeDefined();
  });

  test('does not begin with an answer that nobody asked for', () => {
    const election = heard();
    election.attest(77);
    expect(election.fence).toBeUndefined();
  });

  test('goes on when the first other member appears, and then needs its answers', () => {
    const election = new DrivenElection().begin();
    election.campaign();
    election.run(10_000);
    election.members(2);
    expect(election.fence).toBeDefined();
    election.run(1_799);
    expect(election.fence).toBeDefined();
    election.run(1);
    expect(election.fence).toBeUndefined();
  });

  test('comes back when all others are gone', () => {
    const election = leading();
    election.run(1_800);
    expect(election.fence).toBeUndefined();
    election.members(1);
    expect(election.tokens).toHaveLength(2);
    expect(election.fence).toBe(election.tokens[1]);
  });
});

describe('tokens', () => {
  test('are greater than the greatest one that is kept for the name', () => {
    const election = new DrivenElection().begin();
    election.kept.set(NAME, { token: LATE, node: 'old@t', incarnation: 1n });
    election.campaign();
    expect(election.fence).toBeGreaterThan(LATE);
  });

  test('end a term when a greater one, or an equal one of another node, is heard of', () => {
    for (const more of [0n, 1n]) {
      const election = leading();
      const token = (election.fence ?? 0n) + more;
      election.do({ kind: 'term', name: NAME, term: { token, node: 'x@t', incarnation: 1n } });
      expect(election.told.slice(0, 1)).toEqual(['revoked']);
      // Whose it is may tell of its candidacy yet.
      election.run(499, true);
      expect(election.tokens).toHaveLength(1);
      election.run(501, true);
      expect(election.tokens).toHaveLength(2);
      expect(election.tokens[1]).toBeGreaterThan(token);
    }
  });

  test('of others are waited for until their leader is heard, and no longer', () => {
    const election = leading();
    const token = (election.fence ?? 0n) + 1n;
    election.do({ kind: 'term', name: NAME, term: { token, node: 'x@t', incarnation: 1n } });
    election.hear('x@t', { term: token });
    election.lose('x@t');
    election.attest();
    expect(election.fence).toBeGreaterThan(token);
  });

  test('that are less than one of this node do not take its place for long', () => {
    const election = leading();
    const fence = election.fence ?? 0n;
    const lesser = { token: fence - 1n, node: 'x@t', incarnation: 1n };
    election.kept.set(NAME, lesser);
    election.do({ kind: 'term', name: NAME, term: lesser });
    expect(election.kept.get(NAME)?.token).toBe(fence);
    expect(election.fence).toBe(fence);
  });

  test('of this node itself end nothing', () => {
    const election = leading();
    const token = election.fence ?? 0n;
    election.do({ kind: 'term', name: NAME, term: { token, ...election.self } });
    expect(election.told).toEqual([]);
  });

  test('are durable before their term begins', () => {
    const election = new DrivenElection().begin();
    election.hasSlowDisk = true;
    election.campaign();
    election.run(1_000);
    expect(election.fence).toBeUndefined();
    election.minted();
    expect(election.fence).toBeDefined();
  });

  test('are given up where another one leads by the time they are durable', () => {
    const election = new DrivenElection({ living: 3 }).begin();
    election.hasSlowDisk = true;
    election.campaign();
    election.run(500, true);
    election.hear('a@t', { term: LATE });
    election.minted();
    expect(election.tokens).toEqual([]);
  });
});

describe('a disk that fails', () => {
  test('lets others lead for a while: the candidacy is taken back', () => {
    const election = new DrivenElection({ living: 3 }).begin();
    election.hasSlowDisk = true;
    election.campaign();
    election.run(500, true);
    election.minted(false);
    expect(election.told.at(-1)).toBe('retract');
    election.run(4_999, true);
    expect(election.published).toBeUndefined();
    election.run(1, true);
    expect(election.published).toBeDefined();
  });

  test('is not waited for longer than 2 s', () => {
    const election = new DrivenElection().begin();
    election.hasSlowDisk = true;
    election.campaign();
    election.run(2_000);
    expect(election.told).toEqual(['publish', 'retract']);
    election.minted();
    expect(election.tokens).toEqual([]);
  });
});

describe('minMembers', () => {
  test('a candidate stands while so many members are alive', () => {
    const election = new DrivenElection({ living: 2 }).begin();
    election.campaign({ minMembers: 3 });
    election.run(2_000, true);
    expect(election.told).toEqual([]);
    election.members(3);
    election.run(500, true);
    expect(election.fence).toBeDefined();
    election.members(2);
    expect(election.fence).toBeUndefined();
    expect(election.published).toBeUndefined();
  });

  test('a leader goes on for a second while too many are suspect, and no longer', () => {
    const election = new DrivenElection({ living: 3 }).begin();
    election.campaign({ minMembers: 3 });
    election.run(600, true);
    expect(election.fence).toBeDefined();
    election.members(3, 1);
    election.run(400, true);
    election.members(3, 0);
    election.run(2_000, true);
    expect(election.tokens).toHaveLength(1);
    election.members(3, 1);
    election.run(999, true);
    expect(election.fence).toBeDefined();
    election.run(1, true);
    expect(election.fence).toBeUndefined();
  });
});

describe('a node that leaves', () => {
  test('leads no more, says so, and knows of no leader', () => {
    const election = leading();
    election.do({ kind: 'left' });
    expect(election.told).toEqual(['revoked', 'retract', 'leader none']);
    election.do({ kind: 'synced' });
    election.run(60_000, true);
    expect(election.published).toBeUndefined();
  });

  test('stands again when it has joined and compared its stores', () => {
    const election = leading();
    election.do({ kind: 'left' });
    election.run(60_000);
    election.do({ kind: 'joined' });
    expect(election.published).toBeUndefined();
    election.do({ kind: 'synced' });
    election.run(1_000, true);
    expect(election.tokens).toHaveLength(2);
  });
});

test('names that nobody would lead are forgotten', () => {
  const election = new DrivenElection({ living: 2 }).begin();
  election.hear('a@t', { term: T1 });
  expect(election.told).toEqual(['leader a@t']);
  election.lose('a@t');
  expect(election.told).toEqual(['leader a@t', 'leader none']);
  expect(election.leader).toBeUndefined();
});

test('word of an older start does not take back the candidacy of a newer one', () => {
  const election = new DrivenElection({ living: 2 }).begin();
  const candidate = { priority: 0, isSticky: true, serial: 1, term: T1 };
  const node = 'a@t';
  election.do({ kind: 'candidate', name: NAME, node, incarnation: 5n, candidate });
  const gone = { kind: 'candidate', name: NAME, node, candidate: undefined } as const;
  election.do({ ...gone, incarnation: 4n });
  expect(election.leader).toBe(node);
  election.do({ ...gone, incarnation: 5n });
  expect(election.leader).toBeUndefined();
});
