/** `barrel cp` between real nodes, and what a folder for files takes and does not take. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Outcome, until, Workshop } from './fixtures/processes.ts';

let workshop: Workshop;
let dataDir: string;
let folder: string;

beforeAll(async () => {
  workshop = new Workshop();
  dataDir = workshop.path('a');
  folder = workshop.path('files');
  const receiver = ['--name', 'b@test', '--data-dir', workshop.path('b'), '--accept-files', folder];
  const { address } = await workshop.start(receiver).ready;
  const contact = ['--contact', `b@test/${address}`];
  await workshop.start(['--name', 'a@test', '--data-dir', dataDir, ...contact]).ready;
});

afterAll(() => workshop.close());

function copy(...words: readonly string[]): Promise<Outcome> {
  return workshop.barrel(['cp', ...words, '--data-dir', dataDir]);
}

test('a file is copied whole, and its checksum printed', async () => {
  const bytes = randomBytes(20_000_000);
  const file = workshop.path('big.iso');
  writeFileSync(file, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const first = await copy(file, 'b@test:backups/');
  expect(first).toEqual({ exitCode: 0, stdout: `${sha256}  b@test:backups/big.iso\n`, stderr: '' });
  expect(readFileSync(join(folder, 'backups/big.iso')).equals(bytes)).toBe(true);

  const again = await copy(file, 'b@test:backups/big.iso');
  expect(again).toMatchObject({ exitCode: 1, stdout: '' });
  expect(again.stderr).toContain('ERR_CONFLICT');

  writeFileSync(file, 'shorter');
  const forced = await copy(file, 'b@test:backups/big.iso', '--force', '--json');
  expect(JSON.parse(forced.stdout)).toMatchObject({ node: 'b@test', bytes: 7 });
  expect(readFileSync(join(folder, 'backups/big.iso'), 'utf8')).toBe('shorter');
  expect(partial()).toEqual([]);
});

test('an empty file is a file', async () => {
  const file = workshop.path('empty');
  writeFileSync(file, '');
  expect(await copy(file, 'b@test:')).toMatchObject({ exitCode: 0, stderr: '' });
  expect(readFileSync(join(folder, 'empty'))).toHaveLength(0);
});

test('nothing goes anywhere but below the folder', async () => {
  const file = workshop.path('small');
  writeFileSync(file, 'small');
  mkdirSync(workshop.path('outside'));
  await until(() => readdirSync(workshop.folder).includes('files'));
  symlinkSync(workshop.path('outside'), join(folder, 'door'));
  symlinkSync(workshop.path('outside/secret'), join(folder, 'window'));
  for (const target of ['../out', '/srv/out', 'door/out', 'door', 'window', 'a/../../out']) {
    const outcome = await copy(file, `b@test:${target}`, '--force');
    expect(outcome).toMatchObject({ exitCode: 4, stdout: '' });
    expect(outcome.stderr).toContain('ERR_UNAUTHORIZED');
  }
  expect(readdirSync(workshop.path('outside'))).toEqual([]);
  expect(partial()).toEqual([]);
});

test('what cannot be copied is said, with the exit code for it', async () => {
  const missing = await copy(workshop.path('missing'), 'b@test:x');
  expect(missing).toMatchObject({ exitCode: 5, stdout: '' });
  const file = workshop.path('another');
  writeFileSync(file, 'x');
  const nowhere = await copy(file, 'c@test:x');
  expect(nowhere.exitCode).toBe(6);
  const unclear = await copy(file, 'x');
  expect(unclear.exitCode).toBe(2);
  const back = await workshop.barrel(['cp', file, 'a@test:x', '--data-dir', workshop.path('b')]);
  expect(back).toMatchObject({ exitCode: 5, stdout: '' });
  expect(back.stderr).toContain('--accept-files');
});

function partial(): readonly string[] {
  return readdirSync(folder).filter((name) => name.startsWith('.barrel-'));
}
