/** Elections under random faults, cores alone and whole nodes. `BARREL_ELECTION_SEED=n`: one. */
import { describe, expect, test } from 'vitest';
import { StampClock } from '../../src/core/clock/stamp-clock.ts';
import { mintToken } from '../../src/core/election/fence-token.ts';
import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { ElectionRun } from '../unit/core/election/election-seeds.ts';
import { QuorumRun } from '../unit/core/election/quorum-seeds.ts';
import { ClusterElectionRun } from './election-cluster.ts';

const ONLY = process.env['BARREL_ELECTION_SEED'];

function seeds(count: number): readonly number[] {
  return ONLY === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(ONLY)];
}

describe('cores', () => {
  test('where all reach all, one acts at any instant, and tokens grow', () => {
    for (const seed of seeds(30)) {
      const run = new ElectionRun({ seed, hasSplits: false });
      expect(run.run(), `BARREL_ELECTION_SEED=${seed}`).toEqual([]);
    }
  });

  test('with splits, one acts in a component at rest, and after a heal within 5 s', () => {
    for (const seed of seeds(30)) {
      const run = new ElectionRun({ seed, hasSplits: true });
      expect(run.run(), `BARREL_ELECTION_SEED=${seed}`).toEqual([]);
    }
  });

  test('with voters, one acts in the whole network at any instant, and no increment is lost', () => {
    for (const seed of seeds(20)) {
      expect(new QuorumRun(seed).run(), `BARREL_ELECTION_SEED=${seed}`).toEqual([]);
    }
  });

  test('a million terms that follow each other on some nodes have growing tokens', () => {
    const random = new SeededRandom(1);
    const nodes = Array.from({ length: 5 }, (_, i) => ({
      holder: { node: `n${i}@lab`, incarnation: 1n },
      clock: new StampClock(),
      offsetMs: (random.float() - 0.5) * 10_000,
    }));
    let wallMs = 1_800_000_000_000;
    let last = 0n;
    for (let term = 0; term < 1_000_000; term += 1) {
      wallMs += random.float() * 10;
      const node = nodes[Math.floor(random.float() * nodes.length)];
      if (node === undefined) continue;
      const ownMs = wallMs + node.offsetMs;
      const clock = {
        now: () => node.clock.now(ownMs),
        observe: (stamp: bigint) => node.clock.observe(stamp, ownMs),
      };
      const token = mintToken(clock, node.holder, last) ?? 0n;
      if (token <= last) throw new Error(`term ${term}: ${token} after ${last}`);
      last = token;
    }
  });
});

describe('whole nodes', () => {
  test.each(seeds(12))('seed %i holds', async (seed) => {
    const run = new ClusterElectionRun({ seed, hasVoters: false });
    expect(await run.run(), `BARREL_ELECTION_SEED=${seed}`).toEqual([]);
  });

  test.each(seeds(8))(
    'seed %i with voters has one leader at most, at any instant',
    async (seed) => {
      const run = new ClusterElectionRun({ seed, hasVoters: true });
      expect(await run.run(), `BARREL_ELECTION_SEED=${seed}`).toEqual([]);
    },
  );
});
