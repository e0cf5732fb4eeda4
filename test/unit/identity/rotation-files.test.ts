import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Files } from '../../../src/host/files.ts';
import { loadCertificate } from '../../../src/identity/certificate.ts';
import { endorse, successionOf } from '../../../src/identity/endorsement.ts';
import { createKeyPair } from '../../../src/identity/keys.ts';
import { OwnIdentity, type OwnKeys, succeeded } from '../../../src/identity/own-identity.ts';
import {
  type IdentityFiles,
  loadOwnKeys,
  saveCertificate,
  saveRotation,
} from '../../../src/identity/rotation-files.ts';
import { MemoryFiles } from '../../../src/testing/memory-files.ts';
import { temporaryDirectory, testHost } from './fixtures.ts';

const OWNER = { cluster: 'default', name: 'a@host' };
const DATA_DIR = '/data';
let host: ReturnType<typeof testHost>;

beforeEach(() => {
  host = testHost('rotation files');
});

describe('a rotation on the real disk', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await temporaryDirectory();
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  test('of an identity leaves the old files in backups and other ones in their places (I9)', async () => {
    const before = await loadOwnKeys({ host, dataDir });
    const old = await contents(join(dataDir, 'identity'));
    await saveRotation({ host, dataDir }, next(before), 'a certificate\n');
    const [backup] = await readdir(join(dataDir, 'identity', 'backups'));
    expect(await contents(join(dataDir, 'identity', 'backups', backup ?? ''))).toEqual(old);
    const live = await contents(join(dataDir, 'identity'));
    for (const file of ['node.key', 'node.pub']) expect(live[file]).not.toBe(old[file]);
    expect(live['node.crt']).toBe('a certificate\n');
    expect(Object.keys(live)).not.toContain('rotation.json');
  });

  test('and its backups are private, also under another umask (weakness W6)', async () => {
    const umask = process.umask(0);
    try {
      const before = await loadOwnKeys({ host, dataDir });
      await saveRotation({ host, dataDir }, next(before), 'a certificate\n');
    } finally {
      process.umask(umask);
    }
    for (const [path, mode] of await modes(join(dataDir, 'identity'))) {
      expect([path, (mode & 0o077).toString(8)]).toEqual([path, '0']);
    }
  });

  test('each has a backup of its own, however fast they follow each other', async () => {
    let keys = await loadOwnKeys({ host, dataDir });
    for (let count = 0; count < 3; count += 1) {
      keys = next(keys);
      await saveRotation({ host, dataDir }, keys, '');
    }
    for (let count = 0; count < 3; count += 1) await saveCertificate({ host, dataDir }, `${count}`);
    const backups = await readdir(join(dataDir, 'identity', 'backups'));
    expect(backups.length).toBe(6);
    for (const name of backups) expect(name).toMatch(/^\d{8}T\d{9}Z-/);
  });

  test('a record that others can read is refused', async () => {
    await loadOwnKeys({ host, dataDir });
    const { writeFile, chmod } = await import('node:fs/promises');
    const path = join(dataDir, 'identity', 'rotation.json');
    await writeFile(path, '{}');
    await chmod(path, 0o644);
    await expect(loadOwnKeys({ host, dataDir })).rejects.toMatchObject({ code: 'ERR_IDENTITY' });
  });

  test('of a certificate in an empty directory has nothing to back up (I8)', async () => {
    await mkdir(join(dataDir, 'identity'), { mode: 0o700 });
    await saveCertificate({ host, dataDir }, 'first\n');
    const [backup] = await readdir(join(dataDir, 'identity', 'backups'));
    expect(await readdir(join(dataDir, 'identity', 'backups', backup ?? ''))).toEqual([]);
  });
});

describe('a crash during a rotation', () => {
  test('at each point, of each write old or new, leaves one of the two identities whole', async () => {
    const points = await countChanges();
    expect(points).toBeGreaterThan(8);
    const ends = new Set<string>();
    for (let point = 0; point < points; point += 1) {
      for (const isApplied of [false, true]) {
        ends.add(await crashAt(point, isApplied));
      }
    }
    expect([...ends].sort()).toEqual(['new', 'old']);
  });

  test('and a second crash while it is finished changes nothing of that', async () => {
    const points = await countChanges();
    for (let point = 0; point < points; point += 1) {
      const { files, before, after } = await crashed(point, true);
      for (let second = 0; second < 6; second += 1) {
        await loadOwnKeys(on(crashing(files, second, second % 2 === 0))).catch(() => undefined);
      }
      await wholeOf(files, before, after);
    }
  });
});

test('a record that is damaged stops the start, and says what to do', async () => {
  const files = new MemoryFiles();
  await loadOwnKeys(on(files));
  await files.write('/data/identity/rotation.json', Buffer.from('{"privateKey":"none"}'));
  await expect(loadOwnKeys(on(files))).rejects.toMatchObject({
    code: 'ERR_IDENTITY',
    message: expect.stringMatching(/backups/),
  });
});

test('a disk that is full leaves the old identity, and says so', async () => {
  const files = new MemoryFiles();
  const before = await loadOwnKeys(on(files));
  const full: Files = {
    ...bound(files),
    write: () => Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })),
  };
  await expect(saveRotation(on(full), next(before), '')).rejects.toMatchObject({
    code: 'ERR_IDENTITY',
  });
  expect((await loadOwnKeys(on(files))).keyPair).toEqual(before.keyPair);
});

