import { expect, test } from 'vitest';
import { REVOCATIONS } from '../../../src/core/store/hosts.ts';
import { systemRandom } from '../../../src/host/system-clock.ts';
import { Authority } from '../../../src/identity/authority.ts';
import { TRUST_SWEEP_MS } from '../../../src/identity/identity-limits.ts';
import { createKeyPair } from '../../../src/identity/keys.ts';
import { firstKeys, OwnIdentity } from '../../../src/identity/own-identity.ts';
import { revoke, revokedId } from '../../../src/identity/revocation.ts';
import { openTrustTable, type TrustTable } from '../../../src/identity/trust.ts';
import { RevocationSpread } from '../../../src/trust/revocation-spread.ts';
import { join, SimulatedClusters, type TestNode } from '../cluster/simulated-cluster.ts';

const operator = createKeyPair(systemRandom);
const DAY_MS = 86_400_000;
const REVOKED = { kind: 'serial', serial: 7n } as const;
const RULES = { ownership: 'anyone', lifetime: 'own', persist: false } as const;

test('a member can neither forge a revocation nor undo one', async () => {
  const clusters = new SimulatedClusters();
  const [a, hostile] = [await clusters.start('a@test'), await clusters.start('hostile@test')];
  const { spread, authority } = await spreadOf(clusters, a);
  const store = await hostile.cluster.stores.open(REVOCATIONS, { ...RULES, tombstoneTtlMs: 1_000 });
  await join(clusters, hostile, a);
  await clusters.time.advance(2_000);

  const forged = revoke(createKeyPair(systemRandom).privateKeyPem, REVOKED, 1);
  const id = revokedId(REVOKED);
  await store.write([{ key: id, value: forged }]);
  await store.write([{ key: 'k00', value: revoke(operator.privateKeyPem, REVOKED, 1) }]);
  await clusters.time.advance(2_000);
  expect(spread.list()).toEqual([]);
  const sample = 'barrel_revocations_refused_total{what="forged"}';
  expect(a.meter.snapshot()[sample]).toBe(2);

  const valid = revoke(operator.privateKeyPem, REVOKED, 2);
  await clusters.settled(spread.revoke(valid));
  await clusters.time.advance(1_000);
  expect(store.get(id)).toEqual(valid);
  await store.write([{ key: id, value: undefined }]);
  await clusters.time.advance(1_000);
  expect(store.get(id)).toBe(undefined);
  expect(authority.revocations.hasSerial(7n)).toBe(true);
  await clusters.time.advance(31_000);
  expect(store.get(id)).toEqual(valid);

  spread.close();
  await clusters.settled(Promise.all([a.cluster.close(), hostile.cluster.close()]));
});

test('a link that comes up when its key is revoked already ends, and everybody hears of both', async () => {
  const clusters = new SimulatedClusters();
  const [a, b] = [await clusters.start('a@test'), await clusters.start('b@test')];
  const { spread } = await spreadOf(clusters, a);
  const heard: string[] = [];
  a.cluster.links.listen({
    onLinkUp: ({ node }) => void heard.push(`up ${node}`),
    onLinkDown: ({ node }, { reason }) => void heard.push(`down ${node} ${reason}`),
  });
  const revoked = { kind: 'key', publicKey: b.publicKey } as const;
  await clusters.settled(spread.revoke(revoke(operator.privateKeyPem, revoked, 1)));
  // Whether it is new, or one that this node had parted from: the gate let it in before.
  await clusters.settled(b.cluster.dialler.toAddress(a.cluster.address));
  await clusters.time.advance(100);
  expect(heard.slice(0, 2)).toEqual(['up b@test', 'down b@test revoked']);
  expect(a.cluster.links.link('b@test')).toBeUndefined();
  spread.close();
  await clusters.settled(Promise.all([a.cluster.close(), b.cluster.close()]));
});

test('a node with a link was seen, however long ago it was admitted', async () => {
  const clusters = new SimulatedClusters();
  const [a, b] = [await clusters.start('a@test'), await clusters.start('b@test')];
  let aheadMs = 0;
  const { spread, trust } = await spreadOf(clusters, a, () => aheadMs);
  await trust.pin('b@test', b.publicKey);
  const pinnedMs = trust.pinOf('b@test')?.seenMs ?? 0;
  await join(clusters, b, a);
  aheadMs = DAY_MS;
  await clusters.time.advance(TRUST_SWEEP_MS + 1_000);
  expect(trust.pinOf('b@test')?.seenMs).toBeGreaterThanOrEqual(pinnedMs + DAY_MS);
  spread.close();
  await clusters.settled(Promise.all([a.cluster.close(), b.cluster.close()]));
});

interface Spread {
  readonly spread: RevocationSpread;
  readonly authority: Authority;
  readonly trust: TrustTable;
}

async function spreadOf(
  clusters: SimulatedClusters,
  node: TestNode,
  aheadMs = (): number => 0,
): Promise<Spread> {
  const { clock, ...others } = clusters.hostOf(node);
  const ahead = { ...clock, wallMs: (): number => clock.wallMs() + aheadMs() };
  const host = { ...others, clock: ahead };
  const authority = new Authority({
    publicKey: operator.publicKey,
    certificate: new Uint8Array(0),
  });
  const options = { host, dataDir: undefined, mode: 'tofu', authority } as const;
  const trust = await openTrustTable({ ...options, onRemoved: () => {} });
  const spread = await RevocationSpread.open({
    host,
    stores: node.cluster.stores,
    links: node.cluster.links,
    trust,
    identity: new OwnIdentity(firstKeys(createKeyPair(systemRandom))),
    dataDir: undefined,
    end: (peer) => node.cluster.revoke(peer),
  });
  return { spread, authority, trust };
}
