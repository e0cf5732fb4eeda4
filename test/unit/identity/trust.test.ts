import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fingerprintOf } from '../../../src/identity/fingerprint.ts';
import type { TrustMode } from '../../../src/identity/pin.ts';
import { openTrustTable, type TrustTable } from '../../../src/identity/trust.ts';
import { claim, keyOf, START_MS, type TestHost, temporaryDirectory, testHost } from './fixtures.ts';

const DAY_MS = 86_400_000;
const ACCEPT = { kind: 'accept' };

let dataDir: string;
let host: TestHost;
let removed: string[];

beforeEach(async () => {
  dataDir = await temporaryDirectory();
  host = testHost();
  removed = [];
});

afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

describe('pins of operators', () => {
  test('an unknown name has no key (I10)', async () => {
    expect((await open()).lookup('a@h')).toBeUndefined();
  });

  test('a pinned key is looked up, listed, and there after a restart (I11, I15)', async () => {
    const table = await open();
    await table.pin('b@h', keyOf('b'));
    await table.pin('a@h', keyOf('a'));

    for (const each of [table, await open()]) {
      expect(each.lookup('a@h')).toEqual(keyOf('a'));
      expect(each.list()).toEqual(
        ['a', 'b'].map((name) => ({
          node: `${name}@h`,
          publicKey: keyOf(name),
          fingerprint: fingerprintOf(keyOf(name)),
          since: new Date(START_MS),
          by: 'operator',
        })),
      );
    }
  });

  test('a pin is one readable file of mode 0600 in a directory of mode 0700 (I12)', async () => {
    await (await open()).pin('a@h', keyOf('a'));

    expect((await stat(trusted())).mode & 0o777).toBe(0o700);
    expect((await stat(trusted('a@h.json'))).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(trusted('a@h.json'), 'utf8'))).toEqual({
      node: 'a@h',
      publicKey: Buffer.from(keyOf('a')).toString('base64'),
      by: 'operator',
      sinceMs: START_MS,
      seenMs: START_MS,
    });
  });

  test('names that differ in case only keep their own keys', async () => {
    const table = await open();
    await table.pin('alice@h', keyOf('a'));
    await table.pin('ALICE@h', keyOf('b'));

    const again = await open();
    expect(again.lookup('alice@h')).toEqual(keyOf('a'));
    expect(again.lookup('ALICE@h')).toEqual(keyOf('b'));
    expect(new Set((await readdir(trusted())).map((file) => file.toLowerCase())).size).toBe(2);
  });

  test('another key under a pinned name is a conflict, the same key is none', async () => {
    const table = await open();
    await table.pin('a@h', keyOf('a'));

    await table.pin('a@h', keyOf('a'));
    const other = table.pin('a@h', keyOf('b'));

    await expect(other).rejects.toMatchObject({ code: 'ERR_CONFLICT', node: 'a@h' });
    expect(table.lookup('a@h')).toEqual(keyOf('a'));
  });

  test('an operator confirms what was learned, durably, an ephemeral key too', async () => {
    const table = await open();
    await table.admit('a@h', claim('a'));
    await table.admit('b@h', claim('b', { ephemeral: true }));

    await table.pin('a@h', keyOf('a'));
    await table.pin('b@h', keyOf('b'));
    table.release('b@h', 99n);

    expect((await open()).list().map(({ node, by }) => `${node} ${by}`)).toEqual([
      'a@h operator',
      'b@h operator',
    ]);
    expect(table.lookup('b@h')).toEqual(keyOf('b'));
  });

  test('what is no name or no key is an option error', async () => {
    const table = await open();

    await expect(table.pin('../x', keyOf('a'))).rejects.toMatchObject({ code: 'ERR_OPTION' });
    const short = table.pin('a@h', keyOf('a').subarray(1));
    await expect(short).rejects.toMatchObject({ code: 'ERR_OPTION' });
    expect(table.list()).toEqual([]);
  });

  test('an unpinned key is gone, on disk too, and its connections have to end (I14)', async () => {
    const table = await open();
    await table.pin('a@h', keyOf('a'));

    await table.unpin('a@h');
    await table.unpin('a@h');

    expect(table.lookup('a@h')).toBeUndefined();
    expect(await readdir(trusted())).toEqual([]);
    expect(removed).toEqual([`a@h ${fingerprintOf(keyOf('a'))}`]);
    await table.pin('a@h', keyOf('b'));
    expect(table.lookup('a@h')).toEqual(keyOf('b'));
  });

  test('what is handed out and taken in are copies', async () => {
    const table = await open();
    const given = keyOf('a');
    await table.pin('a@h', given);

    given.fill(0);
    table.lookup('a@h')?.fill(0);
    table.list()[0]?.publicKey.fill(0);

    expect(table.lookup('a@h')).toEqual(keyOf('a'));
  });
});

