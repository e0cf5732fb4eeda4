/** Keys of real nodes: rotated over QUIC, provisioned and revoked by the `barrel` command. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StatusReport } from '../../src/admin/control-protocol.ts';
import { splitAddress } from '../../src/core/names.ts';
import { systemHost } from '../../src/host/system-host.ts';
import { createCertificate, publicKeyOfCertificate } from '../../src/identity/certificate.ts';
import { createKeyPair, type KeyPair } from '../../src/identity/keys.ts';
import { type BarrelNode, createNode, type NodeOptions } from '../../src/index.ts';
import { openQuicTransport } from '../../src/transport/quic/quic-transport.ts';
import type { Closure, Connection, Transport } from '../../src/transport/transport.ts';
import { SECRET, until } from './fixtures/fleet.ts';
import { Workshop } from './fixtures/processes.ts';

describe('nodes on QUIC', () => {
  const nodes: BarrelNode[] = [];
  const directories: string[] = [];

  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.close()));
    for (const path of directories.splice(0)) rmSync(path, { recursive: true, force: true });
  });

  test('make a key and a certificate at their first start, and listen where they were told to (I32)', async () => {
    const home = directory();
    const first = await start({ name: 'a@test', dataDir: home });
    const { port } = splitAddress(first.address);
    await first.close();
    const a = await start({ name: 'a@test', dataDir: home, listen: { port } });
    expect([a.address, a.identity.publicKey]).toEqual([first.address, first.identity.publicKey]);
    const files = ['node.crt', 'node.key', 'node.pub'];
    expect(readdirSync(`${home}/identity`)).toEqual(expect.arrayContaining(files));
    const b = await start({ name: 'b@test', contacts: [`127.0.0.1:${port}`] });
    await b.ready();
  });

  test('rotate keys and certificates while a call runs on the connection, which stays', async () => {
    const a = await start({ name: 'a@test', dataDir: directory() });
    const b = await start({ name: 'b@test', dataDir: directory(), contacts: [a.address] });
    await b.ready();
    let finish = (): void => {};
    const slow = new Promise<void>((done) => {
      finish = done;
    });
    await a.services.register('slow', { wait: () => slow.then(() => 'answered') });
    await until(() => b.services.list().length === 1, 5_000);
    const { wait } = b.services.client<{ wait(): string }>('slow', { timeoutMs: 50_000 });
    const call = wait();
    const before = a.identity.fingerprint;
    expect((await a.identity.rotate()).pending).toEqual([]);
    await a.identity.rotateCertificate();
    await b.identity.rotate();
    expect(a.identity.fingerprint).not.toBe(before);
    expect(b.trust.lookup('a@test')).toEqual(a.identity.publicKey);
    expect(a.trust.lookup('b@test')).toEqual(b.identity.publicKey);
    finish();
    expect(await call).toBe('answered');
    expect(samples(b, 'barrel_links_ended')).toEqual([]);
    // A new session shows the new key, to one that never saw the old one and to one that did.
    const c = await start({ name: 'c@test', contacts: [a.address] });
    await c.ready();
    expect(c.trust.lookup('a@test')).toEqual(a.identity.publicKey);
    for (const node of [a, b, c]) expect(samples(node, 'barrel_admission_refused')).toEqual([]);
  });

  test('follow a key that was rotated while they were away, and refuse the old one', async () => {
    const [home, copy] = [directory(), directory()];
    const a = await start({ name: 'a@test', dataDir: home });
    const b = await start({ name: 'b@test', dataDir: directory() });
    await b.join(a.address);
    // A thief copies the key.
    const stolen = ['node.key', 'node.pub'].map((file) => readFileSync(`${home}/identity/${file}`));
    await a.close();
    const again = await start({ name: 'a@test', dataDir: home });
    await again.identity.rotate();
    await b.join(`a@test/${again.address}`);
    // They may have met before the rotation: then its word comes over their link.
    const { publicKey } = again.identity;
    await until(
      () => Buffer.compare(b.trust.lookup('a@test') ?? publicKey, publicKey) === 0,
      10_000,
    );
    expect(b.trust.lookup('a@test')).toEqual(publicKey);
    const thief = await start({ name: 'thief@test', dataDir: copy });
    await thief.close();
    for (const [at, file] of ['node.key', 'node.pub'].entries()) {
      writeFileSync(`${copy}/identity/${file}`, stolen[at] ?? '');
    }
    const impostor = await start({ name: 'a@test', dataDir: copy });
    await expect(impostor.join(b.address)).rejects.toMatchObject({ reason: 'key-mismatch' });
    await expect(
      (await start({ name: 'x@test', dataDir: copy }, [impostor])).join(again.address),
    ).rejects.toMatchObject({ reason: 'key-mismatch' });
  });

  test('cannot show the certificate of another node without its key (weakness W1)', async () => {
    const host = systemHost();
    const [own, victim] = [createKeyPair(host.random), createKeyPair(host.random)];
    const certificatePem = await createCertificate({ host, keyPair: victim, name: 'a@test' });
    const proven: Connection[] = [];
    const open = (keyPair: KeyPair, pem: string): Promise<Transport> =>
      openQuicTransport({
        host,
        identity: { ...keyPair, certificatePem: pem },
        listen: { host: '127.0.0.1', port: 0 },
        keyOf: publicKeyOfCertificate,
        onConnection: (connection) => proven.push(connection),
      });
    const relay = await open(own, certificatePem);
    const honest = createKeyPair(host.random);
    const pem = await createCertificate({ host, keyPair: honest, name: 'b@test' });
    const node = await open(honest, pem);
    await expect(node.dial(relay.address)).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
    // A dialler has finished before the other end has judged its certificate.
    const closed: Closure[] = [];
    const ignored = { onFrame: () => {}, onDrained: () => {} };
    const dial = relay.dial(node.address);
    dial.then(
      (connection) => connection.attach({ ...ignored, onClosed: (why) => closed.push(why) }),
      () => closed.push({ reason: 'lost', by: 'local' }),
    );
    await until(() => closed.length === 1, 20_000);
    expect(proven).toEqual([]);
    await Promise.all([relay.close(), node.close()]);
  });

  async function start(
    options: NodeOptions,
    instead: readonly BarrelNode[] = [],
  ): Promise<BarrelNode> {
    await Promise.all(instead.map((node) => node.close()));
    const node = await createNode({ secret: SECRET, ...options });
    nodes.push(node);
    return node;
  }

  function directory(): string {
    const path = mkdtempSync(join(tmpdir(), 'barrel-test-'));
    directories.push(path);
    return path;
  }
});

describe('the command', () => {
  let workshop: Workshop;
  beforeEach(() => {
    workshop = new Workshop();
  });
  afterEach(() => workshop.close());

  test('provisions strict nodes before their first start, by a bundle', async () => {
    const names = ['a@test', 'b@test'];
    const lines: string[] = [];
    for (const name of names) {
      const where = ['--data-dir', workshop.path(name)];
      expect((await workshop.barrel(['keys', 'init', ...where])).exitCode).toBe(0);
      lines.push((await workshop.barrel(['keys', 'export', '--name', name, ...where])).stdout);
    }
    const bundle = workshop.path('bundle');
    writeFileSync(bundle, `# both\n${lines.join('')}`);
    for (const name of names) {
      const where = ['--data-dir', workshop.path(name)];
      const { stdout } = await workshop.barrel(['keys', 'import', bundle, '--json', ...where]);
      expect(JSON.parse(stdout)).toEqual({ pinned: 1, conflicts: [] });
    }
    const strict = ['--trust', 'strict', '--log-level', 'error'];
    const [a, b] = names.map((name) => ['--name', name, '--data-dir', workshop.path(name)]);
    const { address } = await workshop.start([...strict, ...(a ?? [])]).ready;
    await workshop.start([...strict, ...(b ?? []), '--contact', `${address}`]).ready;
    await until(async () => (await members('a@test')).length === 2, 20_000);
    // Of a running node, and while nobody can take its directory.
    const rotated = await workshop.barrel(['keys', 'rotate', '--json', ...(a ?? []).slice(2)]);
    expect(JSON.parse(rotated.stdout)).toMatchObject({ pending: [] });
    const listed = await workshop.barrel(['keys', 'list', '--json', ...(b ?? []).slice(2)]);
    expect(JSON.parse(listed.stdout)).toMatchObject([{ node: 'a@test', by: 'endorsement' }]);
    const gone = ['keys', 'untrust', 'a@test', ...(b ?? []).slice(2)];
    expect((await workshop.barrel(gone)).exitCode).toBe(0);
    expect((await workshop.barrel(gone)).exitCode).toBe(5);
  });

  test('certifies nodes, and revokes one everywhere from one of them', async () => {
    const key = workshop.path('operator.key');
    await workshop.barrel(['authority', 'init', '--key', key]);
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect((await workshop.barrel(['authority', 'init', '--key', key])).exitCode).toBe(1);
    const serial = await certify('a@test', key);
    const other = await certify('b@test', key);
    expect(BigInt(other) > BigInt(serial)).toBe(true);
    const { address } = await startCertified('a@test', key, []).ready;
    await startCertified('b@test', key, ['--contact', `${address}`]).ready;
    await until(async () => (await members('a@test')).length === 2, 20_000);
    const where = ['--data-dir', workshop.path('a@test')];
    await workshop.barrel(['authority', 'revoke', other, '--key', key, ...where]);
    await until(async () => (await neighbours('a@test')).length === 0, 20_000);
    const list = await workshop.barrel(['authority', 'list', '--json', '--key', key, ...where]);
    const { issued, revoked } = JSON.parse(list.stdout);
    expect(issued.map((note: { serial: string }) => note.serial)).toEqual([serial, other]);
    expect(revoked).toMatchObject([{ serial: other }]);
  });

  test.each<readonly [string, number, RegExp]>([
    ['keys list --data-dir nowhere', 1, /no identity in nowhere/],
    ['keys trust a@h nokey --data-dir nowhere', 2, /no Ed25519 key/],
    ['keys import nowhere --data-dir nowhere', 2, /cannot read nowhere/],
    ['authority issue --key nowhere --name a@h --public-key x', 2, /cannot read nowhere/],
    ['authority list', 2, /say what to list/],
    ['start --authority-key x', 2, /both or none/],
  ])('says what is wrong: %s', async (words, exitCode, message) => {
    const outcome = await workshop.barrel(words.split(' '));
    expect(outcome.exitCode).toBe(exitCode);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  async function certify(name: string, key: string): Promise<string> {
    const dataDir = workshop.path(name);
    await workshop.barrel(['keys', 'init', '--data-dir', dataDir]);
    const words = ['--name', name, '--public-key', `${dataDir}/identity/node.pub`];
    const out = ['--out', workshop.path(`${name}.crt`), '--json'];
    const issued = await workshop.barrel(['authority', 'issue', '--key', key, ...words, ...out]);
    return JSON.parse(issued.stdout).serial;
  }

  function startCertified(
    name: string,
    key: string,
    more: readonly string[],
  ): ReturnType<Workshop['start']> {
    const certificate = [
      '--authority-key',
      `${key}.pub`,
      '--certificate',
      workshop.path(`${name}.crt`),
    ];
    const own = ['--name', name, '--data-dir', workshop.path(name), '--log-level', 'error'];
    return workshop.start([...own, '--trust', 'authority', ...certificate, ...more]);
  }

  async function status(name: string): Promise<StatusReport> {
    const { stdout } = await workshop.barrel([
      'status',
      '--json',
      '--data-dir',
      workshop.path(name),
    ]);
    return JSON.parse(stdout);
  }

  async function members(name: string): Promise<StatusReport['members']> {
    return (await status(name)).members;
  }

  async function neighbours(name: string): Promise<StatusReport['activeView']> {
    return (await status(name)).activeView;
  }
});

function samples(node: BarrelNode, prefix: string): readonly string[] {
  return Object.keys(node.metrics.snapshot()).filter((sample) => sample.startsWith(prefix));
}
