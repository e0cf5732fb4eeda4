/** What an election core tells of the names that it knows. */
import { expect, test } from 'vitest';
import { packToken } from '../../../../src/core/election/fence-token.ts';
import { DrivenElection, NAME } from './driven-election.ts';

const T1 = packToken(1n, 1);

function candidatesOf(election: DrivenElection): readonly string[] | undefined {
  const [contest] = election.core.known(election.nowMs);
  return contest?.candidates.map(({ node }) => node);
}

test('nothing is known where nobody would lead', () => {
  const election = new DrivenElection().begin();
  expect(election.core.known(0)).toEqual([]);
  election.campaign();
  expect(election.core.known(0)).toHaveLength(1);
  election.withdraw();
  expect(election.core.known(0)).toEqual([]);
});

test('candidates stand in the order in which they would lead, whoever was heard first', () => {
  const election = new DrivenElection({ node: 'm@t', living: 5 }).begin();
  for (const node of ['x@t', 'b@t']) election.hear(node);
  election.campaign();
  election.hear('z@t', { priority: 1 });
  election.hear('y@t', { term: T1 });
  expect(candidatesOf(election)).toEqual(['z@t', 'y@t', 'b@t', 'm@t', 'x@t']);
  election.lose('z@t');
  expect(candidatesOf(election)).toEqual(['y@t', 'b@t', 'm@t', 'x@t']);
});

test('an own candidate of which others are not told yet is none, and the name is known', () => {
  const election = new DrivenElection({ living: 2 }).begin();
  election.campaign({ minMembers: 3 });
  expect(election.core.known(election.nowMs)).toEqual([
    { name: NAME, leader: undefined, candidates: [], voters: undefined },
  ]);
  election.members(3);
  expect(candidatesOf(election)).toEqual(['m@t']);
});

test('a leader is told of with its token for as long as its lease holds, and no longer', () => {
  const election = new DrivenElection({ living: 3 }).begin();
  election.campaign();
  election.run(500, true);
  const [contest] = election.core.known(election.nowMs);
  expect(contest?.leader).toMatchObject({ node: 'm@t', term: election.tokens[0] });
  election.stall(1_800);
  expect(election.core.known(election.nowMs)).toMatchObject([{ name: NAME, leader: undefined }]);
});

test('voters are those of the first candidate, else those that this node would ask', () => {
  const election = new DrivenElection({ living: 2 }).begin();
  election.hear('a@t');
  expect(election.core.known(0)).toMatchObject([{ voters: undefined }]);
  election.lose('a@t');
  const voters = ['a@t', 'b@t', 'c@t'];
  election.hear('b@t', { voters });
  expect(election.core.known(0)).toMatchObject([{ voters }]);
  election.lose('b@t');
  election.campaign({ voters, minMembers: 3 });
  expect(election.core.known(0)).toMatchObject([{ candidates: [], voters }]);
});