describe('mode', () => {
  test('the mode that is set is the one that holds (I16)', async () => {
    const table = await open('strict');
    expect(table.mode()).toBe('strict');

    table.setMode('tofu');

    expect(table.mode()).toBe('tofu');
    expect(await table.admit('a@h', claim('a'))).toEqual(ACCEPT);
    const unknown: unknown = 'anything';
    expect(() => table.setMode(unknown as TrustMode)).toThrow(/tofu.*anything/);
    expect(table.mode()).toBe('tofu');
  });
});

describe('admission', () => {
  test.each<readonly [TrustMode, string, string]>([
    ['tofu', 'none', 'accept'],
    ['tofu', 'same', 'accept'],
    ['tofu', 'other', 'key-mismatch'],
    ['strict', 'none', 'not-trusted'],
    ['strict', 'same', 'accept'],
    ['strict', 'other', 'key-mismatch'],
  ])('%s, pinned key: %s -> %s', async (mode, pinned, outcome) => {
    const table = await open(mode);
    if (pinned !== 'none') await table.pin('a@h', keyOf(pinned === 'same' ? 'a' : 'other'));
    const before = table.list();

    const verdict = await table.admit('a@h', claim('a'));

    expect(verdict.kind === 'reject' ? verdict.reason : verdict.kind).toBe(outcome);
    if (pinned !== 'none' || outcome !== 'accept') expect(table.list()).toEqual(before);
    else expect((await open()).list()).toMatchObject([{ node: 'a@h', by: 'tofu' }]);
  });

  test('of two strangers with one fresh name exactly one gets it (I13)', async () => {
    const table = await open();

    const verdicts = await Promise.all(['a', 'b'].map((key) => table.admit('x@h', claim(key))));

    expect(verdicts).toMatchObject([ACCEPT, { kind: 'reject', reason: 'key-mismatch' }]);
    expect((await open()).lookup('x@h')).toEqual(keyOf('a'));
  });

  test('a pin that cannot be written admits nobody, and the next one is tried afresh', async () => {
    const table = await open();
    await rm(trusted(), { recursive: true });
    await writeFile(trusted(), 'no directory');

    await expect(table.admit('a@h', claim('a'))).rejects.toMatchObject({
      code: 'ERR_STORE',
      cause: expect.objectContaining({ code: 'ENOTDIR' }),
    });
    await expect(table.pin('a@h', keyOf('a'))).rejects.toMatchObject({ code: 'ERR_STORE' });
    expect(table.list()).toEqual([]);

    await rm(trusted());
    await mkdir(trusted(), { mode: 0o700 });
    expect(await table.admit('a@h', claim('b'))).toEqual(ACCEPT);
  });

  test('a pin that cannot be removed stays', async () => {
    const table = await open();
    await table.pin('a@h', keyOf('a'));
    await rm(trusted(), { recursive: true });
    await writeFile(trusted(), 'no directory');

    await expect(table.unpin('a@h')).rejects.toMatchObject({ code: 'ERR_STORE' });

    expect(table.lookup('a@h')).toEqual(keyOf('a'));
    expect(removed).toEqual([]);
  });

  test('the day of the last admission is kept on disk, if that is possible', async () => {
    const table = await open();
    await table.admit('a@h', claim('a'));
    host.advance(DAY_MS / 2);
    await table.admit('a@h', claim('a'));
    host.advance(DAY_MS / 2);
    await table.admit('a@h', claim('a'));

    const kept = JSON.parse(await readFile(trusted('a@h.json'), 'utf8'));
    expect(kept).toMatchObject({ sinceMs: START_MS, seenMs: START_MS + DAY_MS });
    await rm(trusted(), { recursive: true });
    host.advance(DAY_MS);
    expect(await table.admit('a@h', claim('a'))).toEqual(ACCEPT);
    expect(host.lines.at(-1)).toMatchObject({ level: 'warn', message: 'cannot refresh a pin' });
  });
});

