/** `barrel keys`: who a node is, whom it trusts, and new join secrets. */
import { text } from 'node:stream/consumers';
import { base64 } from '../admin/base64.ts';
import { isNodeName } from '../core/names.ts';
import { BarrelError } from '../errors.ts';
import { systemRandom } from '../host/system-clock.ts';
import { fingerprintOf } from '../identity/fingerprint.ts';
import { generateSecret } from '../identity/secret.ts';
import type { AskSettings } from './ask.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { atDesk, type DeskSettings, preparedKey } from './key-desk.ts';
import { keyOfWord, rawKeyOf, readWord } from './raw-key.ts';
import { columns, table } from './table.ts';

/** One line of a bundle: which key a name has. */
interface BundleLine {
  readonly node: string;
  readonly publicKey: Uint8Array;
}

/** Prints the public key of the data directory's node and its fingerprint. */
export async function printKey(settings: AskSettings): Promise<void> {
  const { publicKey } = await atDesk(settings, (desk) => desk.own());
  print(settings, publicKey);
}

/** Makes a key where there is none, and prints it like `printKey`. */
export async function prepareKey(settings: AskSettings): Promise<void> {
  print(settings, await preparedKey(settings));
}

/** Prints a new join secret. */
export function printSecret(settings: { readonly json?: boolean }): void {
  const secret = generateSecret(systemRandom);
  console.log(settings.json === true ? JSON.stringify({ secret }) : secret);
}

/** Prints whom the node has pinned. */
export async function printPins(settings: AskSettings): Promise<void> {
  const pins = await atDesk(settings, (desk) => desk.pins());
  if (settings.json === true) console.log(JSON.stringify(pins));
  else if (pins.length === 0) console.log('no key is pinned');
  else {
    const rows = pins.map(({ node, fingerprint, by, since }) => [node, fingerprint, by, since]);
    console.log(table(['node', 'fingerprint', 'by', 'since'], rows));
  }
}

/** Pins a key for a name. Prints nothing. */
export async function trustKey(node: string, word: string, settings: AskSettings): Promise<void> {
  const publicKey = await keyOfWord(word);
  await atDesk(settings, (desk) => desk.pin(node, publicKey));
}

/** Forgets the key of a name; live connections to it end. Prints nothing. */
export async function untrustKey(node: string, settings: AskSettings): Promise<void> {
  if (await atDesk(settings, (desk) => desk.unpin(node))) return;
  throw new CommandError(EXIT.notFound, `no key is pinned for ${node}`);
}

/** Prints the own name and key, then those that are pinned, a line for each. */
export async function exportKeys(settings: DeskSettings): Promise<void> {
  const lines = await atDesk(settings, async (desk): Promise<readonly BundleLine[]> => {
    const { node, publicKey } = await desk.own();
    const pins = (await desk.pins()).map((pin) => ({
      node: pin.node,
      publicKey: new Uint8Array(Buffer.from(pin.publicKey, 'base64')),
    }));
    return node === undefined ? pins : [{ node, publicKey }, ...pins];
  });
  if (lines.length === 0) {
    throw new CommandError(
      EXIT.usage,
      'no node runs there: say its name, --name, to export its key',
    );
  }
  const shown = lines.map(({ node, publicKey }) => ({ node, publicKey: base64(publicKey) }));
  if (settings.json === true) console.log(JSON.stringify(shown));
  else for (const { node, publicKey } of shown) console.log(`${node} ${publicKey}`);
}

/** Pins what the lines say, the own key left out. What conflicts is told, the rest is pinned. */
export async function importKeys(source: string, settings: DeskSettings): Promise<void> {
  const lines = bundleOf(source === '-' ? await text(process.stdin) : await readWord(source));
  const conflicts: string[] = [];
  let pinned = 0;
  await atDesk(settings, async (desk) => {
    const own = base64((await desk.own()).publicKey);
    for (const { node, publicKey } of lines) {
      if (base64(publicKey) === own) continue;
      if (await isPinned(() => desk.pin(node, publicKey))) pinned += 1;
      else conflicts.push(node);
    }
  });
  if (settings.json === true) console.log(JSON.stringify({ pinned, conflicts }));
  else console.log(`${pinned} pinned`);
  if (conflicts.length === 0) return;
  const names = conflicts.join(', ');
  throw new CommandError(EXIT.failure, `other keys are pinned for ${names}: untrust them first`);
}

/** Gives the node a new key; prints its fingerprint and who did not acknowledge in time. */
export async function rotateKey(settings: DeskSettings): Promise<void> {
  const report = await atDesk(settings, (desk) => desk.rotate());
  const { fingerprint, pending } = report;
  if (settings.json === true) console.log(JSON.stringify(report));
  else {
    const waiting: [string, string][] =
      pending.length === 0 ? [] : [['pending', pending.join(' ')]];
    console.log(columns([['fingerprint', fingerprint], ...waiting]));
  }
}

function print(settings: AskSettings, publicKey: Uint8Array): void {
  const fingerprint = fingerprintOf(publicKey);
  const encoded = base64(publicKey);
  if (settings.json === true) {
    console.log(JSON.stringify({ fingerprint, publicKey: encoded }));
    return;
  }
  const rows = [
    ['fingerprint', fingerprint],
    ['public key', encoded],
  ];
  console.log(columns(rows));
}

/** `name key` on each line; empty lines and such that begin with # are passed over. */
export function bundleOf(content: string): readonly BundleLine[] {
  const lines = content.split('\n').map((line) => line.trim());
  return lines.flatMap((line, at) => {
    if (line === '' || line.startsWith('#')) return [];
    const [node = '', word = '', ...more] = line.split(/\s+/);
    const publicKey = rawKeyOf(word);
    if (publicKey !== undefined && isNodeName(node) && more.length === 0) {
      return [{ node, publicKey }];
    }
    throw new CommandError(EXIT.usage, `line ${at + 1} is not a name and a key: ${line}`);
  });
}

async function isPinned(pin: () => Promise<void>): Promise<boolean> {
  try {
    await pin();
    return true;
  } catch (error) {
    if (error instanceof BarrelError && error.code === 'ERR_CONFLICT') return false;
    throw error;
  }
}
