import { expect, test } from 'vitest';
import { AdmissionGate } from '../../../src/cluster/admission-gate.ts';
import type { Hello } from '../../../src/identity/hello.ts';
import { createKeyPair } from '../../../src/identity/keys.ts';
import { firstKeys, OwnIdentity } from '../../../src/identity/own-identity.ts';
import { openTrustTable } from '../../../src/identity/trust.ts';
import type { Connection } from '../../../src/transport/transport.ts';
import { keyOf, testHost } from '../identity/fixtures.ts';
import { helloTo, revoking } from '../identity/refusal-cells.ts';

test('a key that is revoked between the HELLO and the ACCEPT of its holder is not pinned', async () => {
  const host = testHost();
  const authority = revoking();
  const trust = await openTrustTable({
    host,
    dataDir: undefined,
    mode: 'tofu',
    authority,
    onRemoved: () => {},
  });
  const versions = { versionMin: 1, versionMax: 1 };
  const gate = new AdmissionGate({
    host,
    self: { name: 'b@host', cluster: 'default', ...versions, heartbeatMs: 500, ringSize: 0 },
    identity: new OwnIdentity(firstKeys(createKeyPair(host.random))),
    incarnation: 1n,
    addresses: () => [],
    ephemeral: true,
    secretKey: undefined,
    trust,
    seenIncarnation: () => undefined,
    living: () => undefined,
  });
  const hello: Hello = helloTo('acceptor');
  const connection = { role: 'acceptor', peerKey: keyOf('a'), ownKey: keyOf('b') } as Connection;
  expect(gate.judge(hello, connection, undefined)).toEqual({ kind: 'accept' });
  revoking('a', authority);
  expect(await gate.pin(hello, connection)).toMatchObject({ reason: 'revoked' });
  expect(trust.list()).toEqual([]);
});
