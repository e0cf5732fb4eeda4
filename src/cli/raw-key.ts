/** Keys and the text around bytes, as people give them to the `barrel` command. */

import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { base64 } from '../admin/base64.ts';
import { PUBLIC_KEY_BYTES, rawPublicKey } from '../identity/keys.ts';
import { CommandError, EXIT } from './exit-code.ts';

const CERTIFICATE_LABEL = 'BARREL CERTIFICATE';

/**
 * The raw key of a word: 32 bytes in base64, or the name of a file with that or with a public key
 * in PEM. @throws CommandError
 */
export async function keyOfWord(word: string): Promise<Uint8Array> {
  const key = rawKeyOf(word) ?? keyOfText(await textOf(word));
  if (key !== undefined) return key;
  throw new CommandError(EXIT.usage, `no Ed25519 key of 32 bytes in base64, nor a file: ${word}`);
}

/** Undefined unless it is exactly the base64 of 32 bytes. */
export function rawKeyOf(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) return undefined;
  const bytes = new Uint8Array(Buffer.from(text, 'base64'));
  return bytes.length === PUBLIC_KEY_BYTES ? bytes : undefined;
}

/** The bytes of a certificate in its armour. @throws CommandError */
export async function certificateOf(file: string): Promise<Uint8Array> {
  const text = await readWord(file);
  const pattern = new RegExp(`-----BEGIN ${CERTIFICATE_LABEL}-----([^-]+)-----END`);
  const [, content] = pattern.exec(text) ?? [];
  if (content !== undefined) return new Uint8Array(Buffer.from(content, 'base64'));
  throw new CommandError(EXIT.usage, `no certificate of \`barrel authority issue\`: ${file}`);
}

export function armoured(certificate: Uint8Array): string {
  const lines = base64(certificate).match(/.{1,64}/g) ?? [];
  const [begin, end] = ['BEGIN', 'END'].map((word) => `-----${word} ${CERTIFICATE_LABEL}-----`);
  return [begin, ...lines, end, ''].join('\n');
}

/** A file that a word names. @throws CommandError when it cannot be read. */
export async function readWord(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(EXIT.usage, `cannot read ${file}: ${why}`);
  }
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}

function keyOfText(text: string): Uint8Array | undefined {
  try {
    if (!text.includes('PUBLIC KEY')) return rawKeyOf(text.trim());
    const key = createPublicKey(text);
    return key.asymmetricKeyType === 'ed25519' ? rawPublicKey(key) : undefined;
  } catch {
    // What cannot be read is no key.
    return undefined;
  }
}