describe('ephemeral keys', () => {
  test('their pins live in memory only', async () => {
    const table = await open();

    expect(await table.admit('a@h', claim('a', { ephemeral: true }))).toEqual(ACCEPT);

    expect(table.lookup('a@h')).toEqual(keyOf('a'));
    expect(await readdir(trusted())).toEqual([]);
  });

  test('strict trust refuses them, pinned or not', async () => {
    const table = await open('strict');
    await table.pin('a@h', keyOf('a'));

    for (const node of ['a@h', 'b@h']) {
      const verdict = await table.admit(node, claim('a', { ephemeral: true }));
      expect(verdict).toMatchObject({ reason: 'not-trusted' });
    }
  });

  test('they go when the roster says that their start is gone', async () => {
    const table = await open();
    await table.admit('a@h', claim('a', { ephemeral: true, incarnation: 5n }));
    await table.admit('a@h', claim('a', { ephemeral: true, incarnation: 7n }));
    await table.admit('b@h', claim('b'));

    table.release('a@h', 6n);
    expect(table.lookup('a@h')).toEqual(keyOf('a'));
    table.release('a@h', 7n);
    table.release('b@h', 99n);

    expect(table.lookup('a@h')).toBeUndefined();
    expect(table.lookup('b@h')).toEqual(keyOf('b'));
  });

  test('a later start takes over with a proven secret, the old one has to end', async () => {
    const table = await open();
    const ephemeral = { ephemeral: true, secretProven: true };
    await table.admit('a@h', claim('a', { ...ephemeral, incarnation: 5n }));

    const stale = await table.admit('a@h', claim('b', { ...ephemeral, incarnation: 5n }));
    const later = await table.admit('a@h', claim('b', { ...ephemeral, incarnation: 6n }));

    expect(stale).toMatchObject({ reason: 'stale-incarnation', seenIncarnation: 5n });
    expect(later).toEqual(ACCEPT);
    expect(table.lookup('a@h')).toEqual(keyOf('b'));
    expect(removed).toEqual([`a@h ${fingerprintOf(keyOf('a'))}`]);
  });

  test.each([
    ['without a secret', { ephemeral: true, secretProven: false }, true],
    ['by a lasting key', { ephemeral: false, secretProven: true }, true],
    ['of a durable pin', { ephemeral: true, secretProven: true }, false],
  ])('there is no take-over %s', async (_, changes, isPinEphemeral) => {
    const table = await open();
    await table.admit('a@h', claim('a', { ephemeral: isPinEphemeral }));

    const verdict = await table.admit('a@h', claim('b', { ...changes, incarnation: 9n }));

    expect(verdict).toMatchObject({ reason: 'key-mismatch' });
    expect(table.lookup('a@h')).toEqual(keyOf('a'));
  });
});

