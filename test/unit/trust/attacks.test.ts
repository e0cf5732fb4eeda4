/** What an attacker may try against admission, and a peer that answers nothing. */
import { afterEach, expect, test } from 'vitest';
import type { Logger } from '../../../src/host/logger.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { systemRandom } from '../../../src/host/system-clock.ts';
import { countersign, endorse } from '../../../src/identity/endorsement.ts';
import { decodeAdmission, encodeReject } from '../../../src/identity/hello.ts';
import { createKeyPair } from '../../../src/identity/keys.ts';
import { firstKeys, OwnIdentity } from '../../../src/identity/own-identity.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../../src/limits.ts';
import { createSimulation, type Simulation } from '../../../src/testing/index.ts';
import { openMemoryTransport } from '../../../src/transport/memory/memory-transport.ts';
import {
  CONTROL,
  type Connection,
  type OnConnection,
  type Transport,
} from '../../../src/transport/transport.ts';
import { NodeIdentity } from '../../../src/trust/node-identity.ts';
import { encodeRotate, ROTATE, ROTATED } from '../../../src/trust/rotation-frames.ts';
import { join, SimulatedClusters, type TestNode } from '../cluster/simulated-cluster.ts';

const SECRET = 'only for tests: thirty-two characters and more';
const MALLORY = new Uint8Array(32).fill(66);
const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

test('a relay that ends both sessions with its own key gets nobody admitted (weakness W1)', async () => {
  const clusters = new SimulatedClusters();
  const host = await clusters.start('host@test', { secret: SECRET });
  const guest = await clusters.start('guest@test', { secret: SECRET });
  const relay: Transport = await mallory(clusters, (near) => {
    const early: Uint8Array[] = [];
    let far: Connection | undefined;
    near.attach({
      onFrame: (_, frame) => {
        if (far === undefined) early.push(frame.slice());
        else far.send(CONTROL, frame);
      },
      onDrained: () => {},
      onClosed: () => far?.close('closed'),
    });
    void relay.dial(host.cluster.address).then((connection) => {
      far = connection;
      connection.attach({
        onFrame: (_, frame) => void near.send(CONTROL, frame),
        onDrained: () => {},
        onClosed: ({ reason }) => near.close(reason),
      });
      for (const frame of early) connection.send(CONTROL, frame);
    });
  });
  const dial = clusters.settled(guest.cluster.dialler.toAddress(relay.address));
  await expect(dial).rejects.toMatchObject({ code: 'ERR_REFUSED', reason: 'secret' });
  await clusters.time.advance(2_000);
  expect(refusals(host)).toEqual([expect.stringContaining('reason="secret"')]);
  expect([host.trust.list(), guest.trust.list()]).toEqual([[], []]);
});

test('what a node has said of itself is worth nothing when it is said back (weakness W2)', async () => {
  const clusters = new SimulatedClusters();
  const host = await clusters.start('host@test', { secret: SECRET });
  const guest = await clusters.start('guest@test', { secret: SECRET });
  const heard: Uint8Array[] = [];
  const transport = await mallory(clusters, (connection) => {
    connection.attach(listening((frame) => heard.push(frame)));
  });
  await clusters
    .settled(guest.cluster.dialler.toAddress(transport.address), 60_000)
    .catch(() => {});
  const [hello] = heard.filter((frame) => decodeAdmission(frame).kind === 'hello');
  // To the node itself, and to another one.
  for (const node of [guest, host]) {
    const connection = await clusters.settled(transport.dial(node.cluster.address));
    const closed: string[] = [];
    connection.attach({ ...listening(() => {}), onClosed: ({ reason }) => closed.push(reason) });
    connection.send(CONTROL, hello ?? new Uint8Array(0));
    await clusters.time.advance(2_000);
    expect(closed).toEqual(['secret']);
    expect(node.trust.list()).toEqual([]);
  }
});

test('a stranger without the secret leaves no pin and takes no name (I27): weakness W4', async () => {
  const clusters = new SimulatedClusters();
  const host = await clusters.start('host@test', { secret: SECRET });
  for (const name of ['guest@test', 'other@test']) {
    const stranger = await clusters.start(name, { secret: `${SECRET}!` });
    const dial = clusters.settled(stranger.cluster.dialler.toAddress(host.cluster.address));
    await expect(dial).rejects.toMatchObject({ reason: 'secret' });
    stranger.crash();
  }
  expect(host.trust.list()).toEqual([]);
  const guest = await clusters.start('guest@test', { secret: SECRET });
  await clusters.settled(guest.cluster.dialler.toAddress(host.cluster.address));
  await clusters.time.advance(1_000);
  expect(host.trust.list().map(({ node }) => node)).toEqual(['guest@test']);
});

test('a refusal is logged and counted with its reason on both ends (weakness W8)', async () => {
  const sim = createSimulation({ seed: 1 });
  simulations.push(sim);
  const lines: [string, string, object | undefined][] = [];
  const logger = (node: string): Logger => ({
    ...silentLogger,
    warn: (message, fields) => void lines.push([node, message, fields]),
  });
  const a = await sim.start({ name: 'a@sim', logger: logger('a') });
  const b = await sim.start({ name: 'b@sim', logger: logger('b'), cluster: 'other' });
  await expect(sim.settled(b.join(a.address))).rejects.toMatchObject({ reason: 'cluster' });
  await sim.advance(1_000);
  for (const node of ['a', 'b']) {
    expect(lines).toContainEqual([
      node,
      'admission refused',
      expect.objectContaining({ reason: 'cluster', detail: expect.stringMatching(/other/) }),
    ]);
  }
  for (const node of [a, b]) {
    const counted = Object.entries(node.metrics.snapshot()).filter(([sample]) =>
      sample.startsWith('barrel_admission_refused_total{reason="cluster"'),
    );
    expect(counted.map(([, count]) => count)).toEqual([1]);
  }
});

