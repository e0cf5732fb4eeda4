import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parseRequest } from '../../../src/admin/control-protocol.ts';
import type { ElectionReport } from '../../../src/admin/leader-queries.ts';
import { renderElections, renderLeaderEvent } from '../../../src/cli/leaders-report.ts';

const LEADER = { node: 'a@host', pid: 'a@host/7.1', fence: '457423759160652921' };
const NIGHTLY: ElectionReport = {
  name: 'nightly',
  kind: 'election',
  leader: LEADER,
  candidates: 2,
  firstCandidates: ['a@host', 'b@host'],
  mode: 'lease',
};

describe('reports of elections', () => {
  test('are a table, and none is a sentence', () => {
    const shop: ElectionReport = {
      ...NIGHTLY,
      name: 'barrel:global:shop',
      kind: 'globalName',
      leader: null,
      candidates: 0,
      firstCandidates: [],
    };
    expect(stripVTControlCharacters(renderElections([NIGHTLY, shop]))).toBe(
      [
        'NAME                KIND         LEADER  FENCE               CANDIDATES        MODE',
        'nightly             election     a@host  457423759160652921  2: a@host b@host  lease',
        'barrel:global:shop  global name  nobody  -                   0                 lease',
      ].join('\n'),
    );
    expect(renderElections([])).toBe('no election is known');
  });

  test('name three candidates, and count the others', () => {
    const firstCandidates = ['a@host', 'b@host', 'c@host', 'd@host'];
    const text = renderElections([{ ...NIGHTLY, candidates: 900, firstCandidates }]);
    expect(text).toContain('900: a@host b@host c@host and 897 more');
  });

  test('changes are a line each', () => {
    expect(renderLeaderEvent({ leader: LEADER })).toBe('leader  a@host  fence 457423759160652921');
    expect(renderLeaderEvent({ leader: { ...LEADER, fence: null } })).toBe('leader  a@host');
    expect(renderLeaderEvent({ leader: null })).toBe('nobody leads');
  });
});

describe('a question for a leader', () => {
  test.each(['nightly', 'x'.repeat(255), `barrel:global:${'x'.repeat(255)}`])(
    'takes a name that an election can have: %s',
    (name) => {
      const { query } = parseRequest(JSON.stringify({ id: 1, method: 'leaderWatch', name }));
      expect(query).toEqual({ method: 'leaderWatch', name });
    },
  );

  test.each([undefined, '', 7, 'x'.repeat(256), 'barrel:global:', 'ä'.repeat(128)])(
    'names what is wrong with another one: %s',
    (name) => {
      const line = JSON.stringify({ id: 1, method: 'leaderWatch', name });
      expect(() => parseRequest(line)).toThrow(/`name` must be the name of an election/);
    },
  );
});
