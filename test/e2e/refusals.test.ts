import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { splitAddress } from '../../src/core/names.ts';
import { encodeFrame } from '../../src/core/wire/frame.ts';
import { encodeVarint } from '../../src/core/wire/varint.ts';
import { deriveSecretKey } from '../../src/identity/secret.ts';
import { type BarrelNode, createNode, type NodeOptions } from '../../src/index.ts';
import { SECRET, until } from './fixtures/fleet.ts';
import { RawClient, rawSettings } from './fixtures/raw-client.ts';

let nodes: BarrelNode[];
let directories: string[];
/** Two nodes that must not notice what happens to one of them. */
let host: BarrelNode;
let friend: BarrelNode;
let secretKey: Uint8Array;

beforeEach(async () => {
  nodes = [];
  directories = [];
  secretKey = await deriveSecretKey(SECRET, 'default');
  host = await start({ name: 'host@test', secret: SECRET });
  friend = await start({ name: 'friend@test', secret: SECRET, contacts: [host.address] });
  await friend.ready();
  await host.services.register('echo', { echo: (value: unknown) => value });
  await until(() => friend.services.list().length === 1, 5_000);
});

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.close()));
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

describe('a node that should not get in is refused with the reason on both ends', () => {
  test('with another join secret', async () => {
    const guest = await start({ name: 'guest@test', secret: `${SECRET}!` });
    await refused(guest, 'secret');
  });

  test('without a join secret', async () => {
    await refused(await start({ name: 'guest@test' }), 'secret');
  });

  test('with a join secret where there is none', async () => {
    const open = await start({ name: 'open@test' });
    const guest = await start({ name: 'guest@test', secret: SECRET });
    await expect(guest.join(open.address)).rejects.toMatchObject({ reason: 'secret' });
    await until(() => refusalsOf(open).includes('secret'), 5_000);
  });

  test('of another cluster', async () => {
    const open = await start({ name: 'open@test' });
    const guest = await start({ name: 'guest@test', cluster: 'other' });
    await expect(guest.join(open.address)).rejects.toMatchObject({ reason: 'cluster' });
    await until(() => refusalsOf(open).includes('cluster'), 5_000);
  });

  test('of another cluster with the same join secret, whose derived key differs', async () => {
    const guest = await start({ name: 'guest@test', secret: SECRET, cluster: 'other' });
    await expect(guest.join(host.address)).rejects.toThrow('or another cluster');
    await refused(guest, 'secret');
  });

  test('with the secret refused once for each attempt, and not again for its last word', async () => {
    const guest = await start({ name: 'guest@test', secret: `${SECRET}!` });
    await refused(guest, 'secret');
    const sample = 'barrel_admission_refused_total{reason="secret",by="local",role="acceptor"}';
    expect(host.metrics.snapshot()[sample]).toBe(1);
  });

  test('with a ring of another size, of which both ends say both sizes', async () => {
    const guest = await start({ name: 'guest@test', secret: SECRET, shards: { ringSize: 64 } });
    // Whichever end says it first.
    const both = /ringSize (64, here 4096|4096, here 64)/;
    await expect(guest.join(host.address)).rejects.toThrow(both);
    await refused(guest, 'parameters');
  });

  test('with another key under a pinned name', async () => {
    const first = await start({ name: 'guest@test', secret: SECRET, dataDir: directory() });
    await first.join(host.address);
    await first.close();
    const thief = await start({ name: 'guest@test', secret: SECRET, dataDir: directory() });
    await refused(thief, 'key-mismatch');
  });

  test('with a name that strict trust does not know', async () => {
    const strict = await start({
      name: 'strict@test',
      secret: SECRET,
      trust: 'strict',
      dataDir: directory(),
    });
    const guest = await start({ name: 'guest@test', secret: SECRET, dataDir: directory() });
    await expect(guest.join(strict.address)).rejects.toMatchObject({
      code: 'ERR_REFUSED',
      reason: 'not-trusted',
    });
    expect(refusalsOf(strict)).toContain('not-trusted');
    await strict.trust.pin('guest@test', guest.identity.publicKey);
    await guest.trust.pin('strict@test', strict.identity.publicKey);
    await guest.join(strict.address);
  });

  test('with the own address, which is no other node', async () => {
    await expect(host.join(host.address)).rejects.toMatchObject({ code: 'ERR_SELF' });
    await unaffected();
  });

  test('without a certificate', async () => {
    const client = await RawClient.open(host.address, { withCertificate: false, secretKey });
    const { isApp, errorCode } = await client.closed();
    // TLS alert 116: a certificate is required.
    expect([isApp, errorCode]).toEqual([false, 0x100 + 116]);
    client.end();
    await until(() => refusalsOf(host).includes('certificate'), 5_000);
    await unaffected();
  });

  test('in a resumed session, where no key is proven anew (I19)', async () => {
    const settings = await rawSettings(true);
    const first = await RawClient.open(host.address, {
      withCertificate: true,
      settings,
      secretKey,
    });
    const session = await first.ticket();
    first.end();
    const second = await RawClient.open(host.address, {
      withCertificate: true,
      settings,
      session,
      secretKey,
    });
    expect((await second.closed()).reason).toMatch(/^certificate: /);
    expect(second.isResumed).toBe(true);
    second.end();
    await until(() => refusalsOf(host).includes('certificate'), 5_000);
    await unaffected();
  });
});

