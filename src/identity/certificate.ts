/**
 * The self-signed certificate that carries the identity key through TLS. Peers take the key from it
 * and ignore everything else, dates included, so that it never has to be renewed.
 *
 * The certificate library costs more at its import than all the rest of a start; it is loaded when
 * a certificate is made, and with a data directory that happens once.
 */
import { createPrivateKey, createPublicKey, webcrypto, X509Certificate } from 'node:crypto';
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { KEY_FILE_BYTES_MAX } from '../limits.ts';
import { identityDirectory, type KeyPair, rawPublicKey } from './keys.ts';

export interface CertificateOptions {
  readonly host: Pick<Host, 'clock' | 'files' | 'logger' | 'random'>;
  readonly keyPair: KeyPair;
  /** Shown as common name, for people who look at it; nobody trusts it. */
  readonly name: string;
  /** Absolute. Undefined: nothing is kept. */
  readonly dataDir: string | undefined;
}

const DAY_MS = 86_400_000;
const YEARS_100_MS = 36_525 * DAY_MS;
const COMMON_NAME_CHARS_MAX = 64;
const SERIAL_BYTES = 16;

/**
 * PEM of a certificate for the key pair: the one kept in `<dataDir>/identity/node.crt` when it fits
 * the key, else a new one, which is kept there.
 * @throws ERR_IDENTITY when it cannot be written.
 */
export async function loadCertificate(options: CertificateOptions): Promise<string> {
  const { dataDir, host, keyPair } = options;
  if (dataDir === undefined) return createCertificate(options);
  const path = `${identityDirectory(dataDir)}/node.crt`;
  try {
    const kept = await readCertificate(host, path);
    if (kept !== undefined && fits(kept, keyPair)) return kept;
    if (kept !== undefined)
      host.logger.warn('certificate does not fit the key, made anew', { path });
    const pem = await createCertificate(options);
    await host.files.write(path, Buffer.from(pem));
    return pem;
  } catch (cause) {
    throw new BarrelError('ERR_IDENTITY', `cannot keep a certificate in ${path}`, { cause });
  }
}

/** PEM of a new self-signed X.509 v3 certificate with an Ed25519 key. */
export async function createCertificate(
  options: Pick<CertificateOptions, 'host' | 'keyPair' | 'name'>,
): Promise<string> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const { clock, random } = options.host;
  const nowMs = clock.wallMs();
  const usages = [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth];
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialFrom(random.bytes(SERIAL_BYTES)),
      name: [{ CN: [options.name.slice(0, COMMON_NAME_CHARS_MAX)] }],
      notBefore: new Date(nowMs - DAY_MS),
      notAfter: new Date(nowMs + YEARS_100_MS),
      signingAlgorithm: { name: 'Ed25519' },
      keys: await cryptoKeys(options.keyPair),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(usages),
      ],
    },
    webcrypto,
  );
  return `${certificate.toString('pem')}\n`;
}

/**
 * Raw 32-byte key of a certificate in DER that holds exactly an Ed25519 key; undefined for anything
 * else. Takes hostile bytes and never throws. Says nothing about who sent the certificate.
 */
export function publicKeyOfCertificate(der: Uint8Array): Uint8Array | undefined {
  try {
    const certificate = new X509Certificate(der);
    // The class takes PEM and surplus bytes too; one key shall have one spelling.
    if (Buffer.compare(certificate.raw, der) !== 0) return undefined;
    const key = certificate.publicKey;
    return key.asymmetricKeyType === 'ed25519' ? rawPublicKey(key) : undefined;
  } catch {
    return undefined;
  }
}

async function readCertificate(
  { files }: CertificateOptions['host'],
  path: string,
): Promise<string | undefined> {
  const status = await files.status(path);
  if (status === undefined) return undefined;
  const content = status.bytes > KEY_FILE_BYTES_MAX ? new Uint8Array() : await files.read(path);
  return Buffer.from(content ?? []).toString('latin1');
}

function fits(pem: string, keyPair: KeyPair): boolean {
  try {
    const key = publicKeyOfCertificate(new X509Certificate(pem).raw);
    return key !== undefined && Buffer.compare(key, keyPair.publicKey) === 0;
  } catch {
    return false;
  }
}

/** Positive, and of the same length always. */
function serialFrom(bytes: Uint8Array): string {
  const serial = Buffer.from(bytes);
  serial[0] = (serial.readUInt8(0) & 0x3f) | 0x40;
  return serial.toString('hex');
}

async function cryptoKeys(keyPair: KeyPair): Promise<webcrypto.CryptoKeyPair> {
  const { subtle } = webcrypto;
  const privateKey = createPrivateKey(keyPair.privateKeyPem);
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return {
    privateKey: await subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign']),
    publicKey: await subtle.importKey('spki', spki, 'Ed25519', true, ['verify']),
  };
}