describe('bounds', () => {
  test('without a secret new pins are limited to 60 a minute, known ones are not', async () => {
    const table = await openInMemory();
    const admitted = await admitMany(table, 0, 61);
    expect(admitted).toBe(60);
    expect(await table.admit('n0@h', claim('n0'))).toEqual(ACCEPT);
    expect(await table.admit('late@h', claim('late'))).toMatchObject({ reason: 'overloaded' });

    host.advance(2_000);

    expect(await admitMany(table, 100, 103)).toBe(2);
    expect(await table.admit('s@h', claim('s', { secretProven: true }))).toEqual(ACCEPT);
  });

  test('a full table takes no new key until a tofu pin is unseen for 30 days', async () => {
    const table = await openInMemory();
    await table.pin('operator@h', keyOf('operator'));
    await fill(table, 16_383);
    const proven = { secretProven: true };

    host.advance(30 * DAY_MS - 1);
    await table.admit('n0@h', claim('n0'));
    const full = { kind: 'reject', reason: 'overloaded' };
    expect(await table.admit('x@h', claim('x', proven))).toMatchObject(full);
    await expect(table.pin('x@h', keyOf('x'))).rejects.toMatchObject({ code: 'ERR_OVERLOADED' });

    host.advance(1);
    expect(await table.admit('x@h', claim('x', proven))).toEqual(ACCEPT);
    await table.pin('y@h', keyOf('y'));

    expect(removed).toHaveLength(2);
    expect(table.list()).toHaveLength(16_384);
    expect(table.lookup('operator@h')).toEqual(keyOf('operator'));
    expect(table.lookup('n0@h')).toEqual(keyOf('n0'));
  });

  test('a node whose connection stands is not unseen, on a disk that is full neither', async () => {
    const table = await open();
    await table.admit('a@h', claim('a'));
    await rm(trusted(), { recursive: true });
    await writeFile(trusted(), 'no directory');
    for (let day = 0; day < 31; day += 1) {
      host.advance(DAY_MS);
      await table.noteSeen('a@h');
    }
    expect(table.pinOf('a@h')?.seenMs).toBe(START_MS + 31 * DAY_MS);
    await table.noteSeen('unknown@h');
  });
});

describe('pins on disk', () => {
  test('files that are no pins are passed over with a warning each', async () => {
    await (await open()).pin('a@h', keyOf('a'));
    const strangers = ['README', 'a@h.pub', '..@h.json', 'x.json', 'A@h.json', '%2e%2e@h.json'];
    for (const name of strangers) await writeFile(trusted(name), '{}');

    const table = await open();

    expect(table.list()).toHaveLength(1);
    expect(host.lines.filter(({ level }) => level === 'warn')).toHaveLength(strangers.length);
  });

  test('a damaged pin stops the start: its name must not become free', async () => {
    await (await open()).pin('a@h', keyOf('a'));
    const good = await readFile(trusted('a@h.json'), 'utf8');
    const damages = [
      '',
      'null',
      '[]',
      '"text"',
      good.slice(0, -10),
      good.replace('a@h', 'b@h'),
      good.replace('operator', 'nobody'),
      good.replace(/"publicKey": "..../, '"publicKey": "'),
      good.replace(/"sinceMs": \d+/, '"sinceMs": -1'),
      `${good}${' '.repeat(5_000)}`,
    ];
    for (const damage of damages) {
      await writeFile(trusted('a@h.json'), damage);
      await expect(open()).rejects.toMatchObject({
        code: 'ERR_STORE',
        message: expect.stringContaining('trusted/a@h.json: damaged pin'),
      });
    }
  });

  test('a directory that others may write to is refused', async () => {
    await mkdir(trusted(), { recursive: true, mode: 0o700 });
    await rm(trusted(), { recursive: true });
    await mkdir(trusted(), { mode: 0o755 });

    await expect(open()).rejects.toMatchObject({ code: 'ERR_IDENTITY' });
  });

  test('many pins are all loaded', async () => {
    const table = await open();
    for (let i = 0; i < 100; i++) await table.pin(`n${i}@h`, keyOf(`n${i}`));

    expect((await open()).list()).toEqual(table.list());
  });
});

function open(mode: TrustMode = 'tofu'): Promise<TrustTable> {
  return openTrustTable({ host, dataDir, mode, onRemoved });
}

function openInMemory(): Promise<TrustTable> {
  return openTrustTable({ host, dataDir: undefined, mode: 'tofu', onRemoved });
}

function onRemoved(node: string, publicKey: Uint8Array): void {
  removed.push(`${node} ${fingerprintOf(publicKey)}`);
}

function trusted(file = ''): string {
  return join(dataDir, 'identity', 'trusted', file);
}

async function admitMany(table: TrustTable, from: number, to: number): Promise<number> {
  let admitted = 0;
  for (let i = from; i < to; i++) {
    const verdict = await table.admit(`n${i}@h`, claim(`n${i}`));
    if (verdict.kind === 'accept') admitted += 1;
  }
  return admitted;
}

async function fill(table: TrustTable, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await table.admit(`n${i}@h`, claim(`n${i}`, { secretProven: true }));
  }
}
