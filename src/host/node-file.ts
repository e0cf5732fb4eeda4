/**
 * File names for node names, where one file belongs to one node. File systems that ignore case must
 * not let `ALICE@host` replace the file of `alice@host`, and a name of 255 bytes leaves no room for
 * an ending; so capitals and brackets are escaped and what gets too long is hashed.
 */
import { createHash } from 'node:crypto';
import { isNodeName, type NodeName } from '../core/names.ts';

const ENDING = '.json';
const ESCAPED_CHARS_MAX = 200;
const HASHED = /^[0-9a-f]{64}$/;

/** `alice@host.json`, at most 205 bytes; capitals, brackets and colons as `%` and two digits. */
export function nodeFileName(node: NodeName): string {
  const escaped = node.replace(/[^a-z0-9_.@-]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  if (escaped.length <= ESCAPED_CHARS_MAX) return escaped + ENDING;
  return createHash('sha256').update(node).digest('hex') + ENDING;
}

/** True for what `nodeFileName` may answer, and for nothing else. */
export function isNodeFileName(file: string): boolean {
  if (!file.endsWith(ENDING)) return false;
  const stem = file.slice(0, -ENDING.length);
  if (HASHED.test(stem)) return true;
  const node = stem.replace(/%([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return isNodeName(node) && nodeFileName(node) === file;
}
