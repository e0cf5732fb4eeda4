/** `barrel keys` and `barrel authority` on files, where no node runs. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { addAuthority } from '../../../src/cli/authority-words.ts';
import { addKeys } from '../../../src/cli/key-words.ts';
import { systemHost } from '../../../src/host/system-host.ts';
import { successionOf } from '../../../src/identity/endorsement.ts';
import { loadOwnKeys } from '../../../src/identity/rotation-files.ts';

let directory: string;
let dataDir: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'barrel-keys-'));
  dataDir = join(directory, 'data');
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

test.each([
  ['the environment', [], { BARREL_NAME: 'a@env', BARREL_CLUSTER: 'live' }, 'a@env', 'live'],
  [
    'the words, before it',
    ['--name', 'a@word', '--cluster', 'said'],
    { BARREL_NAME: 'a@env', BARREL_CLUSTER: 'live' },
    'a@word',
    'said',
  ],
  ['a name alone', ['--name', 'a@word'], {}, 'a@word', 'default'],
])('a rotation is signed for the node of %s', async (_, words, variables, name, cluster) => {
  await barrel('keys', 'init', '--data-dir', dataDir);
  for (const [variable, value] of Object.entries(variables)) vi.stubEnv(variable, value);
  await barrel('keys', 'rotate', '--data-dir', dataDir, ...words);
  const { firstKey, keyPair, endorsements } = await loadOwnKeys({ host: systemHost(), dataDir });
  const owner = { cluster, name };
  const question = { endorsements, owner, from: firstKey, to: keyPair.publicKey };
  expect(successionOf(question)).toMatchObject({ seq: 1 });
});

test.each(['rotate', 'export'])('keys %s refuses a name that is none', async (word) => {
  await barrel('keys', 'init', '--data-dir', dataDir);
  const refused = barrel('keys', word, '--data-dir', dataDir, '--name', 'nobody');
  await expect(refused).rejects.toThrow('not a node name: "nobody"');
});

test("a crash between an operator's two files is made good by the next init", async () => {
  const key = join(directory, 'operator.key');
  await barrel('authority', 'init', '--key', key);
  const [privatePem, publicPem] = await Promise.all([readFile(key), readFile(`${key}.pub`)]);
  await rm(`${key}.pub`);
  await barrel('authority', 'init', '--key', key);
  expect([await readFile(key), await readFile(`${key}.pub`)]).toEqual([privatePem, publicPem]);
  await expect(barrel('authority', 'init', '--key', key)).rejects.toThrow('is there already');
  await writeFile(`${key}.pub`, 'something else');
  await expect(barrel('authority', 'init', '--key', key)).rejects.toThrow('is there already');
});

async function barrel(...words: readonly string[]): Promise<void> {
  const program = new Command('barrel').exitOverride();
  addKeys(program);
  addAuthority(program);
  await program.parseAsync([...words], { from: 'user' });
}