test('a certificate that cannot be kept stops the start with the error of the disk (I30)', async () => {
  const files = new MemoryFiles();
  const { keyPair } = await loadOwnKeys(on(files));
  const cause = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
  const full: Files = { ...bound(files), write: () => Promise.reject(cause) };
  const options = { host: { ...host, files: full }, keyPair, name: 'a@host', dataDir: DATA_DIR };
  await expect(loadCertificate(options)).rejects.toMatchObject({ code: 'ERR_IDENTITY', cause });
});

test('of seventeen rotations the last sixteen are told, and all keys since are known', async () => {
  const files = new MemoryFiles();
  let keys = await loadOwnKeys(on(files));
  const first = keys.keyPair.publicKey;
  for (let count = 0; count < 17; count += 1) {
    keys = next(keys);
    await saveRotation(on(files), keys, '');
  }
  const identity = new OwnIdentity(await loadOwnKeys(on(files)));
  expect(identity.endorsements.length).toBe(16);
  expect(identity.seq).toBe(17);
  expect(identity.isFormer(first)).toBe(true);
  expect(identity.isFormer(identity.publicKey)).toBe(false);
});

test('endorsements of another key than the one on disk are not told', async () => {
  const files = new MemoryFiles();
  const before = await loadOwnKeys(on(files));
  const old = { key: await files.read(path('node.key')), pub: await files.read(path('node.pub')) };
  await saveRotation(on(files), next(before), '');
  await files.write(path('node.key'), old.key ?? new Uint8Array());
  await files.write(path('node.pub'), old.pub ?? new Uint8Array());
  const loaded = await loadOwnKeys(on(files));
  expect(loaded.keyPair).toEqual(before.keyPair);
  expect(loaded.endorsements).toEqual([]);
  expect(host.lines.at(-1)).toMatchObject({ level: 'warn' });
});

function path(file: string): string {
  return `${DATA_DIR}/identity/${file}`;
}

function on(files: Files): IdentityFiles {
  return { host: { ...host, files }, dataDir: DATA_DIR };
}

function next(keys: OwnKeys): OwnKeys {
  const pair = createKeyPair(host.random);
  const { keyPair } = keys;
  const seq = new OwnIdentity(keys).seq + 1;
  const words = { oldKey: keyPair.publicKey, newKey: pair.publicKey, seq };
  return succeeded(keys, pair, endorse(keyPair.privateKeyPem, words, OWNER));
}

interface Crashed {
  readonly files: MemoryFiles;
  readonly before: OwnKeys;
  readonly after: OwnKeys;
}

/** A disk that stops for good with its `point`-th change, which is there or not. */
function crashing(files: Files, point: number, isApplied: boolean): Files {
  let left = point;
  const change = async (work: () => Promise<void>): Promise<void> => {
    if (left < 0) throw new Error('stopped');
    left -= 1;
    if (left >= 0 || isApplied) await work();
    if (left < 0) throw new Error('stopped');
  };
  return {
    ...bound(files),
    write: (name, content) => change(() => files.write(name, content)),
    remove: (name) => change(() => files.remove(name)),
    makeDirectory: (name) => change(() => files.makeDirectory(name)),
  };
}

function bound(files: Files): Files {
  return {
    read: (name) => files.read(name),
    write: (name, content) => files.write(name, content),
    remove: (name) => files.remove(name),
    list: (name) => files.list(name),
    makeDirectory: (name) => files.makeDirectory(name),
    status: (name) => files.status(name),
  };
}

async function countChanges(): Promise<number> {
  let count = 0;
  const files = new MemoryFiles();
  const before = await loadOwnKeys(on(files));
  const counting = <T>(work: T): T => {
    count += 1;
    return work;
  };
  const counted: Files = {
    ...bound(files),
    write: (name, content) => counting(files.write(name, content)),
    remove: (name) => counting(files.remove(name)),
    makeDirectory: (name) => counting(files.makeDirectory(name)),
  };
  await saveRotation(on(counted), next(before), 'a certificate\n');
  return count;
}

async function crashed(point: number, isApplied: boolean): Promise<Crashed> {
  const files = new MemoryFiles();
  const before = await loadOwnKeys(on(files));
  const after = next(before);
  await saveRotation(on(crashing(files, point, isApplied)), after, 'a certificate\n').catch(
    () => undefined,
  );
  return { files, before, after };
}

async function crashAt(point: number, isApplied: boolean): Promise<string> {
  const { files, before, after } = await crashed(point, isApplied);
  return wholeOf(files, before, after);
}

/** Which of the two the next start has; it fails for anything else. */
async function wholeOf(files: Files, before: OwnKeys, after: OwnKeys): Promise<string> {
  const loaded = await loadOwnKeys(on(files));
  const isNew = Buffer.compare(loaded.keyPair.publicKey, after.keyPair.publicKey) === 0;
  expect(loaded).toEqual(isNew ? after : before);
  if (!isNew) return 'old';
  const [from, to] = [before.keyPair.publicKey, loaded.keyPair.publicKey];
  const { endorsements } = loaded;
  expect(successionOf({ endorsements, owner: OWNER, from, to })).toMatchObject({ seq: 1 });
  return 'new';
}

async function contents(directory: string): Promise<Readonly<Record<string, string>>> {
  const names = (await readdir(directory, { withFileTypes: true })).filter((one) => one.isFile());
  const pairs = names.map(async ({ name }) => [
    name,
    await readFile(join(directory, name), 'utf8'),
  ]);
  return Object.fromEntries(await Promise.all(pairs));
}

async function modes(directory: string): Promise<readonly (readonly [string, number])[]> {
  const entries = await readdir(directory, { recursive: true });
  return Promise.all(
    ['.', ...entries].map(async (name) => {
      const { mode } = await stat(join(directory, name));
      return [name, mode] as const;
    }),
  );
}
