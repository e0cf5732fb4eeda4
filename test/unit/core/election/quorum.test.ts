/** The rules of a candidate that needs most of its voters, one by one, on a single core. */
import { describe, expect, test } from 'vitest';
import { packToken } from '../../../../src/core/election/fence-token.ts';
import { DrivenElection, NAME, type Settings } from './driven-election.ts';

const VOTERS = ['a@t', 'b@t', 'c@t'];
const T1 = packToken(1n, 1);
const LATE = packToken(2n ** 39n, 1);

/** Its voters are asked for the first time, just now. */
function asking(config: Settings['config'] = {}): DrivenElection {
  const election = new DrivenElection({ living: 3, config }).begin();
  election.campaign({ voters: VOTERS });
  election.run(500);
  return election;
}

/** It leads since just now. */
function leading(): DrivenElection {
  const election = asking();
  election.vote('a@t');
  election.vote('c@t');
  expect(election.fence).toBe(election.tokens[0]);
  election.told.length = 0;
  return election;
}

describe('a candidate', () => {
  test('asks all voters, when all have heard of its candidacy, and does not lead yet', () => {
    const election = new DrivenElection({ living: 3 }).begin();
    election.campaign({ voters: VOTERS });
    election.run(499);
    expect(election.polled).toEqual([]);
    election.run(1);
    expect(election.lastPolled.to).toEqual(VOTERS);
    expect(election.fence).toBeUndefined();
  });

  test('leads when more than half have granted the term, with the token that was asked for', () => {
    const election = asking();
    election.vote('a@t');
    expect(election.fence).toBeUndefined();
    election.vote('a@t');
    expect(election.fence).toBeUndefined();
    election.vote('b@t');
    expect(election.fence).toBe(election.lastPolled.token);
  });

  test('does not count who is no voter, nor answers to another token or question', () => {
    const election = asking();
    const polled = election.lastPolled;
    election.vote('a@t');
    election.vote('x@t');
    election.vote('b@t', { kind: 'granted' }, { ...polled, token: polled.token + 1n });
    election.vote('b@t', { kind: 'granted' }, { ...polled, nonce: polled.nonce + 1 });
    expect(election.fence).toBeUndefined();
  });

  test('makes no token known before it has won the vote', () => {
    const election = asking();
    expect(election.kept.size).toBe(0);
    election.vote('a@t');
    election.vote('b@t');
    expect(election.kept.get(NAME)?.token).toBe(election.lastPolled.token);
  });

  test('asks those who have not answered ten times a second', () => {
    const election = asking();
    election.vote('b@t');
    election.run(100);
    expect(election.polled.length).toBe(2);
    expect(election.lastPolled.to).toEqual(['a@t', 'c@t']);
    expect(election.lastPolled.token).toBe(election.polled[0]?.token);
  });

  test('gives a vote up that is not won in a second, and the next one has a greater token', () => {
    const election = asking();
    const first = election.lastPolled.token;
    election.vote('b@t');
    election.run(1_000);
    expect(election.released).toEqual([first]);
    election.run(500);
    expect(election.lastPolled.token).toBeGreaterThan(first);
    expect(election.lastPolled.to).toEqual(VOTERS);
  });

  test('gives a vote up when a voter knows a greater token, and goes above that', () => {
    const election = asking();
    const first = election.lastPolled.token;
    election.vote('b@t', { kind: 'refused', highest: LATE });
    expect(election.released).toEqual([first]);
    election.run(500);
    expect(election.lastPolled.token).toBeGreaterThan(LATE);
  });

  test('never votes on a token twice, also where its clock does not follow the tokens', () => {
    const election = asking();
    election.vote('b@t', { kind: 'refused', highest: LATE });
    election.run(10_000);
    const opened = election.released;
    expect(opened.length).toBeGreaterThan(3);
    expect(new Set(opened).size).toBe(opened.length);
  });

  test('goes on asking when a voter holds another term', () => {
    const election = asking();
    election.vote('b@t', { kind: 'refused', highest: T1 });
    election.run(100);
    expect(election.lastPolled.to).toEqual(VOTERS);
    expect(election.released).toEqual([]);
  });

  test('asks nobody while another one leads', () => {
    const election = new DrivenElection({ living: 3 }).begin();
    election.hear('a@t', { term: T1, voters: VOTERS });
    election.campaign({ voters: VOTERS });
    election.run(60_000);
    expect(election.polled).toEqual([]);
  });

  test('that is alone among its voters asks them all the same', () => {
    const election = new DrivenElection().begin();
    election.campaign({ voters: VOTERS });
    election.run(60_000);
    expect(election.fence).toBeUndefined();
    expect(election.polled.length).toBeGreaterThan(100);
  });
});

