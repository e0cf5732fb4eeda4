/**
 * Names that a certificate is for: `name@host`, each half literal, or a beginning and `*`. So `*@*`
 * is everybody, `web-*@rack1` all of that rack that begin so. Case counts.
 */
import { isNodeName } from '../core/names.ts';

/** False for what no name can match: without an `@`, with a `*` before the end of a half. */
export function isNamePattern(text: string): boolean {
  const at = text.indexOf('@');
  const halves = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || halves.some((half) => half === '' || half.slice(0, -1).includes('*'))) return false;
  // What stands for something else can stand for an `x`.
  return isNodeName(halves.map((half) => half.replace('*', 'x')).join('@'));
}

/** True when the name is one of those. A pattern that is none matches nothing. */
export function matchesName(pattern: string, name: string): boolean {
  if (!isNamePattern(pattern) || !isNodeName(name)) return false;
  const [own = '', host = ''] = pattern.split('@');
  const at = name.indexOf('@');
  return matchesHalf(own, name.slice(0, at)) && matchesHalf(host, name.slice(at + 1));
}

function matchesHalf(pattern: string, half: string): boolean {
  return pattern.endsWith('*') ? half.startsWith(pattern.slice(0, -1)) : half === pattern;
}
