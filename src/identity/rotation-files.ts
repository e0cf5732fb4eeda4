/**
 * A rotation on disk. One file, written in one move, holds all that is new; with it the rotation
 * has happened, and whatever comes after is done again at the next start if it was not finished:
 *
 *     identity/backups/<time>-<number>/    the files as they were
 *     identity/rotation.json               all that is new, while a rotation is under way
 *     identity/node.key, node.pub          the pair
 *     identity/endorsements.json           the statements that lead to it, and the very first key
 */
import { BarrelError } from '../errors.ts';
import type { Files } from '../host/files.ts';
import type { Clock, Random } from '../host/host.ts';
import type { Logger } from '../host/logger.ts';
import { statementsOf } from './endorsement.ts';
import { ENDORSEMENTS_MAX, ROTATION_FILE_BYTES_MAX } from './identity-limits.ts';
import {
  identityDirectory,
  type KeyPair,
  keyPairOfPem,
  loadKeyPair,
  PUBLIC_KEY_BYTES,
  prepareIdentityDirectory,
  refuseOpenToOthers,
  writeKeyPair,
} from './keys.ts';
import { firstKeys, type OwnKeys } from './own-identity.ts';

export interface IdentityFiles {
  readonly host: {
    readonly files: Files;
    readonly random: Random;
    readonly logger: Logger;
    readonly clock: Clock;
  };
  /** Absolute. Undefined: nothing is kept. */
  readonly dataDir: string | undefined;
}

const KEPT_FILES = ['node.key', 'node.pub', 'node.crt', 'endorsements.json'] as const;

/**
 * The keys on disk, or new ones. A rotation that was under way is finished first.
 * @throws ERR_IDENTITY as `loadKeyPair`, and for records of rotations that are damaged.
 */
export async function loadOwnKeys({ host, dataDir }: IdentityFiles): Promise<OwnKeys> {
  const { files, random, logger } = host;
  if (dataDir === undefined) return firstKeys(await loadKeyPair({ files, random, dataDir }));
  await finishRotation(files, dataDir);
  const keyPair = await loadKeyPair({ files, random, dataDir });
  const path = `${identityDirectory(dataDir)}/endorsements.json`;
  const text = await readText(files, path);
  if (text === undefined) return firstKeys(keyPair);
  const { endorsements, firstKey } = readStatements(text, path);
  const last = statementsOf(endorsements).at(-1);
  if (last !== undefined && isEqual(last.newKey, keyPair.publicKey)) {
    return { keyPair, endorsements, firstKey };
  }
  logger.warn('the key is not the one that the endorsements lead to: they are not told', { path });
  return { keyPair, endorsements: [], firstKey };
}

/**
 * Keeps new keys and their certificate. When it resolves they are on disk and will be loaded; when
 * it rejects the old ones are, unless the disk said something else than it did.
 * @throws ERR_IDENTITY
 */
export async function saveRotation(
  { host, dataDir }: IdentityFiles,
  keys: OwnKeys,
  certificatePem: string,
): Promise<void> {
  if (dataDir === undefined) return;
  const { files, clock, logger } = host;
  const seq = statementsOf(keys.endorsements).at(-1)?.seq ?? 0;
  const directory = identityDirectory(dataDir);
  await guarded('cannot keep the new key', async () => {
    await backUp(files, directory, `${compactTime(clock.wallMs())}-${seq}`);
    await commit(files, `${directory}/rotation.json`, printRecord(keys, certificatePem));
  });
  try {
    await finishRotation(files, dataDir);
  } catch (error) {
    // It has happened all the same: the next start finds the record and goes on from there.
    logger.error('the files of the new key are not in their places yet', { directory, error });
  }
}

/** A new certificate in place of the one that is there, which is backed up. @throws ERR_IDENTITY */
export async function saveCertificate(
  { host, dataDir }: IdentityFiles,
  certificatePem: string,
): Promise<void> {
  if (dataDir === undefined) return;
  const { files, clock } = host;
  const directory = identityDirectory(dataDir);
  await guarded('cannot keep the new certificate', async () => {
    const name = await unusedName(files, directory, `${compactTime(clock.wallMs())}-certificate`);
    await backUp(files, directory, name);
    await files.write(`${directory}/node.crt`, Buffer.from(certificatePem));
  });
}

/** A record that may or may not be there is taken away again, so that nothing has changed. */
async function commit(files: Files, path: string, record: string): Promise<void> {
  try {
    await files.write(path, Buffer.from(record));
  } catch (error) {
    await files.remove(path);
    throw error;
  }
}

