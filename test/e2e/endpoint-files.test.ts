/** Endpoint files of other users, and of processes that were killed. Needs root. */
import { chmodSync, chownSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fileDiscovery } from '../../src/discovery/file.ts';
import { Workshop } from './fixtures/processes.ts';

const SOMEBODY = 12_345;

let workshop: Workshop;

beforeEach(() => {
  workshop = new Workshop();
});

afterEach(() => workshop.close());

test('what another user has put into the directory is passed over', async () => {
  const directory = workshop.folder;
  chmodSync(directory, 0o1777);
  const path = join(directory, 'a@h.json');
  writeFileSync(path, '{"node":"a@h","addresses":["h:1"]}', { mode: 0o644 });
  const discovery = fileDiscovery(directory);
  expect(await discovery.contacts?.({})).toEqual(['a@h/h:1']);

  chownSync(path, SOMEBODY, SOMEBODY);

  expect(statSync(path).uid).toBe(SOMEBODY);
  expect(await discovery.contacts?.({})).toEqual([]);
  expect(await discovery.resolve('a@h', {})).toEqual([]);
});

test('a file that a killed process left does not keep others from each other', async () => {
  const directory = workshop.path('nodes');
  const words = ['--discover-dir', directory, '--log-level', 'warn'];
  const killed = workshop.start(['--name', 'killed@h', ...words]);
  await killed.ready;
  killed.child.kill('SIGKILL');
  await killed.exitCode;
  expect(readdirSync(directory)).toEqual(['killed@h.json']);

  const members = ['a@h', 'b@h'].map((name) => workshop.start(['--name', name, ...words]));
  await Promise.all(members.map(({ ready }) => ready));
  expect(readdirSync(directory)).toEqual(['a@h.json', 'b@h.json', 'killed@h.json']);

  for (const { child } of members) child.kill('SIGTERM');
  await Promise.all(members.map(({ exitCode }) => exitCode));
  expect(readdirSync(directory)).toEqual(['killed@h.json']);
});
