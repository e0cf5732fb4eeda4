import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isNodeFileName, nodeFileName } from '../../../src/host/node-file.ts';
import { systemFiles as files } from '../../../src/host/system-files.ts';
import { systemHost } from '../../../src/host/system-host.ts';
import type { Endpoint, UdpSocket } from '../../../src/host/udp.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'barrel-host-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe('files', () => {
  test('a written file has mode 0600, its content, and nothing left beside it (I6)', async () => {
    const path = join(directory, 'secret');

    await files.write(path, bytes('first'));
    await files.write(path, bytes('second'));

    expect(await readFile(path, 'utf8')).toBe('second');
    expect(await files.status(path)).toEqual({ mode: 0o600, bytes: 6 });
    expect(await readdir(directory)).toEqual(['secret']);
  });

  test('a replaced file gets mode 0600 whatever mode it had', async () => {
    const path = join(directory, 'loose');
    await writeFile(path, 'old', { mode: 0o644 });

    await files.write(path, bytes('new'));

    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('a write that fails leaves the old content and no temporary file', async () => {
    const path = join(directory, 'kept');
    await files.write(path, bytes('old'));

    const unwritable: unknown = { length: 3 };
    await expect(files.write(path, unwritable as Uint8Array)).rejects.toThrow();

    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(directory)).toEqual(['kept']);
  });

  test('a write that cannot replace its target leaves no temporary file', async () => {
    await files.makeDirectory(join(directory, 'taken'));

    await expect(files.write(join(directory, 'taken'), bytes('x'))).rejects.toThrow();

    expect(await readdir(directory)).toEqual(['taken']);
  });

  test('a write replaces a symbolic link and leaves what it pointed to alone', async () => {
    await writeFile(join(directory, 'victim'), 'untouched');
    await symlink('victim', join(directory, 'link'));

    await files.write(join(directory, 'link'), bytes('new'));

    expect(await readFile(join(directory, 'victim'), 'utf8')).toBe('untouched');
    expect(await readFile(join(directory, 'link'), 'utf8')).toBe('new');
  });

  test('a missing directory is an error of the system for a write', async () => {
    const write = files.write(join(directory, 'none', 'file'), bytes('x'));

    await expect(write).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('what does not exist reads as undefined, lists as empty and can be removed', async () => {
    const path = join(directory, 'none');

    expect(await files.read(path)).toBeUndefined();
    expect(await files.status(path)).toBeUndefined();
    expect(await files.list(path)).toEqual([]);
    await files.remove(path);
    await files.remove(join(path, 'below'));
  });

  test('a removed file is gone', async () => {
    const path = join(directory, 'file');
    await files.write(path, bytes('x'));

    await files.remove(path);

    expect(await files.read(path)).toBeUndefined();
  });

  test('only regular files are read', async () => {
    await expect(files.read(directory)).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('a listing is sorted by code point and hides temporary files of a crash', async () => {
    for (const name of ['b', 'Z', 'a', `.barrel-${'0'.repeat(24)}.tmp`, '.barrel-x.tmp']) {
      await writeFile(join(directory, name), '');
    }

    expect(await files.list(directory)).toEqual(['.barrel-x.tmp', 'Z', 'a', 'b']);
  });

  test('a new directory and its parents have mode 0700, others keep theirs', async () => {
    await files.makeDirectory(join(directory, 'a', 'b'));

    expect((await files.status(join(directory, 'a')))?.mode).toBe(0o700);
    expect((await files.status(join(directory, 'a', 'b')))?.mode).toBe(0o700);
  });

  test('concurrent writes of one path leave one whole content', async () => {
    const path = join(directory, 'raced');
    const contents = Array.from({ length: 8 }, (_, i) => String(i).repeat(50_000));

    await Promise.all(contents.map((content) => files.write(path, bytes(content))));

    expect(contents).toContain(await readFile(path, 'utf8'));
    expect(await readdir(directory)).toEqual(['raced']);
  });
});

describe('files named after nodes', () => {
  test('a plain name is readable in its file name', () => {
    expect(nodeFileName('alice-1@host.example')).toBe('alice-1@host.example.json');
  });

  test('names that differ in case or brackets only have files that differ on every disk', () => {
    expect(nodeFileName('Alice@h')).toBe('%41lice@h.json');
    expect(nodeFileName('a@[::1]')).toBe('a@%5b%3a%3a1%5d.json');
  });

  test('the longest name fits any file system', () => {
    expect(nodeFileName(`${'A'.repeat(126)}@${'b'.repeat(128)}`).length).toBeLessThan(206);
  });

  test('every node name has a file name that is recognised, and no two share one', () => {
    const label = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}$/);
    const name = fc.tuple(label, label).map(([local, host]) => `${local}@${host}`);
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(isNodeFileName(nodeFileName(a))).toBe(true);
        expect(nodeFileName(a).toLowerCase() === nodeFileName(b).toLowerCase()).toBe(a === b);
      }),
    );
  });

  test.each([
    '',
    '.json',
    'x.json',
    '..@h.json',
    '../a@b.json',
    'a@b',
    'a@b.pub',
    'A@b.json',
    '%61@b.json',
    '%zz@b.json',
    'a@b/c.json',
    'a@b\0.json',
    `${'f'.repeat(63)}.json`,
  ])('%j is no such file', (file) => {
    expect(isNodeFileName(file)).toBe(false);
  });
});