describe('a leader', () => {
  test('asks all voters every 500 ms', () => {
    const election = leading();
    const before = election.polled.length;
    for (let round = 0; round < 20; round += 1) {
      election.run(100);
      for (const voter of VOTERS) election.vote(voter);
    }
    const rounds = election.polled.slice(before);
    expect(rounds.map(({ to }) => to)).toEqual([VOTERS, VOTERS, VOTERS, VOTERS]);
    expect(election.fence).toBe(election.tokens[0]);
  });

  test('asks ten times a second at most, however short the leases of its cluster are', () => {
    const election = asking({ renewMs: 15 });
    for (const voter of VOTERS) election.vote(voter);
    const before = election.polled.length;
    for (let round = 0; round < 50; round += 1) for (const voter of VOTERS) election.vote(voter);
    expect(election.polled.length).toBe(before);
    election.run(1_000);
    expect(election.polled.length).toBe(before + 10);
  });

  test('leads for 1.8 s from when the answered question was sent, not from the answer', () => {
    const election = asking();
    const polled = election.lastPolled;
    election.run(90);
    election.vote('a@t', { kind: 'granted' }, polled);
    election.vote('b@t', { kind: 'granted' }, polled);
    expect(election.fence).toBeDefined();
    election.stall(1_709);
    expect(election.fence).toBeDefined();
    election.stall(1);
    expect(election.fence).toBeUndefined();
  });

  test('leads as long as most of the voters hold its term: the majority counts, not the last word', () => {
    const election = leading();
    election.run(500);
    election.vote('a@t');
    election.run(1_299);
    expect(election.fence).toBeDefined();
    election.run(1);
    expect(election.fence).toBeUndefined();
    expect(election.told).toContain('revoked');
  });

  test('whose mandate ends is revoked, frees the voters, and asks for a new term', () => {
    const election = leading();
    const first = election.tokens[0];
    election.run(3_000);
    expect(election.told.slice(0, 2)).toEqual(['revoked', 'publish']);
    expect(election.released[0]).toBe(first);
    election.vote('a@t');
    election.vote('b@t');
    expect(election.fence).toBeGreaterThan(first ?? 0n);
  });

  test('needs no word of its neighbours', () => {
    const election = leading();
    for (let round = 0; round < 50; round += 1) {
      election.run(100);
      for (const voter of VOTERS) election.vote(voter);
    }
    expect(election.asked).toEqual([]);
    expect(election.fence).toBe(election.tokens[0]);
  });

  test('that withdraws, or is not the first any more, frees the voters', () => {
    const first = leading();
    first.withdraw();
    expect(first.released).toEqual(first.tokens);
    const second = leading();
    second.hear('z@t', { priority: 1, voters: VOTERS });
    expect(second.released).toEqual(second.tokens);
    expect(second.fence).toBeUndefined();
  });

  test('does not begin with a token that was voted on before the vote that it holds now', () => {
    const election = asking({ persistMs: 10_000 });
    election.hasSlowDisk = true;
    election.vote('a@t');
    election.vote('b@t');
    const first = election.lastPolled.token;
    election.run(3_000);
    const second = election.lastPolled.token;
    expect(second).toBeGreaterThan(first);
    election.vote('a@t');
    election.vote('b@t');
    election.hasSlowDisk = false;
    election.minted();
    expect(election.tokens).toEqual([second]);
  });
});

describe('other voters', () => {
  const OTHERS = ['d@t', 'e@t', 'f@t'];

  test('a newcomer goes when candidates with other voters are known', () => {
    const election = new DrivenElection({ node: 'a@t', living: 3 }).begin();
    election.hear('z@t', { voters: OTHERS });
    election.campaign({ voters: VOTERS });
    expect(election.told).toEqual(['conflict z@t']);
    election.run(5_000);
    expect(election.polled).toEqual([]);
  });

  test('so does one with voters where others have none, and the other way round', () => {
    const without = new DrivenElection({ node: 'a@t', living: 3 }).begin();
    without.hear('z@t');
    without.campaign({ voters: VOTERS });
    expect(without.told).toEqual(['conflict z@t']);
    const withThem = new DrivenElection({ node: 'a@t', living: 3 }).begin();
    withThem.hear('z@t', { voters: OTHERS });
    withThem.campaign();
    expect(withThem.told).toEqual(['conflict z@t']);
  });

  test('of two that meet the one that leads stays, else the one with the smaller name', () => {
    const leader = leading();
    leader.hear('a@t', { voters: OTHERS });
    expect(leader.told).not.toContain('conflict a@t');
    const smaller = asking();
    smaller.hear('z@t', { voters: OTHERS });
    expect(smaller.told).not.toContain('conflict z@t');
    const greater = asking();
    greater.hear('a@t', { voters: OTHERS });
    expect(greater.told).toContain('conflict a@t');
  });

  test('one of which a voter says so goes, too, once', () => {
    const election = asking();
    election.vote('a@t', { kind: 'conflict' });
    election.vote('b@t', { kind: 'conflict' });
    expect(election.told.filter((word) => word.startsWith('conflict'))).toEqual([
      'conflict by a voter',
    ]);
    expect(election.fence).toBeUndefined();
  });
});