/** Puts what the record says in its places, in any state that a crash may leave. */
async function finishRotation(files: Files, dataDir: string): Promise<void> {
  const directory = identityDirectory(dataDir);
  const path = `${directory}/rotation.json`;
  const status = await guarded(`cannot read ${path}`, () => files.status(path));
  if (status === undefined) return;
  await prepareIdentityDirectory(files, directory);
  refuseOpenToOthers(path, status.mode, 'chmod 600');
  const record = readRecord((await readText(files, path)) ?? '', path);
  await guarded(`cannot finish the rotation in ${path}`, async () => {
    await writeKeyPair(files, record.keys.keyPair, directory);
    const statements = printStatements(record.keys);
    await files.write(`${directory}/endorsements.json`, Buffer.from(statements));
    if (record.certificatePem !== '') {
      await files.write(`${directory}/node.crt`, Buffer.from(record.certificatePem));
    }
    await files.remove(path);
  });
}

async function backUp(files: Files, directory: string, name: string): Promise<void> {
  const backup = `${directory}/backups/${name}`;
  await files.makeDirectory(backup);
  for (const file of KEPT_FILES) {
    const content = await files.read(`${directory}/${file}`);
    if (content !== undefined) await files.write(`${backup}/${file}`, content);
  }
}

/** Two within one millisecond have each a place of their own. */
async function unusedName(files: Files, directory: string, name: string): Promise<string> {
  const taken = new Set(await files.list(`${directory}/backups`));
  let free = name;
  for (let count = 2; taken.has(free); count += 1) free = `${name}-${count}`;
  return free;
}

interface RotationRecord {
  readonly keys: OwnKeys;
  readonly certificatePem: string;
}

function printRecord(keys: OwnKeys, certificatePem: string): string {
  const privateKey = keys.keyPair.privateKeyPem;
  return `${JSON.stringify({ privateKey, certificate: certificatePem, ...plain(keys) })}\n`;
}

function readRecord(text: string, path: string): RotationRecord {
  const fields = fieldsOf(text, path);
  const { privateKey, certificate } = fields;
  if (typeof privateKey !== 'string' || typeof certificate !== 'string') throw damaged(path);
  const keyPair: KeyPair = keyPairOfPem(privateKey, path);
  const statements = readStatements(text, path);
  const last = statementsOf(statements.endorsements).at(-1);
  if (last === undefined || !isEqual(last.newKey, keyPair.publicKey)) throw damaged(path);
  return { keys: { keyPair, ...statements }, certificatePem: certificate };
}

function printStatements(keys: OwnKeys): string {
  return `${JSON.stringify(plain(keys), undefined, 2)}\n`;
}

function plain({ firstKey, endorsements }: OwnKeys): object {
  return {
    firstKey: Buffer.from(firstKey).toString('base64'),
    endorsements: endorsements.map((bytes) => Buffer.from(bytes).toString('base64')),
  };
}

function readStatements(text: string, path: string): Omit<OwnKeys, 'keyPair'> {
  const { firstKey: first, endorsements: listed } = fieldsOf(text, path);
  const firstKey = bytesOf(first);
  if (firstKey?.length !== PUBLIC_KEY_BYTES || !Array.isArray(listed)) throw damaged(path);
  const endorsements = listed.map(bytesOf).filter((bytes) => bytes !== undefined);
  const isWhole = endorsements.length === listed.length && endorsements.length <= ENDORSEMENTS_MAX;
  if (!isWhole || statementsOf(endorsements).length !== endorsements.length) throw damaged(path);
  return { firstKey, endorsements };
}

type Fields = Readonly<
  Partial<Record<'privateKey' | 'certificate' | 'firstKey' | 'endorsements', unknown>>
>;

function fieldsOf(text: string, path: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // No JSON is no record.
  }
  throw damaged(path);
}

function bytesOf(value: unknown): Uint8Array | undefined {
  return typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'base64')) : undefined;
}

async function readText(files: Files, path: string): Promise<string | undefined> {
  return guarded(`cannot read ${path}`, async () => {
    const status = await files.status(path);
    if (status === undefined) return undefined;
    if (status.bytes > ROTATION_FILE_BYTES_MAX) throw damaged(path);
    return Buffer.from((await files.read(path)) ?? []).toString('utf8');
  });
}

/** `20260131T120000123Z`. */
function compactTime(wallMs: number): string {
  return new Date(Math.max(0, Math.trunc(wallMs))).toISOString().replace(/[-:.]/g, '');
}

function damaged(path: string): BarrelError {
  return new BarrelError(
    'ERR_IDENTITY',
    `${path} is damaged: put the files of the newest of backups/ in its place, or remove it`,
  );
}

async function guarded<T>(failure: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof BarrelError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BarrelError('ERR_IDENTITY', `${failure}: ${why}`, { cause });
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