test('an acceptor that proves its key and then says nothing holds nobody (weakness W16)', async () => {
  const clusters = new SimulatedClusters();
  const guest = await clusters.start('guest@test', { secret: SECRET });
  const silent = await mallory(clusters, (connection) => connection.attach(listening(() => {})));
  const startMs = clusters.time.monotonicMs();
  const dial = clusters.settled(guest.cluster.dialler.toAddress(silent.address), 60_000);
  await expect(dial).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
  expect(clusters.time.monotonicMs() - startMs).toBeLessThan(HANDSHAKE_TIMEOUT_MS + 1_000);
});

test('a peer that claims endorsements which are none gets no HELLO', async () => {
  const clusters = new SimulatedClusters();
  const guest = await clusters.start('guest@test', { secret: SECRET });
  await guest.trust.pin('host@test', new Uint8Array(32).fill(7));
  const kinds: string[] = [];
  const fake = await mallory(clusters, (connection) => {
    connection.attach(
      listening((frame) => {
        kinds.push(decodeAdmission(frame).kind);
        // KEYS with one statement of garbage.
        connection.send(CONTROL, Uint8Array.of(5, 1, 0xc4, 1, 0));
      }),
    );
  });
  const dial = guest.cluster.dialler.toNode('host@test', {
    hints: [fake.address],
    relaying: 'never',
  });
  await expect(clusters.settled(dial)).rejects.toMatchObject({ reason: 'key-mismatch' });
  expect(kinds).toEqual(['ask']);
});

test('a member that names the key of another one as its own next key cuts nobody off', async () => {
  const clusters = new SimulatedClusters();
  const keys = createKeyPair(systemRandom);
  const host = await clusters.start('host@test');
  const victim = await clusters.start('victim@test');
  const member = await clusters.start('member@test', { publicKey: keys.publicKey });
  followOn(clusters, host);
  member.cluster.links.read([ROTATE, ROTATED], () => {});
  await clusters.settled(member.cluster.dialler.toAddress(host.cluster.address));
  await clusters.time.advance(500);
  const owner = { cluster: 'test', name: 'member@test' };
  const words = { oldKey: keys.publicKey, newKey: victim.publicKey, seq: 1 };
  const statement = endorse(keys.privateKeyPem, words, owner);
  const countersignature = countersign(keys.privateKeyPem, statement, owner);
  member.cluster.links.send(
    'host@test',
    encodeRotate({ endorsements: [statement], countersignature }),
  );
  await clusters.time.advance(500);
  expect(host.trust.lookup('member@test')).not.toEqual(victim.publicKey);
  expect(host.meter.snapshot()['barrel_rotations_refused_total']).toBe(1);
  const dial = host.cluster.dialler.toAddress(victim.cluster.address);
  expect((await clusters.settled(dial)).node).toBe('victim@test');
});

test('a node that has not met a living one does not give its name away', async () => {
  const clusters = new SimulatedClusters();
  const kept = { ephemeral: false, secret: SECRET };
  const host = await clusters.start('host@test', kept);
  const victim = await clusters.start('victim@test', kept);
  const guest = await clusters.start('guest@test', kept);
  await join(clusters, victim, host);
  await join(clusters, guest, host);
  await clusters.time.advance(2_000);
  // As one that knows it from others alone.
  await guest.trust.unpin('victim@test');
  expect(guest.cluster.isMember('victim@test')).toBe(true);
  const thief = await clusters.start('victim@test', { ...kept, incarnation: 99n });
  const dial = clusters.settled(thief.cluster.dialler.toAddress(guest.cluster.address));
  await expect(dial).rejects.toMatchObject({ code: 'ERR_REFUSED', reason: 'key-mismatch' });
  thief.crash();
  const real = clusters.settled(victim.cluster.dialler.toAddress(guest.cluster.address));
  expect((await real).node).toBe('guest@test');
});

/** Makes that node follow the rotations of others. */
function followOn(clusters: SimulatedClusters, node: TestNode): void {
  const { trust, cluster } = node;
  const identity = new OwnIdentity(firstKeys(createKeyPair(systemRandom)));
  new NodeIdentity({
    host: clusters.hostOf(node),
    identity,
    trust,
    links: cluster.links,
    cluster: 'test',
    dataDir: undefined,
    certify: async () => '',
    show: () => {},
  });
}

function mallory(clusters: SimulatedClusters, onConnection: OnConnection): Promise<Transport> {
  const { network } = clusters;
  return openMemoryTransport({ network, identity: { publicKey: MALLORY }, onConnection });
}

function listening(onFrame: (frame: Uint8Array) => void): Parameters<Connection['attach']>[0] {
  return { onFrame: (_, frame) => onFrame(frame.slice()), onDrained: () => {}, onClosed: () => {} };
}

function refusals({ meter }: TestNode): readonly string[] {
  return Object.keys(meter.snapshot()).filter((sample) =>
    sample.startsWith('barrel_admission_refused_total'),
  );
}

test('what a stranger says of later starts of a node counts for nothing', async () => {
  const clusters = new SimulatedClusters();
  const victim = await clusters.start('victim@test');
  const stranger = await mallory(clusters, () => {});
  const connection = await clusters.settled(stranger.dial(victim.cluster.address));
  connection.attach({ onFrame: () => {}, onDrained: () => {}, onClosed: () => {} });
  const word = { reason: 'stale-incarnation', detail: 'x', seenIncarnation: 12_345n } as const;
  connection.send(CONTROL, encodeReject(word));
  await clusters.time.advance(1_000);
  expect(victim.stale).toEqual([]);
});
