/**
 * The node's Ed25519 key pair: who the node is, and the key of its certificate.
 *
 * With a data directory it lives in `<dataDir>/identity`: `node.key` (PKCS #8, PEM, mode 0600) and
 * `node.pub` (SPKI, PEM), in a directory of mode 0700. Files that others could read, and files that
 * do not belong together, are refused: an identity is never replaced silently. A private key alone
 * is whole: a crash of the first start leaves it, and the public one is made from it.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { BarrelError } from '../errors.ts';
import type { Files } from '../host/files.ts';
import type { Random } from '../host/host.ts';
import { KEY_FILE_BYTES_MAX } from '../limits.ts';

export interface KeyPair {
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** PKCS #8. Never logged, never sent. */
  readonly privateKeyPem: string;
}

export interface KeyPairOptions {
  readonly files: Files;
  readonly random: Random;
  /** Absolute. Undefined: a pair in memory that ends with the process. */
  readonly dataDir: string | undefined;
}

export const PUBLIC_KEY_BYTES = 32;
const SEED_BYTES = 32;
/** What PKCS #8 puts before the 32-byte seed of an Ed25519 key (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Directory of everything that makes up a node's identity. */
export function identityDirectory(dataDir: string): string {
  return `${dataDir}/identity`;
}

/** A new pair from 32 bytes of the host's randomness. */
export function createKeyPair(random: Random): KeyPair {
  const der = Buffer.concat([PKCS8_PREFIX, random.bytes(SEED_BYTES)]);
  return pairOf(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
}

/**
 * The pair on disk, or a new one written there when there is none.
 * @throws ERR_IDENTITY when files are readable by others, unreadable, incomplete or do not match.
 */
export async function loadKeyPair(options: KeyPairOptions): Promise<KeyPair> {
  const { files, random, dataDir } = options;
  if (dataDir === undefined) return createKeyPair(random);
  const directory = identityDirectory(dataDir);
  await prepareIdentityDirectory(files, directory);
  const privatePath = `${directory}/node.key`;
  const publicPath = `${directory}/node.pub`;
  const privateText = await readPrivateKey(files, privatePath);
  const publicText = await readKeyFile(files, publicPath);
  if (privateText === undefined && publicText === undefined) {
    const pair = createKeyPair(random);
    await writeKeyPair(files, pair, directory);
    return pair;
  }
  if (privateText === undefined) throw missing(privatePath, publicPath);
  const pair = keyPairOfPem(privateText, privatePath);
  if (publicText === undefined) {
    await writePublicKey(files, pair, directory);
    return pair;
  }
  const expected = rawPublicKey(parseKey(() => createPublicKey(publicText), publicPath));
  if (Buffer.compare(pair.publicKey, expected) === 0) return pair;
  throw identityError(`${privatePath} and ${publicPath} are not a pair`);
}

/**
 * Creates the directory, or checks that one that exists is closed to others.
 * @throws ERR_IDENTITY naming the path, its mode and the command that repairs it.
 */
export async function prepareIdentityDirectory(files: Files, directory: string): Promise<void> {
  const status = await attempt(`cannot create ${directory}`, async () => {
    await files.makeDirectory(directory);
    return files.status(directory);
  });
  refuseOpenToOthers(directory, status?.mode ?? 0o700, 'chmod 700');
}

/** Raw 32 bytes of an Ed25519 public key. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  const { x } = key.export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(x ?? '', 'base64url'));
}

function pairOf(key: KeyObject): KeyPair {
  const privateKeyPem = key.export({ format: 'pem', type: 'pkcs8' });
  return { publicKey: rawPublicKey(createPublicKey(key)), privateKeyPem: String(privateKeyPem) };
}

/**
 * Writes both files. The private one comes first: what a crash in between leaves is completed by
 * the next start, not replaced.
 */
export async function writeKeyPair(files: Files, pair: KeyPair, directory: string): Promise<void> {
  await attempt(`cannot write the key pair to ${directory}`, () =>
    files.write(`${directory}/node.key`, Buffer.from(pair.privateKeyPem)),
  );
  await writePublicKey(files, pair, directory);
}

async function writePublicKey(
  files: Files,
  { privateKeyPem }: KeyPair,
  directory: string,
): Promise<void> {
  const publicPem = createPublicKey(privateKeyPem).export({ format: 'pem', type: 'spki' });
  await attempt(`cannot write the key pair to ${directory}`, () =>
    files.write(`${directory}/node.pub`, Buffer.from(publicPem)),
  );
}

/** @throws ERR_IDENTITY when the text, found at that path, holds no Ed25519 key. */
export function keyPairOfPem(privateKeyPem: string, path: string): KeyPair {
  return pairOf(parseKey(() => createPrivateKey(privateKeyPem), path));
}

async function readPrivateKey(files: Files, path: string): Promise<string | undefined> {
  const status = await attempt(`cannot read ${path}`, () => files.status(path));
  if (status === undefined) return undefined;
  refuseOpenToOthers(path, status.mode, 'chmod 600');
  return readKeyFile(files, path);
}

async function readKeyFile(files: Files, path: string): Promise<string | undefined> {
  const content = await attempt(`cannot read ${path}`, async () => {
    const status = await files.status(path);
    if (status === undefined) return undefined;
    if (status.bytes > KEY_FILE_BYTES_MAX) throw identityError(`${path} is too large for a key`);
    return files.read(path);
  });
  return content === undefined ? undefined : Buffer.from(content).toString('latin1');
}

function parseKey(parse: () => KeyObject, path: string): KeyObject {
  try {
    const key = parse();
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (cause) {
    throw identityError(`${path} holds no Ed25519 key in PEM`, cause);
  }
  throw identityError(`${path} holds a key of another type than Ed25519`);
}

/** @throws ERR_IDENTITY for a file or directory that other users can open. */
export function refuseOpenToOthers(path: string, mode: number, repair: string): void {
  if ((mode & 0o077) === 0) return;
  const shown = mode.toString(8).padStart(4, '0');
  throw identityError(`${path} is open to other users (mode ${shown}): run \`${repair} ${path}\``);
}

async function attempt<T>(failure: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof BarrelError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw identityError(`${failure}: ${why}`, cause);
  }
}

function missing(absent: string, present: string): BarrelError {
  return identityError(
    `${absent} is missing beside ${present}: put it back, or remove both for a new identity`,
  );
}

function identityError(message: string, cause?: unknown): BarrelError {
  return new BarrelError('ERR_IDENTITY', message, cause === undefined ? {} : { cause });
}
