/** `barrel keys`: who a node is, and a new join secret. Neither needs a running node. */
import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemRandom } from '../host/system-clock.ts';
import { fingerprintOf } from '../identity/fingerprint.ts';
import { generateSecret } from '../identity/secret.ts';
import { type AskSettings, requireDataDir } from './ask.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { columns } from './table.ts';

/** Prints the public key of the data directory's node and its fingerprint. */
export async function printKey(settings: AskSettings): Promise<void> {
  const publicKey = await readPublicKey(requireDataDir(settings));
  const fingerprint = fingerprintOf(publicKey);
  const encoded = publicKey.toString('base64');
  if (settings.json === true) console.log(JSON.stringify({ fingerprint, publicKey: encoded }));
  else
    console.log(
      columns([
        ['fingerprint', fingerprint],
        ['public key', encoded],
      ]),
    );
}

/** Prints a new join secret. */
export function printSecret(settings: { readonly json?: boolean }): void {
  const secret = generateSecret(systemRandom);
  console.log(settings.json === true ? JSON.stringify({ secret }) : secret);
}

async function readPublicKey(dataDir: string): Promise<Buffer> {
  const path = join(dataDir, 'identity', 'node.pub');
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(EXIT.failure, `no identity in ${dataDir}: ${why}`);
  }
  const { x } = createPublicKey(pem).export({ format: 'jwk' });
  return Buffer.from(x ?? '', 'base64url');
}
