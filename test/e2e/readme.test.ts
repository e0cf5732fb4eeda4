/**
 * The programs in the README and in docs/ run as they stand there: pasted into a file, beside an
 * installed package, by plain Node.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM_LINES_MAX = 25;

let folder: string;

beforeAll(async () => {
  if (!existsSync(join(ROOT, 'dist/index.js'))) throw new Error('no dist/: npm run build first');
  folder = await mkdtemp(join(tmpdir(), 'barrel-readme-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(ROOT, join(folder, 'node_modules/barrel-p2p'), 'dir');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('the program of the README runs and prints what the README says', async () => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const [program = ''] = fenced(readme, 'js');
  expect(program.split('\n').length).toBeLessThanOrEqual(PROGRAM_LINES_MAX);
  await writeFile(join(folder, 'hello.mjs'), program);
  const { stdout } = await promisify(execFile)(process.execPath, ['hello.mjs'], {
    cwd: folder,
    timeout: 30_000,
  });
  expect(stdout).toBe(`${fenced(readme, 'text')[0]}\n`);
});

test('the test of the README passes, and is the one of the examples', async () => {
  const [, program = ''] = fenced(await readFile(join(ROOT, 'README.md'), 'utf8'), 'js');
  const example = await readFile(join(ROOT, 'examples/simulated-cluster/test.mjs'), 'utf8');
  expect(example).toContain(program);
  await writeFile(join(folder, 'test.mjs'), program);
  await promisify(execFile)(process.execPath, ['test.mjs'], { cwd: folder, timeout: 30_000 });
});

test.each(['maps', 'calls', 'services', 'supervision', 'leaders', 'shards', 'reminders'])(
  'the program of the page on %s prints what the page says',
  async (name) => {
    const page = await readFile(join(ROOT, `docs/reference/${name}.md`), 'utf8');
    const [program = ''] = fenced(page, 'js');
    await writeFile(join(folder, `${name}.mjs`), program);
    const { stdout } = await promisify(execFile)(process.execPath, [`${name}.mjs`], {
      cwd: folder,
      timeout: 30_000,
    });
    expect(stdout).toBe(`${fenced(page, 'text')[0]}\n`);
  },
);

/** The fenced blocks of that language, without their fences. */
function fenced(markdown: string, language: string): readonly string[] {
  const block = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)\\n\`\`\`$`, 'gm');
  const blocks = [...markdown.matchAll(block)].flatMap(([, text]) => text ?? []);
  if (blocks.length === 0) throw new Error(`no ${language} block on the page`);
  return blocks;
}
