import { mkdtemp, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemEndpointFiles } from '../../../src/host/system-endpoint-files.ts';

const DAY_MS = 86_400_000;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'barrel-endpoints-'));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true });
});

describe('a touched file', () => {
  test('has the time of the file system, whatever the clock of the machine says', async () => {
    const path = await written('{"node":"a@host"}');
    const { mtimeMs: writtenMs } = await stat(path);
    const old = new Date(writtenMs - DAY_MS);
    await utimes(path, old, old);
    vi.spyOn(Date, 'now').mockReturnValue(writtenMs + DAY_MS);
    expect(await systemEndpointFiles.touch(path)).toBe(true);
    const touchedMs = (await stat(path)).mtimeMs;
    expect(touchedMs).toBeGreaterThanOrEqual(writtenMs);
    expect(touchedMs).toBeLessThan(writtenMs + DAY_MS / 2);
    expect(await readFile(path, 'utf8')).toBe('{"node":"a@host"}');
  });

  test('that is gone, empty, or a link now, has to be written again', async () => {
    expect(await systemEndpointFiles.touch(join(directory, 'gone'))).toBe(false);
    expect(await systemEndpointFiles.touch(await written(''))).toBe(false);
    const link = join(directory, 'link');
    await symlink(await written('victim'), link);
    expect(await systemEndpointFiles.touch(link)).toBe(false);
  });
});

async function written(content: string): Promise<string> {
  const path = join(directory, 'a@host.json');
  await writeFile(path, content);
  return path;
}