describe('hostile bytes end the connection that they came on and nothing else', () => {
  test('a frame of 2^32 bytes', async () => {
    await endsWith(encodeVarint(2 ** 32), /^protocol: /);
  });

  test('a frame that is no HELLO', async () => {
    await endsWith(encodeFrame(new Uint8Array(100).fill(0xc1)), /^protocol: /);
  });

  test('more than an unadmitted peer may say', async () => {
    const before = rssBytes();
    await endsWith(new Uint8Array(40_000), /^protocol: /);
    expect(rssBytes() - before).toBeLessThan(50 * 1024 * 1024);
  });

  test('datagrams of garbage, and of the right shape for nobody', async () => {
    const socket = createSocket('udp4');
    const { port } = splitAddress(host.address);
    const before = rssBytes();
    for (let index = 0; index < 20_000; index += 1) {
      const garbage = Buffer.alloc(1 + (index % 1_400), index % 256);
      await new Promise((resolve) => socket.send(garbage, port, '127.0.0.1', resolve));
    }
    socket.close();
    await until(() => dropped(host) > 1_000, 5_000);
    await unaffected();
    expect(rssBytes() - before).toBeLessThan(50 * 1024 * 1024);
  });
});

async function start(options: NodeOptions): Promise<BarrelNode> {
  const node = await createNode(options);
  nodes.push(node);
  return node;
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'barrel-test-'));
  directories.push(path);
  return path;
}

async function refused(guest: BarrelNode, reason: string): Promise<void> {
  await expect(guest.join(host.address)).rejects.toMatchObject({ code: 'ERR_REFUSED', reason });
  expect(refusalsOf(guest)).toContain(reason);
  await until(() => refusalsOf(host).includes(reason), 5_000);
  await unaffected();
}

async function endsWith(bytes: Uint8Array, reason: RegExp): Promise<void> {
  const client = await RawClient.open(host.address, { withCertificate: true, secretKey });
  await client.established();
  client.write(0, bytes);
  expect((await client.closed()).reason).toMatch(reason);
  client.end();
  await unaffected();
}

async function unaffected(): Promise<void> {
  expect(host.members()).toEqual(['friend@test', 'host@test']);
  expect(friend.activeView()).toEqual(['host@test']);
  const { echo } = friend.services.client<{ echo(value: number): number }>('echo');
  expect(await echo(42)).toBe(42);
}

function refusalsOf(node: BarrelNode): string[] {
  return Object.keys(node.metrics.snapshot()).flatMap(
    (sample) => /admission_refused_total\{reason="([a-z-]+)"/.exec(sample)?.[1] ?? [],
  );
}

function dropped(node: BarrelNode): number {
  return Object.entries(node.metrics.snapshot())
    .filter(([sample]) => sample.startsWith('barrel_transport_datagrams_dropped_total'))
    .reduce((sum, [, count]) => sum + count, 0);
}

function rssBytes(): number {
  return process.memoryUsage().rss;
}
