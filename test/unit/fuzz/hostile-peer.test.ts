/**
 * Hostile frames from a peer that was let in, for a node's cluster on virtual time: what reads them
 * must refuse them with its link and with nothing else, whatever state they meet.
 */
import { expect, test } from 'vitest';
import type { Link } from '../../../src/cluster/link.ts';
import { LANE_COUNT } from '../../../src/limits.ts';
import { CONTROL } from '../../../src/transport/transport.ts';
import { join, SimulatedClusters } from '../cluster/simulated-cluster.ts';
import { DECODERS } from './decoders.ts';
import { fuzzCount, fuzzSeed } from './fuzz-run.ts';
import { Mutations } from './mutations.ts';

const COUNT = Math.min(fuzzCount(1_500), 50_000);
const SEED = fuzzSeed();
/** The first one that is refused ends the link: what is behind it is not read. */
const BURST = 3;
const FRAMES_OF = [
  'core/overlay/frames.ts:decodeOverlay',
  'core/routing/messages.ts:decodeRouting',
  'core/placement/custody-codec.ts:decodeCustody',
  'core/election/ballot.ts:decodeBallot',
  'core/election/attest-frames.ts:decodeAttest',
  'core/store/exchange/exchange-codec.ts:decodeExchange',
];

test(`${COUNT} hostile frames of seed ${SEED} from a peer end its links, and no others`, {
  timeout: 60_000 + COUNT,
}, async () => {
  const samples = DECODERS.filter(({ name }) => FRAMES_OF.includes(name)).flatMap(
    (decoder) => decoder.samples,
  );
  const mutations = new Mutations(SEED);
  const clusters = new SimulatedClusters(SEED);
  const victim = await clusters.start('victim@test');
  const friend = await clusters.start('friend@test');
  const hostile = await clusters.start('hostile@test');
  await join(clusters, friend, victim);
  const linked = async (): Promise<Link> =>
    hostile.cluster.links.link('victim@test') ??
    clusters.settled(hostile.cluster.dialler.toAddress(victim.cluster.address));
  let link = await linked();
  for (let sent = 0; sent < COUNT; sent += 1) {
    const channel = sent % 7 === 0 ? 1 + (sent % LANE_COUNT) : CONTROL;
    link.send(channel, mutations.next(samples));
    if (sent % BURST !== 0) continue;
    await clusters.time.advance(20);
    link = await linked();
  }
  await clusters.time.advance(5_000);
  const ended = victim.messages.downs.filter(({ peer }) => peer.node !== 'hostile@test');
  expect(ended).toEqual([]);
  expect(victim.messages.downs.length).toBeGreaterThan(COUNT / BURST / 4);
  expect(friend.messages.downs.filter(({ peer }) => peer.node === 'victim@test')).toEqual([]);
  expect(victim.cluster.activeView()).toContain('friend@test');
  await clusters.settled(
    Promise.all([victim, friend, hostile].map(({ cluster }) => cluster.close())),
  );
});
