/** `barrel authority`: the operator's key, and what it signs. */
import { appendFile } from 'node:fs/promises';
import { base64 } from '../admin/base64.ts';
import type { RevocationReport } from '../admin/trust-queries.ts';
import { systemRandom } from '../host/system-clock.ts';
import { systemFiles } from '../host/system-files.ts';
import { fingerprintOf } from '../identity/fingerprint.ts';
import { CERTIFICATE_DAYS_MAX } from '../identity/identity-limits.ts';
import { createKeyPair, type KeyPair, keyPairOfPem, refuseOpenToOthers } from '../identity/keys.ts';
import { isNamePattern } from '../identity/name-pattern.ts';
import {
  type CertificateFields,
  decodeCertificates,
  issue,
  type NodeCertificate,
} from '../identity/node-certificate.ts';
import { type Revoked, revoke } from '../identity/revocation.ts';
import { publicKeyPem } from '../identity/signature.ts';
import { type AskSettings, ask } from './ask.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { armoured, certificateOf, keyOfWord, readWord } from './raw-key.ts';
import { columns, table } from './table.ts';

export interface KeySettings {
  /** File of the operator's or issuer's private key. */
  readonly key: string;
  readonly json?: boolean;
}

export interface IssueSettings extends KeySettings {
  /** Pattern of names. */
  readonly name: string;
  readonly publicKey: string;
  readonly days: number;
  readonly issuer?: boolean;
  /** File with the certificate of the issuer whose key it is. */
  readonly issuerCertificate?: string;
  readonly out?: string;
}

export interface RevokeSettings extends AskSettings {
  readonly key: string;
}

export interface ListSettings extends AskSettings {
  readonly key?: string;
}

const DAY_MS = 86_400_000;
const SERIAL = /^\d{1,20}$/;

/** Makes the operator's key pair in `FILE` and `FILE.pub`; one that is there is left alone. */
export async function initAuthority({ key: file, json }: KeySettings): Promise<void> {
  const publicKey = await preparedPublicKey(file);
  await systemFiles.write(`${file}.pub`, Buffer.from(publicKeyPem(publicKey)));
  const fingerprint = fingerprintOf(publicKey);
  const encoded = base64(publicKey);
  if (json === true) console.log(JSON.stringify({ file, fingerprint, publicKey: encoded }));
  else {
    const rows = [
      ['private key', file],
      ['public key', `${file}.pub`],
      ['fingerprint', fingerprint],
    ];
    console.log(columns(rows));
  }
}

/** The public one of a new key, or of one that a crash has left alone. */
async function preparedPublicKey(file: string): Promise<Uint8Array> {
  if ((await systemFiles.status(file)) === undefined) {
    const { publicKey, privateKeyPem } = createKeyPair(systemRandom);
    await systemFiles.write(file, Buffer.from(privateKeyPem));
    return publicKey;
  }
  if ((await systemFiles.status(`${file}.pub`)) === undefined) {
    return (await keyPairIn(file)).publicKey;
  }
  throw new CommandError(EXIT.failure, `${file} is there already: it is not replaced`);
}

/** Prints a certificate, or writes it to a file; notes it beside the key. */
export async function issueCertificate(settings: IssueSettings): Promise<void> {
  const { key: file, out, issuerCertificate, json } = settings;
  const { privateKeyPem } = await keyPairIn(file);
  const fields = await fieldsOf(settings);
  const issuer = issuerCertificate === undefined ? [] : await issuerOf(issuerCertificate);
  const text = armoured(issue(privateKeyPem, fields, issuer));
  const note = noteOf(fields);
  await appendFile(`${file}.issued`, `${JSON.stringify(note)}\n`, { mode: 0o600 });
  if (out !== undefined) await systemFiles.write(out, Buffer.from(text));
  if (json === true) console.log(JSON.stringify({ ...note, certificate: text }));
  else console.log(out === undefined ? text.trimEnd() : `serial ${note.serial} in ${out}`);
}

/** Signs the revocation and gives it to a running node, from where it spreads. */
export async function revokeCertificate(word: string, settings: RevokeSettings): Promise<void> {
  const { privateKeyPem } = await keyPairIn(settings.key);
  const revocation = revoke(privateKeyPem, await revokedOf(word), Date.now());
  await ask(settings, (client) => client.revoke(revocation));
  if (settings.json === true) console.log(JSON.stringify({ revoked: word }));
}

/** Shows another certificate in place of the one that runs out. */
export async function renewCertificate(file: string, settings: AskSettings): Promise<void> {
  const certificate = await certificateOf(file);
  await ask(settings, (client) => client.useCertificate(certificate));
}