describe('clock, timers and randomness', () => {
  test('the monotonic clock does not go back and the wall clock is that of the machine', () => {
    const { clock } = systemHost();
    const first = clock.monotonicMs();

    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(first);
    expect(Math.abs(clock.wallMs() - Date.now())).toBeLessThan(5_000);
  });

  test('timers call back later, once, and not at all when disposed', async () => {
    const { timers } = systemHost();
    const calls: string[] = [];

    const disposed = timers.after(0, () => calls.push('disposed'));
    disposed[Symbol.dispose]();
    disposed[Symbol.dispose]();
    timers.after(3_000_000_000, () => calls.push('too long'))[Symbol.dispose]();
    timers.soon(() => calls.push('soon'));
    expect(calls).toEqual([]);
    // An unreferenced timer alone would not keep the process waiting for it.
    const alive = setInterval(() => {}, 1_000);
    await new Promise<void>((resolve) => timers.after(1, resolve));
    clearInterval(alive);

    expect(calls).toEqual(['soon']);
  });

  test('random bytes have the asked length and do not repeat', () => {
    const { random } = systemHost();

    expect(random.bytes(0)).toHaveLength(0);
    expect(random.bytes(70_000)).toHaveLength(70_000);
    expect(random.bytes(16)).not.toEqual(random.bytes(16));
    expect(random.float()).toBeLessThan(1);
  });
});

describe('network', () => {
  test('external addresses are addresses, an IPv4 one first where there is one', () => {
    const addresses = systemHost().externalAddresses();

    expect(addresses.every((address) => isIP(address) !== 0)).toBe(true);
    expect(addresses).not.toContain('127.0.0.1');
    const isAnyIPv4 = addresses.some((address) => isIP(address) === 4);
    expect(isAnyIPv4 ? isIP(addresses[0] ?? '') : 4).toBe(4);
  });

  test('an address resolves to itself, in brackets or not, and localhost to IPv4', async () => {
    const { lookup } = systemHost();

    expect(await lookup('192.0.2.7')).toEqual(['192.0.2.7']);
    expect(await lookup('::1')).toEqual(['::1']);
    expect(await lookup('[::1]')).toEqual(['::1']);
    expect((await lookup('localhost'))[0]).toBe('127.0.0.1');
  });

  test('datagrams arrive as they were sent, from the address they were sent from', async () => {
    const { host, opened, arrived } = await udpPair();

    opened.sender.send(bytes('one'), opened.receiver.local);
    const { datagram, from } = await arrived.next();

    expect(Buffer.from(datagram).toString()).toBe('one');
    expect(from).toEqual(opened.sender.local);
    expect(host.meter.snapshot()['barrel_udp_lost_total{cause="queue-full"}']).toBe(0);
    await Promise.all([opened.sender.close(), opened.receiver.close()]);
  });

  test('a socket on all addresses of both families shows each as what it is', async () => {
    const host = systemHost();
    const arrivals: Endpoint[] = [];
    let tell: () => void = () => {};
    const both = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const onDatagram = (_datagram: Uint8Array, from: Endpoint): void => {
      if (arrivals.push(from) === 2) tell();
    };
    const dual = await host.openUdp({ ...silent, host: '::', port: 0, onDatagram });
    const { port } = dual.local;
    let heard: () => void = () => {};
    const answered = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const v4 = await host.openUdp({ ...silent, host: '127.0.0.1', port: 0, onDatagram: heard });
    const v6 = await host.openUdp({ ...silent, host: '::1', port: 0 });

    v4.send(bytes('one'), { host: '127.0.0.1', port });
    v6.send(bytes('two'), { host: '::1', port });
    await both;
    dual.send(bytes('back'), v4.local);
    await answered;

    expect(arrivals).toEqual(expect.arrayContaining([v4.local, v6.local]));
    await Promise.all([dual.close(), v4.close(), v6.close()]);
  });

  test('a datagram that the system refuses is counted, and the socket goes on', async () => {
    const { host, opened, arrived } = await udpPair();

    opened.sender.send(new Uint8Array(70_000), opened.receiver.local);
    opened.sender.send(bytes('nowhere'), { host: 'no address', port: 9 });
    opened.sender.send(bytes('no port'), { host: '127.0.0.1', port: 70_000 });
    opened.sender.send(bytes('next'), opened.receiver.local);
    const { datagram } = await arrived.next();

    expect(Buffer.from(datagram).toString()).toBe('next');
    const lost = Object.entries(host.meter.snapshot()).filter(([name]) => name.includes('lost'));
    expect(lost.reduce((sum, [, count]) => sum + count, 0)).toBe(3);
    await Promise.all([opened.sender.close(), opened.receiver.close()]);
  });

  test('a port in use is an error of the system', async () => {
    const { host, opened } = await udpPair();
    const again = host.openUdp({ ...silent, ...opened.receiver.local });

    await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await Promise.all([opened.sender.close(), opened.receiver.close()]);
  });

  test('a closed socket sends nothing, and closing it again waits for the same end', async () => {
    const { opened } = await udpPair();

    await Promise.all([opened.sender.close(), opened.sender.close(), opened.receiver.close()]);
    opened.sender.send(bytes('late'), opened.receiver.local);
    await opened.sender.close();
  });
});

interface Arrival {
  readonly datagram: Uint8Array;
  readonly from: Endpoint;
}

const silent = { onDatagram: () => {}, onError: () => {} };

async function udpPair(): Promise<{
  readonly host: ReturnType<typeof systemHost>;
  readonly opened: { readonly sender: UdpSocket; readonly receiver: UdpSocket };
  readonly arrived: { next(): Promise<Arrival> };
}> {
  const host = systemHost();
  let tell: (arrival: Arrival) => void = () => {};
  const next = new Promise<Arrival>((resolve) => {
    tell = resolve;
  });
  const receiver = await host.openUdp({
    host: '127.0.0.1',
    port: 0,
    onDatagram: (datagram, from) => tell({ datagram, from }),
    onError: () => {},
  });
  const sender = await host.openUdp({ host: 'localhost', port: 0, ...silent });
  return { host, opened: { sender, receiver }, arrived: { next: () => next } };
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
