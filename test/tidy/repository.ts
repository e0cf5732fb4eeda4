/** The files that a commit of this moment would hold: tracked ones and new ones not ignored. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type TidyFile, tidyFile } from './tidy-file.ts';

export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url));

/** Made by tools or by others: their shape is not ours. */
const NOT_OURS = new Set(['package-lock.json', 'LICENSE']);
const READABLE = /\.(ts|tsx|js|mjs|cjs|json|md|csv|css|html|sh|yml|yaml)$/;

export function repositoryFiles(): readonly TidyFile[] {
  return listFiles()
    .filter((path) => !NOT_OURS.has(path) && (READABLE.test(path) || !path.includes('.')))
    .filter((path) => existsSync(join(ROOT, path)))
    .map((path) => tidyFile(path, readFileSync(join(ROOT, path), 'utf8')));
}

function listFiles(): readonly string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const output = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 26 });
  return [...new Set(output.split('\0').filter((path) => path !== ''))].sort();
}