/** What was issued with the key, and what is revoked as the node knows it; or one of the two. */
export async function listAuthority(settings: ListSettings): Promise<void> {
  const { key, dataDir, json } = settings;
  if (key === undefined && dataDir === undefined) {
    throw new CommandError(EXIT.usage, 'say what to list: --key <file>, --data-dir <directory>');
  }
  const issued = key === undefined ? [] : await notesIn(`${key}.issued`);
  const revoked =
    dataDir === undefined ? [] : await ask(settings, (client) => client.revocations());
  if (json === true) console.log(JSON.stringify({ issued, revoked }));
  else console.log(listing(issued, revoked));
}

/** What was issued, as it is noted. */
interface IssuedNote {
  readonly serial: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly notAfter: string;
  readonly issuer: boolean;
}

function noteOf(fields: CertificateFields): IssuedNote {
  return {
    serial: fields.serial.toString(),
    name: fields.pattern,
    fingerprint: fingerprintOf(fields.publicKey),
    notAfter: new Date(fields.notAfterMs).toISOString(),
    issuer: fields.mayIssue,
  };
}

function listing(issued: readonly IssuedNote[], revoked: readonly RevocationReport[]): string {
  const serials = new Set(revoked.map(({ serial }) => serial));
  const keys = revoked.flatMap(({ publicKey }) => publicKey ?? []);
  const prints = new Set(keys.map((key) => fingerprintOf(Buffer.from(key, 'base64'))));
  const known = new Set(issued.map(({ serial }) => serial));
  const rows = issued.map(({ serial, name, fingerprint, notAfter, issuer }) => {
    const isRevoked = serials.has(serial) || prints.has(fingerprint);
    const state = isRevoked ? 'revoked' : issuer ? 'issuer' : 'issued';
    return [serial, state, name, fingerprint, notAfter];
  });
  const others = revoked
    .filter(({ serial }) => serial === null || !known.has(serial))
    .map(({ serial, publicKey, since }) => [
      serial ?? '-',
      'revoked',
      '-',
      publicKey === null ? '-' : fingerprintOf(Buffer.from(publicKey, 'base64')),
      `since ${since}`,
    ]);
  if (rows.length + others.length === 0) return 'nothing is issued or revoked';
  return table(['serial', 'state', 'name', 'fingerprint', 'until'], [...rows, ...others]);
}

async function fieldsOf(settings: IssueSettings): Promise<CertificateFields> {
  const { name: pattern, days, publicKey, issuer = false } = settings;
  if (!isNamePattern(pattern)) {
    throw new CommandError(EXIT.usage, `no pattern of names, such as 'web-*@*': ${pattern}`);
  }
  if (days < 1 || days > CERTIFICATE_DAYS_MAX) {
    throw new CommandError(EXIT.usage, `--days must be from 1 to ${CERTIFICATE_DAYS_MAX}`);
  }
  const nowMs = Date.now();
  const [high = 0, low = 0] = systemRandom.bytes(2);
  return {
    pattern,
    publicKey: await keyOfWord(publicKey),
    // Later ones are greater: of two for one name the later one counts.
    serial: (BigInt(nowMs) << 16n) | BigInt(high * 256 + low),
    notBeforeMs: nowMs,
    notAfterMs: nowMs + days * DAY_MS,
    mayIssue: issuer,
  };
}

async function issuerOf(file: string): Promise<readonly NodeCertificate[]> {
  const chain = decodeCertificates(await certificateOf(file));
  if (chain.length === 1 && chain[0]?.mayIssue === true) return chain;
  throw new CommandError(EXIT.usage, `not the certificate of an issuer: ${file}`);
}

async function revokedOf(word: string): Promise<Revoked> {
  if (SERIAL.test(word)) return { kind: 'serial', serial: BigInt(word) };
  return { kind: 'key', publicKey: await keyOfWord(word) };
}

/** A key that others can read is refused. */
async function keyPairIn(file: string): Promise<KeyPair> {
  const pem = await readWord(file);
  refuseOpenToOthers(file, (await systemFiles.status(file))?.mode ?? 0, 'chmod 600');
  return keyPairOfPem(pem, file);
}

async function notesIn(file: string): Promise<readonly IssuedNote[]> {
  const content = (await systemFiles.read(file)) ?? new Uint8Array(0);
  const lines = Buffer.from(content).toString('utf8').split('\n');
  return lines.filter((line) => line !== '').map((line): IssuedNote => JSON.parse(line));
}
