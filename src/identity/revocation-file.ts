/**
 * Revocations on disk: `identity/revocations.json`, a list in base64. They are there before the
 * first connection, and whatever other members do to the store takes none of them away.
 */
import { BarrelError } from '../errors.ts';
import type { Files } from '../host/files.ts';
import type { Authority } from './authority.ts';
import { REVOCATION_FILE_BYTES_MAX } from './identity-limits.ts';
import { identityDirectory } from './keys.ts';
import { readRevocation } from './revocation.ts';

/**
 * What is on disk counts from now on; what the operator has not signed does not.
 * @throws ERR_STORE when the file is damaged or cannot be read: a revoked key must not come back.
 */
export async function loadRevocations(
  files: Files,
  dataDir: string,
  { revocations, publicKey }: Authority,
): Promise<void> {
  const path = pathIn(dataDir);
  for (const bytes of await readList(files, path)) {
    const revocation = readRevocation(bytes, publicKey);
    if (revocation !== undefined) revocations.add(revocation, bytes);
  }
}

/** All of them, durable before it resolves. @throws ERR_STORE */
export async function saveRevocations(
  files: Files,
  dataDir: string,
  { revocations }: Authority,
): Promise<void> {
  const path = pathIn(dataDir);
  const list = Array.from(revocations.all(), ([, { bytes }]) =>
    Buffer.from(bytes).toString('base64'),
  );
  await stored(path, () => files.write(path, Buffer.from(`${JSON.stringify(list, null, 2)}\n`)));
}

async function readList(files: Files, path: string): Promise<readonly Uint8Array[]> {
  const content = await stored(path, async () => {
    const status = await files.status(path);
    return (status?.bytes ?? 0) > REVOCATION_FILE_BYTES_MAX ? new Uint8Array(0) : files.read(path);
  });
  if (content === undefined) return [];
  const list = parse(Buffer.from(content).toString('utf8'));
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'string')) {
    throw new BarrelError(
      'ERR_STORE',
      `${path}: damaged revocations; remove the file to fetch them`,
    );
  }
  return list.map((item: string) => new Uint8Array(Buffer.from(item, 'base64')));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No JSON is no list.
    return undefined;
  }
}

async function stored<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BarrelError('ERR_STORE', `${path}: ${why}`, { cause });
  }
}

function pathIn(dataDir: string): string {
  return `${identityDirectory(dataDir)}/revocations.json`;
}
